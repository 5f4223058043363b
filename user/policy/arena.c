// SPDX-License-Identifier: GPL-2.0-only
#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16
#define CHUNK (64u << 10)

/* From this size on an allocation is a block of its own; under AddressSanitizer each is, so that it sees
 * where one ends. */
#if defined(__SANITIZE_ADDRESS__)
#define BIG 1u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BIG 1u
#endif
#endif
#ifndef BIG
#define BIG (4u << 10)
#endif

/* Big blocks are linked both ways, since realloc() may move them. */
struct block {
	struct block *next, *prev;
	_Alignas(ALIGN) char data[];
};

struct arena {
	struct block *blocks;
	char *at, *end; /* free part of the present chunk */
	jmp_buf *failure;
};

void arena_give_up(struct arena *a)
{
	if (a->failure)
		longjmp(*a->failure, 1);
	abort();
}

struct arena *arena_new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

void arena_on_failure(struct arena *a, jmp_buf *at)
{
	a->failure = at;
}

static void link_block(struct arena *a, struct block *b)
{
	b->prev = NULL;
	b->next = a->blocks;
	if (b->next)
		b->next->prev = b;
	a->blocks = b;
}

static struct block *new_block(struct arena *a, size_t size)
{
	struct block *b;

	if (size > SIZE_MAX / 2)
		arena_give_up(a);
	b = malloc(sizeof(*b) + size);
	if (!b)
		arena_give_up(a);
	link_block(a, b);
	return b;
}

/* Not zeroed. */
static void *take(struct arena *a, size_t size)
{
	char *p;

	if (!size)
		size = 1;
	if (size >= BIG)
		return new_block(a, size)->data;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if ((size_t)(a->end - a->at) < size) {
		p = new_block(a, CHUNK)->data;
		a->at = p;
		a->end = p + CHUNK;
	}
	p = a->at;
	a->at += size;
	return p;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return memset(take(a, size), 0, size);
}

char *arena_strn(struct arena *a, const char *s, size_t n)
{
	char *copy = take(a, n + 1);

	if (n)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

static void *grow_big(struct arena *a, void *old, size_t new_size)
{
	struct block *b = (struct block *)((char *)old - offsetof(struct block, data)), *moved;

	if (new_size > SIZE_MAX / 2)
		arena_give_up(a);
	moved = realloc(b, sizeof(*b) + new_size);
	if (!moved)
		arena_give_up(a);
	if (moved->next)
		moved->next->prev = moved;
	if (moved->prev)
		moved->prev->next = moved;
	else
		a->blocks = moved;
	return moved->data;
}

void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size)
{
	size_t room = (old_size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	void *grown;

	if (old_size >= BIG)
		return grow_big(a, old, new_size);
	/* the latest allocation of the chunk grows in place */
	if (old_size && (char *)old + room == a->at && new_size < BIG &&
	    (size_t)(a->end - (char *)old) >= new_size + ALIGN) {
		a->at = (char *)old + ((new_size + ALIGN - 1) & ~(size_t)(ALIGN - 1));
		return old;
	}
	grown = take(a, new_size);
	if (old_size)
		memcpy(grown, old, old_size);
	return grown;
}

void *arena_room(struct arena *a, void *array, size_t n, size_t element)
{
	if (!(n & (n - 1))) { /* full: 0 or a power of two */
		if (n > SIZE_MAX / 4 / element)
			arena_give_up(a);
		array = arena_grow(a, array, n * element, (n ? 2 * n : 1) * element);
	}
	memset((char *)array + n * element, 0, element);
	return array;
}
