// SPDX-License-Identifier: GPL-2.0-only
#include "expand.h"

#include <string.h>

/* `if`, `unless` and `until` are no clauses: they hold for the rule as a whole, and are one row. */
static struct products expand_rule(struct expand *x, const struct rule *r)
{
	bool out = r->dir == CGW_OUT;
	struct products all = services_expand(x, r), p;

	p = hosts_expand(x, &r->from, out ? CGW_LOCAL : CGW_REMOTE);
	all = products_and(&x->work, &all, &p);
	p = hosts_expand(x, &r->to, out ? CGW_REMOTE : CGW_LOCAL);
	all = products_and(&x->work, &all, &p);
	if (r->iface) {
		uint32_t atom = atoms_text(x->t, SPACE_IFACE, 0, r->iface, strlen(r->iface));

		p = products_term(&x->work, CGW_DIM_IFACE, false, &atom, 1);
		all = products_and(&x->work, &all, &p);
	}
	if (r->who) {
		p = who_expand(x, r->who, false);
		all = products_and(&x->work, &all, &p);
	}
	return all;
}

static void add_entry(struct tables *t, struct direction *d, const struct rule *r, const struct product *p)
{
	struct entry *e = ARENA_ADD(t->arena, &d->entries, &d->nentries);

	e->rule = r;
	e->nrefs = p->nterms;
	e->refs = arena_alloc(t->arena, (p->nterms + 1) * sizeof(*e->refs));
	for (uint32_t i = 0; i < p->nterms; i++) {
		const struct term *term = &p->terms[i];

		e->refs[i].dim = term->dim;
		e->refs[i].clause =
			atoms_clause(t, tables_space(term->dim), term->negated, term->atoms, term->natoms);
		d->dims |= 1u << term->dim;
	}
}

static int add_rule(struct expand *x, struct direction *d, const struct rule *r)
{
	struct products p = expand_rule(x, r);

	if (products_too_many(&p)) {
		diag_error(x->t->diag, x->t->policy, r->loc,
			   "too complex: this rule needs more than %d combinations of its alternatives; "
			   "split it",
			   PRODUCTS_MAX);
		return -1;
	}
	if (d->nentries + p.n > CGW_ENTRIES_MAX) {
		diag_error(x->t->diag, x->t->policy, r->loc,
			   "too many rules: those up to here need more than %d table entries",
			   CGW_ENTRIES_MAX);
		return -1;
	}
	for (uint32_t i = 0; i < p.n; i++)
		add_entry(x->t, d, r, &p.list[i]);
	return 0;
}

static size_t expand_direction(struct expand *x, enum cgw_dir dir)
{
	const struct policy *p = x->t->policy;
	struct direction *d = &x->t->dir[dir];
	size_t n = p->nrules[dir];

	d->spans = arena_alloc(x->t->arena, (n + 1) * sizeof(*d->spans));
	for (size_t i = 0; i < n; i++) {
		d->spans[i].first = d->nentries;
		if (add_rule(x, d, p->rules[dir][i]))
			return 1;
		d->spans[i].n = d->nentries - d->spans[i].first;
	}
	return 0;
}

size_t expand_policy(struct tables *t)
{
	struct expand x = {.t = t, .work = {.arena = t->scratch, .left = PRODUCTS_WORK}};
	const struct policy *p = t->policy;
	size_t before = t->diag->errors, errors = 0;

	intern_init(&x.apps, t->scratch);
	intern_init(&x.groups, t->scratch);
	intern_init(&x.services, t->scratch);
	for (size_t i = 0; i < p->nstmts; i++)
		if (p->stmts[i].kind == STMT_APP)
			who_define(&x, p->stmts[i].app);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		errors += expand_direction(&x, dir);
	return errors ? errors : t->diag->errors - before;
}
