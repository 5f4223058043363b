// SPDX-License-Identifier: GPL-2.0-only
/* Who: selector expressions to products. `not` is pushed down to the selectors on the way. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../policy/glob.h"
#include "expand.h"

/* A number that stands for a name nobody resolved: no real user has one so high. */
static uint32_t made_up(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	return h | 0x80000000u;
}

int who_number(const struct tables *t, bool group, const char *text, uint32_t *ret)
{
	int (*resolve)(void *arg, const char *name, uint32_t *ret) = group ? t->world->group : t->world->user;
	unsigned long number;
	char *end;

	if (!text)
		return -ENOENT;
	if (*text >= '0' && *text <= '9') {
		errno = 0;
		number = strtoul(text, &end, 10);
		if (!*end && !errno && number <= UINT32_MAX) {
			*ret = (uint32_t)number;
			return 0;
		}
	}
	if (resolve)
		return resolve(t->world->arg, text, ret);
	*ret = made_up(text);
	return 0;
}

static uint32_t number_atom(struct tables *t, const struct expr *e)
{
	const char *text = e->text ? e->text : "";
	bool group = e->sel == SEL_GROUP;
	uint32_t id = e->id;

	if (!e->numeric && who_number(t, group, text, &id)) {
		diag_error(t->diag, t->policy, e->loc, "this host has no %s `%s`", group ? "group" : "user",
			   text);
		id = made_up(text);
	}
	return atoms_number(t, group ? SPACE_GID : SPACE_UID, id);
}

/* A cgroup's path is written without slashes at its ends; the root covers everything. */
static uint32_t cgroup_atom(struct tables *t, const char *text, uint32_t *dim)
{
	size_t len;

	text += strspn(text, "/");
	len = strlen(text);
	while (len && text[len - 1] == '/' && (len < 2 || text[len - 2] != '\\'))
		len--;
	if (!len) {
		text = "**";
		len = 2;
	}
	*dim = glob_is_plain(text) ? CGW_DIM_CG_PATH : CGW_DIM_CG_GLOB;
	return atoms_text(t, tables_space(*dim), *dim == CGW_DIM_CG_GLOB ? SEL_CGROUP : 0, text, len);
}

/* One selector but `any`, as an atom of a dimension. */
static uint32_t leaf_atom(struct tables *t, const struct expr *e, uint32_t *dim)
{
	const char *text = e->text ? e->text : "";

	switch (e->sel) {
	case SEL_EXE:
		*dim = glob_is_plain(text) ? CGW_DIM_EXE_PATH : CGW_DIM_EXE_GLOB;
		return atoms_text(t, tables_space(*dim), 0, text, strlen(text));
	case SEL_CGROUP:
		return cgroup_atom(t, text, dim);
	case SEL_UNIT:
		*dim = CGW_DIM_CG_GLOB;
		return atoms_text(t, SPACE_CG_GLOB, SEL_UNIT, text, strlen(text));
	case SEL_USER:
	case SEL_GROUP:
		*dim = e->sel == SEL_GROUP ? CGW_DIM_GID : CGW_DIM_UID;
		return number_atom(t, e);
	default:
		*dim = CGW_DIM_PROPS;
		return atoms_text(t, SPACE_PROPS, (uint8_t)e->sel, text, strlen(text));
	}
}

static struct products constant(struct products_work *w, bool value)
{
	return value ? products_true(w) : (struct products){0};
}

static uint32_t app_key(struct expand *x, const struct app *app, bool negated)
{
	uintptr_t key[2] = {(uintptr_t)app, negated};

	return intern_find(&x->apps, key, sizeof(key));
}

/* Selectors that stand side by side and can share a term: those of an `or`, and the negated ones of an
 * `and`. One term for each dimension, however many there are. */
static struct products shared_terms(struct expand *x, const struct expr *e, bool negated, bool is_or)
{
	struct products_work *w = &x->work;
	struct products all = constant(w, !is_or);
	uint32_t *atoms[CGW_DIMS] = {0}, n[CGW_DIMS] = {0};

	for (size_t i = 0; i < e->nkids; i++) {
		const struct expr *kid = e->kids[i];
		bool kid_negated = negated;
		uint32_t dim, atom;

		if (kid->op == EXPR_NOT) {
			kid = kid->kids[0];
			kid_negated = !kid_negated;
		}
		if (kid->op != EXPR_SELECTOR || kid->sel == SEL_ANY || kid_negated == is_or)
			continue;
		atom = leaf_atom(x->t, kid, &dim);
		*ARENA_ADD(w->arena, &atoms[dim], &n[dim]) = atom;
	}
	for (uint32_t dim = 0; dim < CGW_DIMS; dim++) {
		struct products term;

		if (!n[dim])
			continue;
		term = products_term(w, dim, !is_or, atoms[dim], n[dim]);
		all = is_or ? products_or(w, &all, &term) : products_and(w, &all, &term);
	}
	return all;
}

static struct products list(struct expand *x, const struct expr *e, bool negated)
{
	bool is_or = (e->op == EXPR_OR) != negated;
	struct products all = shared_terms(x, e, negated, is_or);

	for (size_t i = 0; i < e->nkids; i++) {
		const struct expr *kid = e->kids[i], *inner = kid->op == EXPR_NOT ? kid->kids[0] : kid;
		bool kid_negated = (kid->op == EXPR_NOT) != negated;
		struct products p;

		if (inner->op == EXPR_SELECTOR && inner->sel != SEL_ANY && kid_negated != is_or)
			continue; /* in shared_terms() already */
		p = who_expand(x, kid, negated);
		all = is_or ? products_or(&x->work, &all, &p) : products_and(&x->work, &all, &p);
	}
	return all;
}

struct products who_expand(struct expand *x, const struct expr *e, bool negated)
{
	uint32_t dim, atom, id;

	switch (e->op) {
	case EXPR_NOT:
		return who_expand(x, e->kids[0], !negated);
	case EXPR_AND:
	case EXPR_OR:
		return list(x, e, negated);
	case EXPR_APP:
		id = app_key(x, e->app, negated);
		return id == INTERN_NONE ? who_expand(x, e->app->expr, negated) : x->app_products[id];
	default:
		if (e->sel == SEL_ANY)
			return constant(&x->work, !negated);
		atom = leaf_atom(x->t, e, &dim);
		return products_term(&x->work, dim, negated, &atom, 1);
	}
}

void who_define(struct expand *x, const struct app *app)
{
	for (int negated = 0; negated < 2; negated++) {
		uintptr_t key[2] = {(uintptr_t)app, negated};
		struct products p = who_expand(x, app->expr, negated);

		if (app_key(x, app, negated) != INTERN_NONE)
			continue;
		x->app_products = arena_room(x->t->scratch, x->app_products, x->apps.n, sizeof(p));
		x->app_products[intern_add(&x->apps, key, sizeof(key))] = p;
	}
}
