/* SPDX-License-Identifier: GPL-2.0-only */
/* What the front end needs of diagnostics beside what policy.h offers to everybody. */
#ifndef CGWALL_DIAG_H
#define CGWALL_DIAG_H

#include <stdarg.h>

#include "policy.h"

void diag_verror(struct diag *d, const struct policy *p, struct loc loc, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));

/* Have so many errors been found that reading on is of no use? */
bool diag_full(const struct diag *d);

/* The name found so far that is closest to another; NULL: none yet. Starts zeroed. */
struct closest {
	const char *name;
	size_t distance;
};

/* Takes `other` where it is closer to `name`, or as close and first by its bytes. True where it did. */
bool closest_better(const char *name, const char *other, struct closest *c);

#endif
