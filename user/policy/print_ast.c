// SPDX-License-Identifier: GPL-2.0-only
/* The tree as it is, indented, each node with its place as FILE:LINE:COL, FILE by its number. */
#include "policy.h"

#include <errno.h>

#include "addr.h"
#include "names.h"
#include "print.h"

/* Begins a node's line. */
static FILE *at(int depth, FILE *out)
{
	fprintf(out, "%*s", 2 * depth, "");
	return out;
}

static void end(struct loc loc, FILE *out)
{
	fprintf(out, "  @%u:%u:%u\n", loc.file, loc.line, loc.col);
}

static void reference(const char *name, struct loc loc, bool builtin, FILE *out)
{
	if (builtin)
		fprintf(out, " -> built-in %s", name);
	else
		fprintf(out, " -> %s @%u:%u:%u", name, loc.file, loc.line, loc.col);
}

static void ast_item(const struct item *it, int depth, FILE *out)
{
	static const char *const kinds[] = {[ITEM_ANY] = "any",	      [ITEM_NET] = "net",
					    [ITEM_DOMAIN] = "domain", [ITEM_HOST] = "host",
					    [ITEM_FILE] = "file",     [ITEM_GROUP] = "group",
					    [ITEM_SELF] = "self",     [ITEM_RESOLVERS] = "resolvers"};
	char lo[ADDR_TEXT], hi[ADDR_TEXT];

	fprintf(at(depth, out), "%s", kinds[it->kind]);
	if (it->kind == ITEM_NET) {
		addr_format(it->lo, lo);
		addr_format(it->hi, hi);
		fprintf(out, " %s %s-%s", it->v6 ? "v6" : "v4", lo, hi);
	} else if (it->kind == ITEM_GROUP) {
		if (it->group)
			reference(it->group->name, it->group->loc, it->group->builtin, out);
	} else if (it->kind == ITEM_DOMAIN || it->kind == ITEM_HOST || it->kind == ITEM_FILE) {
		fputc(' ', out);
		print_string(it->text, out);
	}
	end(it->loc, out);
}

static void ast_service_item(const struct service_item *it, int depth, FILE *out)
{
	if (it->proto == PROTO_SERVICE) {
		fprintf(at(depth, out), "service");
		if (it->service)
			reference(it->service->name, it->service->loc, it->service->builtin, out);
	} else {
		fprintf(at(depth, out), "proto %d", it->proto);
		if (it->has_ports)
			fprintf(out, " ports %u-%u", it->ports.lo, it->ports.hi);
	}
	end(it->loc, out);
}

/* The depth of an expression is bounded by the parser. */
static void ast_expr(const struct expr *e, int depth, FILE *out)
{
	static const char *const ops[] = {[EXPR_AND] = "and", [EXPR_OR] = "or", [EXPR_NOT] = "not"};

	switch (e->op) {
	case EXPR_AND:
	case EXPR_OR:
	case EXPR_NOT:
		fprintf(at(depth, out), "%s", ops[e->op]);
		break;
	case EXPR_SELECTOR:
	case EXPR_FACT:
		fprintf(at(depth, out), "%s", e->op == EXPR_FACT ? "fact " : "selector ");
		print_operand(e, out);
		break;
	case EXPR_APP:
		fprintf(at(depth, out), "app");
		if (e->app)
			reference(e->app->name, e->app->loc, false, out);
		break;
	case EXPR_CONDITION:
		fprintf(at(depth, out), "condition");
		if (e->condition)
			reference(e->condition->name, e->condition->loc, false, out);
		break;
	}
	end(e->loc, out);
	for (size_t i = 0; i < e->nkids; i++)
		ast_expr(e->kids[i], depth + 1, out);
}

static void ast_ports(const struct ports *ports, int depth, FILE *out)
{
	for (size_t i = 0; i < ports->n; i++)
		fprintf(at(depth, out), "port %u-%u\n", ports->ranges[i].lo, ports->ranges[i].hi);
}

static void ast_hosts(const char *word, const struct hosts *h, const struct ports *ports, FILE *out)
{
	if (!h->nitems)
		return;
	fprintf(at(1, out), "%s%s", word, h->negated ? " not" : "");
	end(h->loc, out);
	for (size_t i = 0; i < h->nitems; i++)
		ast_item(&h->items[i], 2, out);
	ast_ports(ports, 2, out);
}

static void ast_part(const char *word, const struct expr *e, FILE *out)
{
	if (!e)
		return;
	fprintf(at(1, out), "%s\n", word);
	ast_expr(e, 2, out);
}

static void ast_services(const char *word, const struct service_item *items, size_t n, FILE *out)
{
	if (n)
		fprintf(at(1, out), "%s\n", word);
	for (size_t i = 0; i < n; i++)
		ast_service_item(&items[i], 2, out);
}

static void ast_act(const struct act *a, FILE *out)
{
	fprintf(at(1, out), "action %s", names_action[a->action]);
	if (a->action == CGW_ASK)
		fprintf(out, " timeout %llums else %s for %llums", (unsigned long long)a->timeout_ms,
			a->has_else ? names_action[a->otherwise] : "default",
			(unsigned long long)a->else_for_ms);
	fputc('\n', out);
}

static void ast_rule(const struct rule *r, FILE *out)
{
	fprintf(out, "rule %s %u%s%s", names_dir[r->dir], r->number, r->quick ? " quick" : "",
		r->log ? " log" : "");
	end(r->loc, out);
	ast_act(&r->act, out);
	ast_part("who", r->who, out);
	ast_services("proto", r->protos, r->nprotos, out);
	ast_services("service", r->services, r->nservices, out);
	ast_hosts("from", &r->from, &r->from_ports, out);
	ast_hosts("to", &r->to, &r->to_ports, out);
	if (r->iface)
		fprintf(at(1, out), "on %s\n", r->iface);
	ast_part("if", r->when, out);
	ast_part("unless", r->unless, out);
	if (r->limit.up || r->limit.down)
		fprintf(at(1, out), "limit up %llu down %llu\n", (unsigned long long)r->limit.up,
			(unsigned long long)r->limit.down);
	if (r->has_until)
		fprintf(at(1, out), "until %lld\n", (long long)r->until);
	if (r->label) {
		fprintf(at(1, out), "label ");
		print_string(r->label, out);
		fputc('\n', out);
	}
}

static void ast_fallback(const struct fallback *f, enum cgw_dir dir, FILE *out)
{
	fprintf(out, "default %s%s", names_dir[dir], f->log ? " log" : "");
	end(f->loc, out);
	ast_act(&f->act, out);
	if (f->has_background)
		fprintf(at(1, out), "background %s\n", names_action[f->background]);
}

static void ast_expect(const struct expect *e, FILE *out)
{
	fprintf(out, "expect %s %s", names_action[e->verdict], names_dir[e->dir]);
	end(e->loc, out);
	for (size_t i = 0; i < e->nkeys; i++) {
		fprintf(at(1, out), "key ");
		print_keyval(&e->keys[i], out);
		end(e->keys[i].loc, out);
	}
}

static void ast_statement(const struct policy *p, const struct stmt *s, FILE *out)
{
	switch (s->kind) {
	case STMT_SET:
		fprintf(out, "set %s ", names_setting[s->setting]);
		print_setting(&p->settings, s->setting, out);
		end(s->loc, out);
		break;
	case STMT_GROUP:
		fprintf(out, "group %s", s->group->name);
		end(s->loc, out);
		for (size_t i = 0; i < s->group->nitems; i++)
			ast_item(&s->group->items[i], 1, out);
		break;
	case STMT_SERVICE:
		fprintf(out, "service %s", s->service->name);
		end(s->loc, out);
		for (size_t i = 0; i < s->service->nitems; i++)
			ast_service_item(&s->service->items[i], 1, out);
		break;
	case STMT_APP:
		fprintf(out, "app %s", s->app->name);
		end(s->loc, out);
		ast_expr(s->app->expr, 1, out);
		break;
	case STMT_CONDITION:
		fprintf(out, "condition %s", s->condition->name);
		end(s->loc, out);
		ast_expr(s->condition->expr, 1, out);
		break;
	case STMT_DEFAULT:
		ast_fallback(&p->fallback[s->fallback], s->fallback, out);
		break;
	case STMT_EXPECT:
		ast_expect(s->expect, out);
		break;
	case STMT_RULE:
		ast_rule(s->rule, out);
		break;
	}
}

int policy_print_ast(const struct policy *p, FILE *out)
{
	for (size_t i = 0; i < p->nfiles; i++) {
		fprintf(out, "file %zu ", i);
		print_string(p->files[i].path, out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < p->nstmts; i++)
		ast_statement(p, &p->stmts[i], out);
	return ferror(out) ? -EIO : 0;
}
