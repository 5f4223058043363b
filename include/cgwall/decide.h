/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdict: one function over a query and a set of lookups, compiled into the hooks, into the
 * syscall program that `explain` and the tests ask, and into user space over plain arrays.
 *
 * Whoever includes this defines the lookups first; each gives NULL where nothing is found:
 *
 *   const struct cgw_chunk *cgw_chunk_at(__u64 word, __u32 index)       a chunk of the word's slot
 *   const struct cgw_class *cgw_class_of(__u64 word, const struct cgw_key *key)
 *   const struct cgw_class *cgw_prefix_of(__u64 word, const struct cgw_prefix *key)
 *   __u32 cgw_list_of(__u32 lists, const struct cgw_prefix *key)        list class, 0 for none; len is 128
 *   const struct cgw_head *cgw_head_of(__u64 word)
 *
 * and CGW_FN, what to write before a function that the verifier may check on its own.
 *
 * How it decides. Every dimension that the policy uses turns its value into a row by one lookup.
 * The rows are ANDed, summary first; the lowest bit that is left is the first entry of the priority
 * list that matches in every dimension, which is what "the last match wins unless quick" means
 * (compile/order.c). Example: entries 0 `block quick to A`, 1 `pass app X`, 2 `block`. A packet of X
 * to B: row(REMOTE, B) = 110, row(EXE, X) = 111, AND = 110, lowest set bit: entry 1, pass.
 *
 * A lookup that cannot fail but does gives CGW_ERR_TABLE, and whoever asked refuses.
 */
#ifndef CGWALL_DECIDE_H
#define CGWALL_DECIDE_H

#include "abi.h"

/* Loops that the verifier is to see as loops. */
#ifdef __bpf__
#define CGW_ROLLED _Pragma("clang loop unroll(disable)")
#else
#define CGW_ROLLED
#endif

/* IPv4 written into IPv6 is IPv4 in this representation by itself. The wildcard as a destination is
 * where the kernel sends it: loopback. addr: 16 bytes, network order, changed in place. */
static __always_inline void cgw_fold(__u8 *addr)
{
	__u32 *a = (__u32 *)addr; /* callers keep addresses 4-byte aligned */

	if (a[0] || a[1] || a[3])
		return;
	if (a[2] == 0) {
		addr[15] = 1; /* :: */
	} else if (addr[8] == 0 && addr[9] == 0 && addr[10] == 0xff && addr[11] == 0xff) {
		addr[12] = 127; /* ::ffff:0.0.0.0 */
		addr[15] = 1;
	}
}

/* Number of the lowest set bit of x, which must not be 0. BPF has no such instruction: isolate the
 * bit, multiply by a de Bruijn sequence, look the top six bits up (Leiserson, Prokop and Randall,
 * "Using de Bruijn Sequences to Index a 1 in a Computer Word", 1998). */
static __always_inline __u32 cgw_lowest(__u64 x)
{
#ifdef __bpf__
	static const __u8 at[64] = {0,	1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,
				    62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
				    63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
				    46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,	6};

	return at[((x & -x) * 0x03f79d71b4cb0a89ULL) >> 58];
#else
	return (__u32)__builtin_ctzll(x);
#endif
}

/* ANDs quad `quad` of chunk `at` of every constrained row into s->quad. 0, or -1 where a row is missing. */
CGW_FN int cgw_scan_and(struct cgw_scan *s, __u32 at, __u32 quad)
{
	quad = (quad & 3) * CGW_QUAD_WORDS;
	if (!s)
		return -1;
	for (int w = 0; w < CGW_QUAD_WORDS; w++)
		s->quad[w] = ~0ULL;
	CGW_ROLLED
	for (int d = 0; d < CGW_DIMS; d++) {
		const struct cgw_chunk *c;
		const __u64 *bits;

		if (!s->rows[d])
			continue;
		c = cgw_chunk_at(s->word, s->base + s->rows[d] * s->stride + at);
		if (!c)
			return -1;
		bits = c->w + quad;
		asm volatile("" : "+r"(bits)); /* one pointer; clang would spill four offsets instead */
		for (int w = 0; w < CGW_QUAD_WORDS; w++)
			s->quad[w] &= bits[w];
	}
	return 0;
}

/* The lowest bit among the 256 of quad k, counted from the start of the row. 1 found (s->prio), 0 not here,
 * -1 broken. */
static __always_inline int cgw_scan_quad(struct cgw_scan *s, __u32 k)
{
	if (!s || cgw_scan_and(s, s->stride - s->nchunks + k / 4, k))
		return -1;
	for (__u32 w = 0; w < CGW_QUAD_WORDS; w++) {
		if (s->quad[w]) {
			s->prio = k * CGW_QUAD_BITS + w * 64 + cgw_lowest(s->quad[w]);
			return 1;
		}
	}
	return 0;
}

/* Follows word w of the ANDed summary: bit b stands for word 64 w + b of the rows, four of them make a quad.
 * 1 found (s->prio), 0 not here, -1 broken. */
CGW_FN int cgw_scan_word(struct cgw_scan *s, __u32 w, __u64 sum)
{
	if (!s)
		return -1;
	/* one bit a quad is enough */
	sum |= sum >> 2;
	sum = (sum | sum >> 1) & 0x1111111111111111ULL;
	for (int i = 0; i < 16; i++) {
		int r;

		if (!sum)
			break;
		r = cgw_scan_quad(s, w * 16 + cgw_lowest(sum) / 4);
		if (r)
			return r;
		sum &= sum - 1;
	}
	return 0;
}

/* The first matching entry. 1 found (s->prio), 0 none, -1 broken. */
CGW_FN int cgw_scan_first(struct cgw_scan *s)
{
	if (!s)
		return -1;
	if (!s->nchunks)
		return 0;
	if (s->stride == s->nchunks)
		return cgw_scan_quad(s, 0);
	for (__u32 q = 0; q < 4; q++) {
		__u64 sum[CGW_QUAD_WORDS];

		/* a quad of summary covers 16,384 entries */
		if (q * 16 >= s->nchunks)
			break;
		if (cgw_scan_and(s, 0, q))
			return -1;
		for (int w = 0; w < CGW_QUAD_WORDS; w++)
			sum[w] = s->quad[w];
		for (__u32 w = 0; w < CGW_QUAD_WORDS; w++) {
			int r;

			if (!sum[w])
				continue;
			r = cgw_scan_word(s, q * CGW_QUAD_WORDS + w, sum[w]);
			if (r)
				return r;
		}
	}
	return 0;
}

/* A __u32 or __u16 out of a section of the image. *ret untouched on failure. */
static __always_inline int cgw_u32_at(__u64 word, __u32 base, __u32 i, __u32 *ret)
{
	const struct cgw_chunk *c = cgw_chunk_at(word, base + i / CGW_U32_PER_CHUNK);

	if (!c)
		return -1;
	*ret = ((const __u32 *)c)[i & (CGW_U32_PER_CHUNK - 1)];
	return 0;
}

static __always_inline int cgw_u16_at(__u64 word, __u32 base, __u32 i, __u32 *ret)
{
	const struct cgw_chunk *c = cgw_chunk_at(word, base + i / CGW_U16_PER_CHUNK);

	if (!c)
		return -1;
	*ret = ((const __u16 *)c)[i & (CGW_U16_PER_CHUNK - 1)];
	return 0;
}

/* One end's rows: literal address, list, protocol with port. */
static __always_inline int cgw_end_rows(const struct cgw_head *h, const struct cgw_dirhead *d,
					const struct cgw_query *q, struct cgw_scan *s, int end, __u32 wild)
{
	const __u8 *addr = end == CGW_REMOTE ? q->remote : q->local;
	int known = q->known & (end == CGW_REMOTE ? CGW_Q_REMOTE : CGW_Q_LOCAL);
	int dim_addr = end == CGW_REMOTE ? CGW_DIM_REMOTE : CGW_DIM_LOCAL;
	int dim_list = end == CGW_REMOTE ? CGW_DIM_REMOTE_LIST : CGW_DIM_LOCAL_LIST;
	int dim_port = end == CGW_REMOTE ? CGW_DIM_RPORT : CGW_DIM_LPORT;
	__u32 dims = d->dims;
	/* both begin with a number and go on with the address; BPF's stack has no room for two */
	union {
		struct cgw_key key;
		struct cgw_prefix prefix;
	} k;

	__builtin_memcpy(k.key.data, addr, 16);
	if (dims & (1u << dim_addr)) {
		const struct cgw_class *c = 0;

		s->rows[dim_addr] = d->none[dim_addr];
		if (wild & (1u << dim_addr)) {
			s->rows[dim_addr] = wild & CGW_WILD_CERTAIN ? d->open[dim_addr] : 0;
		} else if (known) {
			k.key.kind = CGW_KEY_ADDR;
			c = cgw_class_of(q->word, &k.key);
			if (!c && h->has_prefixes) {
				k.prefix.len = 128;
				c = cgw_prefix_of(q->word, &k.prefix);
			}
			if (c)
				s->rows[dim_addr] = c->row[q->dir & 1][end];
		}
	}
	if (dims & wild & (1u << dim_list)) {
		s->rows[dim_list] = wild & CGW_WILD_CERTAIN ? d->open[dim_list] : 0;
	} else if (dims & (1u << dim_list)) {
		__u32 class;

		k.prefix.len = 128;
		class = known ? cgw_list_of(h->lists, &k.prefix) : 0;
		if (cgw_u32_at(q->word, d->list_rows[end], class, &s->rows[dim_list]))
			return -1;
	}
	if (dims & (1u << dim_port)) {
		__u32 class = 0, index = 0;

		if (q->known & CGW_Q_PROTO)
			index = h->proto[q->proto];
		if (wild & (1u << dim_port)) {
			if (h->has_ports[q->proto >> 3] & (1u << (q->proto & 7)))
				class = wild & CGW_WILD_CERTAIN ? CGW_PORT_EVERY(h) : CGW_PORT_SOME(h);
		} else if (q->known & (end == CGW_REMOTE ? CGW_Q_RPORT : CGW_Q_LPORT)) {
			/* whoever gives a port without a protocol means one that has ports, as TCP has */
			__u32 proto = q->known & CGW_Q_PROTO ? q->proto : 6;

			if (h->has_ports[proto >> 3] & (1u << (proto & 7)))
				if (cgw_u16_at(q->word, h->port_class,
					       end == CGW_REMOTE ? q->rport : q->lport, &class))
					return -1;
		}
		if (cgw_u32_at(q->word, d->ports[end], index * h->nports + class, &s->rows[dim_port]))
			return -1;
	}
	return 0;
}

/* The rows of who is asking. */
static __always_inline int cgw_who_rows(const struct cgw_dirhead *d, const struct cgw_query *q,
					struct cgw_scan *s)
{
	__u32 dims = d->dims;

	if ((dims & (1u << CGW_DIM_EXE_PATH)) &&
	    cgw_u32_at(q->word, d->path_rows[0], q->exe_lit, &s->rows[CGW_DIM_EXE_PATH]))
		return -1;
	if ((dims & (1u << CGW_DIM_EXE_GLOB)) &&
	    cgw_u32_at(q->word, d->path_rows[1], q->exe_glob, &s->rows[CGW_DIM_EXE_GLOB]))
		return -1;
	if ((dims & (1u << CGW_DIM_CG_PATH)) &&
	    cgw_u32_at(q->word, d->path_rows[2], q->cg_lit, &s->rows[CGW_DIM_CG_PATH]))
		return -1;
	if ((dims & (1u << CGW_DIM_CG_GLOB)) &&
	    cgw_u32_at(q->word, d->path_rows[3], q->cg_glob, &s->rows[CGW_DIM_CG_GLOB]))
		return -1;
	for (int i = 0; i < 2; i++) {
		int dim = i ? CGW_DIM_GID : CGW_DIM_UID;

		if (!(dims & (1u << dim)))
			continue;
		s->rows[dim] = d->none[dim];
		if (q->known & (i ? CGW_Q_GID : CGW_Q_UID)) {
			struct cgw_key key = {.kind = i ? CGW_KEY_GID : CGW_KEY_UID};
			__u32 id = i ? q->gid : q->uid;
			const struct cgw_class *c;

			__builtin_memcpy(key.data, &id, 4);
			c = cgw_class_of(q->word, &key);
			if (c)
				s->rows[dim] = c->row[q->dir & 1][0];
		}
	}
	return 0;
}

/* The row of a dimension that user space (or an earlier lookup) determined. */
static __always_inline __u32 cgw_given_row(const struct cgw_dirhead *d, const struct cgw_query *q, int dim,
					   enum cgw_given given, __u32 wild)
{
	if (!(d->dims & (1u << dim)))
		return 0;
	if (wild & (1u << dim))
		return wild & CGW_WILD_CERTAIN ? d->open[dim] : 0;
	if (!q->given[given])
		return d->none[dim];
	return q->given[given] == CGW_ROW_ALL ? 0 : q->given[given];
}

/* All rows of a query, into s; wild: 0, or what has no value yet, with CGW_WILD_CERTAIN. 0, or -1 where a
 * table is broken. */
CGW_FN int cgw_rows(const struct cgw_query *q, struct cgw_scan *s, __u32 wild)
{
	const struct cgw_dirhead *d;
	const struct cgw_head *h;

	if (!q || !s)
		return -1;
	h = cgw_head_of(q->word);
	if (!h)
		return -1;
	d = &h->dir[q->dir & 1];
	__builtin_memset(s->rows, 0, sizeof(s->rows));
	s->word = q->word;
	s->base = d->rows;
	s->stride = d->stride;
	s->nchunks = d->nchunks;
	s->prio = 0;
	if (cgw_who_rows(d, q, s))
		return -1;
	if (cgw_end_rows(h, d, q, s, CGW_REMOTE, wild) || cgw_end_rows(h, d, q, s, CGW_LOCAL, wild))
		return -1;
	if (q->given[CGW_GIVEN_NAME] == CGW_ROW_BROKEN)
		return -1;
	s->rows[CGW_DIM_PROPS] = cgw_given_row(d, q, CGW_DIM_PROPS, CGW_GIVEN_PROPS, wild);
	s->rows[CGW_DIM_NAME] = cgw_given_row(d, q, CGW_DIM_NAME, CGW_GIVEN_NAME, wild);
	s->rows[CGW_DIM_IFACE] = cgw_given_row(d, q, CGW_DIM_IFACE, CGW_GIVEN_IFACE, wild);
	s->rows[CGW_DIM_ENABLED] = d->enabled[CGW_WORD_VARIANT(q->word)];
	return 0;
}

/* Decides q: fills *a; a->error is not 0 where it could not be decided, and then the caller refuses.
 * Gives a->error. */
CGW_FN int cgw_decide(const struct cgw_query *q, struct cgw_answer *a)
{
	const struct cgw_dirhead *d;
	const struct cgw_head *h;
	const struct cgw_chunk *c;
	struct cgw_scan s;
	int r;

	if (!q || !a)
		return CGW_ERR_TABLE;
	__builtin_memset(a, 0, sizeof(*a));
	a->prio = ~0u;
	a->error = CGW_ERR_NO_POLICY;
	if (!q->word)
		return a->error;
	a->error = CGW_ERR_TABLE;
	__builtin_memset(&s, 0, sizeof(s));
	h = cgw_head_of(q->word);
	if (!h || cgw_rows(q, &s, 0))
		return a->error;
	d = &h->dir[q->dir & 1];
	r = cgw_scan_first(&s);
	if (r < 0)
		return a->error;
	if (!r) {
		a->entry = d->fallback;
		a->error = CGW_ERR_NONE;
		return a->error;
	}
	c = cgw_chunk_at(q->word, d->entries + s.prio / CGW_ENTRIES_PER_CHUNK);
	if (!c)
		return a->error;
	a->entry = ((const struct cgw_entry *)c)[s.prio & (CGW_ENTRIES_PER_CHUNK - 1)];
	a->prio = s.prio;
	a->error = CGW_ERR_NONE;
	return a->error;
}

/* The first entry of s->rows as a place in the priority list; ~0 where there is none. 0, or -1. */
static __always_inline int cgw_first(struct cgw_scan *s, __u32 *ret)
{
	int r = cgw_scan_first(s);

	*ret = r > 0 ? s->prio : ~0u;
	return r < 0 ? -1 : 0;
}

/* Can q be let through, when the dimensions in `wild` (CGW_DIMS_LATE, CGW_DIMS_CALLER, perhaps others
 * besides, and CGW_WILD_ASK) may have any value? Three scans: `first`, the first entry that could match;
 * `sure`, the first that is certain to: nothing behind it decides; `pass`, the first that could match and
 * passes. s: room. Gives enum cgw_could; a->error is not 0 where a table is broken, and then CGW_COULD_NEVER.
 * The answer errs to one side: what is called never or settled is; where it says that it could pass, entries
 * that hide the passing one only together (`from` a half of all addresses, `from` the other half) are
 * overlooked. */
CGW_FN int cgw_could(const struct cgw_query *q, __u32 wild, struct cgw_answer *a, struct cgw_scan *s)
{
	__u32 first, sure, pass = ~0u, dims = wild & ((1u << CGW_DIMS) - 1);
	const struct cgw_dirhead *d;
	const struct cgw_head *h;
	const struct cgw_chunk *c;

	if (!q || !a || !s)
		return CGW_COULD_NEVER;
	__builtin_memset(a, 0, sizeof(*a));
	a->prio = ~0u;
	a->error = CGW_ERR_NO_POLICY;
	if (!q->word)
		return CGW_COULD_NEVER;
	a->error = CGW_ERR_TABLE;
	h = cgw_head_of(q->word);
	if (!h || cgw_rows(q, s, dims) || cgw_first(s, &first))
		return CGW_COULD_NEVER;
	d = &h->dir[q->dir & 1];
	/* any dimension without a value has its row to spare */
	s->rows[CGW_DIM_IFACE] = d->passing[wild & CGW_WILD_ASK ? 1 : 0];
	if (cgw_first(s, &pass) || cgw_rows(q, s, dims | CGW_WILD_CERTAIN) || cgw_first(s, &sure))
		return CGW_COULD_NEVER;
	a->entry = d->fallback;
	if (sure != ~0u) {
		c = cgw_chunk_at(q->word, d->entries + sure / CGW_ENTRIES_PER_CHUNK);
		if (!c)
			return CGW_COULD_NEVER;
		a->entry = ((const struct cgw_entry *)c)[sure & (CGW_ENTRIES_PER_CHUNK - 1)];
	}
	a->prio = sure;
	a->error = CGW_ERR_NONE;
	if (first == sure)
		return CGW_COULD_SETTLED;
	if (pass < sure || a->entry.action == CGW_PASS ||
	    (a->entry.action == CGW_ASK && (wild & CGW_WILD_ASK)))
		return CGW_COULD_PASS;
	return CGW_COULD_NEVER;
}

#endif
