// SPDX-License-Identifier: GPL-2.0-only
/* Folders are watched, not files: editors and package managers put a new file in the old one's place. What
 * changes in a folder counts where its name fits one of the patterns kept for that folder. A file that is
 * just being written counts when it is closed; until then nothing is told, so that nobody takes half of it
 * for the policy (an emptied file is a valid policy that lets everything pass).
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#include "../policy/policy.h"

#define QUIET 0.1  /* seconds without a change before it is told */
#define LONGEST 1. /* after the first change it is told at last */
#define EVENTS                                                                                               \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | \
	 IN_MOVE_SELF)
#define UNFINISHED_MAX 64 /* files that are being written; more are not waited for */

/* Kubernetes swaps a link of this name to change all files of a folder at once. */
#define SWAPPED "..data"

struct spot {
	int wd;
	char *dir, *pattern; /* for fnmatch() */
};

/* Reads until what was there at first is done with: the queue holds 16,384 events where nobody set it higher.
 * A folder in which somebody writes without end must not hold up the loop. */
#define DRAIN_MAX 64

/* Written to and not closed yet. */
struct unfinished {
	int wd;
	char *name;
};

struct watch {
	struct ev_loop *loop;
	ev_io io;
	ev_timer timer;
	void (*fn)(void *arg);
	void *arg;
	int fd;
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
		if (!is_watched(now, nnow, old[i].wd))
			inotify_rm_watch(fd, old[i].wd); /* a second time, it is told that there is none */
}

static int add_spot(struct watch *w, const char *dir, const char *pattern)
{
	struct spot *s;
	int wd;

	for (size_t i = 0; i < w->nspots; i++)
		if (!strcmp(w->spots[i].dir, dir) && !strcmp(w->spots[i].pattern, pattern))
			return 0;
	wd = inotify_add_watch(w->fd, dir, EVENTS | IN_ONLYDIR);
	if (wd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
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

static void set_unfinished(struct watch *w, const struct inotify_event *e, bool unfinished)
{
	size_t i = 0;

	while (i < w->nunfinished && (w->unfinished[i].wd != e->wd || strcmp(w->unfinished[i].name, e->name)))
		i++;
	if (unfinished && i == w->nunfinished && i < UNFINISHED_MAX) {
		w->unfinished[i] = (struct unfinished){.wd = e->wd, .name = strdup(e->name)};
		w->nunfinished += w->unfinished[i].name != NULL;
	} else if (!unfinished && i < w->nunfinished) {
		free(w->unfinished[i].name);
		w->unfinished[i] = w->unfinished[--w->nunfinished];
	}
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
		set_unfinished(w, e, e->mask & IN_MODIFY);
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

/* 1 where somebody has the file open for writing. A lease for reading is given only where nobody has; where
 * leases cannot be had at all, IN_MODIFY has to do, which comes a little after the deed. */
static int being_written(void *arg, const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), writer;

	(void)arg;
	if (fd < 0)
		return 0;
	writer = fcntl(fd, F_SETLEASE, F_RDLCK) && errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	close(fd);
	return writer;
}

bool watch_settled(struct watch *w, const struct policy *p)
{
	/* In this order: whoever was writing before the first look and is not any more has been told of. */
	bool writing = p && each_file(p, being_written, NULL);

	return !drain(w) && !w->nunfinished && !writing;
}

static void on_time(struct ev_loop *loop, ev_timer *t, int events)
{
	struct watch *w = t->data;

	(void)loop;
	(void)events;
	w->first = 0.;
	/* Closing what is unfinished is a change that starts this again. */
	if (watch_settled(w, NULL))
		w->fn(w->arg);
}

int watch_open(struct ev_loop *loop, void (*fn)(void *arg), void *arg, struct watch **ret)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0) {
		free(w);
		return -errno;
	}
	signal(SIGIO, SIG_IGN); /* how a lease's holder is told that somebody else wants the file */
	w->loop = loop;
	w->fn = fn;
	w->arg = arg;
	ev_timer_init(&w->timer, on_time, 0., 0.);
	ev_io_init(&w->io, on_inotify, w->fd, EV_READ);
	w->timer.data = w->io.data = w;
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
	close(w->fd);
	free_spots(w->spots, w->nspots);
	for (size_t i = 0; i < w->nunfinished; i++)
		free(w->unfinished[i].name);
	free(w);
}

/* One descriptor for ever, on which a folder keeps its number: nothing is missed while the list changes. */
int watch_set(struct watch *w, const struct policy *p, const struct timespec *since)
{
	struct watch fresh = {.fd = w->fd};
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
	for (size_t i = 0; i < w->nunfinished; i++) {
		if (is_watched(w->spots, w->nspots, w->unfinished[i].wd))
			continue;
		free(w->unfinished[i].name);
		w->unfinished[i--] = w->unfinished[--w->nunfinished];
	}
	if (each_file(p, changed_after, &limit))
		note_change(w);
	return 0;
}
