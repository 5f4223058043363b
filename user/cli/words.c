// SPDX-License-Identifier: GPL-2.0-only
#include "words.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define READ_SIZE 65536

static char *take(struct words_reader *r, size_t len, size_t with_newline)
{
	char *line = r->buffer.data ? strndup(r->buffer.data + r->buffer.start, len) : NULL;

	buffer_take(&r->buffer, with_newline);
	r->seen = 0;
	return line;
}

char *words_line(struct words_reader *r, bool wait)
{
	for (;;) {
		size_t len = buffer_len(&r->buffer);
		const char *start = r->buffer.data + r->buffer.start;
		const char *end = len > r->seen ? memchr(start + r->seen, '\n', len - r->seen) : NULL;
		struct pollfd p = {.fd = r->fd, .events = POLLIN};
		char *room;
		ssize_t n;

		if (end)
			return take(r, (size_t)(end - start), (size_t)(end - start) + 1);
		r->seen = len;
		if (len >= WORDS_LINE_MAX || (r->eof && len))
			return take(r, len, len);
		if (r->eof || (!wait && poll(&p, 1, 0) <= 0))
			return NULL;
		room = buffer_room(&r->buffer, READ_SIZE);
		n = room ? read(r->fd, room, READ_SIZE) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			r->eof = true;
		else
			r->buffer.end += (size_t)n;
	}
}

void words_reader_free(struct words_reader *r)
{
	buffer_free(&r->buffer);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One word at *at, moved together in place. NULL, or what is wrong. */
static const char *one_word(char **at, char **word)
{
	char *from = *at, *to = *at;
	bool quoted = false;

	*word = to;
	for (; *from && (quoted || !blank(*from)); from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && *from == '\\' && (from[1] == '"' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	if (quoted)
		return "a double quote is not closed";
	*at = *from ? from + 1 : from;
	*to = '\0';
	return NULL;
}

const char *words_split(char *line, char ***ret, size_t *n)
{
	char **words = NULL, *word, *at = line;
	const char *wrong = NULL;
	size_t count = 0, size = 0;

	while (!wrong) {
		while (blank(*at))
			at++;
		if (!*at || *at == '#')
			break;
		if (count == size) {
			char **more = realloc(words, (size + 16) * sizeof(*words));

			if (!more) {
				wrong = "out of memory";
				break;
			}
			words = more;
			size += 16;
		}
		wrong = one_word(&at, &word);
		if (!wrong)
			words[count++] = word;
	}
	if (wrong) {
		free(words);
		return wrong;
	}
	*ret = words;
	*n = count;
	return NULL;
}
