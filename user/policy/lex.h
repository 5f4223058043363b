/* SPDX-License-Identifier: GPL-2.0-only */
/* Policy text to tokens. The lexer allocates nothing and holds no more than its place, so that looking ahead
 * is a copy of it. Words are taken whole (192.0.2.0/24, tcp/5000-5100, 30s, local-nets); what they mean the
 * parser knows.
 */
#ifndef CGWALL_LEX_H
#define CGWALL_LEX_H

#include "arena.h"
#include "policy.h"

enum tok {
	TOK_END,
	TOK_NEWLINE, /* end of a statement; never inside braces or parentheses */
	TOK_WORD,
	TOK_STRING,
	TOK_OPEN,   /* { */
	TOK_CLOSE,  /* } */
	TOK_LPAREN, /* ( */
	TOK_RPAREN, /* ) */
	TOK_COMMA,
	TOK_EQUALS,
	TOK_ERROR
};

struct token {
	enum tok kind;
	bool first; /* nothing but space before it on its line */
	struct loc loc;
	const char *s; /* into the text; a string's without its quotes, still with its escapes */
	size_t len;
	const char *error; /* TOK_ERROR: what is wrong */
};

struct lexer {
	const char *at, *end, *line_start;
	uint32_t file, line;
	unsigned depth; /* of open braces and parentheses */
	bool fresh;	/* no token on this line yet */
};

/* text must be valid UTF-8 without NUL; it stays with the caller. */
void lex_start(struct lexer *lx, uint32_t file, const char *text, size_t len);
void lex_next(struct lexer *lx, struct token *ret);

/* The value of KEY=VALUE in an expectation, right where the lexer stands: a string, or everything up to white
 * space or a comment (TOK_WORD, perhaps empty). */
void lex_value(struct lexer *lx, struct token *ret);

/* A string token's text with its escapes undone; a word's text as it is. */
char *lex_text(struct arena *a, const struct token *t);

/* Is it a name: [A-Za-z_][A-Za-z0-9_.-]* */
bool lex_is_name(const char *s, size_t len);

#endif
