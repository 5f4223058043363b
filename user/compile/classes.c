// SPDX-License-Identifier: GPL-2.0-only
#include "classes.h"

#include <string.h>

#include "lists.h"

static void begin_dim(struct tables *t, struct direction *d, uint32_t dim)
{
	struct atoms *as = &t->atoms[tables_space(dim)];
	uint32_t *clause, *entry;
	size_t n = 0;

	for (uint32_t i = 0; i < d->nentries; i++)
		for (uint32_t k = 0; k < d->entries[i].nrefs; k++)
			n += d->entries[i].refs[k].dim == dim;
	clause = arena_alloc(t->scratch, (n + 1) * sizeof(*clause));
	entry = arena_alloc(t->scratch, (n + 1) * sizeof(*entry));
	n = 0;
	for (uint32_t i = 0; i < d->nentries; i++) {
		for (uint32_t k = 0; k < d->entries[i].nrefs; k++) {
			if (d->entries[i].refs[k].dim != dim)
				continue;
			clause[n] = d->entries[i].refs[k].clause;
			entry[n++] = i;
		}
	}
	sweep_init(&d->sweeps[dim], &d->rows, t->arena, &as->in_clauses, as->negated, as->clauses.n, clause,
		   entry, n);
	d->none[dim] = sweep_row(&d->sweeps[dim]);
}

void classes_begin(struct tables *t)
{
	atoms_index(t);
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		struct direction *d = &t->dir[dir];

		rows_init(&d->rows, t->arena, t->scratch, d->nentries);
		for (uint32_t dim = 0; dim < CGW_DIMS; dim++)
			if (d->dims & (1u << dim))
				begin_dim(t, d, dim);
	}
}

/* A key for each user or group that a rule names. */
static void build_ids(struct tables *t, uint32_t dim, uint32_t kind)
{
	const struct intern *in = &t->atoms[tables_space(dim)].in;

	for (uint32_t atom = 0; atom < in->n; atom++) {
		struct image_key *k = ARENA_ADD(t->arena, &t->keys, &t->nkeys);

		k->key.kind = kind;
		memcpy(k->key.data, intern_get(in, atom), sizeof(uint32_t));
		for (int dir = 0; dir < CGW_DIRS; dir++)
			if (t->dir[dir].dims & (1u << dim))
				k->class.row[dir][0] = sweep_row_of(&t->dir[dir].sweeps[dim], &atom, 1);
	}
}

/* The atoms of a set of list files; those that no rule names have none. */
static size_t list_atoms(const struct tables *t, uint32_t class, uint32_t *atoms)
{
	const struct intern *in = &t->atoms[SPACE_LIST].in;
	size_t nfiles, n = 0;
	const uint32_t *files = sets_get(&t->listset->sets, class, &nfiles);

	for (size_t i = 0; i < nfiles; i++) {
		uint32_t atom = intern_find(in, &files[i], sizeof(files[i]));

		if (atom != INTERN_NONE)
			atoms[n++] = atom;
	}
	return n;
}

static void build_lists(struct tables *t, struct direction *d, uint32_t dim)
{
	uint32_t nclasses = t->lists ? t->lists->nclasses : 1;
	uint32_t *atoms = arena_alloc(t->scratch, (t->listset->paths.n + 1) * sizeof(*atoms));

	d->class_rows[dim] = arena_alloc(t->arena, nclasses * sizeof(*d->class_rows[dim]));
	d->nclasses[dim] = nclasses;
	for (uint32_t class = 0; class < nclasses; class ++)
		d->class_rows[dim][class] = sweep_row_of(&d->sweeps[dim], atoms, list_atoms(t, class, atoms));
}

/* The entries that do not ask for a dimension. */
static uint32_t open_row(struct tables *t, struct direction *d, uint32_t dim)
{
	__u64 *bits = arena_alloc(t->scratch, rows_words(&d->rows) * sizeof(*bits));

	for (uint32_t i = 0; i < d->nentries; i++) {
		bool asks = false;

		for (uint32_t k = 0; k < d->entries[i].nrefs; k++)
			asks |= d->entries[i].refs[k].dim == dim;
		if (!asks)
			bits[i / 64] |= 1ULL << (i % 64);
	}
	return rows_of(&d->rows, bits);
}

static uint32_t passing_row(struct tables *t, struct direction *d, bool or_ask)
{
	__u64 *bits = arena_alloc(t->scratch, rows_words(&d->rows) * sizeof(*bits));

	for (uint32_t i = 0; i < d->nentries; i++) {
		enum cgw_action action = d->entries[i].rule->act.action;

		if (action == CGW_PASS || (or_ask && action == CGW_ASK))
			bits[i / 64] |= 1ULL << (i % 64);
	}
	return rows_of(&d->rows, bits);
}

void classes_wild(struct tables *t)
{
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		struct direction *d = &t->dir[dir];

		if (!d->nentries)
			continue;
		for (uint32_t dim = 0; dim < CGW_DIMS; dim++)
			if (d->dims & (1u << dim))
				d->open[dim] = open_row(t, d, dim);
		for (int i = 0; i < 2; i++)
			d->passing[i] = passing_row(t, d, i);
	}
}

void classes_simple(struct tables *t)
{
	build_ids(t, CGW_DIM_UID, CGW_KEY_UID);
	build_ids(t, CGW_DIM_GID, CGW_KEY_GID);
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		for (uint32_t dim = CGW_DIM_REMOTE_LIST; dim <= CGW_DIM_LOCAL_LIST; dim++)
			if (tables_space(dim) == SPACE_LIST && (t->dir[dir].dims & (1u << dim)))
				build_lists(t, &t->dir[dir], dim);
	}
}
