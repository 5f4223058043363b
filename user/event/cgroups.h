/* SPDX-License-Identifier: GPL-2.0-only */
/* Cgroup ids to paths. An id is never used twice and a cgroup is never renamed in the v2 tree, so an answer
 * once found stays right and is kept. */
#ifndef CGWALL_CGROUPS_H
#define CGWALL_CGROUPS_H

#include <stdint.h>

struct cgroups;

/* Finds the cgroup v2 mount. 0, -ENOENT where there is none, or -errno. */
int cgroups_open(struct cgroups **ret);
void cgroups_close(struct cgroups *c);

/* The path below the cgroup v2 root without a slash before it, "/" for the root itself; NULL where the cgroup
 * is gone or may not be looked at (asks for CAP_DAC_READ_SEARCH). Valid until the next call. */
const char *cgroups_path(struct cgroups *c, uint64_t id);

#endif
