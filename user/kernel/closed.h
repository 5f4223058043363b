/* SPDX-License-Identifier: GPL-2.0-only */
/* The minimal program: everything of the guarded cgroup is refused but loopback. It stands in where the
 * kernel refuses the real programs (`set on-failure block`), or where a machine boots and no policy can be
 * read, and goes when a policy is in force, or by kernel_detach(). It is attached to the guarded cgroup
 * itself.
 */
#ifndef CGWALL_CLOSED_H
#define CGWALL_CLOSED_H

#include <stdbool.h>

#include "kernel.h"

/* Loads, attaches and pins it; what was there of an earlier one is replaced without a gap. Takes run_dir,
 * cgroup and verbose of o. 0, or -errno with a sentence in *message. */
int closed_put(const struct kernel_options *o, char **message);

/* Is it pinned in this pin folder? */
bool closed_pinned(const char *pins);

/* Is that the name of one of its parts? */
bool closed_program(const char *name);

/* Takes it out again; 0 also where there was none. */
int closed_take_out(const char *pins);

#endif
