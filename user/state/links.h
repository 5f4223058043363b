/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces of the agent's network namespace and their addresses, by rtnetlink: reported to
 * struct facts as they change. Where messages are lost (the socket's buffer was full), everything is read
 * anew. */
#ifndef CGWALL_LINKS_H
#define CGWALL_LINKS_H

#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct facts;
struct links;

/* Reads what there is before it returns, then follows it from the loop. `buffer`: bytes of the socket's
 * buffer, 0: enough for a storm. 0 or -errno. */
int links_open(struct ev_loop *loop, struct facts *f, int buffer, struct links **ret);
void links_close(struct links *l); /* NULL is fine */

/* How often everything was read anew because messages were lost. */
uint64_t links_overruns(const struct links *l);

/* The cookie of the caller's network namespace, which tells it from all others since boot; 0 where the kernel
 * (before 5.14) has none. 0 or -errno. */
int links_netns(uint64_t *ret);

#endif
