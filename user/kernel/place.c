// SPDX-License-Identifier: GPL-2.0-only
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"
#include "private.h"
#include "cgwall.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Our own namespace, to come back to. Each thread has its own. */
static int own_ns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void come_back(int own)
{
	if (setns(own, CLONE_NEWNET))
		abort(); /* in a stranger's network namespace nothing may go on */
}

/* The cookie of the namespace that we are in, 0 where the kernel does not tell. */
static uint64_t cookie_here(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		cookie = 0;
	close(fd);
	return cookie;
}

/* Is it this process's namespace? A descriptor of it, or -1. */
static int try_process(uint32_t pid, uint64_t cookie, int own)
{
	char path[64];
	uint64_t found;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (setns(fd, CLONE_NEWNET)) {
		close(fd);
		return -1;
	}
	found = cookie_here();
	come_back(own);
	if (found == cookie)
		return fd;
	close(fd);
	return -1;
}

/* Namespaces that were looked at, by inode. */
struct seen {
	ino_t *ino;
	size_t n;
};

/* Was it among them? Notes it where not. */
static bool seen(struct seen *s, ino_t ino)
{
	ino_t *more;

	for (size_t i = 0; i < s->n; i++)
		if (s->ino[i] == ino)
			return true;
	more = realloc(s->ino, (s->n + 1) * sizeof(*more));
	if (more) {
		s->ino = more;
		more[s->n++] = ino;
	}
	return false;
}

/* The next guarded process in a namespace that was not looked at yet, after *tgid (0: from the start). */
static bool next_process(const struct kernel *k, struct seen *s, uint32_t *tgid)
{
	int procs = bpf_map__fd(k->skel->maps.procs);
	struct cgw_proc *rec = malloc(sizeof(*rec));
	bool found = false;
	struct stat st;
	char path[64];

	while (rec && !found && !bpf_map_get_next_key(procs, *tgid ? tgid : NULL, tgid)) {
		if (bpf_map_lookup_elem(procs, tgid, rec) ||
		    !(rec->flags & (CGW_PROC_INSIDE | CGW_PROC_HELD)))
			continue;
		snprintf(path, sizeof(path), "/proc/%u/ns/net", *tgid);
		found = !stat(path, &st) && !seen(s, st.st_ino);
	}
	free(rec);
	return found;
}

static int search(const struct kernel *k, uint64_t cookie, int own)
{
	struct seen s = {0};
	struct stat st;
	uint32_t tgid = 0;
	int fd = -1;

	if (!fstat(own, &st))
		seen(&s, st.st_ino);
	while (fd < 0 && next_process(k, &s, &tgid))
		fd = try_process(tgid, cookie, own);
	free(s.ino);
	return fd;
}

struct place *place_find(struct kernel *k, uint64_t cookie, uint32_t pid)
{
	struct place *p = k->places;
	int own, ns = -1;

	while (p && p->cookie != cookie)
		p = p->next;
	if (p)
		return p;
	own = own_ns();
	if (own < 0) {
		errno = -own;
		return NULL;
	}
	if (!cookie || cookie_here() != cookie) {
		if (cookie && pid)
			ns = try_process(pid, cookie, own);
		if (cookie && ns < 0)
			ns = search(k, cookie, own);
		if (ns < 0) {
			close(own);
			errno = ENETUNREACH;
			return NULL;
		}
	}
	close(own);
	p = malloc(sizeof(*p));
	if (!p) {
		if (ns >= 0)
			close(ns);
		errno = ENOMEM;
		return NULL;
	}
	*p = (struct place){
		.next = k->places, .cookie = cookie, .raw4 = -1, .raw6 = -1, .diag = -1, .ns = ns};
	k->places = p;
	return p;
}

static int open_here(enum place_socket which)
{
	int yes = 1, fd;

	switch (which) {
	case PLACE_DIAG:
		return diag_open();
	case PLACE_RAW4:
		fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
		if (fd >= 0)
			setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
		break;
	case PLACE_RAW6:
	default:
		fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
		break;
	}
	/* nothing is read from it */
	if (fd >= 0)
		shutdown(fd, SHUT_RD);
	return fd < 0 ? -errno : fd;
}

int place_socket(struct place *p, enum place_socket which)
{
	int *fd = which == PLACE_DIAG ? &p->diag : which == PLACE_RAW4 ? &p->raw4 : &p->raw6;
	int own, r;

	if (*fd >= 0)
		return *fd;
	if (p->ns < 0) {
		r = open_here(which);
	} else {
		own = own_ns();
		if (own < 0)
			return own;
		if (setns(p->ns, CLONE_NEWNET)) {
			r = -errno;
		} else {
			r = open_here(which);
			come_back(own);
		}
		close(own);
	}
	if (r >= 0)
		*fd = r;
	return r;
}

void place_close(struct kernel *k)
{
	while (k->places) {
		struct place *p = k->places;
		const int fds[] = {p->raw4, p->raw6, p->diag, p->ns};

		k->places = p->next;
		for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
			if (fds[i] >= 0)
				close(fds[i]);
		free(p);
	}
}

int place_each(struct kernel *k, int (*fn)(struct kernel *k, void *arg), void *arg)
{
	int own = own_ns(), r;
	struct seen s = {0};
	uint32_t tgid = 0;
	struct stat st;
	char path[64];

	if (own < 0)
		return own;
	if (!fstat(own, &st))
		seen(&s, st.st_ino);
	r = fn(k, arg);
	while (next_process(k, &s, &tgid)) {
		int fd, error;

		snprintf(path, sizeof(path), "/proc/%u/ns/net", tgid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue; /* gone meanwhile */
		if (setns(fd, CLONE_NEWNET)) {
			error = -errno;
		} else {
			error = fn(k, arg);
			come_back(own);
		}
		close(fd);
		r = r ? r : error;
	}
	free(s.ino);
	close(own);
	return r;
}
