// SPDX-License-Identifier: GPL-2.0-only
#include "rows.h"

#include <string.h>

/* What one word adds to its row's hash. */
static uint64_t mix(uint32_t at, uint64_t word)
{
	uint64_t h = (word ^ (at * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;

	h = (h ^ (h >> 32)) * 0xc4ceb9fe1a85ec53ULL;
	return h ^ (h >> 29);
}

static void grow_slots(struct rows *r)
{
	uint32_t n = r->nslots ? r->nslots * 2 : 256;

	r->slots = arena_grow(r->arena, r->slots, r->nslots * sizeof(*r->slots), n * sizeof(*r->slots));
	r->nslots = n;
	memset(r->slots, 0, n * sizeof(*r->slots));
	for (uint32_t i = 0; i < r->n; i++) {
		uint32_t at = (uint32_t)(r->hashes[i] >> 20) & (n - 1);

		while (r->slots[at])
			at = (at + 1) & (n - 1);
		r->slots[at] = i + 1;
	}
}

static uint32_t slot_of(const struct rows *r, const __u64 *bits, uint64_t hash)
{
	uint32_t mask = r->nslots - 1, at = (uint32_t)(hash >> 20) & mask;

	for (; r->slots[at]; at = (at + 1) & mask) {
		uint32_t row = r->slots[at] - 1;

		if (r->hashes[row] == hash && !memcmp(rows_bits(r, row), bits, rows_words(r) * sizeof(*bits)))
			break;
	}
	return at;
}

uint32_t rows_find(const struct rows *r, const __u64 *bits, uint64_t hash)
{
	uint32_t at = slot_of(r, bits, hash);

	return r->slots[at] ? r->slots[at] - 1 : UINT32_MAX;
}

void rows_summary(const struct rows *r, struct cgw_chunk *row)
{
	if (r->stride == r->nchunks)
		return;
	memset(row, 0, sizeof(*row));
	for (uint32_t w = 0; w < r->nchunks * CGW_CHUNK_WORDS; w++)
		if (row[1].w[w])
			row->w[w / 64] |= 1ULL << (w & 63);
}

void rows_store(const struct rows *r, struct cgw_chunk *row, const __u64 *bits)
{
	memcpy(row + (r->stride - r->nchunks), bits, r->nchunks * sizeof(*row));
	rows_summary(r, row);
}

static uint32_t rows_add(struct rows *r, const __u64 *bits, uint64_t hash)
{
	uint32_t at;

	if (r->n >= r->nslots / 2)
		grow_slots(r);
	at = slot_of(r, bits, hash);
	if (r->slots[at])
		return r->slots[at] - 1;
	if (r->n == r->cap) {
		uint32_t cap = r->cap ? r->cap * 2 : 64;
		size_t row = r->stride * sizeof(*r->chunks);

		r->chunks = arena_grow(r->scratch, r->chunks, r->cap * row, cap * row);
		r->hashes = arena_grow(r->arena, r->hashes, r->cap * sizeof(*r->hashes),
				       cap * sizeof(*r->hashes));
		r->cap = cap;
	}
	r->hashes[r->n] = hash;
	if (r->n)
		rows_store(r, r->chunks + (size_t)r->n * r->stride, bits);
	r->slots[at] = ++r->n;
	return r->n - 1;
}

uint64_t rows_hash(const __u64 *bits, uint32_t nwords)
{
	uint64_t h = 0;

	for (uint32_t w = 0; w < nwords; w++)
		h ^= mix(w, bits[w]);
	return h;
}

uint32_t rows_of(struct rows *r, const __u64 *bits)
{
	return rows_add(r, bits, rows_hash(bits, rows_words(r)));
}

/* Ones for every entry; the rest of the last chunk stays zero. */
static void fill_ones(__u64 *bits, uint32_t nbits)
{
	memset(bits, 0xff, nbits / 64 * sizeof(*bits));
	if (nbits % 64)
		bits[nbits / 64] = (1ULL << (nbits % 64)) - 1;
}

void rows_init(struct rows *r, struct arena *arena, struct arena *scratch, uint32_t nentries)
{
	*r = (struct rows){.arena = arena, .scratch = scratch, .nbits = nentries};
	r->nchunks = (nentries + CGW_CHUNK_BITS - 1) / CGW_CHUNK_BITS;
	r->stride = nentries > CGW_QUAD_BITS ? r->nchunks + 1 : r->nchunks;
	if (!r->nchunks)
		return;
	r->ones = arena_alloc(arena, r->nchunks * sizeof(struct cgw_chunk));
	fill_ones(r->ones, nentries);
	rows_add(r, r->ones, rows_hash(r->ones, rows_words(r)));
}

void mentions_build(struct mentions *m, struct arena *a, uint32_t n, const uint32_t *from, const uint32_t *to,
		    size_t npairs)
{
	m->start = arena_alloc(a, ((size_t)n + 2) * sizeof(*m->start));
	m->of = arena_alloc(a, (npairs + 1) * sizeof(*m->of));
	for (size_t i = 0; i < npairs; i++)
		m->start[from[i] + 2]++;
	for (uint32_t i = 0; i < n; i++)
		m->start[i + 2] += m->start[i + 1];
	for (size_t i = 0; i < npairs; i++)
		m->of[m->start[from[i] + 1]++] = to[i];
}

void sweep_init(struct sweep *s, struct rows *r, struct arena *a, const struct mentions *clauses,
		const uint8_t *negated, uint32_t nclauses, const uint32_t *from, const uint32_t *to,
		size_t npairs)
{
	*s = (struct sweep){.rows = r, .clauses = clauses, .negated = negated, .nwords = rows_words(r)};
	mentions_build(&s->entries, a, nclauses, from, to, npairs);
	s->active = arena_alloc(a, (nclauses + 1) * sizeof(*s->active));
	s->unmet = arena_alloc(a, (r->nbits + 1) * sizeof(*s->unmet));
	s->bits = arena_alloc(a, (s->nwords + 1) * sizeof(*s->bits));
	fill_ones(s->bits, r->nbits);
	for (size_t i = 0; i < npairs; i++) {
		if (negated[from[i]])
			continue;
		s->unmet[to[i]]++;
		s->bits[to[i] / 64] &= ~(1ULL << (to[i] % 64));
	}
	s->hash = rows_hash(s->bits, s->nwords);
}

static void flip(struct sweep *s, uint32_t entry)
{
	__u64 *word = &s->bits[entry / 64];

	s->hash ^= mix(entry / 64, *word);
	*word ^= 1ULL << (entry % 64);
	s->hash ^= mix(entry / 64, *word);
}

/* The clause came to hold, or ceased to. */
static void change(struct sweep *s, uint32_t clause, int holds)
{
	for (uint32_t i = s->entries.start[clause]; i < s->entries.start[clause + 1]; i++) {
		uint32_t entry = s->entries.of[i];

		if (holds) {
			if (!--s->unmet[entry])
				flip(s, entry);
		} else {
			if (!s->unmet[entry]++)
				flip(s, entry);
		}
	}
}

void sweep_on(struct sweep *s, uint32_t atom)
{
	for (uint32_t i = s->clauses->start[atom]; i < s->clauses->start[atom + 1]; i++) {
		uint32_t clause = s->clauses->of[i];

		if (!s->active[clause]++)
			change(s, clause, !s->negated[clause]);
	}
}

void sweep_off(struct sweep *s, uint32_t atom)
{
	for (uint32_t i = s->clauses->start[atom]; i < s->clauses->start[atom + 1]; i++) {
		uint32_t clause = s->clauses->of[i];

		if (!--s->active[clause])
			change(s, clause, s->negated[clause]);
	}
}

uint32_t sweep_row_in(const struct sweep *s, struct rows *r)
{
	return rows_add(r, s->bits, s->hash);
}

uint32_t sweep_row(struct sweep *s)
{
	return sweep_row_in(s, s->rows);
}

uint32_t sweep_row_of(struct sweep *s, const uint32_t *atoms, size_t n)
{
	uint32_t row;

	for (size_t i = 0; i < n; i++)
		sweep_on(s, atoms[i]);
	row = sweep_row(s);
	for (size_t i = 0; i < n; i++)
		sweep_off(s, atoms[i]);
	return row;
}
