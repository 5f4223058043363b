/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes in at the end, out at the start. */
#ifndef CGWALL_BUFFER_H
#define CGWALL_BUFFER_H

#include <stdlib.h>
#include <string.h>

struct buffer {
	char *data;
	size_t start, end, size;
};

static inline size_t buffer_len(const struct buffer *b)
{
	return b->end - b->start;
}

/* Room for n more bytes behind `end`. NULL without memory. */
static inline char *buffer_room(struct buffer *b, size_t n)
{
	if (b->size - b->end < n && b->start) {
		memmove(b->data, b->data + b->start, buffer_len(b));
		b->end -= b->start;
		b->start = 0;
	}
	if (b->size - b->end < n) {
		size_t size = b->size ? b->size : 512;
		char *data;

		while (size - b->end < n)
			size *= 2;
		data = realloc(b->data, size);
		if (!data)
			return NULL;
		b->data = data;
		b->size = size;
	}
	return b->data + b->end;
}

/* 0, or -1 without memory. */
static inline int buffer_add(struct buffer *b, const char *data, size_t n)
{
	char *room = buffer_room(b, n);

	if (!room)
		return -1;
	memcpy(room, data, n);
	b->end += n;
	return 0;
}

/* n bytes are done with. An empty buffer that once was large gives its memory back. */
static inline void buffer_take(struct buffer *b, size_t n)
{
	b->start += n;
	if (b->start < b->end)
		return;
	b->start = b->end = 0;
	if (b->size > 65536) {
		free(b->data);
		b->data = NULL;
		b->size = 0;
	}
}

static inline void buffer_free(struct buffer *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

#endif
