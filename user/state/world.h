/* SPDX-License-Identifier: GPL-2.0-only */
/* What the compiler has to be told of this host: addresses, resolvers, users, where links lead. */
#ifndef CGWALL_WORLD_H
#define CGWALL_WORLD_H

#include "../compile/compile.h"

#define WORLD_RESOLV_CONF "/etc/resolv.conf"

struct world_host {
	struct world world; /* what image_compile() takes */
	/* Storage behind it. */
	uint8_t (*self)[16];
	uint8_t (*resolvers)[16];
	char *(*aliases)[2];
	size_t naliases;
};

/* Fills w for the policy p: a snapshot. `strict`: a user or group name that the host does not know is an
 * error when the policy is compiled; otherwise it gets a number that nobody has, so that a policy for another
 * host can be checked and asked here. 0 or -errno. Freed by world_free(); must outlive the image. */
int world_read(struct world_host *w, const struct policy *p, bool strict);
void world_free(struct world_host *w);

/* The `nameserver` lines of a resolv.conf, as 16-byte addresses; where there is none, the C library asks
 * this host itself, and 127.0.0.1 and ::1 are given. A file that is not there counts as empty. *ret is owned
 * by the caller. 0 or -errno. */
int world_resolvers(const char *path, uint8_t (**ret)[16], size_t *n);

#endif
