/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines of queries, and the words on them. */
#ifndef CGWALL_WORDS_H
#define CGWALL_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "../agent/buffer.h"

#define WORDS_LINE_MAX (1u << 20)

struct words_reader {
	int fd;
	struct buffer buffer;
	size_t seen; /* bytes known to hold no newline */
	bool eof;
};

/* The next line without its newline, owned by the caller. NULL at the end; or, with `wait` false, where no
 * whole line can be had without waiting. A line longer than WORDS_LINE_MAX is cut there. */
char *words_line(struct words_reader *r, bool wait);
void words_reader_free(struct words_reader *r);

/* Splits a line at blanks. Double quotes hold blanks together, also inside a word (exe="/a b"), with \" and
 * \\ in them; `#` where a word would begin starts a comment. The words are pieces of `line`, which is
 * changed; *ret is owned by the caller. NULL, or what is wrong. */
const char *words_split(char *line, char ***ret, size_t *n);

#endif
