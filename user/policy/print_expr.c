// SPDX-License-Identifier: GPL-2.0-only
/* Canonical form of the parts of a statement. */
#include "print.h"

#include <string.h>

#include "addr.h"
#include "lex.h"
#include "names.h"
#include "value.h"

void print_string(const char *s, FILE *out)
{
	fputc('"', out);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

static void print_word_string(const char *word, const char *text, FILE *out)
{
	fprintf(out, "%s ", word);
	print_string(text, out);
}

void print_item(const struct item *it, FILE *out)
{
	switch (it->kind) {
	case ITEM_NET:
		addr_print_item(it, out);
		break;
	case ITEM_DOMAIN:
		print_word_string("domain", it->text, out);
		break;
	case ITEM_HOST:
		print_word_string("host", it->text, out);
		break;
	case ITEM_FILE:
		print_word_string("file", it->text, out);
		break;
	case ITEM_ANY:
		fputs("any", out);
		break;
	case ITEM_SELF:
		fputs("self", out);
		break;
	case ITEM_RESOLVERS:
		fputs("resolvers", out);
		break;
	case ITEM_GROUP:
		fputs(it->group ? it->group->name : it->text, out);
		break;
	}
}

void print_range(const struct range *r, FILE *out)
{
	if (r->lo == r->hi)
		fprintf(out, "%u", r->lo);
	else
		fprintf(out, "%u-%u", r->lo, r->hi);
}

void print_service_item(const struct service_item *it, FILE *out)
{
	const char *name = names_proto_name(it->proto);

	if (it->proto == PROTO_SERVICE) {
		fputs(it->service ? it->service->name : it->text, out);
		return;
	}
	if (name)
		fputs(name, out);
	else
		fprintf(out, "%d", it->proto);
	if (!it->has_ports)
		return;
	fputc('/', out);
	if (it->ports.lo == 0 && it->ports.hi == 65535)
		fputc('*', out);
	else
		print_range(&it->ports, out);
}

static void print_id(const struct expr *e, FILE *out)
{
	if (e->numeric)
		fprintf(out, "%u", e->id);
	else if (lex_is_name(e->text, strlen(e->text)))
		fputs(e->text, out);
	else
		print_string(e->text, out);
}

void print_selector_value(const struct expr *e, FILE *out)
{
	if (e->sel == SEL_USER || e->sel == SEL_GROUP)
		print_id(e, out);
	else if (e->sel == SEL_SHA256)
		fputs(e->text, out);
	else
		print_string(e->text, out);
}

static void print_selector(const struct expr *e, FILE *out)
{
	fputs(names_selector[e->sel], out);
	if (e->sel == SEL_ANY || e->sel == SEL_PACKAGED)
		return;
	fputc(' ', out);
	print_selector_value(e, out);
}

static void print_fact(const struct expr *e, FILE *out)
{
	const uint8_t *b = e->bssid;

	fprintf(out, "%s ", names_fact[e->fact]);
	switch (e->fact) {
	case FACT_SSID:
		print_string(e->text, out);
		if (e->secured)
			fputs(" secured", out);
		if (e->has_bssid)
			fprintf(out, " bssid \"%02x:%02x:%02x:%02x:%02x:%02x\"", b[0], b[1], b[2], b[3], b[4],
				b[5]);
		break;
	case FACT_ACTIVE:
		print_string(e->text, out);
		break;
	case FACT_TIME:
		fprintf(out, "%02d:%02d-%02d:%02d", e->from / 60, e->from % 60, e->to / 60, e->to % 60);
		break;
	case FACT_DAYS:
		value_print_days(e->days, out);
		break;
	case FACTS:
		break;
	}
}

void print_operand(const struct expr *e, FILE *out)
{
	if (e->op == EXPR_SELECTOR)
		print_selector(e, out);
	else if (e->op == EXPR_FACT)
		print_fact(e, out);
	else
		fputs(e->text, out);
}

/* Binds a kid weaker than its parent, so that it needs parentheses? or < and < not. */
static bool needs_parentheses(const struct expr *parent, const struct expr *kid)
{
	if (kid->op != EXPR_OR && kid->op != EXPR_AND)
		return false;
	return parent->op == EXPR_NOT || (parent->op == EXPR_AND && kid->op == EXPR_OR);
}

static void print_kid(const struct expr *parent, const struct expr *kid, FILE *out)
{
	bool parentheses = needs_parentheses(parent, kid);

	fputs(parentheses ? "(" : "", out);
	print_expr(kid, out);
	fputs(parentheses ? ")" : "", out);
}

void print_expr(const struct expr *e, FILE *out)
{
	switch (e->op) {
	case EXPR_AND:
	case EXPR_OR:
		for (size_t i = 0; i < e->nkids; i++) {
			if (i)
				fputs(e->op == EXPR_AND ? " and " : " or ", out);
			print_kid(e, e->kids[i], out);
		}
		break;
	case EXPR_NOT:
		fputs("not ", out);
		print_kid(e, e->kids[0], out);
		break;
	case EXPR_SELECTOR:
	case EXPR_FACT:
	case EXPR_APP:
	case EXPR_CONDITION:
		print_operand(e, out);
		break;
	}
}

void print_act(const struct act *a, FILE *out)
{
	fputs(names_action[a->action], out);
	if (a->timeout_ms) {
		fputs(" timeout ", out);
		value_print_duration(a->timeout_ms, out);
	}
	if (a->has_else)
		fprintf(out, " else %s", names_action[a->otherwise]);
	if (a->has_else && a->else_for_ms) {
		fputs(" for ", out);
		value_print_duration(a->else_for_ms, out);
	}
}
