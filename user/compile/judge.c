// SPDX-License-Identifier: GPL-2.0-only
/* decide() at home in user space: its lookups over an image's arrays. */
#include "judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The image that is asked; the lookups are told nothing but the control word. */
static _Thread_local const struct image *asked;

#define CGW_FN static

static inline const struct cgw_head *cgw_head_of(__u64 word)
{
	(void)word;
	return &asked->head;
}

static inline const struct cgw_chunk *cgw_chunk_at(__u64 word, __u32 index)
{
	(void)word;
	return index < asked->head.nchunks ? &asked->chunks[index] : NULL;
}

static inline const struct cgw_class *cgw_class_of(__u64 word, const struct cgw_key *key)
{
	(void)word;
	return lookup_key(asked, key);
}

static inline const struct cgw_class *cgw_prefix_of(__u64 word, const struct cgw_prefix *key)
{
	(void)word;
	return lookup_prefix(asked, key->addr);
}

static inline __u32 cgw_list_of(__u32 lists, const struct cgw_prefix *key)
{
	return lists == ~0u ? 0 : lookup_list(asked, key->addr);
}

#include <cgwall/decide.h>

void judge_begin(struct image *im)
{
	static const enum space given[] = {SPACE_PROPS, SPACE_IFACE};
	struct tables *t = im->tables;
	struct judge *j = arena_alloc(t->arena, sizeof(*j));
	uint32_t natoms = 0, words = 0;

	t->judge = j;
	j->enable = enable_make(t->arena, im);
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (t->atoms[given[i]].in.n > natoms)
			natoms = t->atoms[given[i]].in.n;
	j->atoms = arena_alloc(t->arena, ((size_t)natoms + 1) * sizeof(*j->atoms));
	for (int dir = 0; dir < CGW_DIRS; dir++)
		if (rows_words(&t->dir[dir].rows) > words)
			words = rows_words(&t->dir[dir].rows);
	j->bits = arena_alloc(t->arena, ((size_t)words + 1) * sizeof(*j->bits));
	if (im->nprefixes)
		lpm_build(&j->prefixes, t->arena, &im->prefixes->key, sizeof(*im->prefixes), im->nprefixes);
	if (im->lists && im->lists->nprefixes)
		lpm_build(&j->lists, t->arena, &im->lists->prefixes->key, sizeof(*im->lists->prefixes),
			  im->lists->nprefixes);
}

void judge_enable(struct image *im, const struct query *q, unsigned variant)
{
	struct enable *e = im->tables->judge->enable;

	enable_evaluate(e, q);
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct rows *r = &im->tables->dir[dir].rows;
		uint32_t row = im->head.dir[dir].enabled[variant % CGW_VARIANTS];

		if (e->dir[dir].row)
			memcpy(r->chunks + (size_t)row * r->stride, e->dir[dir].row,
			       r->stride * sizeof(*r->chunks));
	}
}

uint32_t judge_spare_rows(const struct image *im, enum cgw_dir dir)
{
	uint32_t used = im->tables->dir[dir].spare_used;

	return used < IMAGE_SPARE_ROWS ? IMAGE_SPARE_ROWS - used : 0;
}

int judge_query(struct image *im, const struct query *q, struct cgw_query *ret)
{
	struct cgw_query cq;
	int error = lookup_query(im, q, &cq);

	if (error)
		return error;
	cq.word = CGW_WORD(1, 0, 0, 0);
	*ret = cq;
	return 0;
}

int judge_could(struct image *im, const struct cgw_query *q, uint32_t wild, struct cgw_answer *ret)
{
	struct cgw_scan s = {0};

	asked = im;
	return cgw_could(q, wild, ret, &s);
}

static int compare_numbers(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Numbers of the rules whose entries are in the AND of all rows. */
static int find_matched(const struct image *im, const struct cgw_query *q, struct cgw_scan *s, uint32_t **ret,
			size_t *ret_n)
{
	const struct direction *d = &im->tables->dir[q->dir];
	uint32_t *list = malloc((d->nentries + 1) * sizeof(*list)), *shrunk, last = 0;
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	if (cgw_rows(q, s, 0)) {
		free(list);
		return -EIO;
	}
	for (uint32_t k = 0; k < s->nchunks; k++) {
		__u64 bits[CGW_CHUNK_WORDS];

		for (uint32_t quad = 0; quad < CGW_CHUNK_WORDS / CGW_QUAD_WORDS; quad++) {
			if (cgw_scan_and(s, s->stride - s->nchunks + k, quad)) {
				free(list);
				return -EIO;
			}
			memcpy(bits + quad * CGW_QUAD_WORDS, s->quad, sizeof(s->quad));
		}
		for (uint32_t i = 0; i < CGW_CHUNK_BITS && k * CGW_CHUNK_BITS + i < d->nentries; i++) {
			uint64_t rest = bits[i / 64] >> (i % 64);
			uint32_t number;

			if (!rest) {
				i |= 63;
				continue;
			}
			i += cgw_lowest(rest);
			if (k * CGW_CHUNK_BITS + i >= d->nentries)
				break;
			number = d->entries[k * CGW_CHUNK_BITS + i].rule->number;
			if (number != last) /* entries of one rule stand side by side */
				list[n++] = last = number;
		}
	}
	qsort(list, n, sizeof(*list), compare_numbers);
	shrunk = realloc(list, (n + 1) * sizeof(*list));
	*ret = shrunk ? shrunk : list;
	*ret_n = n;
	return 0;
}

int judge(struct image *im, const struct query *q, struct judgement *ret)
{
	const struct policy *p = im->tables->policy;
	struct judgement j = {.fallback = &p->fallback[q->dir]};
	struct cgw_query cq;
	struct cgw_scan scan = {0};
	int error = judge_query(im, q, &cq);

	if (error)
		return error;
	if (im->tables->dir[q->dir].nconditional)
		judge_enable(im, q, 0);
	asked = im;
	if (cgw_decide(&cq, &j.answer))
		return -EIO;
	error = find_matched(im, &cq, &scan, &j.matched, &j.nmatched);
	if (error)
		return error;
	if (j.answer.entry.rule)
		j.rule = p->rules[q->dir][j.answer.entry.rule - 1];
	*ret = j;
	return 0;
}
