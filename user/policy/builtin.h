/* SPDX-License-Identifier: GPL-2.0-only */
/* Groups and services that every policy knows. `any`, `self` and `resolvers` are items of their own kinds, so
 * that their groups hold just that item. */
#ifndef CGWALL_BUILTIN_H
#define CGWALL_BUILTIN_H

#include "policy.h"

extern struct group builtin_groups[];
extern const size_t builtin_ngroups;
extern struct service builtin_services[];
extern const size_t builtin_nservices;

/* Number of a well-known port that is the same on every host, or -1. */
int builtin_port(const char *name);
/* One whose name is close to this one, for a suggestion; NULL: none. */
const char *builtin_port_like(const char *name);

#endif
