// SPDX-License-Identifier: GPL-2.0-only
/* Folders are watched, not files: editors and package managers put a new file in the old one's place. What
 * changes in a folder counts where its name fits one of the patterns kept for that folder. A file that is
 * just being written counts when it is closed; until then nothing is told, so that nobody takes half of it
 * for the policy (an emptied file is a valid policy that lets everything pass). truncate() closes nothing,
 * and a full queue loses what it does not hold: what is unfinished is looked at again and again, and so are
 * all files where the host has no inotify instance or watch left.
 */
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#include "../policy/policy.h"
#include "look.h"
#include "output.h"

#define QUIET 0.1  /* seconds without a change before it is told */
#define LONGEST 1. /* after the first change it is told at last */
#define EVENTS                                                                                               \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | \
	 IN_MOVE_SELF)
#define UNFINISHED_MAX 64 /* files that are being written; more are not waited for */
#define LOOK 2.		  /* seconds between looks at them */
#define PATIENCE 10.	  /* as long as that they are waited for in silence */

/* Kubernetes swaps a link of this name to change all files of a folder at once. */
#define SWAPPED "..data"

struct spot {
	int wd;		     /* -1: cannot be watched */
	char *dir, *pattern; /* for fnmatch() */
};

/* Reads until what was there at first is done with: the queue holds 16,384 events where nobody set it higher.
 * A folder in which somebody writes without end must not hold up the loop. */
#define DRAIN_MAX 64

/* Written to and not closed yet. */
struct unfinished {
	int wd; /* -1: `name` is a path, and somebody has it open */
	char *name;
	ev_tstamp first, last; /* written to */
};

struct watch {
	struct ev_loop *loop;
	ev_io io;
	ev_timer timer;
	ev_timer look; /* runs while something is unfinished or cannot be watched, */
	int error;     /* for this reason; -errno */
	bool told;     /* and that was said */
	uint64_t sum;  /* of what was there at the last look */
	char *waits;   /* the file that was waited for too long */
	void (*fn)(void *arg);
	void *arg;
	int fd; /* -1: none is to be had */
	struct spot *spots;
	size_t nspots, size;
	struct unfinished unfinished[UNFINISHED_MAX];
	size_t nunfinished;
	ev_tstamp first; /* of the present burst; 0: none */
};

static void free_spots(struct spot *spots, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(spots[i].dir);
		free(spots[i].pattern);
	}
	free(spots);
}

static bool is_watched(const struct spot *spots, size_t n, int wd)
{
	for (size_t i = 0; i < n; i++)
		if (spots[i].wd == wd)
			return true;
	return false;
}

/* Stops watching what is in `old` and not in `now`. */
static void unwatch(int fd, const struct spot *old, size_t nold, const struct spot *now, size_t nnow)
{
	for (size_t i = 0; i < nold; i++)
		if (old[i].wd >= 0 && !is_watched(now, nnow, old[i].wd))
			inotify_rm_watch(fd, old[i].wd); /* a second time, it is told that there is none */
}

/* Its number or -1, and why in w->error where that is not for want of a folder. */
static int watch_dir(struct watch *w, const char *dir)
{
	int wd = w->fd < 0 ? -1 : inotify_add_watch(w->fd, dir, EVENTS | IN_ONLYDIR);

	if (w->fd >= 0 && wd < 0 && errno != ENOENT && errno != ENOTDIR)
		w->error = -errno;
	return wd;
}

static int add_spot(struct watch *w, const char *dir, const char *pattern)
{
	struct spot *s;
	int wd;

	for (size_t i = 0; i < w->nspots; i++)
		if (!strcmp(w->spots[i].dir, dir) && !strcmp(w->spots[i].pattern, pattern))
			return 0;
	wd = watch_dir(w, dir);
	if (wd < 0 && !w->error)
		return 0;
	if (w->nspots == w->size) {
		size_t size = w->size ? 2 * w->size : 16;

		s = realloc(w->spots, size * sizeof(*s));
		if (!s)
			return -ENOMEM;
		w->spots = s;
		w->size = size;
	}
	s = &w->spots[w->nspots];
	*s = (struct spot){.wd = wd, .dir = strdup(dir), .pattern = strdup(pattern)};
	if (!s->dir || !s->pattern) {
		free(s->dir);
		free(s->pattern);
		return -ENOMEM;
	}
	w->nspots++;
	return 0;
}

/* A path with patterns in it; those of its folder are expanded to what is there now. */
static int add_glob(struct watch *w, const char *path)
{
	char copy[PATH_MAX], copy2[PATH_MAX];
	const char *base;
	glob_t found;
	int err = 0;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return 0; /* nor was it read */
	strcpy(copy2, copy);
	base = basename(copy2);
	if (glob(dirname(copy), GLOB_NOCHECK, NULL, &found))
		return 0;
	for (size_t i = 0; !err && i < found.gl_pathc; i++)
		err = add_spot(w, found.gl_pathv[i], base);
	globfree(&found);
	return err;
}

/* A file by its plain name, and, where it is a link, what that leads to. */
static int add_file(void *arg, const char *path)
{
	struct watch *w = arg;
	char quoted[2 * PATH_MAX], *at = quoted, *real = NULL;
	int err = 0;

	if (strlen(path) >= PATH_MAX)
		return 0;
	for (const char *s = path; *s; s++) {
		if (strchr("*?[\\", *s))
			*at++ = '\\';
		*at++ = *s;
	}
	*at = '\0';
	err = add_glob(w, quoted);
	real = realpath(path, NULL);
	if (!err && real && strcmp(real, path) && strpbrk(real, "*?[\\") == NULL)
		err = add_glob(w, real);
	free(real);
	return err;
}

/* The patterns of a file's include statements; they may bring files that are not there yet. */
static int add_includes(struct watch *w, const struct source *file)
{
	char copy[PATH_MAX], path[PATH_MAX];
	const char *dir;
	int err = 0;

	if (snprintf(copy, sizeof(copy), "%s", file->path) >= (int)sizeof(copy))
		return 0;
	dir = dirname(copy);
	for (const char *line = file->text; !err && line; line = strchr(line, '\n')) {
		size_t len;

		line += strspn(line, " \t\r\n");
		if (strncmp(line, "include", 7))
			continue;
		line += 7;
		line += strspn(line, " \t");
		if (*line != '"')
			continue;
		line++;
		len = strcspn(line, "\"\n");
		if (snprintf(path, sizeof(path), "%s%s%.*s", *line == '/' ? "" : dir, *line == '/' ? "" : "/",
			     (int)len, line) < (int)sizeof(path))
			err = add_glob(w, path);
	}
	return err;
}

/* fn for every file that p was read from, list files too, as long as it gives 0. */
static int each_file(const struct policy *p, int (*fn)(void *arg, const char *path), void *arg)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->nfiles; i++)
		err = fn(arg, p->files[i].path);
	for (size_t i = 0; !err && i < p->nstmts; i++) {
		const struct stmt *s = &p->stmts[i];
		const struct item *items[2] = {NULL};
		size_t n[2] = {0};

		if (s->kind == STMT_GROUP) {
			items[0] = s->group->items;
			n[0] = s->group->nitems;
		} else if (s->kind == STMT_RULE) {
			items[0] = s->rule->to.items;
			n[0] = s->rule->to.nitems;
			items[1] = s->rule->from.items;
			n[1] = s->rule->from.nitems;
		}
		for (int k = 0; k < 2; k++)
			for (size_t j = 0; !err && j < n[k]; j++)
				if (items[k][j].kind == ITEM_FILE)
					err = fn(arg, items[k][j].text);
	}
	return err;
}

/* 1 where the file changed after *arg, in ns since the epoch. */
static int changed_after(void *arg, const char *path)
{
	const int64_t *limit = arg;
	struct stat st;

	return !stat(path, &st) && st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec > *limit;
}

static int64_t ns_of(const struct timespec *t)
{
	/* File times go by the kernel's coarse clock, which is up to 10 ms behind. */
	return t->tv_sec * 1000000000LL + t->tv_nsec - 10000000;
}

static int add_policy(struct watch *w, const struct policy *p)
{
	int err = each_file(p, add_file, w);

	for (size_t i = 0; !err && i < p->nfiles; i++)
		err = add_includes(w, &p->files[i]);
	return err;
}

static void note_change(struct watch *w)
{
	ev_tstamp now = ev_now(w->loop), wait = QUIET;

	if (w->first == 0.)
		w->first = now;
	if (now + wait > w->first + LONGEST)
		wait = w->first + LONGEST > now ? w->first + LONGEST - now : 0.;
	ev_timer_stop(w->loop, &w->timer);
	ev_timer_set(&w->timer, wait, 0.);
	ev_timer_start(w->loop, &w->timer);
}

static bool matches(const struct spot *s, const struct inotify_event *e)
{
	return e->wd == s->wd && e->len && (!fnmatch(s->pattern, e->name, 0) || !strcmp(e->name, SWAPPED));
}

/* IN_CREATE tells of links only; a new file is told of when its writer closes it. */
static bool is_link(const struct spot *s, const struct inotify_event *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", s->dir, e->name) >= (int)sizeof(path) || lstat(path, &st))
		return false;
	return S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink > 1);
}

static void drop_unfinished(struct watch *w, size_t i)
{
	free(w->unfinished[i].name);
	w->unfinished[i] = w->unfinished[--w->nunfinished];
}

static void set_unfinished(struct watch *w, int wd, const char *name, bool unfinished)
{
	ev_tstamp now = ev_now(w->loop);
	size_t i = 0;

	while (i < w->nunfinished && (w->unfinished[i].wd != wd || strcmp(w->unfinished[i].name, name)))
		i++;
	if (!unfinished) {
		if (i < w->nunfinished)
			drop_unfinished(w, i);
		return;
	}
	if (i == w->nunfinished && i < UNFINISHED_MAX) {
		w->unfinished[i] = (struct unfinished){.wd = wd, .name = strdup(name), .first = now};
		w->nunfinished += w->unfinished[i].name != NULL;
	}
	if (i < w->nunfinished)
		w->unfinished[i].last = now;
	if (!ev_is_active(&w->look))
		ev_timer_again(w->loop, &w->look);
}

/* Does the event mean that something changed? */
static bool counts(struct watch *w, const struct inotify_event *e)
{
	for (size_t i = 0; i < w->nspots; i++) {
		const struct spot *s = &w->spots[i];

		if (e->wd == s->wd && e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
			return true;
		if (!matches(s, e))
			continue;
		if (e->mask & IN_CREATE)
			return is_link(s, e);
		set_unfinished(w, e->wd, e->name, e->mask & IN_MODIFY);
		return !(e->mask & IN_MODIFY);
	}
	return e->mask & IN_Q_OVERFLOW;
}

/* Reads what there is to read. Has something changed? */
static bool drain(struct watch *w)
{
	union {
		struct inotify_event first;
		char bytes[16384];
	} buf;
	bool changed = false;
	ssize_t n;

	for (int i = 0; i < DRAIN_MAX && (n = read(w->fd, &buf, sizeof(buf))) > 0; i++) {
		for (ssize_t at = 0; at < n;) {
			struct inotify_event *e = (struct inotify_event *)(void *)(buf.bytes + at);

			changed |= counts(w, e);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	if (changed)
		note_change(w);
	return changed;
}

static void on_inotify(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	drain(io->data);
}

/* Where it cannot be told IN_MODIFY has to do, which comes a little after the deed. */
static int being_written(void *arg, const char *path)
{
	if (look_writer(path) <= 0)
		return 0;
	set_unfinished(arg, -1, path, true);
	return 1;
}

bool watch_settled(struct watch *w, const struct policy *p)
{
	/* In this order: whoever was writing before the first look and is not any more has been told of. */
	bool writing = p && each_file(p, being_written, w);

	return !drain(w) && !w->nunfinished && !writing;
}

static bool path_of(const struct watch *w, const struct unfinished *u, char ret[PATH_MAX])
{
	if (u->wd < 0)
		return snprintf(ret, PATH_MAX, "%s", u->name) < PATH_MAX;
	for (size_t i = 0; i < w->nspots; i++)
		if (w->spots[i].wd == u->wd)
			return snprintf(ret, PATH_MAX, "%s/%s", w->spots[i].dir, u->name) < PATH_MAX;
	return false;
}

static void say_waits(struct watch *w, const char *path)
{
	if (w->waits)
		return;
	w->waits = strdup(path);
	output_line(STDERR_FILENO, "cgwall: changes are not loaded as long as %s is open for writing", path);
}

/* Drops what nobody is writing any more. Was there any? */
static bool finish(struct watch *w)
{
	ev_tstamp now = ev_now(w->loop);
	bool any = false;

	for (size_t i = 0; i < w->nunfinished;) {
		const struct unfinished *u = &w->unfinished[i];
		char path[PATH_MAX];
		int writer = path_of(w, u, path) ? look_writer(path) : 0;

		if (writer > 0 || (writer < 0 && now - u->last < PATIENCE)) {
			if (now - u->first > PATIENCE)
				say_waits(w, path);
			i++;
		} else {
			drop_unfinished(w, i);
			any = true;
		}
	}
	if (!w->nunfinished) {
		free(w->waits);
		w->waits = NULL;
	}
	return any;
}

static void on_time(struct ev_loop *loop, ev_timer *t, int events)
{
	struct watch *w = t->data;

	(void)loop;
	(void)events;
	w->first = 0.;
	finish(w);
	/* Closing what is unfinished is a change that starts this again; on_look() sees to what is not told.
	 */
	if (watch_settled(w, NULL))
		w->fn(w->arg);
}

/* ---- where there is nothing to watch with ---- */

/* A number that becomes another one when one of the files does. */
static uint64_t sum_up(const struct watch *w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < w->nspots; i++)
		if (look_sum(w->spots[i].dir, w->spots[i].pattern, SWAPPED, &sum))
			return w->sum; /* next time */
	return sum;
}

/* Tries to watch what could not be watched. Has something changed since the last look? */
static bool look_again(struct watch *w)
{
	uint64_t was = w->sum;

	w->error = 0;
	if (w->fd < 0) {
		w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (w->fd < 0) {
			w->error = -errno;
		} else {
			ev_io_set(&w->io, w->fd, EV_READ);
			ev_io_start(w->loop, &w->io);
		}
	}
	for (size_t i = 0; w->fd >= 0 && i < w->nspots; i++)
		if (w->spots[i].wd < 0)
			w->spots[i].wd = watch_dir(w, w->spots[i].dir);
	w->sum = sum_up(w);
	return w->sum != was;
}

#define UNTOLD "changes of the policy's files are not told of (%s): they are looked at every few seconds"

/* Says it once. */
static void say_error(struct watch *w)
{
	if (!w->error == !w->told)
		return;
	w->told = w->error;
	if (w->told)
		output_line(STDERR_FILENO, "cgwall: " UNTOLD, strerror(-w->error));
	else
		output_line(STDOUT_FILENO, "cgwall: changes of the policy's files are told of again");
}

static void on_look(struct ev_loop *loop, ev_timer *t, int events)
{
	struct watch *w = t->data;
	bool changed = finish(w);

	(void)events;
	if (w->error) {
		changed |= look_again(w);
		say_error(w);
	}
	if (changed)
		note_change(w);
	if (!w->nunfinished && !w->error)
		ev_timer_stop(loop, t);
}

const char *watch_note(const struct watch *w, char *ret, size_t size)
{
	if (w && w->waits)
		snprintf(ret, size, "changes are not loaded as long as %s is open for writing", w->waits);
	else if (w && w->error)
		snprintf(ret, size, UNTOLD, strerror(-w->error));
	else
		return NULL;
	return ret;
}

int watch_open(struct ev_loop *loop, void (*fn)(void *arg), void *arg, struct watch **ret)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0)
		w->error = -errno;
	signal(SIGIO, SIG_IGN); /* how a lease's holder is told that somebody else wants the file */
	w->loop = loop;
	w->fn = fn;
	w->arg = arg;
	ev_timer_init(&w->timer, on_time, 0., 0.);
	ev_timer_init(&w->look, on_look, LOOK, LOOK);
	ev_io_init(&w->io, on_inotify, w->fd, EV_READ);
	w->timer.data = w->look.data = w->io.data = w;
	if (w->fd >= 0)
		ev_io_start(loop, &w->io);
	*ret = w;
	return 0;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	ev_io_stop(w->loop, &w->io);
	ev_timer_stop(w->loop, &w->timer);
	ev_timer_stop(w->loop, &w->look);
	if (w->fd >= 0)
		close(w->fd);
	free_spots(w->spots, w->nspots);
	for (size_t i = 0; i < w->nunfinished; i++)
		free(w->unfinished[i].name);
	free(w->waits);
	free(w);
}

/* One descriptor for ever, on which a folder keeps its number: nothing is missed while the list changes. */
int watch_set(struct watch *w, const struct policy *p, const struct timespec *since)
{
	struct watch fresh = {.fd = w->fd, .error = w->fd < 0 ? w->error : 0};
	int64_t limit = ns_of(since);
	int err = add_policy(&fresh, p);

	if (err) {
		unwatch(w->fd, fresh.spots, fresh.nspots, w->spots, w->nspots);
		free_spots(fresh.spots, fresh.nspots);
		return err;
	}
	unwatch(w->fd, w->spots, w->nspots, fresh.spots, fresh.nspots);
	free_spots(w->spots, w->nspots);
	w->spots = fresh.spots;
	w->nspots = fresh.nspots;
	w->size = fresh.size;
	w->error = fresh.error;
	for (size_t i = 0; i < w->nunfinished;) {
		if (w->unfinished[i].wd < 0 || is_watched(w->spots, w->nspots, w->unfinished[i].wd))
			i++;
		else
			drop_unfinished(w, i);
	}
	if (w->error) {
		w->sum = sum_up(w);
		if (!ev_is_active(&w->look))
			ev_timer_again(w->loop, &w->look);
	}
	say_error(w);
	if (each_file(p, changed_after, &limit))
		note_change(w);
	return 0;
}
