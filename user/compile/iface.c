// SPDX-License-Identifier: GPL-2.0-only
#include "iface.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

#define PATTERNS_FEW 12 /* whose subsets are counted rather than estimated */

/* An entry that asks for interfaces, with one of its clauses: it matches where the clause holds. */
struct iface_entry {
	uint32_t entry, clause;
};

struct iface_dir {
	struct iface_entry *entries;
	uint32_t nentries;
	uint32_t nbits, nchunks, stride;
	uint32_t rows, nrows; /* the reserve; its last row is for questions */
};

struct iface_clause {
	bool negated;
	uint32_t *patterns;
	uint32_t npatterns;
};

struct ifaces {
	struct arena *arena;   /* owns this */
	const char **patterns; /* globs */
	uint32_t npatterns, nwords;
	struct iface_clause *clauses;
	struct iface_dir dir[CGW_DIRS];
	/* sets that have their rows: nwords each; the i-th has row rows + i of each direction */
	uint64_t *sets;
	uint32_t nsets;
	uint64_t *now; /* the set at hand */
	struct cgw_chunk *row;
};

bool iface_wanted(const struct image *im)
{
	return (im->head.dir[CGW_OUT].dims | im->head.dir[CGW_IN].dims) & (1u << CGW_DIM_IFACE);
}

uint32_t iface_reserve(const struct image *im)
{
	uint32_t npatterns = im->tables->atoms[SPACE_IFACE].in.n;
	size_t most = im->tables->world->nlinks + IMAGE_SPARE_ROWS;

	if (npatterns < PATTERNS_FEW && most > 1u << npatterns)
		most = 1u << npatterns;
	return (uint32_t)most + 1;
}

/* ---- making ---- */

static void add_entries(struct ifaces *s, struct iface_dir *to, const struct direction *d)
{
	for (uint32_t i = 0; i < d->nentries; i++) {
		const struct entry *e = &d->entries[i];

		for (uint32_t k = 0; k < e->nrefs; k++)
			if (e->refs[k].dim == CGW_DIM_IFACE)
				*ARENA_ADD(s->arena, &to->entries, &to->nentries) =
					(struct iface_entry){i, e->refs[k].clause};
	}
}

static struct ifaces *make(struct arena *a, const struct image *im)
{
	const struct atoms *atoms = &im->tables->atoms[SPACE_IFACE];
	struct ifaces *s = arena_alloc(a, sizeof(*s));
	uint32_t stride = 1;

	s->arena = a;
	s->npatterns = atoms->in.n;
	s->nwords = atoms->in.n / 64 + 1;
	s->patterns = arena_alloc(a, (s->npatterns + 1) * sizeof(*s->patterns));
	for (uint32_t i = 0; i < s->npatterns; i++) {
		const struct atom_text *atom = intern_get(&atoms->in, i);

		s->patterns[i] = arena_strn(a, atom->text, strlen(atom->text));
	}
	s->clauses = arena_alloc(a, (atoms->clauses.n + 1) * sizeof(*s->clauses));
	for (uint32_t i = 0; i < atoms->clauses.n; i++) {
		struct iface_clause *c = &s->clauses[i];
		const uint32_t *of;
		size_t n;

		of = atoms_of_clause(im->tables, SPACE_IFACE, i, &c->negated, &n);
		c->npatterns = (uint32_t)n;
		c->patterns = arena_alloc(a, (n + 1) * sizeof(*of));
		memcpy(c->patterns, of, n * sizeof(*of));
	}
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct direction *d = &im->tables->dir[dir];
		struct iface_dir *to = &s->dir[dir];

		to->nbits = d->nentries;
		to->nchunks = d->rows.nchunks;
		to->stride = d->rows.stride;
		to->rows = im->iface_rows[dir];
		to->nrows = im->niface_rows[dir];
		if (to->stride > stride)
			stride = to->stride;
		add_entries(s, to, d);
	}
	s->now = arena_alloc(a, s->nwords * sizeof(*s->now));
	s->row = arena_alloc(a, stride * sizeof(*s->row));
	return s;
}

int iface_new(const struct image *im, struct ifaces **ret)
{
	struct arena *arena = arena_new();
	jmp_buf failure;

	if (!arena)
		return -ENOMEM;
	if (setjmp(failure)) {
		arena_free(arena);
		return -ENOMEM;
	}
	arena_on_failure(arena, &failure);
	*ret = make(arena, im);
	arena_on_failure(arena, NULL);
	return 0;
}

void iface_free(struct ifaces *s)
{
	if (!s)
		return;
	free(s->sets);
	arena_free(s->arena);
}

/* ---- sets and their rows ---- */

/* The patterns that match, into s->now. Is there one? */
static bool match(const struct ifaces *s, const char *name)
{
	bool any = false;

	memset(s->now, 0, s->nwords * sizeof(*s->now));
	for (uint32_t i = 0; i < s->npatterns; i++) {
		if (!policy_glob(s->patterns[i], name))
			continue;
		s->now[i / 64] |= 1ULL << (i % 64);
		any = true;
	}
	return any;
}

bool iface_matters(const struct ifaces *s, const char *name)
{
	return match(s, name);
}

static bool clause_holds(const struct ifaces *s, const struct iface_clause *c)
{
	for (uint32_t i = 0; i < c->npatterns; i++)
		if (s->now[c->patterns[i] / 64] >> (c->patterns[i] % 64) & 1)
			return !c->negated;
	return c->negated;
}

/* The row of s->now, into s->row. */
static void fill_row(const struct ifaces *s, const struct iface_dir *d)
{
	struct rows geometry = {.nchunks = d->nchunks, .stride = d->stride};
	__u64 *bits = s->row[d->stride - d->nchunks].w;

	memset(bits, 0, d->nchunks * sizeof(*s->row));
	memset(bits, 0xff, d->nbits / 64 * sizeof(*bits));
	if (d->nbits % 64)
		bits[d->nbits / 64] = (1ULL << (d->nbits % 64)) - 1;
	for (uint32_t i = 0; i < d->nentries; i++)
		if (!clause_holds(s, &s->clauses[d->entries[i].clause]))
			bits[d->entries[i].entry / 64] &= ~(1ULL << (d->entries[i].entry % 64));
	rows_summary(&geometry, s->row);
}

static uint32_t find_set(const struct ifaces *s)
{
	uint32_t i = 0;

	while (i < s->nsets &&
	       memcmp(s->sets + (size_t)i * s->nwords, s->now, s->nwords * sizeof(*s->now)) != 0)
		i++;
	return i;
}

/* Writes the rows of a set that will be the i-th. */
static int write_rows(struct ifaces *s, uint32_t i, iface_write *write, void *arg)
{
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct iface_dir *d = &s->dir[dir];
		int err;

		if (!d->nrows)
			continue;
		if (i + 1 >= d->nrows)
			return -ENOSPC;
		fill_row(s, d);
		err = write(arg, (enum cgw_dir)dir, d->rows + i, s->row);
		if (err)
			return err;
	}
	return 0;
}

int iface_class(struct ifaces *s, const char *name, iface_write *write, void *arg, struct cgw_class *ret)
{
	uint64_t *more;
	uint32_t i;
	int err;

	match(s, name);
	i = find_set(s);
	if (i == s->nsets) {
		more = realloc(s->sets, (size_t)(i + 1) * s->nwords * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->sets = more;
		err = write_rows(s, i, write, arg);
		if (err)
			return err;
		memcpy(more + (size_t)i * s->nwords, s->now, s->nwords * sizeof(*more));
		s->nsets++;
	}
	memset(ret, 0, sizeof(*ret));
	/* not asked for in a direction: any row does */
	for (int dir = 0; dir < CGW_DIRS; dir++)
		ret->row[dir][0] = s->dir[dir].nrows ? s->dir[dir].rows + i : 0;
	return 0;
}

int iface_row(struct ifaces *s, const char *name, enum cgw_dir dir, iface_write *write, void *arg,
	      uint32_t *ret)
{
	const struct iface_dir *d = &s->dir[dir];
	uint32_t i, row;
	int err = 0;

	*ret = 0;
	if (!d->nrows)
		return 0;
	match(s, name);
	i = find_set(s);
	row = d->rows + (i < s->nsets ? i : d->nrows - 1);
	if (i == s->nsets) {
		fill_row(s, d);
		err = write(arg, dir, row, s->row);
	}
	if (!err)
		*ret = row;
	return err;
}

/* ---- the image ---- */

void iface_key(uint32_t index, uint64_t netns, struct cgw_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = CGW_KEY_IFACE;
	memcpy(ret->data, &index, sizeof(index));
	memcpy(ret->data + 8, &netns, sizeof(netns));
}

int iface_write_image(void *arg, enum cgw_dir dir, uint32_t row, const struct cgw_chunk *chunks)
{
	struct image *im = arg;
	const struct cgw_dirhead *h = &im->head.dir[dir];

	memcpy(im->chunks + h->rows + (size_t)row * h->stride, chunks, h->stride * sizeof(*chunks));
	return 0;
}

int iface_add(struct image *im, const struct cgw_key *key, const struct cgw_class *class)
{
	struct image_key *more = realloc(im->ifaces, (im->nifaces + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	im->ifaces = more;
	more[im->nifaces++] = (struct image_key){*key, *class};
	return 0;
}
