/* SPDX-License-Identifier: GPL-2.0-only */
/* Conditions on one flow as an `or` of products, each an `and` of terms, each a set of atoms of one
 * dimension of which one (negated: none) holds. Products are kept few: an `or` of positive terms of one
 * dimension becomes one term, an `and` of negated ones as well; what is contradictory, double or implied by
 * another product goes.
 *
 * Values are immutable and live in the arena.
 */
#ifndef CGWALL_COMPILE_PRODUCTS_H
#define CGWALL_COMPILE_PRODUCTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../policy/arena.h"

#define PRODUCTS_MAX 4096
#define PRODUCTS_WORK (32u << 20)

/* Where values live, and how many atoms and terms may still be written: definitions that build on each other
 * can grow without bound otherwise. */
struct products_work {
	struct arena *arena;
	size_t left;
};

struct term {
	uint32_t dim;
	bool negated;
	uint32_t natoms;
	const uint32_t *atoms; /* sorted */
};

struct product {
	struct term *terms; /* sorted */
	uint32_t nterms;    /* 0: always true */
};

struct products {
	struct product *list;
	uint32_t n; /* 0: never true; more than PRODUCTS_MAX: too many, and list holds nothing */
};

struct products products_true(struct products_work *w);
struct products products_term(struct products_work *w, uint32_t dim, bool negated, const uint32_t *atoms,
			      size_t n);
struct products products_and(struct products_work *w, const struct products *x, const struct products *y);
struct products products_or(struct products_work *w, const struct products *x, const struct products *y);

static inline bool products_too_many(const struct products *p)
{
	return p->n > PRODUCTS_MAX;
}

#endif
