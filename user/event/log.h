/* SPDX-License-Identifier: GPL-2.0-only */
/* The last records, kept in memory for `cgwall log`. Every record has a number; whoever follows remembers
 * the number of the next one, so that a slow reader costs nothing and can be told what it missed. */
#ifndef CGWALL_LOG_H
#define CGWALL_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "record.h"

#define LOG_KEPT 10000

struct log {
	struct record **ring; /* grows up to `limit` */
	size_t size, limit;
	uint64_t next; /* number of the record that comes next; they start at 0 */
};

void log_init(struct log *l, size_t limit);
void log_free(struct log *l);

/* Takes r over. The oldest record goes where it is full. */
void log_add(struct log *l, struct record *r);

/* Number of the oldest record that is kept. */
uint64_t log_first(const struct log *l);

/* NULL where it is gone or not there yet. Valid until the next log_add(). */
const struct record *log_get(const struct log *l, uint64_t number);

#endif
