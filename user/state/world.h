/* SPDX-License-Identifier: GPL-2.0-only */
/* What the compiler has to be told of this host: addresses, resolvers, users, where links lead. */
#ifndef CGWALL_WORLD_H
#define CGWALL_WORLD_H

#include "../compile/compile.h"

#define WORLD_RESOLV_CONF "/etc/resolv.conf"
/* Where programs ask systemd-resolved on this host, these are the ones that it asks: resolvers too. */
#define WORLD_RESOLVED_CONF "/run/systemd/resolve/resolv.conf"

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

/* This host's addresses, 16 bytes each, sorted and none twice. *ret is owned by the caller. 0 or -errno. */
int world_self(uint8_t (**ret)[16], size_t *n);

/* The `nameserver` lines of a resolv.conf, as 16-byte addresses, sorted and none twice; where there is none,
 * the C library asks this host itself, and 127.0.0.1 and ::1 are given. Where one is 127.0.0.53 or .54, the
 * second file's come too. A file that is not there counts as empty. *ret is owned by the caller. 0 or
 * -errno. */
int world_resolvers(const char *path, const char *resolved, uint8_t (**ret)[16], size_t *n);

#endif
