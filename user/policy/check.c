// SPDX-License-Identifier: GPL-2.0-only
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "query.h"

static const char *const kind_names[SYM_KINDS] = {[SYM_GROUP] = "group",
						  [SYM_SERVICE] = "service",
						  [SYM_APP] = "app",
						  [SYM_CONDITION] = "condition",
						  [SYM_PORT] = "port"};

/* What a definition is found to hold while it is checked. */
struct content {
	const char *name; /* its own; NULL: a rule */
	unsigned depth;
	uint64_t size;
	bool has_names;
};

/* The symbol that a reference names, or NULL with an error. Adds to what its owner holds. name NULL: the
 * reference could not be read. */
static struct symbol *refer(struct context *ctx, enum symbol_kind kind, const char *name, struct loc loc,
			    struct content *c)
{
	struct symbol *s = name ? symbols_find(&ctx->symbols, kind, name) : NULL;
	const char *what = kind_names[kind], *meant;

	if (!name)
		return NULL;
	if (s) {
		c->size += s->size;
		c->has_names |= s->has_names;
		if (s->depth + 1 > c->depth)
			c->depth = s->depth + 1;
		return s->broken ? NULL : s;
	}
	if (c->name && !strcmp(c->name, name)) {
		diag_error(ctx->diag, ctx->policy, loc, "the %s '%s' refers to itself", what, name);
		return NULL;
	}
	meant = symbols_closest(&ctx->symbols, kind, name);
	if (meant)
		diag_error(ctx->diag, ctx->policy, loc,
			   "no %s named '%s' is defined above; did you mean '%s'?", what, name, meant);
	else if (kind == SYM_GROUP && strchr(name, '.'))
		diag_error(ctx->diag, ctx->policy, loc,
			   "no group named '%s' is defined above; a DNS name is written host \"%s\" or "
			   "domain \"%s\"",
			   name, name, name);
	else
		diag_error(ctx->diag, ctx->policy, loc, "no %s named '%s' is defined above", what, name);
	return NULL;
}

static void check_item(struct context *ctx, struct item *it, struct content *c)
{
	struct symbol *s;
	struct group *g;

	c->size++;
	c->has_names |= it->kind == ITEM_DOMAIN || it->kind == ITEM_HOST;
	if (it->kind != ITEM_GROUP)
		return;
	s = refer(ctx, SYM_GROUP, it->text, it->loc, c);
	if (!s)
		return;
	g = s->object;
	if (g->builtin && g->nitems == 1 && g->items[0].kind != ITEM_NET)
		it->kind = g->items[0].kind; /* any, self, resolvers */
	else
		it->group = g;
}

static void check_service_item(struct context *ctx, struct service_item *it, struct content *c)
{
	struct symbol *s;

	c->size++;
	if (it->proto != PROTO_SERVICE)
		return;
	s = refer(ctx, SYM_SERVICE, it->text, it->loc, c);
	if (s)
		it->service = s->object;
}

/* The depth of an expression is bounded by the parser. */
static void check_expr(struct context *ctx, struct expr *e, struct content *c)
{
	struct symbol *s;

	if (!e)
		return;
	c->size++;
	for (size_t i = 0; i < e->nkids; i++)
		check_expr(ctx, e->kids[i], c);
	if (e->op == EXPR_APP) {
		s = refer(ctx, SYM_APP, e->text, e->loc, c);
		if (s)
			e->app = s->object;
	} else if (e->op == EXPR_CONDITION) {
		s = refer(ctx, SYM_CONDITION, e->text, e->loc, c);
		if (s)
			e->condition = s->object;
	}
}

static void check_size(struct context *ctx, struct loc loc, const struct content *c)
{
	if (c->size > POLICY_EXPANDED_MAX)
		diag_error(ctx->diag, ctx->policy, loc,
			   "this is too large: with all that it refers to it has more than %u members",
			   POLICY_EXPANDED_MAX);
	if (c->depth > POLICY_DEPTH_MAX)
		diag_error(ctx->diag, ctx->policy, loc, "this refers to others more than %d levels deep",
			   POLICY_DEPTH_MAX);
}

/* Words that begin something else where a name of this kind stands. */
static bool reserved(enum symbol_kind kind, const char *name)
{
	static const char *const words[SYM_KINDS][16] = {
		[SYM_GROUP] = {"not", "domain", "host", "file", "port"},
		[SYM_SERVICE] = {"tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "udplite"},
		[SYM_APP] = {"and", "or", "not"},
		[SYM_CONDITION] = {"and", "or", "not", "secured", "bssid"}};

	for (size_t i = 0; words[kind][i]; i++)
		if (!strcmp(words[kind][i], name))
			return true;
	if (kind == SYM_APP)
		return NAMES_FIND(names_selector, name, strlen(name)) >= 0;
	if (kind == SYM_CONDITION)
		return NAMES_FIND(names_fact, name, strlen(name)) >= 0;
	return false;
}

static void define(struct context *ctx, enum symbol_kind kind, const char *name, struct loc loc, void *object,
		   const struct content *c, bool bad)
{
	struct symbol *s = symbols_find(&ctx->symbols, kind, name);
	const char *what = kind_names[kind];

	if (s && !s->loc.line) {
		diag_error(ctx->diag, ctx->policy, loc, "the %s '%s' is built in and cannot be defined", what,
			   name);
		return;
	}
	if (s) {
		diag_error(ctx->diag, ctx->policy, loc, "the %s '%s' is defined twice; first at %s", what,
			   name, parse_place(ctx, s->loc, loc));
		return;
	}
	if (reserved(kind, name))
		diag_error(ctx->diag, ctx->policy, loc,
			   "'%s' is a word of the language; no %s can have this name", name, what);
	check_size(ctx, loc, c);
	s = symbols_add(&ctx->symbols, kind, name, loc, object);
	s->broken = bad;
	s->has_names = c->has_names;
	s->depth = c->depth < POLICY_DEPTH_MAX ? c->depth : POLICY_DEPTH_MAX;
	s->size = c->size < POLICY_EXPANDED_MAX ? c->size : POLICY_EXPANDED_MAX;
}

static void check_group(struct context *ctx, struct group *g, bool bad)
{
	struct content c = {.name = g->name};

	for (size_t i = 0; i < g->nitems; i++)
		check_item(ctx, &g->items[i], &c);
	define(ctx, SYM_GROUP, g->name, g->loc, g, &c, bad);
}

static void check_service(struct context *ctx, struct service *s, bool bad)
{
	struct content c = {.name = s->name};

	for (size_t i = 0; i < s->nitems; i++)
		check_service_item(ctx, &s->items[i], &c);
	define(ctx, SYM_SERVICE, s->name, s->loc, s, &c, bad);
}

static void check_app(struct context *ctx, struct app *a, bool bad)
{
	struct content c = {.name = a->name};

	check_expr(ctx, a->expr, &c);
	define(ctx, SYM_APP, a->name, a->loc, a, &c, bad);
}

static void check_condition(struct context *ctx, struct condition *cond, bool bad)
{
	struct content c = {.name = cond->name};

	check_expr(ctx, cond->expr, &c);
	define(ctx, SYM_CONDITION, cond->name, cond->loc, cond, &c, bad);
}

/* ---- rules ---- */

static void check_hosts(struct context *ctx, struct hosts *h, bool local, struct content *c)
{
	for (size_t i = 0; i < h->nitems; i++) {
		struct content one = {0};

		check_item(ctx, &h->items[i], &one);
		if (local && one.has_names)
			diag_error(ctx->diag, ctx->policy, h->items[i].loc,
				   "a name can only be asked of the remote end, and this is the local one%s",
				   h->items[i].kind == ITEM_GROUP ? "; the group holds a name" : "");
		c->size += one.size;
	}
}

/* Ports where no given protocol has any. */
static void check_ports(struct context *ctx, const struct rule *r)
{
	bool any = false;

	if (!r->nprotos || !(r->from_ports.n || r->to_ports.n))
		return;
	for (size_t i = 0; i < r->nprotos; i++)
		any |= names_has_ports(r->protos[i].proto);
	if (any)
		return;
	diag_error(ctx->diag, ctx->policy, r->protos[0].loc,
		   "a port is given, but the protocol has no ports");
}

static void check_rule(struct context *ctx, struct rule *r, bool bad)
{
	struct content c = {0};

	check_expr(ctx, r->who, &c);
	check_expr(ctx, r->when, &c);
	check_expr(ctx, r->unless, &c);
	for (size_t i = 0; i < r->nservices; i++)
		check_service_item(ctx, &r->services[i], &c);
	check_hosts(ctx, &r->from, r->dir == CGW_OUT, &c);
	check_hosts(ctx, &r->to, r->dir == CGW_IN, &c);
	check_size(ctx, r->loc, &c);
	if (r->dir == CGW_IN && r->act.action == CGW_REJECT)
		diag_error(ctx->diag, ctx->policy, r->loc,
			   "inbound there is only `block`: nobody on this host could be told of a `reject`");
	if (!bad)
		check_ports(ctx, r);
	*ARENA_ADD(ctx->arena, &ctx->policy->rules[r->dir], &ctx->policy->nrules[r->dir]) = r;
	r->number = (uint32_t)ctx->policy->nrules[r->dir];
}

static void check_expect(struct context *ctx, struct expect *e)
{
	struct query q;
	char *message = NULL;
	size_t at = 0;

	*ARENA_ADD(ctx->arena, &ctx->policy->expects, &ctx->policy->nexpects) = e;
	if (!query_parse(&q, e->dir, e->keys, e->nkeys, &message, &at)) {
		query_free(&q);
		return;
	}
	diag_error(ctx->diag, ctx->policy, at < e->nkeys ? e->keys[at].loc : e->loc, "%s",
		   message ? message : "out of memory");
	free(message);
}

void check_statement(struct context *ctx, const struct stmt *stmt, bool bad)
{
	switch (stmt->kind) {
	case STMT_GROUP:
		check_group(ctx, stmt->group, bad);
		break;
	case STMT_SERVICE:
		check_service(ctx, stmt->service, bad);
		break;
	case STMT_APP:
		check_app(ctx, stmt->app, bad);
		break;
	case STMT_CONDITION:
		check_condition(ctx, stmt->condition, bad);
		break;
	case STMT_RULE:
		check_rule(ctx, stmt->rule, bad);
		break;
	case STMT_EXPECT:
		check_expect(ctx, stmt->expect);
		break;
	case STMT_SET:
	case STMT_DEFAULT:
		break;
	}
	*ARENA_ADD(ctx->arena, &ctx->policy->stmts, &ctx->policy->nstmts) = *stmt;
}

void check_settings(struct context *ctx)
{
	const struct settings *s = &ctx->policy->settings;

	if ((s->given & (1u << SET_DNS_MAX_TTL)) && s->dns_max_ttl_ms < s->dns_min_ttl_ms)
		diag_error(ctx->diag, ctx->policy, ctx->settings[SET_DNS_MAX_TTL],
			   "'dns-max-ttl' is shorter than 'dns-min-ttl' (60s where it is not set)");
}
