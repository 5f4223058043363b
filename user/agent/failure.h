/* SPDX-License-Identifier: GPL-2.0-only */
/* No policy could be put in force: what holds instead, and why, is written down in the run directory for
 * `status`, until a policy is in force or `detach` has taken everything out. */
#ifndef CGWALL_FAILURE_H
#define CGWALL_FAILURE_H

#include <stdbool.h>

struct json_object;

#define FAILURE_FILE "failure"

/* `closed`: the minimal program is in force; otherwise nothing is. 0 or -errno. */
int failure_note(const char *run_dir, bool closed, const char *reason);
void failure_clear(const char *run_dir);

/* The object with `action` (block, pass), `reason` and `time`; NULL where nothing has failed. Owned by the
 * caller. */
struct json_object *failure_read(const char *run_dir);

#endif
