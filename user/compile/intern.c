// SPDX-License-Identifier: GPL-2.0-only
#include "intern.h"

#include <stdlib.h>
#include <string.h>

static uint64_t intern_key = 0x9e3779b97f4a7c15ULL;

void intern_seed(uint64_t seed)
{
	intern_key = seed ^ 0x9e3779b97f4a7c15ULL;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Folded multiplication, word by word, after the wyhash family; keyed, not cryptographic. */
static uint32_t hash_of(uint64_t key, const void *data, size_t n)
{
	const unsigned char *p = data;
	uint64_t h = key ^ (n * 0xa0761d6478bd642fULL), w;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&w, p, 8);
		h = fold(h ^ w, 0xe7037ed1a0b428dbULL ^ key);
	}
	w = 0;
	if (n)
		memcpy(&w, p, n);
	h = fold(h ^ w, 0x8ebc6af09c88c6e3ULL);
	return (uint32_t)(fold(h, key | 1) >> 32);
}

void intern_init(struct intern *in, struct arena *arena)
{
	*in = (struct intern){.arena = arena, .key = intern_key};
}

/* The slot where the bytes are, or where they belong. */
static uint32_t slot_of(const struct intern *in, const void *data, size_t len, uint32_t hash)
{
	uint32_t mask = in->nslots - 1, at = hash & mask;

	for (; in->slots[at]; at = (at + 1) & mask) {
		const struct intern_item *item = &in->items[in->slots[at] - 1];

		if (item->hash == hash && item->len == len && (!len || !memcmp(item->data, data, len)))
			break;
	}
	return at;
}

static void grow_slots(struct intern *in)
{
	uint32_t n = in->nslots ? in->nslots * 2 : 64;

	in->slots = arena_grow(in->arena, in->slots, in->nslots * sizeof(*in->slots), n * sizeof(*in->slots));
	in->nslots = n;
	memset(in->slots, 0, n * sizeof(*in->slots));
	for (uint32_t i = 0; i < in->n; i++) {
		uint32_t at = in->items[i].hash & (n - 1);

		while (in->slots[at])
			at = (at + 1) & (n - 1);
		in->slots[at] = i + 1;
	}
}

uint32_t intern_add(struct intern *in, const void *data, size_t len)
{
	uint32_t hash = hash_of(in->key, data, len), at;
	struct intern_item *item;

	if (in->n >= in->nslots / 2)
		grow_slots(in);
	at = slot_of(in, data, len, hash);
	if (in->slots[at])
		return in->slots[at] - 1;
	item = ARENA_ADD(in->arena, &in->items, &in->n);
	item->data = arena_strn(in->arena, data, len);
	item->len = (uint32_t)len;
	item->hash = hash;
	in->slots[at] = in->n;
	return in->n - 1;
}

uint32_t intern_find(const struct intern *in, const void *data, size_t len)
{
	uint32_t at;

	if (!in->nslots)
		return INTERN_NONE;
	at = slot_of(in, data, len, hash_of(in->key, data, len));
	return in->slots[at] ? in->slots[at] - 1 : INTERN_NONE;
}

void sets_init(struct sets *s, struct arena *arena)
{
	*s = (struct sets){0};
	intern_init(&s->in, arena);
	intern_init(&s->added, arena);
	intern_add(&s->in, "", 0);
}

uint32_t sets_of(struct sets *s, const uint32_t *elements, size_t n)
{
	return intern_add(&s->in, elements, n * sizeof(*elements));
}

uint32_t sets_add(struct sets *s, uint32_t set, uint32_t element)
{
	uint32_t key[2] = {set, element}, id, *grown, count;
	const uint32_t *old;
	size_t n, i;

	id = intern_find(&s->added, key, sizeof(key));
	if (id != INTERN_NONE)
		return s->sum[id];
	old = sets_get(s, set, &n);
	grown = malloc((n + 1) * sizeof(*grown));
	if (!grown)
		grown = arena_alloc(s->in.arena, (n + 1) * sizeof(*grown)); /* takes the failure jump */
	for (i = 0; i < n && old[i] < element; i++)
		grown[i] = old[i];
	if (i < n && old[i] == element) {
		id = set;
	} else {
		grown[i] = element;
		if (i < n)
			memcpy(grown + i + 1, old + i, (n - i) * sizeof(*grown));
		id = sets_of(s, grown, n + 1);
	}
	free(grown);
	count = s->added.n;
	s->sum = arena_room(s->added.arena, s->sum, count, sizeof(*s->sum));
	s->sum[intern_add(&s->added, key, sizeof(key))] = id;
	return id;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

size_t sets_sort(uint32_t *elements, size_t n)
{
	size_t kept = 0;

	for (size_t i = 1; i < n; i++) {
		if (elements[i - 1] > elements[i]) {
			qsort(elements, n, sizeof(*elements), compare);
			break;
		}
	}
	for (size_t i = 0; i < n; i++)
		if (!kept || elements[kept - 1] != elements[i])
			elements[kept++] = elements[i];
	return kept;
}
