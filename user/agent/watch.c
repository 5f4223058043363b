// SPDX-License-Identifier: GPL-2.0-only
/* Folders are watched, not files: editors and package managers put a new file in the old one's place. What
 * changes in a folder counts where its name fits one of the patterns kept for that folder. A file that is
 * just being written counts when it is closed, so that nobody reads half of it. */
#include "watch.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
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
#define EVENTS \
	(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

/* Kubernetes swaps a link of this name to change all files of a folder at once. */
#define SWAPPED "..data"

struct spot {
	int wd;
	char *dir, *pattern; /* for fnmatch() */
};

struct watch {
	struct ev_loop *loop;
	ev_io io;
	ev_timer timer;
	void (*fn)(void *arg);
	void *arg;
	int fd; /* -1: nothing is watched yet */
	struct spot *spots;
	size_t nspots, size;
	ev_tstamp first; /* of the present burst; 0: none */
};

static void forget(struct watch *w)
{
	if (w->fd >= 0) {
		ev_io_stop(w->loop, &w->io);
		close(w->fd);
	}
	for (size_t i = 0; i < w->nspots; i++) {
		free(w->spots[i].dir);
		free(w->spots[i].pattern);
	}
	free(w->spots);
	w->spots = NULL;
	w->nspots = w->size = 0;
	w->fd = -1;
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
static int add_file(struct watch *w, const char *path)
{
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

static bool changed_since(const char *path, const struct timespec *since)
{
	struct stat st;
	/* File times go by the kernel's coarse clock, which is up to 10 ms behind. */
	int64_t limit = since->tv_sec * 1000000000LL + since->tv_nsec - 10000000;

	return !stat(path, &st) && st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec > limit;
}

static int add_items(struct watch *w, const struct item *items, size_t n, const struct timespec *since,
		     bool *changed)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		if (items[i].kind != ITEM_FILE)
			continue;
		err = add_file(w, items[i].text);
		*changed |= changed_since(items[i].text, since);
	}
	return err;
}

static int add_policy(struct watch *w, const struct policy *p, const struct timespec *since, bool *changed)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->nfiles; i++) {
		err = add_file(w, p->files[i].path);
		if (!err)
			err = add_includes(w, &p->files[i]);
		*changed |= changed_since(p->files[i].path, since);
	}
	for (size_t i = 0; !err && i < p->nstmts; i++) {
		const struct stmt *s = &p->stmts[i];

		if (s->kind == STMT_GROUP)
			err = add_items(w, s->group->items, s->group->nitems, since, changed);
		if (s->kind == STMT_RULE)
			err = add_items(w, s->rule->to.items, s->rule->to.nitems, since, changed);
		if (!err && s->kind == STMT_RULE)
			err = add_items(w, s->rule->from.items, s->rule->from.nitems, since, changed);
	}
	return err;
}

static void on_time(struct ev_loop *loop, ev_timer *t, int events)
{
	struct watch *w = t->data;

	(void)loop;
	(void)events;
	w->first = 0.;
	w->fn(w->arg);
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

/* IN_CREATE tells of links only; a new file is told of when its writer closes it. */
static bool counts(const struct spot *s, const struct inotify_event *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (e->wd != s->wd)
		return false;
	if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
		return true;
	if (!e->len || (fnmatch(s->pattern, e->name, 0) && strcmp(e->name, SWAPPED)))
		return false;
	if (!(e->mask & IN_CREATE))
		return true;
	if (snprintf(path, sizeof(path), "%s/%s", s->dir, e->name) >= (int)sizeof(path) || lstat(path, &st))
		return false;
	return S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink > 1);
}

static void on_inotify(struct ev_loop *loop, ev_io *io, int events)
{
	union {
		struct inotify_event first;
		char bytes[16384];
	} buf;
	struct watch *w = io->data;
	ssize_t n = read(w->fd, &buf, sizeof(buf));
	bool changed = false;

	(void)loop;
	(void)events;
	for (ssize_t at = 0; at < n;) {
		struct inotify_event *e = (struct inotify_event *)(void *)(buf.bytes + at);

		changed |= e->mask & IN_Q_OVERFLOW;
		for (size_t i = 0; !changed && i < w->nspots; i++)
			changed = counts(&w->spots[i], e);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	if (changed)
		note_change(w);
}

int watch_open(struct ev_loop *loop, void (*fn)(void *arg), void *arg, struct watch **ret)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->fn = fn;
	w->arg = arg;
	w->fd = -1;
	ev_timer_init(&w->timer, on_time, 0., 0.);
	w->timer.data = w;
	*ret = w;
	return 0;
}

void watch_close(struct watch *w)
{
	if (!w)
		return;
	forget(w);
	ev_timer_stop(w->loop, &w->timer);
	free(w);
}

int watch_set(struct watch *w, const struct policy *p, const struct timespec *since)
{
	struct watch fresh = {.loop = w->loop, .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
	bool changed = false;
	int err;

	if (fresh.fd < 0)
		return -errno;
	err = add_policy(&fresh, p, since, &changed);
	if (err) {
		close(fresh.fd);
		fresh.fd = -1;
		forget(&fresh);
		return err;
	}
	forget(w);
	w->fd = fresh.fd;
	w->spots = fresh.spots;
	w->nspots = fresh.nspots;
	w->size = fresh.size;
	ev_io_init(&w->io, on_inotify, w->fd, EV_READ);
	w->io.data = w;
	ev_io_start(w->loop, &w->io);
	if (changed)
		note_change(w);
	return 0;
}
