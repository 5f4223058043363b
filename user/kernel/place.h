/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces by their cookies, and the sockets that are needed in them. */
#ifndef CGWALL_KERNEL_PLACE_H
#define CGWALL_KERNEL_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLACE_BUCKETS 256

struct kernel;

struct place {
	struct place *next;
	uint64_t cookie;
	size_t uses;
	uint32_t pid; /* who may be in it; 0: not known */
	bool found;
	int raw4, raw6, diag; /* -1: not opened yet, or it cannot be */
	int ns;		      /* -1: our own, or not found */
};

/* Those that are used, in struct kernel. */
struct places {
	struct place *bucket[PLACE_BUCKETS]; /* by cookie */
	size_t nopen, nlost;		     /* others than our own that are held open; not found */
	uint64_t refused;		     /* times that one more was not opened */
	uint64_t next;			     /* no search before, ns of the monotonic clock */
	uint32_t at;			     /* a search goes on after this process; 0: from the start */
};

/* One use more of the namespace with that cookie. The first one looks for it: `pid` and its threads are
 * asked, then every guarded process; from then on it is held open. 0; or noted all the same: -ENETUNREACH
 * where none of them is in it, or nobody looked because too much was looked for, -EMFILE where as many are
 * open as may be (counted in `refused`); -ENOMEM: not noted. */
int place_use(struct kernel *k, uint64_t cookie, uint32_t pid);

/* One use less. With the last one everything of it is closed: a namespace that is held open cannot end. */
void place_leave(struct kernel *k, uint64_t cookie);

/* One that is used; where it was not found it is looked for once more if `look` says so. NULL with errno as
 * above. */
struct place *place_get(struct kernel *k, uint64_t cookie, bool look);

/* A socket in it, opened at the first call: for whole IPv4 or IPv6 packets, for socket diagnosis. -errno. */
enum place_socket { PLACE_RAW4, PLACE_RAW6, PLACE_DIAG };
int place_socket(struct place *p, enum place_socket which);

/* Closes everything. */
void place_close(struct kernel *k);

/* Runs fn once in every network namespace that guarded processes are in, our own first. 0 or the first
 * -errno. */
int place_each(struct kernel *k, int (*fn)(struct kernel *k, void *arg), void *arg);

#endif
