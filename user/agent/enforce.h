/* SPDX-License-Identifier: GPL-2.0-only */
/* What the language can say and the kernel side cannot do yet. A policy that says it is refused by `run` and
 * `reload`, one sentence a rule: nothing is skipped silently. */
#ifndef CGWALL_ENFORCE_H
#define CGWALL_ENFORCE_H

#include <stddef.h>

struct policy;
struct image;
struct diag;

/* Reports every rule and default of p that cannot be enforced to d, at its place. im: p compiled; it knows
 * which list files hold names. Number of reports. */
size_t enforce_check(const struct policy *p, const struct image *im, struct diag *d);

#endif
