// SPDX-License-Identifier: GPL-2.0-only
#include "symbols.h"

#include <string.h>

#include "builtin.h"
#include "diag.h"

/* FNV-1a over the kind and the name. */
static uint64_t hash(enum symbol_kind kind, const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull ^ (uint64_t)kind;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return h ^ h >> 32;
}

static struct symbol **slot(const struct symbols *t, enum symbol_kind kind, const char *name)
{
	size_t i = hash(kind, name) & (t->nslots - 1);

	while (t->slots[i] && (t->slots[i]->kind != kind || strcmp(t->slots[i]->name, name)))
		i = (i + 1) & (t->nslots - 1);
	return &t->slots[i];
}

struct symbol *symbols_find(const struct symbols *t, enum symbol_kind kind, const char *name)
{
	return *slot(t, kind, name);
}

static void enlarge(struct symbols *t)
{
	struct symbol **old = t->slots;
	size_t nold = t->nslots;

	t->nslots = nold ? nold * 4 : 256;
	t->slots = arena_alloc(t->arena, t->nslots * sizeof(*t->slots));
	for (size_t i = 0; i < nold; i++)
		if (old[i])
			*slot(t, old[i]->kind, old[i]->name) = old[i];
}

struct symbol *symbols_add(struct symbols *t, enum symbol_kind kind, const char *name, struct loc loc,
			   void *object)
{
	struct symbol *s = arena_alloc(t->arena, sizeof(*s));

	if ((t->n + 1) * 2 > t->nslots)
		enlarge(t);
	*s = (struct symbol){.kind = kind, .name = name, .loc = loc, .object = object};
	*slot(t, kind, name) = s;
	t->n++;
	return s;
}

void symbols_init(struct symbols *t, struct arena *a)
{
	const struct loc nowhere = {0};

	*t = (struct symbols){.arena = a};
	enlarge(t);
	for (size_t i = 0; i < builtin_ngroups; i++)
		symbols_add(t, SYM_GROUP, builtin_groups[i].name, nowhere, &builtin_groups[i])->size =
			builtin_groups[i].nitems;
	for (size_t i = 0; i < builtin_nservices; i++)
		symbols_add(t, SYM_SERVICE, builtin_services[i].name, nowhere, &builtin_services[i])->size =
			builtin_services[i].nitems;
}

const char *symbols_closest(const struct symbols *t, enum symbol_kind kind, const char *name)
{
	struct closest c = {0};

	for (size_t i = 0; i < t->nslots; i++)
		if (t->slots[i] && t->slots[i]->kind == kind)
			closest_better(name, t->slots[i]->name, &c);
	return c.name;
}
