// SPDX-License-Identifier: GPL-2.0-only
/* A question's words to classes and rows, by the image's own tables. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <cgwall/pathhash.h>

#include "expand.h"
#include "glob.h"
#include "judge.h"
#include "ip.h"
#include "nameclass.h"

/* ---- tables ---- */

static int compare_key(const void *a, const void *b)
{
	const struct cgw_key *x = a;
	const struct image_key *y = b;

	if (x->kind != y->key.kind)
		return x->kind < y->key.kind ? -1 : 1;
	return memcmp(x->data, y->key.data, sizeof(x->data));
}

const struct cgw_class *lookup_key(const struct image *im, const struct cgw_key *key)
{
	const struct image_key *k = NULL;

	if (im->nkeys)
		k = bsearch(key, im->keys, im->nkeys, sizeof(*im->keys), compare_key);
	return k ? &k->class : NULL;
}

const struct cgw_class *lookup_prefix(const struct image *im, const uint8_t addr[16])
{
	long at = lpm_find(&im->tables->judge->prefixes, addr);

	return at < 0 ? NULL : &im->prefixes[at].class;
}

static int compare4(const void *a, const void *b)
{
	return memcmp(a, ((const struct list4 *)b)->addr, 4);
}

static int compare6(const void *a, const void *b)
{
	return memcmp(a, ((const struct list6 *)b)->addr, 16);
}

uint32_t lookup_list(const struct image *im, const uint8_t addr[16])
{
	const struct image_lists *l = im->lists;
	const struct list4 *v4 = NULL;
	const struct list6 *v6 = NULL;
	long at;

	if (!l)
		return 0;
	if (ip_is_v4(ip_load(addr)))
		v4 = l->n4 ? bsearch(addr + 12, l->v4, l->n4, sizeof(*l->v4), compare4) : NULL;
	else
		v6 = l->n6 ? bsearch(addr, l->v6, l->n6, sizeof(*l->v6), compare6) : NULL;
	if (v4)
		return v4->class;
	if (v6)
		return v6->class;
	at = lpm_find(&im->tables->judge->lists, addr);
	return at < 0 ? 0 : l->prefixes[at].class;
}

/* ---- paths ---- */

static uint32_t literal_class(const struct image *im, uint32_t kind, const struct cgw_hash *h)
{
	struct cgw_key key = {.kind = kind};
	const struct cgw_class *c;

	cgw_hash_value(h, key.data);
	c = lookup_key(im, &key);
	return c ? c->row[0][0] : 0;
}

/* The literal class of a path; of a cgroup's, that of the deepest literal which is the path or above it. */
static uint32_t literal_path(const struct image *im, uint32_t kind, const char *path)
{
	uint32_t class = 0, here;
	struct cgw_hash h;

	cgw_hash_start(&h, im->head.seed);
	for (; *path; path++) {
		if (*path == '/' && kind == CGW_KEY_CGROUP) {
			here = literal_class(im, kind, &h);
			class = here ? here : class;
		}
		cgw_hash_byte(&h, (uint8_t)*path);
	}
	here = literal_class(im, kind, &h);
	return here ? here : class;
}

/* ---- dimensions that only user space can tell ---- */

/* Is text the container's name, or the beginning of its id? */
static bool is_container(const char *text, const char *container)
{
	size_t n = strlen(container);

	if (!strcmp(text, container))
		return true;
	if (n < 12 || n > 64 || !*text || strncmp(text, container, strlen(text)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)container[i]))
			return false;
	return true;
}

static bool is_ancestor(const struct image *im, const char *pattern, const char *path)
{
	const struct world *w = im->tables->world;

	if (policy_glob(pattern, path))
		return true;
	for (size_t i = 0; i < w->naliases; i++)
		if (!strcmp(w->aliases[i][0], pattern) && policy_glob(w->aliases[i][1], path))
			return true;
	return false;
}

static bool property(const struct image *im, const struct atom_text *a, const struct query *q)
{
	switch (a->kind) {
	case SEL_SHA256:
		return q->sha256 && !strcmp(a->text, q->sha256);
	case SEL_PACKAGE:
		return q->package && !strcmp(a->text, q->package);
	case SEL_PACKAGED:
		return q->package && *q->package;
	case SEL_CONTAINER:
		return q->container && is_container(a->text, q->container);
	case SEL_SCRIPT:
		return q->script && *q->script && policy_glob(a->text, q->script);
	case SEL_ANCESTOR:
		for (size_t i = 0; i < q->nancestors; i++)
			if (*q->ancestors[i] && is_ancestor(im, a->text, q->ancestors[i]))
				return true;
		return false;
	default:
		return false;
	}
}

static size_t property_atoms(const struct image *im, const struct query *q, uint32_t *atoms)
{
	const struct intern *in = &im->tables->atoms[SPACE_PROPS].in;
	size_t n = 0;

	for (uint32_t i = 0; i < in->n; i++)
		if (property(im, intern_get(in, i), q))
			atoms[n++] = i;
	return n;
}

static size_t iface_atoms(const struct image *im, const struct query *q, uint32_t *atoms)
{
	const struct intern *in = &im->tables->atoms[SPACE_IFACE].in;
	size_t n = 0;

	for (uint32_t i = 0; q->iface && *q->iface && i < in->n; i++)
		if (policy_glob(((const struct atom_text *)intern_get(in, i))->text, q->iface))
			atoms[n++] = i;
	return n;
}

/* ---- names ---- */

/* The class of a name: the longest of its ends that has a key says. */
static uint32_t name_class(const struct image *im, const char *name)
{
	for (const char *s = name; s; s = strchr(s, '.')) {
		const struct cgw_class *c;
		struct cgw_key key;

		s += s != name;
		nameclass_key(im->head.seed, s, strlen(s), &key);
		c = lookup_key(im, &key);
		if (c)
			return c->row[0][s != name];
	}
	return 0;
}

/* ---- rows that come up with a question ---- */

static uint32_t row_given(uint32_t row)
{
	return row ? row : CGW_ROW_ALL;
}

/* The row with these bits: one that the image has, or a spare one. */
static uint32_t spare_row(struct image *im, enum cgw_dir dir, const __u64 *bits, uint64_t hash)
{
	struct direction *d = &im->tables->dir[dir];
	uint32_t row = rows_find(&d->rows, bits, hash), slot;

	for (slot = 0; row == UINT32_MAX && slot < d->spare_used && slot < IMAGE_SPARE_ROWS; slot++)
		if (d->spare_hash[slot] == hash && !memcmp(rows_bits(&d->rows, im->nrows[dir] + slot), bits,
							   rows_words(&d->rows) * sizeof(*bits)))
			row = im->nrows[dir] + slot;
	if (row != UINT32_MAX)
		return row_given(row);
	slot = d->spare_used++ % IMAGE_SPARE_ROWS;
	row = im->nrows[dir] + slot;
	d->spare_hash[slot] = hash;
	rows_store(&d->rows, d->rows.chunks + (size_t)row * d->rows.stride, bits);
	return row_given(row);
}

/* The row of a set of true atoms. */
static uint32_t given_row(struct image *im, enum cgw_dir dir, uint32_t dim, const uint32_t *atoms, size_t n)
{
	struct sweep *s = &im->tables->dir[dir].sweeps[dim];
	uint32_t row;

	for (size_t i = 0; i < n; i++)
		sweep_on(s, atoms[i]);
	row = spare_row(im, dir, s->bits, s->hash);
	for (size_t i = 0; i < n; i++)
		sweep_off(s, atoms[i]);
	return row;
}

static const __u64 *class_bits(const struct image *im, enum cgw_dir dir, uint32_t class)
{
	const struct cgw_dirhead *h = &im->head.dir[dir];

	return rows_bits(&im->tables->dir[dir].rows, class ? h->name_rows + class : h->none[CGW_DIM_NAME]);
}

/* The row of an address that is bound to several names: what asks for a name holds if one of them is it, what
 * asks for none if none is. */
static uint32_t union_row(struct image *im, enum cgw_dir dir, const struct query *q)
{
	const struct direction *d = &im->tables->dir[dir];
	const __u64 *not = rows_bits(&d->rows, im->head.dir[dir].name_not);
	__u64 *bits = im->tables->judge->bits;

	memcpy(bits, class_bits(im, dir, 0), rows_words(&d->rows) * sizeof(*bits));
	for (size_t i = 0; i < q->ndomains; i++) {
		const __u64 *more = class_bits(im, dir, name_class(im, q->domains[i]));

		for (uint32_t w = 0; w < rows_words(&d->rows); w++)
			bits[w] = ((bits[w] | more[w]) & ~not [w]) | (bits[w] & more[w] & not [w]);
	}
	return spare_row(im, dir, bits, rows_hash(bits, rows_words(&d->rows)));
}

static uint32_t name_row(struct image *im, const struct query *q)
{
	const struct cgw_dirhead *h = &im->head.dir[q->dir];
	uint32_t class = q->ndomains ? name_class(im, q->domains[0]) : 0;

	if (q->ndomains > 1)
		return union_row(im, q->dir, q);
	return row_given(class ? h->name_rows + class : h->none[CGW_DIM_NAME]);
}

/* ---- the whole ---- */

static void lookup_who(const struct image *im, const struct query *q, struct cgw_query *ret)
{
	const struct tables *t = im->tables;

	if (q->exe && *q->exe) {
		ret->exe_lit = literal_path(im, CGW_KEY_EXE, q->exe);
		ret->exe_glob = glob_run(t->dfa[0], q->exe);
	}
	if (q->cgroup && *q->cgroup) {
		ret->cg_lit = literal_path(im, CGW_KEY_CGROUP, q->cgroup);
		ret->cg_glob = glob_run(t->dfa[1], q->cgroup);
	}
	if (q->has_user && !who_number(t, false, q->user, &ret->uid))
		ret->known |= CGW_Q_UID;
	if (q->has_group && !who_number(t, true, q->group, &ret->gid))
		ret->known |= CGW_Q_GID;
}

static void lookup_whom(const struct query *q, struct cgw_query *ret)
{
	if (q->has_proto) {
		ret->known |= CGW_Q_PROTO;
		ret->proto = (uint8_t)q->proto;
	}
	if (q->has_remote) {
		ret->known |= CGW_Q_REMOTE;
		memcpy(ret->remote, q->remote, sizeof(ret->remote));
	}
	if (q->has_local) {
		ret->known |= CGW_Q_LOCAL;
		memcpy(ret->local, q->local, sizeof(ret->local));
	}
	if (q->has_rport) {
		ret->known |= CGW_Q_RPORT;
		ret->rport = q->rport;
	}
	if (q->has_lport) {
		ret->known |= CGW_Q_LPORT;
		ret->lport = q->lport;
	}
}

int lookup_query(struct image *im, const struct query *q, struct cgw_query *ret)
{
	uint32_t dims = im->tables->dir[q->dir].dims, *atoms = im->tables->judge->atoms;

	memset(ret, 0, sizeof(*ret));
	ret->dir = (uint8_t)q->dir;
	lookup_who(im, q, ret);
	lookup_whom(q, ret);
	if (dims & (1u << CGW_DIM_PROPS))
		ret->given[CGW_GIVEN_PROPS] =
			given_row(im, q->dir, CGW_DIM_PROPS, atoms, property_atoms(im, q, atoms));
	if (dims & (1u << CGW_DIM_NAME))
		ret->given[CGW_GIVEN_NAME] = name_row(im, q);
	if (dims & (1u << CGW_DIM_IFACE))
		ret->given[CGW_GIVEN_IFACE] =
			given_row(im, q->dir, CGW_DIM_IFACE, atoms, iface_atoms(im, q, atoms));
	return 0;
}
