/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that is freed all at once. Everything a policy consists of lives in its arena, so that no part
 * of it has an owner of its own and giving up half-way frees everything.
 *
 * Allocations never return NULL: where memory runs out, control goes to the jmp_buf given with
 * arena_on_failure(), or abort() where there is none.
 */
#ifndef CGWALL_ARENA_H
#define CGWALL_ARENA_H

#include <setjmp.h>
#include <stddef.h>

struct arena;

/* NULL: out of memory. */
struct arena *arena_new(void);
void arena_free(struct arena *a); /* NULL is fine */

/* Where to go when memory runs out; NULL: abort(). The caller keeps `at` alive until it takes it back. */
void arena_on_failure(struct arena *a, jmp_buf *at);

/* Goes there: for what runs out beside the arena. */
_Noreturn void arena_give_up(struct arena *a);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);

/* A NUL-terminated copy of n bytes. */
char *arena_strn(struct arena *a, const char *s, size_t n);

/* Like realloc(): `old` (NULL where old_size is 0) of old_size bytes becomes new_size bytes, not less. What
 * is new is not zeroed. Big blocks are resized without a copy where the C library can. */
void *arena_grow(struct arena *a, void *old, size_t old_size, size_t new_size);

/* Room for one more element in an array of n, which was grown by nothing but this function. The element is
 * zeroed. The capacity is n rounded up to a power of two and therefore not kept anywhere. */
void *arena_room(struct arena *a, void *array, size_t n, size_t element);

/* Appends a zeroed element to an array of n and gives a pointer to it. */
#define ARENA_ADD(a, array, n) \
	(*(array) = arena_room((a), *(array), *(n), sizeof(**(array))), &(*(array))[(*(n))++])

#endif
