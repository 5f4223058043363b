/* SPDX-License-Identifier: GPL-2.0-only */
/* Byte strings with numbers: equal strings have equal numbers, which count from 0. Used wherever the
 * compiler asks "have I seen this before": atoms, clauses, sets, names.
 *
 * Everything lives in an arena; where memory runs out, the arena's failure jump is taken.
 */
#ifndef CGWALL_COMPILE_INTERN_H
#define CGWALL_COMPILE_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "../policy/arena.h"

#define INTERN_NONE UINT32_MAX

struct intern_item {
	const void *data; /* 8-byte aligned */
	uint32_t len;
	uint32_t hash;
};

struct intern {
	struct arena *arena;
	struct intern_item *items;
	uint32_t *slots; /* item number + 1; 0: free */
	uint32_t n, nslots;
	uint64_t key;
};

/* The hash key of the tables that are made from now on: list files may come from strangers, who must not be
 * able to choose names that collide. */
void intern_seed(uint64_t seed);

void intern_init(struct intern *in, struct arena *arena);

/* The number of these bytes, which are copied if they are new. */
uint32_t intern_add(struct intern *in, const void *data, size_t len);

/* The number of these bytes, or INTERN_NONE. */
uint32_t intern_find(const struct intern *in, const void *data, size_t len);

static inline const void *intern_get(const struct intern *in, uint32_t id)
{
	return in->items[id].data;
}

/* ---- sets of numbers, interned in the same way; set 0 is the empty one ---- */

struct sets {
	struct intern in;    /* sorted arrays of uint32_t */
	struct intern added; /* (set, element) -> ... */
	uint32_t *sum;	     /* ... set with that element */
};

void sets_init(struct sets *s, struct arena *arena);

/* The set with `element` in it as well. */
uint32_t sets_add(struct sets *s, uint32_t set, uint32_t element);

/* The set of these elements; sorted, none twice. */
uint32_t sets_of(struct sets *s, const uint32_t *elements, size_t n);

static inline const uint32_t *sets_get(const struct sets *s, uint32_t set, size_t *n)
{
	*n = s->in.items[set].len / sizeof(uint32_t);
	return intern_get(&s->in, set);
}

/* Sorts n numbers and drops those that stand twice. How many are left. */
size_t sets_sort(uint32_t *elements, size_t n);

#endif
