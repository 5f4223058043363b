// SPDX-License-Identifier: GPL-2.0-only
/* Canonical form: one statement a line, each thing written in one way. */
#include "print.h"

#include <errno.h>
#include <string.h>

#include "names.h"
#include "value.h"

static void comma(size_t i, FILE *out)
{
	fputs(i ? ", " : "", out);
}

void print_setting(const struct settings *s, int setting, FILE *out)
{
	switch ((enum setting)setting) {
	case SET_MODE:
		fputs(s->observe ? "observe" : "enforce", out);
		break;
	case SET_ESTABLISHED:
		fputs(s->established_keep ? "keep" : "cut", out);
		break;
	case SET_RESOLVERS:
		fputs(s->resolvers_given ? "{ " : "auto", out);
		for (size_t i = 0; i < s->nresolvers; i++) {
			comma(i, out);
			print_item(&s->resolvers[i], out);
		}
		fputs(s->resolvers_given ? " }" : "", out);
		break;
	case SET_DNS_MIN_TTL:
		value_print_duration(s->dns_min_ttl_ms, out);
		break;
	case SET_DNS_MAX_TTL:
		value_print_duration(s->dns_max_ttl_ms, out);
		break;
	case SET_ASK_TIMEOUT:
		value_print_duration(s->ask_timeout_ms, out);
		break;
	case SET_SOCKETS_OTHER:
		fputs(s->sockets_other == CGW_PASS ? "pass" : "block", out);
		break;
	case SET_DNS_REBIND:
		fputs(s->dns_rebind_allow ? "allow" : "block", out);
		break;
	case SET_ON_FAILURE:
		fputs(s->on_failure_pass ? "pass" : "block", out);
		break;
	case SETTINGS:
		break;
	}
}

void print_keyval(const struct keyval *k, FILE *out)
{
	fprintf(out, "%s=", k->key);
	if (strpbrk(k->value, " \t\"\\#"))
		print_string(k->value, out);
	else
		fputs(k->value, out);
}

/* Items in braces; a single one of a rule without. */
static void print_items(const struct item *items, size_t n, bool braces, FILE *out)
{
	fputs(braces ? "{ " : "", out);
	for (size_t i = 0; i < n; i++) {
		comma(i, out);
		print_item(&items[i], out);
	}
	fputs(braces ? n ? " }" : "}" : "", out);
}

static void print_services(const struct service_item *items, size_t n, bool braces, FILE *out)
{
	fputs(braces ? "{ " : "", out);
	for (size_t i = 0; i < n; i++) {
		comma(i, out);
		print_service_item(&items[i], out);
	}
	fputs(braces ? " }" : "", out);
}

static void print_ports(const struct ports *ports, FILE *out)
{
	if (!ports->n)
		return;
	fputs(ports->n > 1 ? " port { " : " port ", out);
	for (size_t i = 0; i < ports->n; i++) {
		comma(i, out);
		print_range(&ports->ranges[i], out);
	}
	fputs(ports->n > 1 ? " }" : "", out);
}

static void print_hosts(const char *word, const struct hosts *h, const struct ports *ports, FILE *out)
{
	if (!h->nitems)
		return;
	fprintf(out, " %s %s", word, h->negated ? "not " : "");
	print_items(h->items, h->nitems, h->nitems > 1, out);
	print_ports(ports, out);
}

/* One kind of who in a rule: `app a`, `app { a, b }`, `exe "x"`, `exe { "x", "y" }`. */
static void print_who_kind(const struct expr *e, FILE *out)
{
	const struct expr *first = e->op == EXPR_OR ? e->kids[0] : e;
	const char *word = first->op == EXPR_APP ? "app" : names_selector[first->sel];

	if (e->op != EXPR_OR) {
		fprintf(out, " %s", e->op == EXPR_APP ? "app " : "");
		print_operand(e, out);
		return;
	}
	fprintf(out, " %s { ", word);
	for (size_t i = 0; i < e->nkids; i++) {
		comma(i, out);
		if (e->kids[i]->op == EXPR_APP)
			fputs(e->kids[i]->text, out);
		else
			print_selector_value(e->kids[i], out);
	}
	fputs(" }", out);
}

static void print_who(const struct expr *who, FILE *out)
{
	if (!who)
		return;
	if (who->op != EXPR_AND) {
		print_who_kind(who, out);
		return;
	}
	for (size_t i = 0; i < who->nkids; i++)
		print_who_kind(who->kids[i], out);
}

static void print_limit(const struct limit *l, FILE *out)
{
	if (!l->up && !l->down)
		return;
	fputs(" limit", out);
	if (l->up) {
		fputc(' ', out);
		value_print_rate(l->up, out);
		fputs(" up", out);
	}
	if (l->down) {
		fputc(' ', out);
		value_print_rate(l->down, out);
		fputs(" down", out);
	}
}

static void print_when(const char *word, const struct expr *e, FILE *out)
{
	if (!e)
		return;
	fprintf(out, " %s ", word);
	print_expr(e, out);
}

int policy_print_rule(const struct rule *r, FILE *out)
{
	print_act(&r->act, out);
	fprintf(out, " %s%s%s", names_dir[r->dir], r->quick ? " quick" : "", r->log ? " log" : "");
	print_who(r->who, out);
	if (r->nprotos) {
		fputs(" proto ", out);
		print_services(r->protos, r->nprotos, r->nprotos > 1, out);
	}
	if (r->nservices) {
		fputs(" service ", out);
		print_services(r->services, r->nservices, r->nservices > 1, out);
	}
	print_hosts("from", &r->from, &r->from_ports, out);
	print_hosts("to", &r->to, &r->to_ports, out);
	if (r->iface) {
		fputs(" on ", out);
		print_string(r->iface, out);
	}
	print_when("if", r->when, out);
	print_when("unless", r->unless, out);
	print_limit(&r->limit, out);
	if (r->has_until) {
		fputs(" until ", out);
		value_print_time(r->until, r->until_dated, out);
	}
	if (r->label) {
		fputs(" label ", out);
		print_string(r->label, out);
	}
	return ferror(out) ? -EIO : 0;
}

static void print_fallback(const struct fallback *f, enum cgw_dir dir, FILE *out)
{
	fprintf(out, "default %s ", names_dir[dir]);
	print_act(&f->act, out);
	if (f->log)
		fputs(" log", out);
	if (f->has_background)
		fprintf(out, " background %s", names_action[f->background]);
}

static void print_expect(const struct expect *e, FILE *out)
{
	fprintf(out, "expect %s %s", names_action[e->verdict], names_dir[e->dir]);
	for (size_t i = 0; i < e->nkeys; i++) {
		fputc(' ', out);
		print_keyval(&e->keys[i], out);
	}
}

static void print_statement(const struct policy *p, const struct stmt *s, FILE *out)
{
	switch (s->kind) {
	case STMT_SET:
		fprintf(out, "set %s ", names_setting[s->setting]);
		print_setting(&p->settings, s->setting, out);
		break;
	case STMT_GROUP:
		fprintf(out, "group %s = ", s->group->name);
		print_items(s->group->items, s->group->nitems, true, out);
		break;
	case STMT_SERVICE:
		fprintf(out, "service %s = ", s->service->name);
		print_services(s->service->items, s->service->nitems, true, out);
		break;
	case STMT_APP:
		fprintf(out, "app %s = ", s->app->name);
		print_expr(s->app->expr, out);
		break;
	case STMT_CONDITION:
		fprintf(out, "condition %s = ", s->condition->name);
		print_expr(s->condition->expr, out);
		break;
	case STMT_DEFAULT:
		print_fallback(&p->fallback[s->fallback], s->fallback, out);
		break;
	case STMT_EXPECT:
		print_expect(s->expect, out);
		break;
	case STMT_RULE:
		policy_print_rule(s->rule, out);
		break;
	}
	fputc('\n', out);
}

int policy_print(const struct policy *p, FILE *out)
{
	for (size_t i = 0; i < p->nstmts; i++)
		print_statement(p, &p->stmts[i], out);
	return ferror(out) ? -EIO : 0;
}
