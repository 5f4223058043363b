/* SPDX-License-Identifier: GPL-2.0-only */
/* Single TCP sockets by the socket diagnosis interface; `netlink` is a socket from diag_open(), made in their
 * network namespace. Answers are taken from the kernel alone. */
#ifndef CGWALL_KERNEL_DIAG_H
#define CGWALL_KERNEL_DIAG_H

#include <stdbool.h>

#include <cgwall/abi.h>

/* A socket for the calling thread's network namespace, owned by the caller; or -errno. */
int diag_open(void);

/* Ends it: whoever uses it sees ECONNABORTED. 0, also where it has gone by itself; or -errno. */
int diag_destroy(int netlink, const struct cgw_cut *c);

/* Does this kernel end sockets when it is asked to (CONFIG_INET_DIAG_DESTROY)? Tried on one that is made for
 * that. */
bool diag_works(void);

/* Its state (TCP_SYN_SENT and the like), 0 where it is gone, or -errno. */
int diag_state(int netlink, const struct cgw_cut *c);

/* The same for a socket of which only c->cookie is sure to be right: it is looked for among all connections,
 * and the rest of c is filled in where it is there. Much slower. */
int diag_find(int netlink, struct cgw_cut *c);

#endif
