// SPDX-License-Identifier: GPL-2.0-only
/* Whom: HOSTS to products. Literal nets, lists and names are different dimensions, so a positive list of
 * several kinds is several products; a negated one asks all kinds at once. */
#include <string.h>

#include "expand.h"
#include "lists.h"

static bool is_v4(const uint8_t a[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(a, mapped, sizeof(mapped));
}

static void add(struct expand *x, uint32_t **list, uint32_t *n, uint32_t atom)
{
	*ARENA_ADD(x->t->scratch, list, n) = atom;
}

static void add_addresses(struct expand *x, struct flat_hosts *f, uint8_t (*addr)[16], size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(x, &f->nets, &f->nnets, atoms_net(x->t, addr[i], addr[i], !is_v4(addr[i])));
}

static void add_resolvers(struct expand *x, struct flat_hosts *f)
{
	const struct settings *s = &x->t->policy->settings;

	if (!s->resolvers_given) {
		add_addresses(x, f, x->t->world->resolvers, x->t->world->nresolvers);
		return;
	}
	for (size_t i = 0; i < s->nresolvers; i++) {
		const struct item *it = &s->resolvers[i];

		add(x, &f->nets, &f->nnets, atoms_net(x->t, it->lo, it->hi, it->v6));
	}
}

static void add_file(struct expand *x, struct flat_hosts *f, const char *path)
{
	uint32_t number = lists_number(x->t, path);
	const struct list_file *file = &x->t->listset->files[number];

	if (file->has_addresses)
		add(x, &f->lists, &f->nlists, atoms_number(x->t, SPACE_LIST, number));
	if (file->has_names)
		add(x, &f->names, &f->nnames,
		    atoms_text(x->t, SPACE_NAME, ITEM_FILE, (const char *)&number, sizeof(number)));
}

static void add_item(struct expand *x, struct flat_hosts *f, const struct item *it)
{
	switch (it->kind) {
	case ITEM_ANY:
		f->any = true;
		break;
	case ITEM_NET:
		add(x, &f->nets, &f->nnets, atoms_net(x->t, it->lo, it->hi, it->v6));
		break;
	case ITEM_DOMAIN:
	case ITEM_HOST:
		add(x, &f->names, &f->nnames,
		    atoms_text(x->t, SPACE_NAME, (uint8_t)it->kind, it->text, strlen(it->text)));
		break;
	case ITEM_FILE:
		add_file(x, f, it->text);
		break;
	case ITEM_SELF:
		add_addresses(x, f, x->t->world->self, x->t->world->nself);
		break;
	case ITEM_RESOLVERS:
		add_resolvers(x, f);
		break;
	case ITEM_GROUP:
		break; /* walked by flatten() */
	}
}

/* All items that can be reached from these, each group once. */
static struct flat_hosts flatten(struct expand *x, const struct item *items, size_t nitems)
{
	struct flat_hosts f = {0};
	struct intern seen;
	uint32_t at = 0;

	intern_init(&seen, x->t->scratch);
	for (;;) {
		const struct group *g;

		for (size_t i = 0; i < nitems; i++) {
			if (items[i].kind == ITEM_GROUP)
				intern_add(&seen, &items[i].group, sizeof(items[i].group));
			else
				add_item(x, &f, &items[i]);
		}
		if (at == seen.n)
			break;
		memcpy(&g, intern_get(&seen, at++), sizeof(g));
		items = g->items;
		nitems = g->nitems;
	}
	f.nnets = (uint32_t)sets_sort(f.nets, f.nnets);
	f.nlists = (uint32_t)sets_sort(f.lists, f.nlists);
	f.nnames = (uint32_t)sets_sort(f.names, f.nnames);
	return f;
}

/* A rule mostly names one group, and many rules name the same. */
static const struct flat_hosts *flat_group(struct expand *x, const struct item *it)
{
	uint32_t id = intern_find(&x->groups, &it->group, sizeof(it->group));

	if (id == INTERN_NONE) {
		struct flat_hosts f = flatten(x, it, 1);

		x->flat = arena_room(x->t->scratch, x->flat, x->groups.n, sizeof(f));
		id = intern_add(&x->groups, &it->group, sizeof(it->group));
		x->flat[id] = f;
	}
	return &x->flat[id];
}

struct products hosts_expand(struct expand *x, const struct hosts *h, enum cgw_end end)
{
	bool remote = end == CGW_REMOTE;
	struct products all, p;
	struct flat_hosts f;

	if (!h->nitems && !h->loc.line)
		return products_true(&x->work); /* not given */
	if (h->nitems == 1 && h->items[0].kind == ITEM_GROUP)
		f = *flat_group(x, &h->items[0]);
	else
		f = flatten(x, h->items, h->nitems);
	if (f.any)
		return h->negated ? (struct products){0} : products_true(&x->work);
	/* names are learned for the other side's addresses only */
	all = products_term(&x->work, remote ? CGW_DIM_REMOTE : CGW_DIM_LOCAL, h->negated, f.nets, f.nnets);
	p = products_term(&x->work, remote ? CGW_DIM_REMOTE_LIST : CGW_DIM_LOCAL_LIST, h->negated, f.lists,
			  f.nlists);
	all = h->negated ? products_and(&x->work, &all, &p) : products_or(&x->work, &all, &p);
	if (!remote)
		return all;
	p = products_term(&x->work, CGW_DIM_NAME, h->negated, f.names, f.nnames);
	return h->negated ? products_and(&x->work, &all, &p) : products_or(&x->work, &all, &p);
}
