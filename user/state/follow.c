// SPDX-License-Identifier: GPL-2.0-only
#include "follow.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
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
#define LINKS_MAX 40 /* as the kernel has it */
#define READS_MAX 16 /* before the loop gets its turn */

/* A name in a folder that the way goes through; without a name, the file at its end: one that is mounted in
 * its place is written where no folder of the way sees it. */
struct step {
	int wd;
	char *folder, *name;
};

struct follow {
	struct ev_loop *loop;
	ev_io io;
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
	for (size_t i = 0; !err && i < f->npaths; i++)
		err = add_path(f, f->paths[i]);
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
	walk(f); /* what cannot be watched is told by what can, or not */
	f->fn(f->arg);
}

int follow_open(struct ev_loop *loop, const char *const *paths, size_t n, void (*fn)(void *arg), void *arg,
		struct follow **ret)
{
	struct follow *f = calloc(1, sizeof(*f));
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), err;

	if (!f || fd < 0) {
		err = f ? -errno : -ENOMEM;
		free(f);
		if (fd >= 0)
			close(fd);
		return err;
	}
	*f = (struct follow){.loop = loop, .fn = fn, .arg = arg, .paths = paths, .npaths = n};
	ev_io_init(&f->io, on_inotify, fd, EV_READ);
	f->io.data = f;
	err = walk(f);
	if (err) {
		follow_close(f);
		return err;
	}
	ev_io_start(loop, &f->io);
	*ret = f;
	return 0;
}

void follow_close(struct follow *f)
{
	if (!f)
		return;
	ev_io_stop(f->loop, &f->io);
	close(f->io.fd);
	free_steps(f->steps, f->nsteps);
	free(f);
}
