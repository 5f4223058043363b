/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces by their cookies, and the sockets that are needed in them. */
#ifndef CGWALL_KERNEL_PLACE_H
#define CGWALL_KERNEL_PLACE_H

#include <stdint.h>
#include <sys/types.h>

struct kernel;

struct place {
	struct place *next;
	uint64_t cookie;
	int raw4, raw6, diag; /* -1: not opened yet, or it cannot be */
	int ns;		      /* -1: our own */
};

/* The namespace with that cookie: `pid` is asked first, then every guarded process. NULL with errno:
 * ENETUNREACH where none of them is in it. */
struct place *place_find(struct kernel *k, uint64_t cookie, uint32_t pid);

/* A socket in it, opened at the first call: for whole IPv4 or IPv6 packets, for socket diagnosis. -errno. */
enum place_socket { PLACE_RAW4, PLACE_RAW6, PLACE_DIAG };
int place_socket(struct place *p, enum place_socket which);

/* Closes everything: a namespace that is held open cannot end. */
void place_close(struct kernel *k);

/* Runs fn once in every network namespace that guarded processes are in, our own first. 0 or the first
 * -errno. */
int place_each(struct kernel *k, int (*fn)(struct kernel *k, void *arg), void *arg);

#endif
