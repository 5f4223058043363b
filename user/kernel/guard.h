/* SPDX-License-Identifier: GPL-2.0-only */
/* Which cgroup is guarded, and where programs are attached. */
#ifndef CGWALL_GUARD_H
#define CGWALL_GUARD_H

#include <stddef.h>
#include <stdint.h>

struct guard {
	uint64_t id;	/* cgroup id; 0 where the root itself is guarded */
	uint32_t level; /* depth below the root */
	uint64_t attach_id;
	char cgroup[1024], attach[1024];
};

/* Mount point of the cgroup v2 hierarchy into ret. 0 or -ENOENT. */
int guard_root(char *ret, size_t size);

/* Finds out about both directories (NULL: the root) and that `attach` is the guarded one or above it. On
 * failure *message says what is wrong. 0 or -errno. */
int guard_find(const char *cgroup, const char *attach, struct guard *ret, char **message);

#endif
