// SPDX-License-Identifier: GPL-2.0-only
/* Expressions: `and`, `or`, `not`, parentheses and { lists } over operands of either kind. */
#include "parse.h"

static struct expr *parse_or(struct parser *p, parse_operand *f);

struct expr *parse_new_expr(struct parser *p, enum expr_op op, struct loc loc)
{
	struct expr *e = arena_alloc(p->ctx->arena, sizeof(*e));

	e->op = op;
	e->loc = loc;
	return e;
}

void parse_join(struct parser *p, enum expr_op op, struct expr **list, struct expr *kid)
{
	struct arena *a = p->ctx->arena;
	struct expr *all = *list;

	if (!all) {
		*list = kid;
		return;
	}
	if (all->op != op) {
		all = parse_new_expr(p, op, all->loc);
		*ARENA_ADD(a, &all->kids, &all->nkids) = *list;
		*list = all;
	}
	/* `a or (b or c)` is `a or b or c` */
	if (kid->op != op) {
		*ARENA_ADD(a, &all->kids, &all->nkids) = kid;
		return;
	}
	for (size_t i = 0; i < kid->nkids; i++)
		*ARENA_ADD(a, &all->kids, &all->nkids) = kid->kids[i];
}

struct or_list {
	parse_operand *operand;
	struct expr *expr;
};

static bool or_element(struct parser *p, void *arg)
{
	struct or_list *l = arg;
	struct expr *e = parse_or(p, l->operand);

	if (!e)
		return false;
	parse_join(p, EXPR_OR, &l->expr, e);
	return true;
}

static struct expr *parse_primary(struct parser *p, parse_operand *f)
{
	struct or_list l = {.operand = f};
	struct loc loc = p->tok.loc;
	struct expr *e;

	if (p->tok.kind == TOK_OPEN)
		return parse_some(p, or_element, &l) ? l.expr : NULL;
	if (p->tok.kind != TOK_LPAREN)
		return f(p);
	if (!parse_nest(p))
		return NULL;
	parse_advance(p);
	e = parse_or(p, f);
	if (!e)
		return NULL;
	if (p->tok.kind == TOK_END || parse_at_statement(p)) {
		parse_error(p, loc, "this '(' is not closed");
		return NULL;
	}
	if (!parse_mark(p, TOK_RPAREN, "`and`, `or` or ')'"))
		return NULL;
	p->depth--;
	return e;
}

static struct expr *parse_not(struct parser *p, parse_operand *f)
{
	struct loc loc = p->tok.loc;
	struct expr *e, *kid;

	if (!parse_is(p, "not"))
		return parse_primary(p, f);
	if (!parse_nest(p))
		return NULL;
	parse_advance(p);
	kid = parse_not(p, f);
	p->depth--;
	if (!kid)
		return NULL;
	e = parse_new_expr(p, EXPR_NOT, loc);
	*ARENA_ADD(p->ctx->arena, &e->kids, &e->nkids) = kid;
	return e;
}

static struct expr *parse_and(struct parser *p, parse_operand *f)
{
	struct expr *all = NULL, *kid;

	do {
		kid = parse_not(p, f);
		if (!kid)
			return NULL;
		parse_join(p, EXPR_AND, &all, kid);
	} while (parse_take(p, "and"));
	return all;
}

static struct expr *parse_or(struct parser *p, parse_operand *f)
{
	struct expr *all = NULL, *kid;

	do {
		kid = parse_and(p, f);
		if (!kid)
			return NULL;
		parse_join(p, EXPR_OR, &all, kid);
	} while (parse_take(p, "or"));
	return all;
}

struct expr *parse_expr(struct parser *p, parse_operand *operand)
{
	return parse_or(p, operand);
}

struct expr *parse_reference(struct parser *p, enum expr_op op, const char *what)
{
	struct expr *e = parse_new_expr(p, op, p->tok.loc);

	e->text = parse_name(p, what);
	return e->text ? e : NULL;
}
