// SPDX-License-Identifier: GPL-2.0-only
#include "follow.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#define EVENTS \
	(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF)
#define LINKS_MAX 40	/* as the kernel has it */
#define READS_MAX 16	/* before the loop gets its turn */
#define LOOK_SECONDS 2. /* where the kernel does not tell of changes */

/* A name in a folder that the way goes through; without a name, the file at its end: one that is mounted in
 * its place is written where no folder of the way sees it. */
struct step {
	int wd;
	char *folder, *name;
};

/* What tells one file from another, and from itself after a change; 0 where there is none. */
struct stamp {
	uint64_t part[5];
};

struct follow {
	struct ev_loop *loop;
	ev_io io;	      /* fd -1: no inotify instance is to be had */
	ev_timer look;	      /* runs as long as not everything is watched, */
	int error;	      /* for this reason */
	struct stamp *stamps; /* of the paths, at the last look */
	void (*fn)(void *arg);
	void *arg;
	const char *const *paths;
	size_t npaths;
	struct step *steps;
	size_t nsteps;
};

static void free_steps(struct step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(steps[i].folder);
		free(steps[i].name);
	}
	free(steps);
}

/* `name` may be NULL. */
static int add_step(struct follow *f, const char *folder, const char *name)
{
	struct step *more = realloc(f->steps, (f->nsteps + 1) * sizeof(*more)), *s;

	if (!more)
		return -ENOMEM;
	f->steps = more;
	s = &more[f->nsteps];
	*s = (struct step){.folder = strdup(folder), .name = name ? strdup(name) : NULL};
	if (!s->folder || (name && !s->name)) {
		free(s->folder);
		free(s->name);
		return -ENOMEM;
	}
	f->nsteps++;
	/* a folder keeps its number as long as it is watched */
	s->wd = inotify_add_watch(f->io.fd, folder, name ? EVENTS | IN_ONLYDIR : FILE_EVENTS);
	return s->wd < 0 && errno != ENOENT && errno != ENOTDIR ? -errno : 0;
}

/* Puts the link's target in front of what is left of the way. False: too long. */
static bool splice(const char *link, char rest[PATH_MAX])
{
	char target[PATH_MAX], whole[PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	if (snprintf(whole, sizeof(whole), "%s/%s", target, rest) >= (int)sizeof(whole))
		return false;
	strcpy(rest, whole);
	return true;
}

/* Walks the way as the kernel would. */
static int add_path(struct follow *f, const char *path)
{
	char at[PATH_MAX] = "/", rest[PATH_MAX], next[PATH_MAX], name[NAME_MAX + 1];
	int nlinks = 0, err;
	struct stat st;

	if (snprintf(rest, sizeof(rest), "%s", path) >= (int)sizeof(rest))
		return -ENAMETOOLONG;
	for (;;) {
		size_t skip = strspn(rest, "/"), len = strcspn(rest + skip, "/");

		if (!len)
			return 0;
		if (len > NAME_MAX)
			return 0;
		memcpy(name, rest + skip, len);
		name[len] = '\0';
		memmove(rest, rest + skip + len, strlen(rest + skip + len) + 1);
		if (!strcmp(name, "."))
			continue;
		if (!strcmp(name, "..")) {
			char *slash = strrchr(at, '/');

			slash[slash == at] = '\0';
			continue;
		}
		if (snprintf(next, sizeof(next), "%s%s%s", at, at[1] ? "/" : "", name) >= (int)sizeof(next))
			return 0;
		err = add_step(f, at, name);
		if (err || lstat(next, &st))
			return err;
		if (S_ISREG(st.st_mode))
			return add_step(f, next, NULL);
		if (S_ISLNK(st.st_mode)) {
			if (++nlinks > LINKS_MAX || !splice(next, rest))
				return 0;
			if (*rest == '/')
				strcpy(at, "/");
		} else {
			strcpy(at, next);
		}
	}
}

/* Walks all ways anew; folders that are on none any more are let go. */
static int walk(struct follow *f)
{
	struct step *old = f->steps;
	size_t nold = f->nsteps;
	int err = 0;

	f->steps = NULL;
	f->nsteps = 0;
	for (size_t i = 0; i < f->npaths; i++) {
		int r = add_path(f, f->paths[i]);

		err = err ? err : r;
	}
	for (size_t i = 0; i < nold; i++) {
		bool used = false;

		for (size_t k = 0; k < f->nsteps; k++)
			used |= f->steps[k].wd == old[i].wd;
		for (size_t k = 0; k < i; k++)
			used |= old[k].wd == old[i].wd; /* let go already */
		if (!used && old[i].wd >= 0)
			inotify_rm_watch(f->io.fd, old[i].wd);
	}
	free_steps(old, nold);
	return err;
}

/* Is one of the files another one than at the last look? */
static bool look(struct follow *f)
{
	bool changed = false;

	for (size_t i = 0; i < f->npaths; i++) {
		struct stamp now = {0};
		struct stat st;

		if (!stat(f->paths[i], &st))
			now = (struct stamp){{st.st_dev, st.st_ino, (uint64_t)st.st_size,
					      (uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec}};
		changed |= memcmp(&now, &f->stamps[i], sizeof(now)) != 0;
		f->stamps[i] = now;
	}
	return changed;
}

static void on_inotify(struct ev_loop *loop, ev_io *w, int events);

/* Watches everything; as long as that cannot be had, the files are looked at. */
static void watch_all(struct follow *f)
{
	int fd;

	if (f->io.fd < 0) {
		fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (fd >= 0) {
			ev_io_set(&f->io, fd, EV_READ);
			ev_io_start(f->loop, &f->io);
		} else {
			f->error = -errno;
		}
	}
	if (f->io.fd >= 0)
		f->error = walk(f);
	if (!f->error) {
		ev_timer_stop(f->loop, &f->look);
	} else if (!ev_is_active(&f->look)) {
		look(f);
		ev_timer_again(f->loop, &f->look);
	}
}

static void on_look(struct ev_loop *loop, ev_timer *w, int events)
{
	struct follow *f = w->data;
	bool changed = look(f);

	(void)loop;
	(void)events;
	watch_all(f);
	/* nobody knows what changed just before it was watched */
	if (changed || !f->error)
		f->fn(f->arg);
}

/* A new file counts when its writer closes it; half of it is nothing to read. */
static bool complete(const struct step *s)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", s->folder, s->name) >= (int)sizeof(path) ||
	    lstat(path, &st))
		return true;
	return !S_ISREG(st.st_mode) || st.st_nlink > 1;
}

static bool counts(const struct follow *f, const struct inotify_event *e)
{
	if (e->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < f->nsteps; i++) {
		const struct step *s = &f->steps[i];

		if (s->wd != e->wd)
			continue;
		if (!s->name || e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
			return true;
		if (e->len && !strcmp(s->name, e->name) && (!(e->mask & IN_CREATE) || complete(s)))
			return true;
	}
	return false;
}

static void on_inotify(struct ev_loop *loop, ev_io *w, int events)
{
	union {
		struct inotify_event first;
		char bytes[8192];
	} buf;
	struct follow *f = w->data;
	bool changed = false;
	ssize_t n;

	(void)loop;
	(void)events;
	for (int i = 0; i < READS_MAX && (n = read(w->fd, &buf, sizeof(buf))) > 0; i++) {
		for (ssize_t at = 0; at < n;) {
			struct inotify_event *e = (struct inotify_event *)(void *)(buf.bytes + at);

			changed |= counts(f, e);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
	if (!changed)
		return;
	watch_all(f);
	f->fn(f->arg);
}

int follow_open(struct ev_loop *loop, const char *const *paths, size_t n, void (*fn)(void *arg), void *arg,
		struct follow **ret)
{
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct follow){.loop = loop, .fn = fn, .arg = arg, .paths = paths, .npaths = n};
	f->stamps = calloc(n, sizeof(*f->stamps));
	if (!f->stamps) {
		free(f);
		return -ENOMEM;
	}
	ev_io_init(&f->io, on_inotify, -1, EV_READ);
	ev_timer_init(&f->look, on_look, LOOK_SECONDS, LOOK_SECONDS);
	f->io.data = f->look.data = f;
	watch_all(f);
	*ret = f;
	return 0;
}

int follow_error(const struct follow *f)
{
	return f ? f->error : 0;
}

void follow_close(struct follow *f)
{
	if (!f)
		return;
	ev_io_stop(f->loop, &f->io);
	ev_timer_stop(f->loop, &f->look);
	if (f->io.fd >= 0)
		close(f->io.fd);
	free(f->stamps);
	free_steps(f->steps, f->nsteps);
	free(f);
}
