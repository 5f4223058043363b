// SPDX-License-Identifier: GPL-2.0-only
/* A question's words to classes and rows, by the image's own tables. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <cgwall/pathhash.h>

#include "expand.h"
#include "glob.h"
#include "judge.h"
#include "lists.h"

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

/* The atom of this kind and text, if there is one, goes to the list. */
static size_t name_atom(const struct intern *in, uint8_t kind, const void *text, size_t len, uint32_t *atoms)
{
	char buf[512];
	uint32_t id;

	if (len >= sizeof(buf))
		return 0;
	buf[0] = (char)kind;
	memcpy(buf + 1, text, len);
	id = intern_find(in, buf, len + 1);
	if (id == INTERN_NONE)
		return 0;
	*atoms = id;
	return 1;
}

static size_t file_atoms(const struct image *im, const char *name, size_t len, bool below, uint32_t *atoms)
{
	const struct listset *set = im->tables->listset;
	uint32_t id = intern_find(&set->names, name, len);
	const uint32_t *files;
	size_t nfiles, n = 0;

	if (id == INTERN_NONE)
		return 0;
	files = sets_get(&set->sets, set->name_sets[id][below], &nfiles);
	for (size_t i = 0; i < nfiles; i++)
		n += name_atom(&im->tables->atoms[SPACE_NAME].in, ITEM_FILE, &files[i], sizeof(files[i]),
			       atoms + n);
	return n;
}

/* Atoms of one name: those that mean it alone, and those that mean it with what is below, or one above it. */
static size_t one_name_atoms(const struct image *im, const char *name, uint32_t *atoms)
{
	const struct intern *in = &im->tables->atoms[SPACE_NAME].in;
	size_t n = name_atom(in, ITEM_HOST, name, strlen(name), atoms);

	n += file_atoms(im, name, strlen(name), false, atoms + n);
	for (const char *s = name; s; s = strchr(s, '.')) {
		s += s != name;
		n += name_atom(in, ITEM_DOMAIN, s, strlen(s), atoms + n);
		n += file_atoms(im, s, strlen(s), true, atoms + n);
		n = sets_sort(atoms, n);
	}
	return n;
}

static size_t name_atoms(const struct image *im, const struct query *q, uint32_t *atoms)
{
	size_t n = 0;

	for (size_t i = 0; i < q->ndomains; i++) {
		n += one_name_atoms(im, q->domains[i], atoms + n);
		n = sets_sort(atoms, n);
	}
	return n;
}

/* The row of a set of true atoms: one that the image has, or a spare one. */
static uint32_t given_row(struct image *im, enum cgw_dir dir, uint32_t dim, const uint32_t *atoms, size_t n)
{
	struct direction *d = &im->tables->dir[dir];
	struct sweep *s = &d->sweeps[dim];
	uint32_t row, slot;

	for (size_t i = 0; i < n; i++)
		sweep_on(s, atoms[i]);
	row = rows_find(&d->rows, s->bits, s->hash);
	for (slot = 0; row == UINT32_MAX && slot < d->spare_used && slot < IMAGE_SPARE_ROWS; slot++)
		if (d->spare_hash[slot] == s->hash && !memcmp(rows_bits(&d->rows, im->nrows[dir] + slot),
							      s->bits, s->nwords * sizeof(*s->bits)))
			row = im->nrows[dir] + slot;
	if (row == UINT32_MAX) {
		slot = d->spare_used++ % IMAGE_SPARE_ROWS;
		row = im->nrows[dir] + slot;
		d->spare_hash[slot] = s->hash;
		rows_store(&d->rows, d->rows.chunks + (size_t)row * d->rows.stride, s->bits);
	}
	for (size_t i = 0; i < n; i++)
		sweep_off(s, atoms[i]);
	return row ? row : CGW_ROW_ALL;
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
		ret->given[CGW_GIVEN_NAME] =
			given_row(im, q->dir, CGW_DIM_NAME, atoms, name_atoms(im, q, atoms));
	if (dims & (1u << CGW_DIM_IFACE))
		ret->given[CGW_GIVEN_IFACE] =
			given_row(im, q->dir, CGW_DIM_IFACE, atoms, iface_atoms(im, q, atoms));
	return 0;
}
