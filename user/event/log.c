// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"

#include <stdlib.h>

#define LOG_START 256 /* slots at first; an agent with nothing to say stays small */

void log_init(struct log *l, size_t limit)
{
	*l = (struct log){.limit = limit};
}

void log_free(struct log *l)
{
	for (uint64_t i = log_first(l); i < l->next; i++)
		free(l->ring[i % l->size]);
	free(l->ring);
	*l = (struct log){.limit = l->limit};
}

uint64_t log_first(const struct log *l)
{
	return l->next > l->size ? l->next - l->size : 0;
}

/* Growing happens only while nothing was dropped: record i stands at slot i then, whatever the size. */
static int grow(struct log *l)
{
	size_t size = l->size ? l->size * 2 : LOG_START;
	struct record **ring;

	if (size > l->limit)
		size = l->limit;
	if (size == l->size)
		return 0;
	ring = realloc(l->ring, size * sizeof(struct record *));
	if (!ring)
		return -1;
	l->ring = ring;
	l->size = size;
	return 0;
}

void log_add(struct log *l, struct record *r)
{
	size_t at;

	if (l->next == l->size && grow(l) && !l->size) {
		free(r);
		return;
	}
	at = l->next % l->size;
	if (l->next >= l->size)
		free(l->ring[at]);
	l->ring[at] = r;
	l->next++;
	/* Once something was dropped the size is fixed, or numbers and slots would part. */
	if (l->next > l->size)
		l->limit = l->size;
}

const struct record *log_get(const struct log *l, uint64_t number)
{
	if (number < log_first(l) || number >= l->next)
		return NULL;
	return l->ring[number % l->size];
}
