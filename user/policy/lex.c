// SPDX-License-Identifier: GPL-2.0-only
#include "lex.h"

#include <string.h>

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr(".:/*%+-[]@", c));
}

bool lex_is_name(const char *s, size_t len)
{
	if (!len || !is_alpha(s[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_alpha(s[i]) && !is_digit(s[i]) && s[i] != '.' && s[i] != '-')
			return false;
	return true;
}

void lex_start(struct lexer *lx, uint32_t file, const char *text, size_t len)
{
	*lx = (struct lexer){
		.at = text, .end = text + len, .line_start = text, .file = file, .line = 1, .fresh = true};
}

static void new_line(struct lexer *lx)
{
	lx->at++;
	lx->line++;
	lx->line_start = lx->at;
	lx->fresh = true;
}

/* Does a line end here, as \n or \r\n? */
static bool at_newline(const struct lexer *lx)
{
	return lx->at < lx->end &&
	       (*lx->at == '\n' || (*lx->at == '\r' && lx->at + 1 < lx->end && lx->at[1] == '\n'));
}

/* Over white space, comments and continued lines, up to a newline that counts. */
static void skip_space(struct lexer *lx)
{
	while (lx->at < lx->end) {
		const char *was = lx->at;

		if (*lx->at == ' ' || *lx->at == '\t') {
			lx->at++;
		} else if (*lx->at == '#') {
			while (lx->at < lx->end && !at_newline(lx))
				lx->at++;
		} else if (*lx->at == '\\') {
			lx->at++;
			if (!at_newline(lx)) {
				lx->at = was;
				return;
			}
			lx->at += *lx->at == '\r';
			new_line(lx);
		} else if (lx->depth && at_newline(lx)) {
			lx->at += *lx->at == '\r';
			new_line(lx);
		} else {
			return;
		}
	}
}

static void begin(const struct lexer *lx, struct token *t, enum tok kind)
{
	*t = (struct token){.kind = kind, .first = lx->fresh, .s = lx->at, .len = 1};
	t->loc.file = lx->file;
	t->loc.line = lx->line;
	t->loc.col = (uint32_t)(lx->at - lx->line_start) + 1;
}

static void fail(struct lexer *lx, struct token *t, const char *at, const char *error)
{
	t->kind = TOK_ERROR;
	t->error = error;
	t->loc.col = (uint32_t)(at - lx->line_start) + 1;
}

static void string(struct lexer *lx, struct token *t)
{
	const char *open = lx->at;

	t->kind = TOK_STRING;
	t->s = ++lx->at;
	for (; lx->at < lx->end && !at_newline(lx); lx->at++) {
		unsigned char c = (unsigned char)*lx->at;

		if (c == '"') {
			t->len = (size_t)(lx->at++ - t->s);
			return;
		}
		if (c == '\\' && lx->at + 1 < lx->end) {
			lx->at++;
			if (*lx->at != '"' && *lx->at != '\\' && !t->error)
				fail(lx, t, lx->at - 1,
				     "in a string a backslash stands only before \" and \\");
			if (at_newline(lx))
				break;
		} else if ((c < 0x20 || c == 0x7f) && !t->error) {
			fail(lx, t, lx->at, "a control character in a string");
		}
	}
	fail(lx, t, open, "this string is not closed on its line");
}

/* A character that begins nothing. Says what was probably meant. */
static void stray(struct lexer *lx, struct token *t)
{
	static const struct {
		const char *begin, *error;
	} known[] = {
		{"!", "unexpected '!'; write `not`"},
		{"&", "unexpected '&'; write `and`"},
		{"|", "unexpected '|'; write `or`"},
		{"'", "unexpected \"'\"; strings stand in double quotes"},
		{"`", "unexpected '`'; strings stand in double quotes"},
		{"\xe2\x80\x9c", "unexpected typographic quote; strings stand in plain double quotes"},
		{"\xe2\x80\x9d", "unexpected typographic quote; strings stand in plain double quotes"},
		{"\xe2\x80\x9e", "unexpected typographic quote; strings stand in plain double quotes"},
		{"\xc2\xa0", "unexpected no-break space"},
		{";", "unexpected ';'; a statement ends with its line"},
		{"$", "unexpected '$'; names are written as they are"},
		{"<", "unexpected '<'; a list stands in { }"},
		{">", "unexpected '>'; a range is written A-B"},
		{"\\", "a backslash outside of a string stands only at the end of a line"},
	};
	unsigned char c = (unsigned char)*lx->at;

	t->kind = TOK_ERROR;
	t->error = c < 0x20 || c == 0x7f ? "unexpected control character"
		   : c >= 0x80 ? "unexpected character; outside of strings and comments only ASCII is written"
			       : "unexpected character";
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		size_t n = strlen(known[i].begin);

		if ((size_t)(lx->end - lx->at) >= n && !memcmp(lx->at, known[i].begin, n))
			t->error = known[i].error;
	}
	lx->at++;
	while (lx->at < lx->end && ((unsigned char)*lx->at & 0xc0) == 0x80)
		lx->at++;
}

void lex_next(struct lexer *lx, struct token *t)
{
	static const char marks[] = "{}(),=";
	static const enum tok kinds[] = {TOK_OPEN, TOK_CLOSE, TOK_LPAREN, TOK_RPAREN, TOK_COMMA, TOK_EQUALS};
	const char *mark;

	skip_space(lx);
	begin(lx, t, TOK_END);
	if (lx->at >= lx->end) {
		t->len = 0;
		return;
	}
	if (at_newline(lx)) {
		t->kind = TOK_NEWLINE;
		lx->at += *lx->at == '\r';
		new_line(lx);
		return;
	}
	lx->fresh = false;
	mark = *lx->at ? strchr(marks, *lx->at) : NULL;
	if (mark) {
		t->kind = kinds[mark - marks];
		if (t->kind == TOK_OPEN || t->kind == TOK_LPAREN)
			lx->depth++;
		else if ((t->kind == TOK_CLOSE || t->kind == TOK_RPAREN) && lx->depth)
			lx->depth--;
		lx->at++;
	} else if (*lx->at == '"') {
		string(lx, t);
	} else if (is_word(*lx->at)) {
		t->kind = TOK_WORD;
		while (lx->at < lx->end && is_word(*lx->at))
			lx->at++;
		t->len = (size_t)(lx->at - t->s);
	} else {
		stray(lx, t);
	}
}

void lex_value(struct lexer *lx, struct token *t)
{
	begin(lx, t, TOK_WORD);
	if (lx->at < lx->end && *lx->at == '"') {
		string(lx, t);
		return;
	}
	while (lx->at < lx->end && *lx->at != ' ' && *lx->at != '\t' && *lx->at != '#' && *lx->at != '\\' &&
	       !at_newline(lx)) {
		unsigned char c = (unsigned char)*lx->at;

		if ((c < 0x20 || c == 0x7f || c == '"') && !t->error)
			fail(lx, t, lx->at,
			     c == '"' ? "a quote inside a value; put all of it in quotes"
				      : "unexpected control character");
		lx->at++;
	}
	t->len = (size_t)(lx->at - t->s);
}

char *lex_text(struct arena *a, const struct token *t)
{
	char *text = arena_strn(a, t->s, t->len);
	size_t n = 0;

	if (t->kind != TOK_STRING || !memchr(text, '\\', t->len))
		return text;
	for (size_t i = 0; i < t->len; i++) {
		if (text[i] == '\\' && i + 1 < t->len)
			i++;
		text[n++] = text[i];
	}
	text[n] = '\0';
	return text;
}
