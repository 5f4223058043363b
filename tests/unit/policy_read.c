// SPDX-License-Identifier: GPL-2.0-only
/* The tree that later stages get. */
#include <stdlib.h>

#include "test.h"

#include "../../user/policy/arena.h"
#include "../../user/policy/policy.h"

static struct policy *read_text(const char *text)
{
	struct diag d = {.out = stderr};
	struct policy *p = policy_read_text("p.conf", text, strlen(text), &d);

	CHECK_MSG(p, "%s", text);
	diag_free(&d);
	return p;
}

static void defaults(void)
{
	struct policy *p = read_text("");

	if (!p)
		return;
	CHECK(p->fallback[CGW_OUT].act.action == CGW_PASS && p->fallback[CGW_IN].act.action == CGW_PASS);
	CHECK(!p->fallback[CGW_OUT].loc.line && !p->nstmts && !p->nrules[0] && !p->nrules[1]);
	CHECK(p->settings.dns_min_ttl_ms == 60000 && p->settings.ask_timeout_ms == 30000);
	CHECK(p->settings.sockets_other == -1 && !p->settings.given && !p->settings.observe);
	CHECK(p->nfiles == 1 && !strcmp(p->files[0].path, "p.conf"));
	policy_free(p);
	policy_free(NULL);
}

static void numbering(void)
{
	struct policy *p = read_text("pass out\npass in\n\nblock out quick log\nblock in\nask out\n");

	if (!p)
		return;
	CHECK(p->nrules[CGW_OUT] == 3 && p->nrules[CGW_IN] == 2 && p->nstmts == 5);
	CHECK(p->rules[CGW_OUT][1]->number == 2 && p->rules[CGW_OUT][1]->loc.line == 4);
	CHECK(p->rules[CGW_OUT][1]->quick && p->rules[CGW_OUT][1]->log);
	CHECK(p->rules[CGW_IN][1]->number == 2 && p->rules[CGW_IN][1]->act.action == CGW_BLOCK);
	CHECK(!p->rules[CGW_OUT][0]->who && !p->rules[CGW_OUT][0]->to.nitems);
	policy_free(p);
}

static void hosts(void)
{
	struct policy *p = read_text(
		"group a = { 192.0.2.0/24, loopback }\n"
		"pass out to not { a, any, self, resolvers, local-nets, ::/0 } port { 80, 90-99 }\n");
	const struct hosts *h;

	if (!p)
		return;
	h = &p->rules[CGW_OUT][0]->to;
	CHECK(h->negated && h->nitems == 6);
	CHECK(h->items[0].kind == ITEM_GROUP && h->items[0].group == p->stmts[0].group);
	CHECK(h->items[1].kind == ITEM_ANY && h->items[2].kind == ITEM_SELF &&
	      h->items[3].kind == ITEM_RESOLVERS);
	CHECK(h->items[4].kind == ITEM_GROUP && h->items[4].group->builtin && h->items[4].group->nitems == 7);
	CHECK(h->items[5].kind == ITEM_NET && h->items[5].v6 && h->items[5].prefix == 0);
	CHECK(h->items[5].hi[0] == 0xff && h->items[5].lo[0] == 0);
	CHECK(p->rules[CGW_OUT][0]->to_ports.n == 2 && p->rules[CGW_OUT][0]->to_ports.ranges[1].hi == 99);
	CHECK(!p->rules[CGW_OUT][0]->from.nitems && !p->rules[CGW_OUT][0]->from_ports.n);
	CHECK(p->stmts[0].group->items[0].hi[15] == 255 && p->stmts[0].group->items[0].prefix == 24);
	policy_free(p);
}

static void services(void)
{
	struct policy *p =
		read_text("service a = { tcp/80, icmp }\npass out service { a, https, tcp/*, udp/1-2 }\n");
	const struct service_item *s;

	if (!p)
		return;
	s = p->rules[CGW_OUT][0]->services;
	CHECK_INT(p->rules[CGW_OUT][0]->nservices, 4);
	CHECK(s[0].proto == PROTO_SERVICE && s[0].service == p->stmts[0].service);
	CHECK(s[1].proto == PROTO_SERVICE && s[1].service->builtin && s[1].service->nitems == 2);
	CHECK(s[2].proto == 6 && s[2].has_ports && s[2].ports.lo == 0 && s[2].ports.hi == 65535);
	CHECK(s[3].proto == 17 && s[3].ports.lo == 1 && s[3].ports.hi == 2);
	CHECK(p->stmts[0].service->items[1].proto == 1 && !p->stmts[0].service->items[1].has_ports);
	policy_free(p);
}

static void who(void)
{
	struct policy *p = read_text("app a = any\napp b = not a\n"
				     "pass out exe \"/x\" app { a, b } user 33 group wheel\n"
				     "pass out app b\n"
				     "pass out exe { \"/x\", \"/y\" }\n");
	const struct expr *e;

	if (!p)
		return;
	e = p->rules[CGW_OUT][0]->who;
	CHECK(e->op == EXPR_AND && e->nkids == 4);
	CHECK(e->kids[0]->op == EXPR_SELECTOR && e->kids[0]->sel == SEL_EXE &&
	      !strcmp(e->kids[0]->text, "/x"));
	CHECK(e->kids[1]->op == EXPR_OR && e->kids[1]->nkids == 2 &&
	      e->kids[1]->kids[1]->app == p->stmts[1].app);
	CHECK(e->kids[2]->sel == SEL_USER && e->kids[2]->numeric && e->kids[2]->id == 33);
	CHECK(e->kids[3]->sel == SEL_GROUP && !e->kids[3]->numeric && !strcmp(e->kids[3]->text, "wheel"));
	e = p->rules[CGW_OUT][1]->who;
	CHECK(e->op == EXPR_APP && e->app == p->stmts[1].app);
	e = p->rules[CGW_OUT][2]->who;
	CHECK(e->op == EXPR_OR && e->nkids == 2 && e->kids[1]->sel == SEL_EXE);
	policy_free(p);
}

static void settings(void)
{
	struct policy *p = read_text("set mode observe\nset resolvers 192.0.2.53\nset ask-timeout 1s\n"
				     "set sockets-other pass\nset on-failure pass\n"
				     "default in ask timeout 5s else pass for 1m log background pass\n");

	if (!p)
		return;
	CHECK(p->settings.observe && p->settings.given == (1 << 0 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 7));
	CHECK(p->settings.resolvers_given && p->settings.nresolvers == 1 &&
	      p->settings.resolvers[0].kind == ITEM_NET);
	CHECK(p->settings.ask_timeout_ms == 1000 && p->settings.sockets_other == CGW_PASS);
	CHECK(p->fallback[CGW_IN].act.action == CGW_ASK && p->fallback[CGW_IN].act.timeout_ms == 5000);
	CHECK(p->fallback[CGW_IN].act.has_else && p->fallback[CGW_IN].act.otherwise == CGW_PASS);
	CHECK(p->fallback[CGW_IN].act.else_for_ms == 60000 && p->fallback[CGW_IN].log);
	CHECK(p->fallback[CGW_IN].has_background && p->fallback[CGW_IN].background == CGW_PASS);
	policy_free(p);
}

static void one_rule(void)
{
	struct policy *p = read_text("pass out to 192.0.2.1 port 443 log quick\n");
	char *text = NULL;
	size_t size = 0;
	FILE *f;

	if (!p)
		return;
	f = open_memstream(&text, &size);
	CHECK_INT(policy_print_rule(p->rules[CGW_OUT][0], f), 0);
	fclose(f);
	CHECK_STR(text, "pass out quick log to 192.0.2.1 port 443");
	free(text);
	policy_free(p);
}

/* Growing arrays, small and large, side by side. */
static void arena(void)
{
	struct arena *a = arena_new();
	unsigned *arrays[7] = {NULL};
	size_t n[7] = {0};
	char *s;

	if (!CHECK(a))
		return;
	for (unsigned i = 0; i < 70000; i++) {
		unsigned *new = ARENA_ADD(a, &arrays[i % 7], &n[i % 7]);

		CHECK(i > 100 || *new == 0);
		*new = i;
		if (i % 1000 == 0)
			arena_alloc(a, i);
	}
	for (unsigned k = 0; k < 7; k++) {
		bool same = true;

		for (unsigned i = 0; i < n[k]; i++)
			same &= arrays[k][i] == i * 7 + k;
		CHECK(same && n[k] == 10000);
	}
	s = arena_strn(a, "abc", 2);
	CHECK_STR(s, "ab");
	s = arena_grow(a, arena_alloc(a, 3), 3, 100000);
	CHECK(!s[0] && !s[2]);
	arena_free(a);
	arena_free(NULL);
}

int main(void)
{
	RUN(defaults);
	RUN(numbering);
	RUN(hosts);
	RUN(services);
	RUN(who);
	RUN(settings);
	RUN(one_rule);
	RUN(arena);
	return test_done();
}
