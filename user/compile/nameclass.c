// SPDX-License-Identifier: GPL-2.0-only
/* A name that rules or their lists mention divides names into itself, those below it, and the rest. What
 * holds of itself are its own atoms (`host`, `domain`, files that have it), with the `domain` atoms of every
 * mentioned name above; what holds below it is the same without `host`. Sets of atoms become rows, and equal
 * rows are one class; a mentioned name that makes no difference to what lies around it gets no key.
 *
 * Example: `domain "a.org"`, `host "b.a.org"`: a.org {domain} below {domain}; b.a.org {domain, host} below
 * {domain}; anything else: class 0.
 *
 * Atoms that stand in the same clauses are one: a group of 10,000 names has few sets. Sets are swept in an
 * order in which the atoms that touch most entries change least.
 */
#include "nameclass.h"

#include <stdlib.h>
#include <string.h>

#include <cgwall/namehash.h>
#include <cgwall/names.h>

#include "lists.h"

#define LABELS_MAX 128

struct mention {
	uint32_t own[2];   /* atoms of `host` and `domain`; INTERN_NONE: none */
	uint32_t files[2]; /* sets of the list files that mean it alone, and with what is below */
	uint32_t sets[2];  /* what holds of it, and below it */
	uint32_t up;	   /* the next mentioned name above it; INTERN_NONE: none */
	uint32_t class[2];
};

struct build {
	struct tables *t;
	struct sweep *sweeps[CGW_DIRS]; /* NULL: the direction asks for no names */
	struct intern names;		/* all that are mentioned */
	struct mention *mentions;	/* by their number */
	uint32_t *order;		/* numbers of mentions, those above before those below */
	uint32_t *rank_of;   /* by atom: one number for all that stand in the same clauses, from 0 for those
			      * that touch most entries; INTERN_NONE: in none */
	uint32_t *atom_of;   /* by rank: one of them */
	uint32_t *file_rank; /* by list file */
	struct sets sets;    /* of ranks */
	uint32_t *class_of;  /* by set */
	struct intern pairs; /* rows of both directions -> class */
};

void nameclass_key(const __u64 seed[2], const char *name, size_t len, struct cgw_key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->kind = CGW_KEY_NAME;
	cgw_name_hash(seed, name, len, ret->data);
}

/* ---- which atoms are one ---- */

struct same {
	uint32_t id;
	uint64_t weight; /* entries that change with it */
};

static int compare_same(const void *a, const void *b)
{
	const struct same *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static uint64_t weigh(const struct build *b, const uint32_t *clauses, uint32_t n)
{
	uint64_t weight = n;

	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct mentions *m = b->sweeps[dir] ? &b->sweeps[dir]->entries : NULL;

		for (uint32_t i = 0; m && i < n; i++)
			weight += m->start[clauses[i] + 1] - m->start[clauses[i]];
	}
	return weight;
}

static void rank_atoms(struct build *b)
{
	const struct atoms *as = &b->t->atoms[SPACE_NAME];
	const struct mentions *m = &as->in_clauses;
	struct arena *a = b->t->scratch;
	uint32_t *rank, *first = arena_alloc(a, (as->in.n + 1) * sizeof(*first));
	struct same *list = arena_alloc(a, (as->in.n + 1) * sizeof(*list));
	struct intern same;

	intern_init(&same, a);
	b->rank_of = arena_alloc(a, (as->in.n + 1) * sizeof(*b->rank_of));
	b->atom_of = first;
	for (uint32_t atom = 0; atom < as->in.n; atom++) {
		uint32_t n = m->start[atom + 1] - m->start[atom], known = same.n, id;

		b->rank_of[atom] = INTERN_NONE;
		if (!n)
			continue;
		id = intern_add(&same, m->of + m->start[atom], n * sizeof(*m->of));
		b->rank_of[atom] = id;
		if (id != known)
			continue;
		list[id] = (struct same){.id = id, .weight = weigh(b, m->of + m->start[atom], n)};
	}
	qsort(list, same.n, sizeof(*list), compare_same);
	rank = arena_alloc(a, (same.n + 1) * sizeof(*rank));
	for (uint32_t i = 0; i < same.n; i++)
		rank[list[i].id] = i;
	for (uint32_t atom = 0; atom < as->in.n; atom++) {
		if (b->rank_of[atom] == INTERN_NONE)
			continue;
		b->rank_of[atom] = rank[b->rank_of[atom]];
		b->atom_of[b->rank_of[atom]] = atom;
	}
}

/* ---- which names are mentioned ---- */

static struct mention *mention(struct build *b, const char *name, size_t len)
{
	uint32_t known = b->names.n, id = intern_add(&b->names, name, len);

	if (id == known) {
		b->mentions = arena_room(b->t->scratch, b->mentions, known, sizeof(*b->mentions));
		b->mentions[id].own[0] = b->mentions[id].own[1] = INTERN_NONE;
	}
	return &b->mentions[id];
}

static bool asked_for(const struct build *b, uint32_t files)
{
	const uint32_t *of;
	size_t n;

	of = sets_get(&b->t->listset->sets, files, &n);
	for (size_t i = 0; i < n; i++)
		if (b->file_rank[of[i]] != INTERN_NONE)
			return true;
	return false;
}

static void collect(struct build *b)
{
	const struct listset *set = b->t->listset;
	const struct intern *in = &b->t->atoms[SPACE_NAME].in;

	intern_init(&b->names, b->t->scratch);
	b->file_rank = arena_alloc(b->t->scratch, (set->paths.n + 1) * sizeof(*b->file_rank));
	memset(b->file_rank, 0xff, set->paths.n * sizeof(*b->file_rank));
	for (uint32_t atom = 0; atom < in->n; atom++) {
		const struct atom_text *text = intern_get(in, atom);
		uint32_t file;

		if (text->kind == ITEM_FILE) {
			memcpy(&file, text->text, sizeof(file));
			b->file_rank[file] = b->rank_of[atom];
		} else if (b->rank_of[atom] != INTERN_NONE) {
			mention(b, text->text, in->items[atom].len - 1)->own[text->kind == ITEM_DOMAIN] =
				atom;
		}
	}
	for (uint32_t i = 0; i < set->names.n; i++) {
		const uint32_t *files = set->name_sets[i];

		if (asked_for(b, files[0]) || asked_for(b, files[1]))
			memcpy(mention(b, intern_get(&set->names, i), set->names.items[i].len)->files, files,
			       sizeof(b->mentions->files));
	}
}

static uint32_t count_labels(const char *name)
{
	uint32_t n = 1;

	while ((name = strchr(name, '.'))) {
		name++;
		n++;
	}
	return n < LABELS_MAX ? n : LABELS_MAX - 1;
}

/* By number of labels. */
static void sort_names(struct build *b)
{
	uint32_t start[LABELS_MAX + 1] = {0}, n = b->names.n;

	b->order = arena_alloc(b->t->scratch, (n + 1) * sizeof(*b->order));
	for (uint32_t i = 0; i < n; i++)
		start[count_labels(intern_get(&b->names, i)) + 1]++;
	for (uint32_t i = 0; i < LABELS_MAX; i++)
		start[i + 1] += start[i];
	for (uint32_t i = 0; i < n; i++)
		b->order[start[count_labels(intern_get(&b->names, i))]++] = i;
}

static uint32_t find_up(const struct build *b, const char *name)
{
	uint32_t up = INTERN_NONE;

	while (up == INTERN_NONE && (name = strchr(name, '.'))) {
		name++;
		up = intern_find(&b->names, name, strlen(name));
	}
	return up;
}

/* ---- what holds of them ---- */

static uint32_t add_rank(struct build *b, uint32_t set, uint32_t rank)
{
	return rank == INTERN_NONE ? set : sets_add(&b->sets, set, rank);
}

/* A set with the `host` or `domain` of a name and the list files that mean that much of it. */
static uint32_t add_own(struct build *b, uint32_t set, const struct mention *m, int which)
{
	const uint32_t *files;
	size_t n;

	if (m->own[which] != INTERN_NONE)
		set = add_rank(b, set, b->rank_of[m->own[which]]);
	files = sets_get(&b->t->listset->sets, m->files[which], &n);
	for (size_t i = 0; i < n; i++)
		set = add_rank(b, set, b->file_rank[files[i]]);
	return set;
}

static void find_sets(struct build *b)
{
	sets_init(&b->sets, b->t->scratch);
	for (uint32_t i = 0; i < b->names.n; i++) {
		struct mention *m = &b->mentions[b->order[i]];

		m->up = find_up(b, intern_get(&b->names, b->order[i]));
		m->sets[1] = add_own(b, m->up == INTERN_NONE ? 0 : b->mentions[m->up].sets[1], m, 1);
		m->sets[0] = add_own(b, m->sets[1], m, 0);
	}
}

/* ---- sets to classes ---- */

struct swept {
	const uint32_t *ranks;
	size_t n;
	uint32_t set;
};

static int compare_swept(const void *a, const void *b)
{
	const struct swept *x = a, *y = b;

	for (size_t i = 0; i < x->n && i < y->n; i++)
		if (x->ranks[i] != y->ranks[i])
			return x->ranks[i] < y->ranks[i] ? -1 : 1;
	return (x->n > y->n) - (x->n < y->n);
}

static void turn(struct build *b, uint32_t rank, bool on)
{
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		if (b->sweeps[dir] && on)
			sweep_on(b->sweeps[dir], b->atom_of[rank]);
		else if (b->sweeps[dir])
			sweep_off(b->sweeps[dir], b->atom_of[rank]);
	}
}

/* Goes from one set to the next: only what differs is turned. */
static void move(struct build *b, const struct swept *from, const struct swept *to)
{
	size_t i = 0, k = 0;

	while (i < from->n || k < to->n) {
		if (k == to->n || (i < from->n && from->ranks[i] < to->ranks[k]))
			turn(b, from->ranks[i++], false);
		else if (i == from->n || to->ranks[k] < from->ranks[i])
			turn(b, to->ranks[k++], true);
		else
			i++, k++;
	}
}

/* The class of the present set of atoms. */
static uint32_t class_here(struct build *b)
{
	struct name_classes *nc = &b->t->names;
	uint32_t row[CGW_DIRS] = {0}, known = b->pairs.n, class;

	for (int dir = 0; dir < CGW_DIRS; dir++)
		if (b->sweeps[dir])
			row[dir] = sweep_row_in(b->sweeps[dir], &nc->rows[dir]);
	class = intern_add(&b->pairs, row, sizeof(row));
	if (class != known)
		return class;
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		nc->row_of[dir] = arena_room(b->t->scratch, nc->row_of[dir], known, sizeof(**nc->row_of));
		nc->row_of[dir][class] = row[dir];
	}
	nc->n = class + 1;
	return class;
}

static bool too_large(const struct build *b)
{
	uint64_t chunks = 0;

	if (b->t->names.n + CGW_NAME_SPARE > CGW_NAME_CLASSES_MAX)
		return true;
	for (int dir = 0; dir < CGW_DIRS; dir++)
		if (b->sweeps[dir])
			chunks += (uint64_t)b->t->names.n * b->t->names.rows[dir].stride;
	return chunks > TABLES_CHUNKS_MAX;
}

static int find_classes(struct build *b)
{
	struct swept *list = arena_alloc(b->t->scratch, (b->sets.in.n + 1) * sizeof(*list)), none = {0},
		     *at = &none;
	uint8_t *used = arena_alloc(b->t->scratch, b->sets.in.n + 1);
	uint32_t n = 0;

	b->class_of = arena_alloc(b->t->scratch, (b->sets.in.n + 1) * sizeof(*b->class_of));
	class_here(b); /* class 0 */
	for (uint32_t i = 0; i < b->names.n; i++)
		used[b->mentions[i].sets[0]] = used[b->mentions[i].sets[1]] = 1;
	for (uint32_t set = 1; set < b->sets.in.n; set++) {
		if (!used[set])
			continue;
		list[n].ranks = sets_get(&b->sets, set, &list[n].n);
		list[n++].set = set;
	}
	if (n)
		qsort(list, n, sizeof(*list), compare_swept);
	for (uint32_t i = 0; i < n; i++) {
		move(b, at, &list[i]);
		at = &list[i];
		b->class_of[at->set] = class_here(b);
		if (too_large(b))
			return tables_too_large(b->t);
	}
	move(b, at, &none);
	return 0;
}

/* ---- keys ---- */

static void add_names(struct build *b)
{
	struct tables *t = b->t;

	for (uint32_t i = 0; i < b->names.n; i++) {
		const char *name = intern_get(&b->names, b->order[i]);
		struct mention *m = &b->mentions[b->order[i]];
		uint32_t around = m->up == INTERN_NONE ? 0 : b->mentions[m->up].class[1], labels;
		struct image_key *k;

		for (int which = 0; which < 2; which++)
			m->class[which] = b->class_of[m->sets[which]];
		if (m->class[0] == around && m->class[1] == around)
			continue;
		k = ARENA_ADD(t->arena, &t->keys, &t->nkeys);
		nameclass_key(t->seed, name, b->names.items[b->order[i]].len, &k->key);
		memcpy(k->class.row[0], m->class, sizeof(k->class.row[0]));
		labels = count_labels(name);
		t->names.labels = labels > t->names.labels ? labels : t->names.labels;
	}
}

static void add_resolver(struct tables *t, const uint8_t addr[16])
{
	struct image_key *k = ARENA_ADD(t->arena, &t->keys, &t->nkeys);

	k->key.kind = CGW_KEY_RESOLVER;
	memcpy(k->key.data, addr, sizeof(k->key.data));
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void add_resolvers(struct tables *t)
{
	const struct settings *s = &t->policy->settings;
	size_t n = s->resolvers_given ? s->nresolvers : t->world->nresolvers;
	uint8_t(*list)[16] = arena_alloc(t->scratch, (n + 1) * sizeof(*list));

	for (size_t i = 0; i < n; i++)
		memcpy(list[i], s->resolvers_given ? s->resolvers[i].lo : t->world->resolvers[i],
		       sizeof(*list));
	if (n)
		qsort(list, n, sizeof(*list), compare_addresses);
	for (size_t i = 0; i < n; i++)
		if (!i || memcmp(list[i - 1], list[i], sizeof(*list)))
			add_resolver(t, list[i]);
}

/* ---- the whole ---- */

int nameclass_build(struct tables *t)
{
	struct build *b = arena_alloc(t->scratch, sizeof(*b));
	int error;

	b->t = t;
	intern_init(&b->pairs, t->scratch);
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		struct direction *d = &t->dir[dir];

		if (!(d->dims & (1u << CGW_DIM_NAME)))
			continue;
		b->sweeps[dir] = &d->sweeps[CGW_DIM_NAME];
		rows_init(&t->names.rows[dir], t->scratch, t->scratch, d->nentries);
	}
	add_resolvers(t);
	rank_atoms(b);
	collect(b);
	sort_names(b);
	find_sets(b);
	error = find_classes(b);
	if (!error)
		add_names(b);
	return error;
}

/* An entry has one clause about names at most, so what is asked of several names together can be had from the
 * rows of each: any of them for the others, all of them for these. */
static void find_not(const struct tables *t, const struct direction *d, __u64 *bits)
{
	const struct atoms *as = &t->atoms[SPACE_NAME];

	for (uint32_t i = 0; i < d->nentries; i++)
		for (uint32_t k = 0; k < d->entries[i].nrefs; k++)
			if (d->entries[i].refs[k].dim == CGW_DIM_NAME &&
			    as->negated[d->entries[i].refs[k].clause])
				bits[i / 64] |= 1ULL << (i % 64);
}

void nameclass_rows(const struct tables *t, enum cgw_dir dir, struct cgw_chunk *to)
{
	const struct direction *d = &t->dir[dir];
	const struct rows *r = &t->names.rows[dir];

	memset(to, 0, r->stride * sizeof(*to));
	find_not(t, d, to[r->stride - r->nchunks].w);
	rows_summary(r, to);
	for (uint32_t class = 1; class < t->names.n; class ++)
		rows_store(r, to + (size_t) class * r->stride, rows_bits(r, t->names.row_of[dir][class]));
}
