/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the executables that a policy names really are: /bin/sh is /usr/bin/dash on many hosts, and the
 * kernel knows a running program only by the latter. */
#ifndef CGWALL_ALIAS_H
#define CGWALL_ALIAS_H

#include <stddef.h>

struct policy;

/* The pattern with links followed: those of the whole path where it is literal, else those of its leading
 * literal directories. NULL where that is the same pattern or the place does not exist. Owned by the caller.
 */
char *alias_of(const char *glob);

/* Pairs (pattern as written, pattern with links followed) for the `exe` selectors of p. 0 or -ENOMEM. */
int alias_all(const struct policy *p, char *(**ret)[2], size_t *n);
void alias_free(char *(*aliases)[2], size_t n);

#endif
