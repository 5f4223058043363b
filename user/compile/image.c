// SPDX-License-Identifier: GPL-2.0-only
/* The stages in order, and their result as the kernel wants it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../policy/names.h"
#include "classes.h"
#include "expand.h"
#include "glob.h"
#include "iface.h"
#include "judge.h"
#include "lists.h"
#include "lpm.h"
#include "nameclass.h"
#include "nets.h"

static __u64 default_seed[2];

void image_seed(const __u64 seed[2])
{
	memcpy(default_seed, seed, sizeof(default_seed));
	intern_seed(seed[0] ^ seed[1]);
}

/* ---- where things go ---- */

struct layout {
	struct image *im;
	uint64_t next; /* free chunk */
};

static uint32_t reserve(struct layout *l, uint64_t bytes)
{
	uint64_t at = l->next;

	l->next += (bytes + CGW_CHUNK_BYTES - 1) / CGW_CHUNK_BYTES;
	return (uint32_t)at;
}

static void place_dfa(struct layout *l, struct cgw_dfa *to, const struct glob_dfa *from)
{
	if (!from->classes)
		return;
	to->classes = from->classes;
	to->states = from->states;
	to->bytes = reserve(l, sizeof(from->bytes));
	to->trans = reserve(l, (uint64_t)from->states * from->classes * sizeof(uint16_t));
	to->accept = reserve(l, from->states * sizeof(uint16_t));
}

static uint32_t place_rows_by_class(struct layout *l, const struct direction *d, uint32_t dim)
{
	return d->nclasses[dim] ? reserve(l, d->nclasses[dim] * sizeof(uint32_t)) : 0;
}

static void place_direction(struct layout *l, enum cgw_dir dir)
{
	const struct direction *d = &l->im->tables->dir[dir];
	size_t nrules = l->im->tables->policy->nrules[dir];
	struct cgw_dirhead *h = &l->im->head.dir[dir];

	h->nentries = d->nentries;
	h->nchunks = d->rows.nchunks;
	h->stride = d->rows.stride;
	h->dims = d->dims | (d->nconditional ? 1u << CGW_DIM_ENABLED : 0);
	h->entries = reserve(l, d->nentries * sizeof(struct cgw_entry));
	h->hit_chunks = (uint32_t)(nrules / CGW_CHUNK_WORDS) + 1;
	h->hits = reserve(l, (uint64_t)CGW_HIT_STRIPES * h->hit_chunks * CGW_CHUNK_BYTES);
	h->ports[CGW_REMOTE] = place_rows_by_class(l, d, CGW_DIM_RPORT);
	h->ports[CGW_LOCAL] = place_rows_by_class(l, d, CGW_DIM_LPORT);
	h->list_rows[CGW_REMOTE] = place_rows_by_class(l, d, CGW_DIM_REMOTE_LIST);
	h->list_rows[CGW_LOCAL] = place_rows_by_class(l, d, CGW_DIM_LOCAL_LIST);
	for (uint32_t dim = CGW_DIM_EXE_PATH; dim <= CGW_DIM_CG_GLOB; dim++)
		h->path_rows[dim] = place_rows_by_class(l, d, dim);
	memcpy(h->none, d->none, sizeof(h->none));
	memcpy(h->open, d->open, sizeof(h->open));
	memcpy(h->passing, d->passing, sizeof(h->passing));
	l->im->nrows[dir] = d->rows.n;
	if (!d->nentries)
		return;
	if (d->nconditional) {
		for (int v = 0; v < CGW_VARIANTS; v++)
			h->enabled[v] = l->im->nrows[dir]++;
	}
	if (h->dims & (1u << CGW_DIM_NAME)) {
		h->name_rows = h->name_not = l->im->nrows[dir];
		l->im->nrows[dir] += l->im->tables->names.n + CGW_NAME_SPARE;
	}
	if (d->dims & (1u << CGW_DIM_IFACE)) {
		l->im->iface_rows[dir] = l->im->nrows[dir];
		l->im->niface_rows[dir] = iface_reserve(l->im);
		l->im->nrows[dir] += l->im->niface_rows[dir];
	}
	if (l->next < h->stride)
		l->next = h->stride;
	h->rows = (uint32_t)l->next - h->stride; /* row 0 is not stored */
	reserve(l, ((uint64_t)l->im->nrows[dir] - 1 + IMAGE_SPARE_ROWS) * h->stride * CGW_CHUNK_BYTES);
}

/* False: too large. */
static bool place(struct image *im)
{
	struct layout l = {.im = im, .next = 1}; /* 0 means "none" in several places */
	struct tables *t = im->tables;

	if (t->port_class)
		im->head.port_class = reserve(&l, 65536 * sizeof(*t->port_class));
	for (int i = 0; i < 2; i++)
		place_dfa(&l, &im->head.dfa[i], t->dfa[i]);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		place_direction(&l, dir);
	im->head.nchunks = (uint32_t)l.next;
	return l.next <= TABLES_CHUNKS_MAX;
}

/* ---- writing ---- */

static void put(struct image *im, uint32_t at, const void *data, size_t size)
{
	if (size)
		memcpy(im->chunks + at, data, size);
}

static void put_dfa(struct image *im, const struct cgw_dfa *to, const struct glob_dfa *from)
{
	if (!from->classes)
		return;
	put(im, to->bytes, from->bytes, sizeof(from->bytes));
	put(im, to->trans, from->trans, (size_t)from->states * from->classes * sizeof(*from->trans));
	put(im, to->accept, from->accept, from->states * sizeof(*from->accept));
}

static void put_rows_by_class(struct image *im, uint32_t at, const struct direction *d, uint32_t dim)
{
	put(im, at, d->class_rows[dim], d->nclasses[dim] * sizeof(uint32_t));
}

/* What an `ask` of the direction that f belongs to does while nobody can be asked. */
static uint8_t background_of(enum cgw_action action, const struct fallback *f)
{
	if (action != CGW_ASK || !f->loc.line || !f->has_background || f->background != CGW_PASS)
		return 0;
	return CGW_E_BACK_PASS;
}

/* FNV-1a (Fowler, Noll, Vo); never 0. */
static uint32_t digest(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h ? h : 1;
}

/* By what an `ask` is known when its number has changed: what it says. */
static uint32_t ask_of(const struct rule *r)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	uint32_t h;

	if (f) {
		policy_print_rule(r, f);
		fclose(f);
	}
	h = digest(text ? text : "");
	free(text);
	return h;
}

static struct cgw_entry entry_of(const struct rule *r, const struct fallback *f)
{
	struct cgw_entry e = {
		.rule = r->number,
		.line = r->loc.line,
		.file = (uint16_t)r->loc.file,
		.action = (uint8_t)r->act.action,
	};

	e.flags = (uint8_t)((r->log ? CGW_E_LOG : 0) | (r->quick ? CGW_E_QUICK : 0) |
			    background_of(r->act.action, f));
	if (e.action == CGW_ASK)
		e.ask = ask_of(r);
	return e;
}

static struct cgw_entry fallback_of(const struct fallback *f, enum cgw_dir dir)
{
	struct cgw_entry e = {.line = f->loc.line, .file = (uint16_t)f->loc.file};

	e.action = (uint8_t)(f->loc.line ? f->act.action : CGW_PASS);
	e.flags = (uint8_t)((f->loc.line && f->log ? CGW_E_LOG : 0) | background_of(f->act.action, f));
	if (e.action == CGW_ASK)
		e.ask = digest(dir == CGW_OUT ? "default out" : "default in");
	return e;
}

static void put_direction(struct image *im, enum cgw_dir dir)
{
	struct direction *d = &im->tables->dir[dir];
	struct cgw_dirhead *h = &im->head.dir[dir];
	struct cgw_entry *entries = (void *)(im->chunks + h->entries);

	for (uint32_t i = 0; i < d->nentries; i++) {
		entries[i] = entry_of(d->entries[i].rule, &im->tables->policy->fallback[dir]);
		im->head.flags |= entries[i].action == CGW_ASK ? CGW_H_ASK : 0;
	}
	h->fallback = fallback_of(&im->tables->policy->fallback[dir], dir);
	im->head.flags |= h->fallback.action == CGW_ASK ? CGW_H_ASK : 0;
	put_rows_by_class(im, h->ports[CGW_REMOTE], d, CGW_DIM_RPORT);
	put_rows_by_class(im, h->ports[CGW_LOCAL], d, CGW_DIM_LPORT);
	put_rows_by_class(im, h->list_rows[CGW_REMOTE], d, CGW_DIM_REMOTE_LIST);
	put_rows_by_class(im, h->list_rows[CGW_LOCAL], d, CGW_DIM_LOCAL_LIST);
	for (uint32_t dim = CGW_DIM_EXE_PATH; dim <= CGW_DIM_CG_GLOB; dim++)
		put_rows_by_class(im, h->path_rows[dim], d, dim);
	if (!d->nentries)
		return;
	put(im, h->rows + h->stride, d->rows.chunks + h->stride,
	    (size_t)(d->rows.n - 1) * h->stride * CGW_CHUNK_BYTES);
	if (h->name_rows)
		nameclass_rows(im->tables, dir, im->chunks + h->rows + (size_t)h->name_rows * h->stride);
	d->rows.chunks = im->chunks + h->rows;
	d->rows.scratch = NULL;
}

static int compare_keys(const void *a, const void *b)
{
	const struct image_key *x = a, *y = b;

	if (x->key.kind != y->key.kind)
		return x->key.kind < y->key.kind ? -1 : 1;
	return memcmp(x->key.data, y->key.data, sizeof(x->key.data));
}

static void put_head(struct image *im)
{
	struct tables *t = im->tables;
	const struct settings *s = &t->policy->settings;
	bool other_pass = s->sockets_other == CGW_PASS;

	if (s->sockets_other < 0)
		other_pass = fallback_of(&t->policy->fallback[CGW_OUT], CGW_OUT).action == CGW_PASS;
	memcpy(im->head.seed, t->seed, sizeof(im->head.seed));
	im->head.flags |= (s->observe ? CGW_H_OBSERVE : 0) | (other_pass ? CGW_H_OTHER_PASS : 0) |
			  (s->established_keep ? CGW_H_KEEP : 0) | (s->dns_rebind_allow ? CGW_H_REBIND : 0) |
			  (s->resolvers_given ? CGW_H_RESOLVERS : 0);
	im->head.nports = t->nports;
	im->head.lists = t->lists ? 0 : ~0u;
	im->head.has_prefixes = t->nprefixes > 0;
	memcpy(im->head.proto, t->proto, sizeof(im->head.proto));
	for (int proto = 0; t->port_class && proto < 256; proto++)
		if (names_has_ports(proto))
			im->head.has_ports[proto / 8] |= (uint8_t)(1 << (proto % 8));
	im->head.ttl_min = (uint32_t)((s->dns_min_ttl_ms + 999) / 1000);
	im->head.ttl_max = (uint32_t)(s->dns_max_ttl_ms / 1000);
	if (im->head.ttl_max < im->head.ttl_min)
		im->head.ttl_max = im->head.ttl_min; /* the one that was not set gives way */
	im->head.names = t->names.n;
	im->head.name_labels = t->names.labels;
	im->lists = t->lists;
	im->nlisted = t->listset->names.n;
	im->keys = t->keys;
	im->nkeys = t->nkeys;
	im->prefixes = t->prefixes;
	im->nprefixes = t->nprefixes;
	if (im->nkeys)
		qsort(im->keys, im->nkeys, sizeof(*im->keys), compare_keys);
	if (im->nprefixes)
		qsort(im->prefixes, im->nprefixes, sizeof(*im->prefixes), lpm_compare);
}

static int write_image(struct image *im)
{
	struct tables *t = im->tables;
	struct query nothing = {0};

	if (!place(im))
		return tables_too_large(t);
	im->chunks = arena_alloc(t->arena, (size_t)im->head.nchunks * sizeof(*im->chunks));
	if (t->port_class)
		put(im, im->head.port_class, t->port_class, 65536 * sizeof(*t->port_class));
	for (int i = 0; i < 2; i++)
		put_dfa(im, &im->head.dfa[i], t->dfa[i]);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		put_direction(im, dir);
	put_head(im);
	judge_begin(im);
	for (unsigned variant = 0; variant < 2; variant++)
		judge_enable(im, &nothing, variant);
	return 0;
}

/* ---- the whole ---- */

static int compile(struct image *im)
{
	struct tables *t = im->tables;
	int error;

	for (enum space space = 0; space < SPACES; space++) {
		intern_init(&t->atoms[space].in, t->arena);
		intern_init(&t->atoms[space].clauses, t->arena);
	}
	if (lists_read(t))
		return -EINVAL;
	if (expand_policy(t))
		return -EINVAL;
	for (int dir = 0; dir < CGW_DIRS; dir++)
		order_direction(t, dir);
	lists_classify(t);
	classes_begin(t);
	classes_simple(t);
	nets_build(t);
	error = paths_build(t);
	if (!error)
		error = ports_build(t);
	if (!error)
		classes_wild(t);
	if (!error)
		error = nameclass_build(t);
	return error ? error : write_image(im);
}

static void free_tables(struct tables *t)
{
	if (t->lists)
		arena_free(t->lists->arena);
	arena_free(t->scratch);
	arena_free(t->arena); /* t itself is in it */
}

static struct image *compile_in(struct tables *t)
{
	struct image *im = arena_alloc(t->arena, sizeof(*im));

	im->tables = t;
	return compile(im) ? NULL : im;
}

struct image *image_compile(const struct policy *p, const struct world *w, struct diag *d)
{
	struct arena *arena = arena_new();
	struct tables *t;
	struct image *im;
	jmp_buf failure;

	if (!arena)
		goto no_memory;
	if (setjmp(failure)) {
		arena_free(arena);
		goto no_memory;
	}
	arena_on_failure(arena, &failure);
	t = arena_alloc(arena, sizeof(*t));
	t->arena = arena;
	t->policy = p;
	t->world = w;
	t->diag = d;
	t->failure = &failure;
	memcpy(t->seed, default_seed, sizeof(t->seed));
	t->scratch = arena_new();
	if (!t->scratch || setjmp(failure)) {
		free_tables(t);
		goto no_memory;
	}
	arena_on_failure(t->scratch, &failure);
	im = compile_in(t);
	if (!im) {
		free_tables(t);
		return NULL;
	}
	arena_free(t->scratch);
	t->scratch = NULL;
	t->failure = NULL;
	arena_on_failure(arena, NULL);
	return im;

no_memory:
	diag_error(d, p, (struct loc){0}, "out of memory");
	return NULL;
}

void image_free(struct image *im)
{
	if (!im)
		return;
	free(im->ifaces);
	free_tables(im->tables);
}
