// SPDX-License-Identifier: GPL-2.0-only
/* Rules that can never decide. Nothing is reported that is not certain.
 *
 * Empty: an entry that is in no row of some dimension matches no value of it; a rule all of whose entries are
 * such matches nothing.
 *
 * Shadowed: entry f covers entry e if every clause of f follows from a clause of e. To find such an f among
 * thousands, e is asked for a witness in each dimension, a row that has e's bit; whoever covers e is in all
 * of e's witnesses, so their AND leaves few candidates. Of those TRIES_MAX are looked at for an entry and
 * WORK_MAX atoms for a direction, which leaves a shadow unseen now and then but keeps 10,000 rules cheap.
 */
#include <string.h>

#include "../policy/names.h"
#include "ip.h"
#include "judge.h"

#define TRIES_MAX 32
#define PAIRS_MAX 4096
#define WORK_MAX (4u << 20)

struct warn {
	const struct image *im;
	const struct direction *d;
	enum cgw_dir dir;
	struct diag *diag;
	struct arena *arena;
	uint32_t *witness[CGW_DIMS]; /* by entry; UINT32_MAX: none */
	__u64 *unconditional;	     /* a row of bits */
	uint8_t *empty;		     /* by entry */
	size_t work;
};

/* ---- the rows of a dimension ---- */

static void add_witness(struct warn *w, uint32_t dim, uint32_t row, __u64 *missing)
{
	const __u64 *bits = rows_bits(&w->d->rows, row);

	for (uint32_t i = 0; i < rows_words(&w->d->rows); i++) {
		for (__u64 found = bits[i] & missing[i]; found; found &= found - 1)
			w->witness[dim][i * 64 + (uint32_t)__builtin_ctzll(found)] = row;
		missing[i] &= ~bits[i];
	}
}

static void add_once(struct warn *w, uint32_t dim, uint32_t row, __u64 *missing, uint8_t *seen)
{
	if (seen[row])
		return;
	seen[row] = 1;
	add_witness(w, dim, row, missing);
}

/* Every row that a value of the dimension can have, but those that are only known when a question comes. What
 * a value has that no table knows comes first: it is in the rows of the entries that take anything. */
static void find_witnesses(struct warn *w, uint32_t dim)
{
	const struct image *im = w->im;
	const struct direction *d = w->d;
	enum cgw_end end = dim == CGW_DIM_LOCAL ? CGW_LOCAL : CGW_REMOTE;
	__u64 *missing = arena_alloc(w->arena, (rows_words(&d->rows) + 1) * sizeof(*missing));
	uint8_t *seen = arena_alloc(w->arena, d->rows.n + 1);
	uint32_t kind = 0;

	memcpy(missing, d->rows.ones, rows_words(&d->rows) * sizeof(*missing));
	w->witness[dim] = arena_alloc(w->arena, (d->nentries + 1) * sizeof(**w->witness));
	memset(w->witness[dim], 0xff, d->nentries * sizeof(**w->witness));
	add_once(w, dim, d->none[dim], missing, seen);
	for (uint32_t i = 0; i < d->nclasses[dim]; i++)
		add_once(w, dim, d->class_rows[dim][i], missing, seen);
	if (dim == CGW_DIM_UID)
		kind = CGW_KEY_UID;
	else if (dim == CGW_DIM_GID)
		kind = CGW_KEY_GID;
	else if (dim == CGW_DIM_REMOTE || dim == CGW_DIM_LOCAL)
		kind = CGW_KEY_ADDR;
	for (size_t i = 0; kind && i < im->nkeys; i++)
		if (im->keys[i].key.kind == kind)
			add_once(w, dim, im->keys[i].class.row[w->dir][end], missing, seen);
	for (size_t i = 0; kind == CGW_KEY_ADDR && i < im->nprefixes; i++)
		add_once(w, dim, im->prefixes[i].class.row[w->dir][end], missing, seen);
	if (dim == CGW_DIM_PROPS || dim == CGW_DIM_NAME || dim == CGW_DIM_IFACE)
		return;
	for (uint32_t i = 0; i < d->nentries; i++)
		w->empty[i] |= w->witness[dim][i] == UINT32_MAX;
}

/* ---- does one clause follow from another? ---- */

/* Is whatever makes atom a true inside what makes b true? */
static bool atom_within(const struct tables *t, enum space space, uint32_t a, uint32_t b)
{
	const void *x = intern_get(&t->atoms[space].in, a), *y = intern_get(&t->atoms[space].in, b);
	const struct atom_text *name = x, *over = y;
	const struct atom_port *port = x, *ports = y;
	const struct atom_net *net = x, *nets = y;
	size_t n, m;

	if (a == b)
		return true;
	switch (space) {
	case SPACE_NET:
		return net->v6 == nets->v6 && memcmp(nets->lo, net->lo, 16) <= 0 &&
		       memcmp(net->hi, nets->hi, 16) <= 0;
	case SPACE_PORT:
		if (port->proto != ports->proto &&
		    (ports->proto != PROTO_ANY_PORTS || !names_has_ports(port->proto)))
			return false;
		if (!ports->has_ports)
			return true;
		return port->has_ports && ports->lo <= port->lo && port->hi <= ports->hi;
	case SPACE_CG_PATH:
		n = strlen(over->text);
		return !strncmp(name->text, over->text, n) && name->text[n] == '/';
	case SPACE_NAME:
		if (over->kind != ITEM_DOMAIN || name->kind == ITEM_FILE)
			return false;
		n = strlen(name->text);
		m = strlen(over->text);
		return !strcmp(name->text + (n < m ? 0 : n - m), over->text) &&
		       (n == m || name->text[n - m - 1] == '.');
	default:
		return false;
	}
}

/* Can both never be true of one value? */
static bool atoms_apart(const struct tables *t, enum space space, uint32_t a, uint32_t b)
{
	const void *x = intern_get(&t->atoms[space].in, a), *y = intern_get(&t->atoms[space].in, b);
	const struct atom_net *net = x, *nets = y;

	if (space == SPACE_UID || space == SPACE_GID)
		return a != b;
	if (space != SPACE_NET)
		return false;
	return net->v6 != nets->v6 || memcmp(net->hi, nets->lo, 16) < 0 || memcmp(nets->hi, net->lo, 16) < 0;
}

struct list {
	const uint32_t *of;
	size_t n;
};

/* Is every atom of x within one of y? */
static bool list_within(struct warn *w, enum space space, struct list x, struct list y)
{
	if (x.n * y.n > PAIRS_MAX)
		return false;
	w->work += x.n * y.n;
	for (size_t i = 0; i < x.n; i++) {
		size_t k = 0;

		while (k < y.n && !atom_within(w->im->tables, space, x.of[i], y.of[k]))
			k++;
		if (k == y.n)
			return false;
	}
	return true;
}

static bool lists_apart(struct warn *w, enum space space, struct list x, struct list y)
{
	if (x.n * y.n > PAIRS_MAX)
		return false;
	w->work += x.n * y.n;
	for (size_t i = 0; i < x.n; i++)
		for (size_t k = 0; k < y.n; k++)
			if (!atoms_apart(w->im->tables, space, x.of[i], y.of[k]))
				return false;
	return true;
}

/* Does clause y of space hold wherever clause x does? */
static bool follows(struct warn *w, enum space space, uint32_t x, uint32_t y)
{
	struct list of_x, of_y;
	bool not_x, not_y;

	w->work++;
	if (x == y)
		return true;
	of_x.of = atoms_of_clause(w->im->tables, space, x, &not_x, &of_x.n);
	of_y.of = atoms_of_clause(w->im->tables, space, y, &not_y, &of_y.n);
	if (not_x)
		return not_y && list_within(w, space, of_y, of_x);
	return not_y ? lists_apart(w, space, of_x, of_y) : list_within(w, space, of_x, of_y);
}

/* Does f match whatever e matches? */
static bool covers(struct warn *w, const struct entry *f, const struct entry *e)
{
	for (uint32_t i = 0; i < f->nrefs; i++) {
		uint32_t k = 0;

		while (k < e->nrefs &&
		       (e->refs[k].dim != f->refs[i].dim ||
			!follows(w, tables_space(f->refs[i].dim), e->refs[k].clause, f->refs[i].clause)))
			k++;
		if (k == e->nrefs)
			return false;
	}
	return true;
}

/* ---- rules ---- */

/* Bits of word `at` that whoever covers entry e has. */
static __u64 candidates(const struct warn *w, uint32_t e, uint32_t at)
{
	__u64 bits = w->unconditional[at];

	for (uint32_t dim = 0; dim < CGW_DIMS; dim++)
		if (w->witness[dim] && w->witness[dim][e] != UINT32_MAX)
			bits &= rows_bits(&w->d->rows, w->witness[dim][e])[at];
	if (at == e / 64)
		bits &= (1ULL << (e % 64)) - 1; /* only what has priority */
	return bits;
}

/* The rule that shadows this entry, or NULL. */
static const struct rule *shadow_of(struct warn *w, uint32_t e)
{
	const struct entry *entries = w->d->entries;
	unsigned tries = 0;

	for (uint32_t at = 0; at <= e / 64; at++) {
		for (__u64 bits = candidates(w, e, at); bits; bits &= bits - 1) {
			uint32_t f = at * 64 + (uint32_t)__builtin_ctzll(bits);

			if (entries[f].rule == entries[e].rule)
				continue;
			if (++tries > TRIES_MAX || w->work > WORK_MAX)
				return NULL;
			if (covers(w, &entries[f], &entries[e]))
				return entries[f].rule;
		}
	}
	return NULL;
}

static void report_shadow(struct warn *w, const struct rule *r, const struct rule *by)
{
	const struct policy *p = w->im->tables->policy;

	diag_warning(w->diag, p, r->loc,
		     "this rule can never decide: %s rule %u (%s:%u), which %s, matches whatever it matches",
		     names_dir[w->dir], by->number, p->files[by->loc.file].path, by->loc.line,
		     !by->quick ? "comes later"
		     : r->quick ? "is quick and comes first"
				: "is quick");
}

static void check_rule(struct warn *w, const struct rule *r, const struct span *s)
{
	const struct policy *p = w->im->tables->policy;
	const struct rule *by = NULL;
	bool empty = true;

	for (uint32_t i = 0; i < s->n; i++)
		empty &= w->empty[s->first + i];
	if (empty) {
		diag_warning(w->diag, p, r->loc,
			     "this rule can never decide: nothing can match all that it asks for");
		return;
	}
	if (conditions_contradict(r)) {
		diag_warning(w->diag, p, r->loc,
			     "this rule can never decide: its `if` and `unless` never let it be in force");
		return;
	}
	for (uint32_t i = 0; i < s->n; i++) {
		const struct rule *here;

		if (w->empty[s->first + i])
			continue;
		here = shadow_of(w, s->first + i);
		if (!here)
			return;
		by = by ? by : here;
	}
	if (by)
		report_shadow(w, r, by);
}

static void check_direction(struct warn *w)
{
	const struct direction *d = w->d;
	const struct policy *p = w->im->tables->policy;

	w->empty = arena_alloc(w->arena, d->nentries + 1);
	w->unconditional = arena_alloc(w->arena, (rows_words(&d->rows) + 1) * sizeof(*w->unconditional));
	if (d->nentries)
		memcpy(w->unconditional, d->rows.ones, rows_words(&d->rows) * sizeof(*w->unconditional));
	for (uint32_t i = 0; i < d->nconditional; i++)
		w->unconditional[d->conditional[i] / 64] &= ~(1ULL << (d->conditional[i] % 64));
	for (uint32_t dim = 0; dim < CGW_DIMS; dim++)
		if (d->dims & (1u << dim))
			find_witnesses(w, dim);
	for (size_t i = 0; i < p->nrules[w->dir]; i++)
		check_rule(w, p->rules[w->dir][i], &d->spans[i]);
}

/* Where memory runs out nothing more is said: warnings are a courtesy. */
static void guarded(struct warn *w)
{
	jmp_buf failure;

	w->arena = arena_new();
	if (!w->arena)
		return;
	if (!setjmp(failure)) {
		arena_on_failure(w->arena, &failure);
		check_direction(w);
	}
	arena_free(w->arena);
}

void image_warn(const struct image *im, struct diag *d)
{
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		struct warn w = {.im = im, .d = &im->tables->dir[dir], .dir = dir, .diag = d};

		guarded(&w);
	}
}
