// SPDX-License-Identifier: GPL-2.0-only
/* Which statement it is; includes, definitions, expectations; going on after an error. */
#include <string.h>

#include "diag.h"
#include "parse.h"

static const char *const statements[] = {"include", "set",    "group", "service", "app",    "condition",
					 "default", "expect", "pass",  "block",	  "reject", "ask"};
enum statement { S_INCLUDE, S_SET, S_GROUP, S_SERVICE, S_APP, S_CONDITION, S_DEFAULT, S_EXPECT, S_RULE };

static bool parse_equals(struct parser *p, const char *what)
{
	return parse_mark(p, TOK_EQUALS, what);
}

/* Definitions get their object before anything can go wrong in them, so that at least their name is known. */
static bool parse_group(struct parser *p, struct stmt *stmt, char *name)
{
	struct group *g = arena_alloc(p->ctx->arena, sizeof(*g));

	stmt->kind = STMT_GROUP;
	stmt->group = g;
	g->name = name;
	g->loc = stmt->loc;
	return parse_equals(p, "'=' after the name of the group") && parse_items(p, &g->items, &g->nitems);
}

static bool parse_service(struct parser *p, struct stmt *stmt, char *name)
{
	struct service *s = arena_alloc(p->ctx->arena, sizeof(*s));

	stmt->kind = STMT_SERVICE;
	stmt->service = s;
	s->name = name;
	s->loc = stmt->loc;
	return parse_equals(p, "'=' after the name of the service") &&
	       parse_services(p, &s->items, &s->nitems);
}

static bool parse_app(struct parser *p, struct stmt *stmt, char *name)
{
	struct app *a = arena_alloc(p->ctx->arena, sizeof(*a));

	stmt->kind = STMT_APP;
	stmt->app = a;
	a->name = name;
	a->loc = stmt->loc;
	if (parse_equals(p, "'=' after the name of the app"))
		a->expr = parse_who(p);
	return a->expr;
}

static bool parse_condition(struct parser *p, struct stmt *stmt, char *name)
{
	struct condition *c = arena_alloc(p->ctx->arena, sizeof(*c));

	stmt->kind = STMT_CONDITION;
	stmt->condition = c;
	c->name = name;
	c->loc = stmt->loc;
	if (parse_equals(p, "'=' after the name of the condition"))
		c->expr = parse_when(p);
	return c->expr;
}

/* KEY=VALUE; the value is read by the lexer's own way, which begins right behind the mark. */
static bool parse_keyval(struct parser *p, struct keyval *ret)
{
	struct token key = p->tok;

	if (key.kind != TOK_WORD)
		return parse_unexpected(p, "KEY=VALUE");
	if (parse_peek(p).kind != TOK_EQUALS) {
		parse_advance(p);
		return parse_unexpected(p, "'=' and a value, right behind the key");
	}
	parse_advance(p);
	if (p->tok.s != key.s + key.len)
		return parse_error(p, p->tok.loc, "a key, its '=' and its value stand together: KEY=VALUE");
	ret->loc = key.loc;
	ret->key = lex_text(p->ctx->arena, &key);
	lex_value(&p->lex, &p->tok);
	if (p->tok.kind == TOK_ERROR)
		return parse_error(p, p->tok.loc, "%s", p->tok.error);
	ret->value = lex_text(p->ctx->arena, &p->tok);
	parse_advance(p);
	return true;
}

static bool parse_expect(struct parser *p, struct stmt *stmt)
{
	struct expect *e = arena_alloc(p->ctx->arena, sizeof(*e));
	int verdict = -1, dir = -1;

	stmt->kind = STMT_EXPECT;
	stmt->expect = e;
	e->loc = stmt->loc;
	if (p->tok.kind == TOK_WORD)
		verdict = NAMES_FIND(names_action, p->tok.s, p->tok.len);
	if (verdict < 0)
		return parse_unknown(p, "pass, block, reject or ask", names_action, CGW_ACTIONS);
	parse_advance(p);
	if (p->tok.kind == TOK_WORD)
		dir = NAMES_FIND(names_dir, p->tok.s, p->tok.len);
	if (dir < 0)
		return parse_unknown(p, "`in` or `out`", names_dir, CGW_DIRS);
	parse_advance(p);
	e->verdict = (enum cgw_action)verdict;
	e->dir = (enum cgw_dir)dir;
	while (p->tok.kind != TOK_END && p->tok.kind != TOK_NEWLINE)
		if (!parse_keyval(p, ARENA_ADD(p->ctx->arena, &e->keys, &e->nkeys)))
			return false;
	return true;
}

/* Everything behind the first word of what is no rule. */
static bool parse_rest(struct parser *p, enum statement which, struct stmt *stmt, char **include)
{
	static const char *const what[] = {[S_GROUP] = "the name of the group",
					   [S_SERVICE] = "the name of the service",
					   [S_APP] = "the name of the app",
					   [S_CONDITION] = "the name of the condition"};
	char *name;

	switch (which) {
	case S_INCLUDE:
		stmt->loc = p->tok.loc;
		*include = parse_string(p, "the files of `include`");
		return *include;
	case S_SET:
		stmt->kind = STMT_SET;
		return parse_set(p, stmt->loc, &stmt->setting);
	case S_DEFAULT:
		stmt->kind = STMT_DEFAULT;
		return parse_default(p, stmt->loc, &stmt->fallback);
	case S_EXPECT:
		return parse_expect(p, stmt);
	default:
		break;
	}
	stmt->loc = p->tok.loc; /* a definition stands where its name does */
	name = parse_name(p, what[which]);
	if (!name)
		return false;
	switch (which) {
	case S_GROUP:
		return parse_group(p, stmt, name);
	case S_SERVICE:
		return parse_service(p, stmt, name);
	case S_APP:
		return parse_app(p, stmt, name);
	default:
		return parse_condition(p, stmt, name);
	}
}

/* To the end of the statement, or to a line on which surely another begins, whatever was left open. */
static void recover(struct parser *p, struct loc begin)
{
	if (p->tok.loc.line == begin.line && p->tok.loc.col == begin.col)
		parse_advance(p);
	while (p->tok.kind != TOK_END) {
		if (p->lex.depth == 0 && p->tok.kind == TOK_NEWLINE)
			return;
		if (p->tok.first && parse_at_statement(p)) {
			p->lex.depth = 0;
			return;
		}
		parse_advance(p);
	}
}

static bool is_definition(const struct stmt *stmt)
{
	return stmt->group && (stmt->kind == STMT_GROUP || stmt->kind == STMT_SERVICE ||
			       stmt->kind == STMT_APP || stmt->kind == STMT_CONDITION);
}

enum parsed parse_statement(struct parser *p, struct stmt *stmt, char **include)
{
	struct loc begin;
	int which = -1;
	bool ok;

	*include = NULL;
	*stmt = (struct stmt){.kind = STMT_RULE};
	p->bad = false;
	p->depth = 0;
	while (p->tok.kind == TOK_NEWLINE)
		parse_advance(p);
	if (p->tok.kind == TOK_END)
		return PARSED_END;
	stmt->loc = begin = p->tok.loc;
	if (p->tok.kind == TOK_WORD)
		which = NAMES_FIND(statements, p->tok.s, p->tok.len);
	if (which < 0) {
		ok = parse_unknown(p, "a statement", statements, sizeof(statements) / sizeof(*statements));
	} else if (which >= S_RULE) {
		stmt->rule = arena_alloc(p->ctx->arena, sizeof(*stmt->rule));
		ok = parse_rule(p, stmt->rule);
	} else {
		parse_advance(p);
		ok = parse_rest(p, (enum statement)which, stmt, include);
	}
	if (ok && p->tok.kind != TOK_END && p->tok.kind != TOK_NEWLINE)
		ok = parse_unexpected(p, "the end of the statement");
	if (!ok)
		recover(p, begin);
	if (*include && ok)
		return PARSED_INCLUDE;
	if (ok || is_definition(stmt))
		return PARSED_STMT;
	return PARSED_NOTHING;
}
