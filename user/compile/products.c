// SPDX-License-Identifier: GPL-2.0-only
#include "products.h"

#include <stdlib.h>
#include <string.h>

#include "intern.h"

#define ABSORB_MAX 512 /* beyond this many products none is looked for that implies another */

static const struct products too_many = {.n = PRODUCTS_MAX + 1};

/* Room for n atoms, terms or products; NULL: enough is enough. */
static void *take(struct products_work *w, size_t n, size_t size)
{
	if (n >= w->left)
		return NULL;
	w->left -= n;
	return arena_alloc(w->arena, (n + 1) * size);
}

struct products products_true(struct products_work *w)
{
	struct products p = {.list = arena_alloc(w->arena, sizeof(*p.list)), .n = 1};

	return p;
}

struct products products_term(struct products_work *w, uint32_t dim, bool negated, const uint32_t *atoms,
			      size_t n)
{
	struct products p = products_true(w);
	uint32_t *copy = take(w, n, sizeof(*copy));
	struct term *term;

	if (!n)
		return negated ? p : (struct products){0};
	if (!copy)
		return too_many;
	memcpy(copy, atoms, n * sizeof(*copy));
	term = arena_alloc(w->arena, sizeof(*term));
	*term = (struct term){.dim = dim, .negated = negated, .atoms = copy, .natoms = sets_sort(copy, n)};
	p.list[0] = (struct product){.terms = term, .nterms = 1};
	return p;
}

static bool subset(const struct term *x, const struct term *y)
{
	uint32_t j = 0;

	for (uint32_t i = 0; i < x->natoms; i++) {
		while (j < y->natoms && y->atoms[j] < x->atoms[i])
			j++;
		if (j == y->natoms || y->atoms[j] != x->atoms[i])
			return false;
	}
	return true;
}

/* Does x holding mean that y holds? */
static bool implies(const struct term *x, const struct term *y)
{
	if (x->dim != y->dim || x->negated != y->negated)
		return false;
	return x->negated ? subset(y, x) : subset(x, y);
}

static int compare_terms(const void *a, const void *b)
{
	const struct term *x = a, *y = b;

	if (x->dim != y->dim)
		return x->dim < y->dim ? -1 : 1;
	if (x->negated != y->negated)
		return x->negated ? 1 : -1;
	if (x->natoms != y->natoms)
		return x->natoms < y->natoms ? -1 : 1;
	for (uint32_t i = 0; i < x->natoms; i++)
		if (x->atoms[i] != y->atoms[i])
			return x->atoms[i] < y->atoms[i] ? -1 : 1;
	return 0;
}

/* One term for both; where there is no more room, x, and w->left is 0. */
static struct term unite(struct products_work *w, const struct term *x, const struct term *y)
{
	struct term u = {.dim = x->dim, .negated = x->negated};
	uint32_t *atoms;

	if (subset(x, y))
		return *y;
	if (subset(y, x))
		return *x;
	atoms = take(w, (size_t)x->natoms + y->natoms, sizeof(*atoms));
	if (!atoms) {
		w->left = 0;
		return *x;
	}
	memcpy(atoms, x->atoms, x->natoms * sizeof(*atoms));
	memcpy(atoms + x->natoms, y->atoms, y->natoms * sizeof(*atoms));
	u.natoms = sets_sort(atoms, (size_t)x->natoms + y->natoms);
	u.atoms = atoms;
	return u;
}

/* Adds a term to a product under construction; false: they contradict each other. */
static bool add_term(struct products_work *w, struct product *p, const struct term *term)
{
	struct term t = *term;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < p->nterms; i++) {
		const struct term *have = &p->terms[i];

		if (have->dim == t.dim && have->negated && t.negated) {
			t = unite(w, have, &t);
			continue;
		}
		if (implies(&t, have))
			continue; /* says no more than the new one */
		if (implies(have, &t))
			return true; /* positive: nothing was dropped before this */
		p->terms[kept++] = *have;
	}
	p->nterms = kept;
	for (uint32_t i = 0; i < p->nterms; i++) {
		const struct term *have = &p->terms[i];

		if (have->dim == t.dim && have->negated != t.negated &&
		    (t.negated ? subset(have, &t) : subset(&t, have)))
			return false;
	}
	p->terms[p->nterms++] = t;
	return true;
}

static bool join(struct products_work *w, const struct product *x, const struct product *y,
		 struct product *ret)
{
	struct product p = {.nterms = x->nterms};

	p.terms = take(w, x->nterms + y->nterms, sizeof(*p.terms));
	if (!p.terms) {
		w->left = 0;
		return false;
	}
	if (x->nterms)
		memcpy(p.terms, x->terms, x->nterms * sizeof(*p.terms));
	for (uint32_t i = 0; i < y->nterms; i++)
		if (!add_term(w, &p, &y->terms[i]))
			return false;
	if (p.nterms)
		qsort(p.terms, p.nterms, sizeof(*p.terms), compare_terms);
	*ret = p;
	return true;
}

/* Does x holding mean that y holds? */
static bool product_implies(const struct product *x, const struct product *y)
{
	for (uint32_t j = 0; j < y->nterms; j++) {
		uint32_t i = 0;

		while (i < x->nterms && !implies(&x->terms[i], &y->terms[j]))
			i++;
		if (i == x->nterms)
			return false;
	}
	return true;
}

static bool mergeable(const struct product *p)
{
	return p->nterms == 1 && !p->terms[0].negated;
}

/* Adds a product to an `or` under construction. */
static void add_product(struct products_work *w, struct products *ps, const struct product *product)
{
	struct product p = *product;
	bool absorb = ps->n <= ABSORB_MAX;
	uint32_t kept = 0;

	if (!absorb) {
		ps->list[ps->n++] = p;
		return;
	}
	for (uint32_t i = 0; i < ps->n; i++) {
		const struct product *have = &ps->list[i];

		if (mergeable(have) && mergeable(&p) && have->terms[0].dim == p.terms[0].dim) {
			struct term *t = arena_alloc(w->arena, sizeof(*t));

			*t = unite(w, &have->terms[0], &p.terms[0]);
			p.terms = t;
		}
	}
	for (uint32_t i = 0; i < ps->n; i++)
		if (product_implies(&p, &ps->list[i]))
			return;
	for (uint32_t i = 0; i < ps->n; i++)
		if (!product_implies(&ps->list[i], &p))
			ps->list[kept++] = ps->list[i];
	ps->n = kept;
	ps->list[ps->n++] = p;
}

struct products products_or(struct products_work *w, const struct products *x, const struct products *y)
{
	struct products r = {0};

	if (products_too_many(x) || products_too_many(y) || x->n + y->n > 2 * PRODUCTS_MAX)
		return too_many;
	r.list = take(w, x->n + y->n, sizeof(*r.list));
	if (!r.list)
		return too_many;
	if (x->n)
		memcpy(r.list, x->list, x->n * sizeof(*r.list));
	r.n = x->n;
	for (uint32_t i = 0; i < y->n; i++)
		add_product(w, &r, &y->list[i]);
	return products_too_many(&r) || !w->left ? too_many : r;
}

struct products products_and(struct products_work *w, const struct products *x, const struct products *y)
{
	struct products r = {0};

	if (products_too_many(x) || products_too_many(y))
		return too_many;
	if ((size_t)x->n * y->n > 4 * (size_t)PRODUCTS_MAX)
		return too_many;
	r.list = take(w, (size_t)x->n * y->n, sizeof(*r.list));
	if (!r.list)
		return too_many;
	for (uint32_t i = 0; i < x->n; i++) {
		for (uint32_t j = 0; j < y->n; j++) {
			struct product p;

			if (join(w, &x->list[i], &y->list[j], &p))
				add_product(w, &r, &p);
		}
	}
	return products_too_many(&r) || !w->left ? too_many : r;
}
