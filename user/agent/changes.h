/* SPDX-License-Identifier: GPL-2.0-only */
/* What the log tells of the surroundings: each change that the policy asks about, with the rules that it
 * switched. */
#ifndef CGWALL_CHANGES_H
#define CGWALL_CHANGES_H

#include "standing.h"

/* Makes a record of each change from `old` to `now`: the last evaluation is held against what is in force.
 * `tell` takes the record over; NULL: there was no memory for it. */
void changes_tell(const struct standing *st, const struct seen *old, const struct seen *now,
		  void (*tell)(void *arg, struct record *r), void *arg);

/* The same of addresses that are compiled in, from one standing to the next. */
void changes_tell_addresses(const struct standing *former, const struct standing *st,
			    void (*tell)(void *arg, struct record *r), void *arg);

/* "home" secured aa:bb:cc:dd:ee:ff, fit to be printed. */
#define CHANGES_WIFI_MAX 256
void changes_wifi_text(const struct facts_wifi *w, char *out, size_t size);

#endif
