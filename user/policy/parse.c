// SPDX-License-Identifier: GPL-2.0-only
#include "parse.h"

#include <string.h>

#include "diag.h"
#include "value.h"

#define SHOWN 60 /* bytes of a word in a message */

void parse_start(struct parser *p, struct context *ctx, const char *dir, uint32_t file)
{
	const struct source *f = &ctx->policy->files[file];

	*p = (struct parser){.ctx = ctx, .dir = dir};
	lex_start(&p->lex, file, f->text, f->len);
	parse_advance(p);
}

void parse_advance(struct parser *p)
{
	lex_next(&p->lex, &p->tok);
}

struct token parse_peek(const struct parser *p)
{
	struct lexer lex = p->lex;
	struct token t;

	lex_next(&lex, &t);
	return t;
}

bool parse_error(struct parser *p, struct loc loc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diag_verror(p->ctx->diag, p->ctx->policy, loc, format, args);
	va_end(args);
	p->bad = true;
	return false;
}

static bool token_is(const struct token *t, const char *word)
{
	return t->kind == TOK_WORD && !strncmp(t->s, word, t->len) && !word[t->len];
}

bool parse_is(const struct parser *p, const char *word)
{
	return token_is(&p->tok, word);
}

bool parse_take(struct parser *p, const char *word)
{
	if (!parse_is(p, word))
		return false;
	parse_advance(p);
	return true;
}

bool parse_unexpected(struct parser *p, const char *wanted)
{
	const struct token *t = &p->tok;
	int len = t->len < SHOWN ? (int)t->len : SHOWN;

	switch (t->kind) {
	case TOK_ERROR:
		return parse_error(p, t->loc, "%s", t->error);
	case TOK_END:
		return parse_error(p, t->loc, "expected %s, found the end of the file", wanted);
	case TOK_NEWLINE:
		return parse_error(p, t->loc, "expected %s, found the end of the line", wanted);
	case TOK_STRING:
		return parse_error(p, t->loc, "expected %s, found the string \"%.*s\"", wanted, len, t->s);
	default:
		return parse_error(p, t->loc, "expected %s, found '%.*s'", wanted, len, t->s);
	}
}

bool parse_unknown(struct parser *p, const char *wanted, const char *const *words, size_t n)
{
	const char *meant;

	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, wanted);
	meant = diag_closest(lex_text(p->ctx->arena, &p->tok), words, n);
	if (!meant)
		return parse_unexpected(p, wanted);
	return parse_error(p, p->tok.loc, "expected %s, found '%.*s'; did you mean '%s'?", wanted,
			   (int)p->tok.len, p->tok.s, meant);
}

bool parse_mark(struct parser *p, enum tok kind, const char *wanted)
{
	if (p->tok.kind != kind)
		return parse_unexpected(p, wanted);
	parse_advance(p);
	return true;
}

char *parse_string(struct parser *p, const char *what)
{
	char *text;

	if (p->tok.kind == TOK_WORD && !p->tok.first) {
		parse_error(p, p->tok.loc, "expected %s in double quotes: write \"%.*s\"", what,
			    p->tok.len < SHOWN ? (int)p->tok.len : SHOWN, p->tok.s);
		return NULL;
	}
	if (p->tok.kind != TOK_STRING) {
		parse_unexpected(p, what);
		return NULL;
	}
	if (p->tok.len > POLICY_STRING_MAX)
		parse_error(p, p->tok.loc, "a string has at most %d bytes", POLICY_STRING_MAX);
	else if (!p->tok.len)
		parse_error(p, p->tok.loc, "%s cannot be empty", what);
	text = lex_text(p->ctx->arena, &p->tok);
	parse_advance(p);
	return text;
}

char *parse_name(struct parser *p, const char *what)
{
	char *name;

	if (p->tok.kind != TOK_WORD) {
		parse_unexpected(p, what);
		return NULL;
	}
	if (!lex_is_name(p->tok.s, p->tok.len)) {
		parse_error(p, p->tok.loc,
			    "'%.*s' is not a name: a name begins with a letter or `_` and goes on with "
			    "letters, digits, "
			    "`_`, `.` and `-`",
			    p->tok.len < SHOWN ? (int)p->tok.len : SHOWN, p->tok.s);
		return NULL;
	}
	if (p->tok.len > POLICY_NAME_MAX) {
		parse_error(p, p->tok.loc, "a name has at most %d characters", POLICY_NAME_MAX);
		return NULL;
	}
	name = lex_text(p->ctx->arena, &p->tok);
	parse_advance(p);
	return name;
}

bool parse_nest(struct parser *p)
{
	if (p->depth >= POLICY_DEPTH_MAX)
		return parse_error(p, p->tok.loc, "this is nested more than %d levels deep",
				   POLICY_DEPTH_MAX);
	p->depth++;
	return true;
}

bool parse_list(struct parser *p, bool (*element)(struct parser *p, void *arg), void *arg)
{
	struct loc open = p->tok.loc;

	if (!parse_nest(p) || !parse_mark(p, TOK_OPEN, "'{'"))
		return false;
	while (p->tok.kind != TOK_CLOSE) {
		if (p->tok.kind == TOK_END || parse_at_statement(p))
			return parse_error(p, open, "this '{' is not closed");
		if (!element(p, arg))
			return false;
		if (p->tok.kind == TOK_COMMA)
			parse_advance(p);
		if (diag_full(p->ctx->diag))
			return false;
	}
	p->depth--;
	parse_advance(p);
	return true;
}

bool parse_some(struct parser *p, bool (*element)(struct parser *p, void *arg), void *arg)
{
	struct loc open = p->tok.loc;

	if (p->tok.kind != TOK_OPEN)
		return element(p, arg);
	if (parse_peek(p).kind == TOK_CLOSE)
		return parse_error(p, open, "this list is empty");
	return parse_list(p, element, arg);
}

bool parse_at_statement(const struct parser *p)
{
	enum { INCLUDE, SET, EXPECT, DEFAULT, GROUP, SERVICE, APP, CONDITION };
	static const char *const words[] = {"include", "set",	  "expect", "default",
					    "group",   "service", "app",    "condition"};
	struct lexer lex = p->lex;
	struct token second, third;
	int word;

	if (!p->tok.first || p->tok.kind != TOK_WORD)
		return false;
	word = NAMES_FIND(words, p->tok.s, p->tok.len);
	if (word < 0 && NAMES_FIND(names_action, p->tok.s, p->tok.len) >= 0)
		word = DEFAULT; /* followed by a direction as well */
	if (word < 0)
		return false;
	lex_next(&lex, &second);
	if (second.first || (second.kind != TOK_WORD && word != INCLUDE))
		return false;
	switch (word) {
	case INCLUDE:
		return second.kind == TOK_STRING;
	case SET:
		return NAMES_FIND(names_setting, second.s, second.len) >= 0;
	case EXPECT:
		return NAMES_FIND(names_action, second.s, second.len) >= 0;
	case DEFAULT:
		return NAMES_FIND(names_dir, second.s, second.len) >= 0;
	default:
		lex_next(&lex, &third);
		return third.kind == TOK_EQUALS;
	}
}

const char *parse_place(const struct context *ctx, struct loc at, struct loc near)
{
	char line[32];
	const char *path;
	size_t n;
	char *text;

	if (!at.line)
		return "built in";
	if (at.file == near.file) {
		snprintf(line, sizeof(line), "line %u", at.line);
		return arena_strn(ctx->arena, line, strlen(line));
	}
	path = ctx->policy->files[at.file].path;
	n = strlen(path) + sizeof(line);
	text = arena_alloc(ctx->arena, n);
	snprintf(text, n, "%s:%u", path, at.line);
	return text;
}

bool parse_duration(struct parser *p, uint64_t *ret_ms, bool zero)
{
	const char *error;
	uint64_t ms = 0;

	if (p->tok.kind != TOK_WORD || p->tok.s[0] < '0' || p->tok.s[0] > '9')
		return parse_unexpected(p, "a duration, as in 30s");
	error = value_duration(p->tok.s, p->tok.len, &ms);
	if (!error && !ms && !zero)
		error = "a duration of zero has no meaning here";
	if (error)
		parse_error(p, p->tok.loc, "%s", error);
	else
		*ret_ms = ms;
	parse_advance(p);
	return true;
}
