// SPDX-License-Identifier: GPL-2.0-only
#include "place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "diag.h"
#include "private.h"
#include "cgwall.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define PLACES_MAX 1024	    /* open at once, where so many descriptors may be */
#define THREADS_MAX 1024    /* of a process that are looked at */
#define SEARCH_NS 200000000 /* a search takes at most, */
#define SEARCH_SHARE 10	    /* and all of them together one part in so many of the time */

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

/* Is it the namespace at this path? A descriptor of it, or -1. */
static int try_path(const char *path, uint64_t cookie, int own)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t found;

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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
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

/* The next guarded process in a namespace that was not looked at yet, after *tgid (0: from the start); none
 * after `end`, by now_ns(). Where there is no more *tgid is 0. */
static bool next_process(const struct kernel *k, struct seen *s, uint64_t end, uint32_t *tgid)
{
	int procs = bpf_map__fd(k->skel->maps.procs);
	struct cgw_proc *rec = malloc(sizeof(*rec));
	bool found = false;
	struct stat st;
	char path[64];

	while (rec && !found && now_ns() < end) {
		if (bpf_map_get_next_key(procs, *tgid ? tgid : NULL, tgid)) {
			*tgid = 0;
			break;
		}
		if (bpf_map_lookup_elem(procs, tgid, rec) ||
		    !(rec->flags & (CGW_PROC_INSIDE | CGW_PROC_HELD)))
			continue;
		snprintf(path, sizeof(path), "/proc/%u/ns/net", *tgid);
		found = !stat(path, &st) && !seen(s, st.st_ino);
	}
	free(rec);
	return found;
}

/* ---- those that questions are about ---- */

static struct place **slot_of(struct kernel *k, uint64_t cookie)
{
	struct place **at = &k->places.bucket[cookie % PLACE_BUCKETS];

	while (*at && (*at)->cookie != cookie)
		at = &(*at)->next;
	return at;
}

/* Each takes up to four descriptors; most are left for other things. */
static bool is_full(const struct kernel *k)
{
	struct rlimit l;
	rlim_t most = PLACES_MAX;

	if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur / 8 < most)
		most = l.rlim_cur / 8;
	return k->places.nopen >= most;
}

static void found(struct kernel *k, struct place *p, int ns)
{
	p->found = true;
	p->ns = ns;
	k->places.nlost--;
	k->places.nopen += ns >= 0;
}

/* A thread may have left its process alone there. */
static int try_threads(uint32_t pid, uint64_t cookie, int own, uint64_t end)
{
	char path[64 + NAME_MAX];
	const struct dirent *d;
	struct seen s = {0};
	struct stat st;
	int fd = -1;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	for (int i = 0; dir && fd < 0 && i < THREADS_MAX && now_ns() < end && (d = readdir(dir)); i++) {
		snprintf(path, sizeof(path), "/proc/%u/task/%s/ns/net", pid, d->d_name);
		if (d->d_name[0] != '.' && !stat(path, &st) && !seen(&s, st.st_ino))
			fd = try_path(path, cookie, own);
	}
	if (dir)
		closedir(dir);
	free(s.ino);
	return fd;
}

/* Is it one of those that are looked for? */
static void try_wanted(struct kernel *k, uint32_t tgid, int own)
{
	char path[64];
	struct place *p;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/ns/net", tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	p = *slot_of(k, cookie_here());
	come_back(own);
	if (p && !p->found && !is_full(k))
		found(k, p, fd);
	else
		close(fd);
}

/* Looks everywhere, for all that were not found at once: whoever asks from where nobody finds him must not
 * keep the agent busy. A search that took too long is taken up by the next one. */
static void search(struct kernel *k, struct place *p, int own)
{
	uint64_t start = now_ns(), end = start + SEARCH_NS;
	struct seen s = {0};
	struct stat st;
	int fd = -1;

	if (start < k->places.next)
		return;
	if (p->pid)
		fd = try_threads(p->pid, p->cookie, own, end);
	if (fd >= 0)
		found(k, p, fd);
	else if (!fstat(own, &st))
		seen(&s, st.st_ino);
	while (!p->found && next_process(k, &s, end, &k->places.at))
		try_wanted(k, k->places.at, own);
	if (now_ns() < end)
		k->places.at = 0;
	free(s.ino);
	k->places.next = now_ns() + (now_ns() - start) * (SEARCH_SHARE - 1);
}

/* 0 or -errno, as place_use(). */
static int find(struct kernel *k, struct place *p)
{
	int own, ns = -1, r = 0;
	char path[64];

	if (p->found)
		return 0;
	own = own_ns();
	if (own < 0)
		return own;
	if (!p->cookie || cookie_here() == p->cookie) {
		found(k, p, -1);
	} else if (is_full(k)) {
		k->places.refused++;
		r = -EMFILE;
	} else {
		snprintf(path, sizeof(path), "/proc/%u/ns/net", p->pid);
		if (p->pid)
			ns = try_path(path, p->cookie, own);
		if (ns >= 0)
			found(k, p, ns);
		else
			search(k, p, own);
		r = p->found ? 0 : -ENETUNREACH;
	}
	close(own);
	return r;
}

int place_use(struct kernel *k, uint64_t cookie, uint32_t pid)
{
	struct place **at = slot_of(k, cookie), *p = *at;

	if (!p) {
		p = malloc(sizeof(*p));
		if (!p)
			return -ENOMEM;
		*p = (struct place){
			.cookie = cookie, .pid = pid, .raw4 = -1, .raw6 = -1, .diag = -1, .ns = -1};
		*at = p;
		k->places.nlost++;
		p->uses = 1;
		return find(k, p);
	}
	p->uses++;
	if (p->found || p->pid == pid)
		return p->found ? 0 : -ENETUNREACH;
	p->pid = pid;
	return find(k, p);
}

struct place *place_get(struct kernel *k, uint64_t cookie, bool look)
{
	struct place *p = *slot_of(k, cookie);
	int r = !p ? -ENETUNREACH : look ? find(k, p) : p->found ? 0 : -ENETUNREACH;

	if (!r)
		return p;
	errno = -r;
	return NULL;
}

static void close_place(struct kernel *k, struct place **at)
{
	struct place *p = *at;
	const int fds[] = {p->raw4, p->raw6, p->diag, p->ns};

	*at = p->next;
	k->places.nlost -= !p->found;
	k->places.nopen -= p->ns >= 0;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(p);
}

void place_leave(struct kernel *k, uint64_t cookie)
{
	struct place **at = slot_of(k, cookie);

	if (*at && !--(*at)->uses)
		close_place(k, at);
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
	for (size_t i = 0; i < PLACE_BUCKETS; i++)
		while (k->places.bucket[i])
			close_place(k, &k->places.bucket[i]);
}

/* ---- all of them ---- */

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
	while (next_process(k, &s, UINT64_MAX, &tgid)) {
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
