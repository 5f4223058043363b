/* SPDX-License-Identifier: GPL-2.0-only */
/* Patterns of paths and interface names; what they mean is said at policy_glob() in policy.h. */
#ifndef CGWALL_GLOB_H
#define CGWALL_GLOB_H

#include <stdbool.h>

/* NULL, or what is wrong with the pattern, a constant. */
const char *glob_check(const char *glob);

/* Does it stand for one text only, and is that its own? (No `*`, `?`, `[` and no `\`.) */
bool glob_is_plain(const char *glob);

#endif
