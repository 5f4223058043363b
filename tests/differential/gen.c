// SPDX-License-Identifier: GPL-2.0-only
#include "gen.h"

#include <stdlib.h>
#include <string.h>

/* splitmix64 */
static uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

bool rng_once(struct rng *r, uint32_t n)
{
	return !rng_below(r, n);
}

/* What is defined before the rules. */
struct defined {
	unsigned groups, services, apps, conditions;
};

static struct defined definitions(struct gen *g, FILE *out)
{
	struct defined d = {rng_below(&g->rng, 5), rng_below(&g->rng, 4), rng_below(&g->rng, 5),
			    rng_below(&g->rng, 4)};

	if (rng_once(&g->rng, 3))
		fputs("set resolvers { 10.0.0.7, 2001:db8::1 }\n", out);
	for (unsigned i = 0; i < d.groups; i++) {
		fprintf(out, "group g%u = ", i);
		gen_items(g, out, i);
		fputc('\n', out);
	}
	for (unsigned i = 0; i < d.services; i++) {
		fprintf(out, "service s%u = ", i);
		gen_service(g, out, i);
		fputc('\n', out);
	}
	for (unsigned i = 0; i < d.apps; i++) {
		fprintf(out, "app a%u = ", i);
		gen_app(g, out, i, 3);
		fputc('\n', out);
	}
	for (unsigned i = 0; i < d.conditions; i++) {
		fprintf(out, "condition c%u = ", i);
		gen_condition(g, out, i, 2);
		fputc('\n', out);
	}
	return d;
}

static void defaults(struct gen *g, FILE *out)
{
	static const char *const outs[] = {"pass", "block log", "reject",
					   "ask timeout 30s else pass for 2m background pass"};
	static const char *const ins[] = {"pass log", "block", "ask background block"};

	if (rng_once(&g->rng, 2))
		fprintf(out, "default out %s\n", PICK(&g->rng, outs));
	if (rng_once(&g->rng, 2))
		fprintf(out, "default in %s\n", PICK(&g->rng, ins));
}

static void end(struct gen *g, FILE *out, const struct defined *d, bool remote, bool *ports)
{
	gen_hosts(g, out, d->groups, remote);
	if (!rng_once(&g->rng, 3))
		return;
	*ports = true;
	fputs(" port ", out);
	gen_ports(g, out);
}

static void matches(struct gen *g, FILE *out, const struct defined *d, bool in, unsigned density)
{
	bool service = rng_once(&g->rng, density), ports = false;

	if (rng_once(&g->rng, density))
		gen_who(g, out, d->apps);
	if (rng_once(&g->rng, density)) {
		fputs(" from ", out);
		end(g, out, d, in, &ports);
	}
	if (rng_once(&g->rng, density - 1)) {
		fputs(" to ", out);
		end(g, out, d, !in, &ports);
	}
	if (service) {
		fputs(" service ", out);
		gen_services(g, out, d->services);
	}
	if (rng_once(&g->rng, service ? 8 : density)) {
		fputs(" proto ", out);
		gen_protos(g, out, ports);
	}
	if (rng_once(&g->rng, 8)) {
		fputs(" on ", out);
		gen_iface(g, out);
	}
}

static void when(struct gen *g, FILE *out, const struct defined *d)
{
	static const char *const untils[] = {"2026-01-01", "2026-01-02", "2026-01-04T12:00", "2025-12-31"};

	if (rng_once(&g->rng, 6)) {
		fputs(" if ", out);
		gen_condition(g, out, d->conditions, 2);
	}
	if (rng_once(&g->rng, 8)) {
		fputs(" unless ", out);
		gen_condition(g, out, d->conditions, 1);
	}
	if (rng_once(&g->rng, 8))
		fprintf(out, " until %s", PICK(&g->rng, untils));
}

static void rule(struct gen *g, FILE *out, const struct defined *d, unsigned density)
{
	static const char *const actions[] = {"pass", "block", "ask", "reject"};
	bool in = rng_once(&g->rng, 2);

	fprintf(out, "%s %s", actions[rng_below(&g->rng, in ? 3 : 4)], in ? "in" : "out");
	if (rng_once(&g->rng, 4))
		fputs(" quick", out);
	if (rng_once(&g->rng, 6))
		fputs(" log", out);
	matches(g, out, d, in, density);
	when(g, out, d);
	fputc('\n', out);
}

/* Mostly a few rules; now and then so many that a row has several chunks. */
static unsigned how_many(struct gen *g)
{
	if (rng_once(&g->rng, 60))
		return 200 + rng_below(&g->rng, 3000);
	return 1 + rng_below(&g->rng, rng_once(&g->rng, 10) ? 60 : 15);
}

void gen_policy(struct gen *g, uint64_t seed)
{
	struct defined d;
	unsigned n, density;
	size_t len;
	FILE *out;

	memset(g, 0, sizeof(*g));
	g->rng.state = seed;
	out = open_memstream(&g->policy, &len);
	d = definitions(g, out);
	defaults(g, out);
	n = how_many(g);
	/* of many rules each asks for much, or nothing but the last decides */
	density = n > 100 ? 2 : 3 + rng_below(&g->rng, 4);
	for (unsigned i = 0; i < n; i++)
		rule(g, out, &d, density);
	fclose(out);
	for (int i = 0; i < GEN_LISTS; i++) {
		out = open_memstream(&g->lists[i], &len);
		gen_list(g, out);
		fclose(out);
	}
}

void gen_free(struct gen *g)
{
	free(g->policy);
	for (int i = 0; i < GEN_LISTS; i++)
		free(g->lists[i]);
	for (size_t i = 0; i < g->npaths; i++)
		free(g->paths[i]);
	for (size_t i = 0; i < g->ncgroups; i++)
		free(g->cgroups[i]);
}

char *gen_query(struct gen *g, const char *facts, const char *given)
{
	char *text = NULL, *own_facts = facts ? NULL : gen_facts(g), *own_given = given ? NULL : gen_given(g);
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(rng_once(&g->rng, 2) ? "in" : "out", out);
	gen_query_who(g, out);
	gen_query_whom(g, out);
	fputs(given ? given : own_given, out);
	fputs(facts ? facts : own_facts, out);
	fclose(out);
	free(own_facts);
	free(own_given);
	return text;
}
