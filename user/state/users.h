/* SPDX-License-Identifier: GPL-2.0-only */
/* User and group names by the host's databases. A module of its own since <grp.h> and a policy's groups
 * claim the same name. */
#ifndef CGWALL_USERS_H
#define CGWALL_USERS_H

#include <stdint.h>

/* 0 and *ret, or -ENOENT. A number is taken as it is. */
int users_uid(const char *name, uint32_t *ret);
int users_gid(const char *name, uint32_t *ret);

/* The name of a user by /etc/passwd alone: nothing that could ask the network, which may be what is being
 * held. Owned by the caller; NULL where there is none. */
char *users_name(uint32_t uid);

#endif
