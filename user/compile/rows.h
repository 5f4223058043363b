/* SPDX-License-Identifier: GPL-2.0-only */
/* Bit rows over the priority list of one direction, each kept once, laid out as the image has them; and
 * the sweep that makes them.
 *
 * A sweep stands at one value of one dimension: a set of true atoms. Turning an atom on or off touches only
 * the entries whose clauses mention it, so walking through neighbouring values (addresses in order, ports in
 * order) costs as much as there are mentions, not values times entries. The row's hash is kept along with
 * it, so that finding an equal row costs nothing that depends on its length.
 */
#ifndef CGWALL_COMPILE_ROWS_H
#define CGWALL_COMPILE_ROWS_H

#include <stdint.h>

#include <cgwall/abi.h>

#include "../policy/arena.h"

struct rows {
	struct arena *arena;   /* hashes and slots */
	struct arena *scratch; /* chunks, until they are part of an image */
	uint32_t nbits;	       /* entries */
	uint32_t nchunks;      /* of bits, a row */
	uint32_t stride;       /* chunks a row, with the summary */
	uint32_t n;	       /* rows, with row 0: all ones */
	uint32_t cap;
	struct cgw_chunk *chunks; /* row r at r * stride; nothing is written or read of row 0 */
	__u64 *ones;		  /* row 0 */
	uint64_t *hashes;	  /* by row */
	uint32_t *slots;	  /* row + 1 */
	uint32_t nslots;
};

/* Arrays that say who mentions whom: of[start[i]] .. of[start[i + 1] - 1]. */
struct mentions {
	uint32_t *start, *of;
};

struct sweep {
	struct rows *rows;
	const struct mentions *clauses; /* atom -> clauses */
	const uint8_t *negated;		/* by clause */
	struct mentions entries;	/* clause -> entries that have it in this dimension */
	uint32_t *active;		/* by clause: how many of its atoms are on */
	uint16_t *unmet;		/* by entry: clauses that do not hold */
	__u64 *bits;
	uint32_t nwords;
	uint64_t hash;
};

void rows_init(struct rows *r, struct arena *arena, struct arena *scratch, uint32_t nentries);

/* The row with these bits (rows_words() of them, none set beyond the last entry); stored if it is new. */
uint32_t rows_of(struct rows *r, const __u64 *bits);

/* The bits of a row, without its summary. */
static inline __u64 *rows_bits(const struct rows *r, uint32_t row)
{
	return row ? r->chunks[(size_t)row * r->stride + (r->stride - r->nchunks)].w : r->ones;
}

static inline uint32_t rows_words(const struct rows *r)
{
	return r->nchunks * CGW_CHUNK_WORDS;
}

uint64_t rows_hash(const __u64 *bits, uint32_t nwords);

/* The row with these bits, or UINT32_MAX. hash: of a sweep, or rows_hash(). */
uint32_t rows_find(const struct rows *r, const __u64 *bits, uint64_t hash);

/* Fills in a stored row's summary from its bits. row points to its first chunk. */
void rows_summary(const struct rows *r, struct cgw_chunk *row);

/* Copies bits into a row (its first chunk), with the summary. */
void rows_store(const struct rows *r, struct cgw_chunk *row, const __u64 *bits);

/* mentions[i] for 0..n-1 from npairs pairs (from[k], to[k]). */
void mentions_build(struct mentions *m, struct arena *a, uint32_t n, const uint32_t *from, const uint32_t *to,
		    size_t npairs);

/* A sweep with every atom off. `from`, `to`: pairs (clause, entry). */
void sweep_init(struct sweep *s, struct rows *r, struct arena *a, const struct mentions *clauses,
		const uint8_t *negated, uint32_t nclauses, const uint32_t *from, const uint32_t *to,
		size_t npairs);

void sweep_on(struct sweep *s, uint32_t atom);
void sweep_off(struct sweep *s, uint32_t atom);

/* The row of the present set of atoms; stored if it is new. */
uint32_t sweep_row(struct sweep *s);

/* The same in another store, of rows as long as the sweep's. */
uint32_t sweep_row_in(const struct sweep *s, struct rows *r);

/* The row of exactly these atoms; all are off before and after. */
uint32_t sweep_row_of(struct sweep *s, const uint32_t *atoms, size_t n);

#endif
