// SPDX-License-Identifier: GPL-2.0-only
#include "standing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../event/json.h"
#include "../event/show.h"
#include "../policy/names.h"
#include "../policy/print.h"
#include "load.h"

#define REACH_MAX (1u << 24) /* facts and conditions times gates, whose rules `status` tells */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* ---- what is seen ---- */

int seen_take(const struct facts *f, struct seen *ret)
{
	struct seen s = {0};

	s.active = calloc(f->nlinks + 1, sizeof(*s.active));
	s.wifi = calloc(f->nwifi + 1, sizeof(*s.wifi));
	s.wifi_names = calloc(f->nwifi + 1, sizeof(*s.wifi_names));
	if (!s.active || !s.wifi || !s.wifi_names) {
		seen_free(&s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < f->nlinks; i++)
		if (f->links[i].active)
			s.active[s.nactive++] = f->links[i];
	for (size_t i = 0; i < f->nwifi; i++) {
		if (!facts_counts(f, &f->wifi[i]))
			continue;
		memcpy(s.wifi_names[s.nwifi], facts_find(f, f->wifi[i].index)->name, FACTS_NAME_MAX);
		s.wifi[s.nwifi++] = f->wifi[i];
	}
	*ret = s;
	return 0;
}

void seen_free(struct seen *s)
{
	free(s->active);
	free(s->wifi);
	free(s->wifi_names);
	memset(s, 0, sizeof(*s));
}

/* ---- what a policy asks for ---- */

static bool items_have(const struct item *items, size_t n, enum item_kind kind)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].kind == kind ||
		    (items[i].kind == ITEM_GROUP && items[i].group &&
		     items_have(items[i].group->items, items[i].group->nitems, kind)))
			return true;
	return false;
}

static bool policy_has(const struct policy *p, enum item_kind kind)
{
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		for (size_t i = 0; i < p->nrules[dir]; i++) {
			const struct rule *r = p->rules[dir][i];

			if (items_have(r->to.items, r->to.nitems, kind) ||
			    items_have(r->from.items, r->from.nitems, kind))
				return true;
		}
	}
	return false;
}

static int copy_addresses(struct addresses *to, uint8_t (*list)[16], size_t n)
{
	to->list = calloc(n + 1, sizeof(*to->list));
	if (!to->list)
		return -ENOMEM;
	if (n)
		memcpy(to->list, list, n * sizeof(*list));
	to->n = n;
	return 0;
}

static char *resolvers_text(const struct settings *s)
{
	char *text = NULL;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return NULL;
	print_setting(s, SET_RESOLVERS, out);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

int standing_new(const struct load *l, struct standing **ret)
{
	const struct world *w = &l->host.world;
	struct standing *st = calloc(1, sizeof(*st));
	int err = st ? enable_new(l->image, &st->enable) : -ENOMEM;

	if (!err && iface_wanted(l->image))
		err = iface_new(l->image, &st->ifaces);
	if (!err)
		err = copy_addresses(&st->self, w->self, w->nself);
	if (!err)
		err = copy_addresses(&st->resolvers, w->resolvers, w->nresolvers);
	if (err)
		goto fail;
	err = -ENOMEM;
	st->facts = calloc(st->enable->nfacts + 1, sizeof(*st->facts));
	st->facts_since = calloc(st->enable->nfacts + 1, sizeof(*st->facts_since));
	st->conditions = calloc(st->enable->nconditions + 1, sizeof(*st->conditions));
	st->conditions_since = calloc(st->enable->nconditions + 1, sizeof(*st->conditions_since));
	st->gates = calloc(st->enable->ngates + 1, sizeof(*st->gates));
	if (!st->facts || !st->facts_since || !st->conditions || !st->conditions_since || !st->gates)
		goto fail;
	st->wants_self = policy_has(l->policy, ITEM_SELF);
	/* whose answers name addresses is told by the same list */
	st->wants_resolvers = !l->policy->settings.resolvers_given &&
			      (policy_has(l->policy, ITEM_RESOLVERS) || l->image->head.name_labels);
	if (l->policy->settings.resolvers_given &&
	    !(st->resolvers_set = resolvers_text(&l->policy->settings)))
		goto fail;
	*ret = st;
	return 0;
fail:
	standing_free(st);
	return err;
}

void standing_free(struct standing *st)
{
	if (!st)
		return;
	enable_free(st->enable);
	iface_free(st->ifaces);
	free(st->facts);
	free(st->facts_since);
	free(st->conditions);
	free(st->conditions_since);
	free(st->gates);
	free(st->keys);
	free(st->self.list);
	free(st->resolvers.list);
	free(st->resolvers_set);
	free(st);
}

void standing_settle(struct standing *st)
{
	const struct enable *e = st->enable;
	int64_t now = now_ns();

	for (uint32_t i = 0; i < e->nfacts; i++) {
		if (st->facts[i] != e->facts[i].holds || !st->facts_since[i])
			st->facts_since[i] = now;
		st->facts[i] = e->facts[i].holds;
	}
	for (uint32_t i = 0; i < e->nconditions; i++) {
		if (st->conditions[i] != e->conditions[i].holds || !st->conditions_since[i])
			st->conditions_since[i] = now;
		st->conditions[i] = e->conditions[i].holds;
	}
	for (uint32_t i = 0; i < e->ngates; i++)
		st->gates[i] = e->gates[i].open;
}

void standing_inherit(struct standing *st, const struct standing *former)
{
	const struct enable *e = st->enable, *f = former->enable;

	for (uint32_t i = 0; i < e->nfacts; i++)
		for (uint32_t k = 0; k < f->nfacts; k++)
			if (!strcmp(e->facts[i].text, f->facts[k].text)) {
				st->facts[i] = former->facts[k];
				st->facts_since[i] = former->facts_since[k];
				break;
			}
	for (uint32_t i = 0; i < e->nconditions; i++)
		for (uint32_t k = 0; k < f->nconditions; k++)
			if (!strcmp(e->conditions[i].name, f->conditions[k].name)) {
				st->conditions[i] = former->conditions[k];
				st->conditions_since[i] = former->conditions_since[k];
				break;
			}
}

bool standing_holds(const struct standing *st, enum cgw_dir dir, uint32_t number)
{
	const struct enable_rule *r = enable_rule(st->enable, dir, number);

	return !r || st->gates[r->gate];
}

/* ---- rules of gates ---- */

void standing_rules(const struct enable *e, const bool *marked, const bool *open, struct standing_runs *ret)
{
	*ret = (struct standing_runs){0};
	for (int on = 1; on >= 0; on--) {
		for (int dir = 0; dir < CGW_DIRS; dir++) {
			for (uint32_t i = 0; i < e->dir[dir].nrules; i++) {
				const struct enable_rule *r = &e->dir[dir].rules[i];
				struct record_rules *last = ret->n ? &ret->runs[ret->n - 1] : NULL;

				if (!marked[r->gate] || open[r->gate] != on)
					continue;
				if (last && last->on == on && last->dir == dir && last->hi + 1 == r->number)
					last->hi++;
				else if (ret->n == RECORD_RULES_MAX)
					ret->more++;
				else
					ret->runs[ret->n++] = (struct record_rules){r->number, r->number,
										    (uint8_t)dir, on != 0};
			}
		}
	}
}

/* ---- status ---- */

static struct json_object *fact_object(const char *key, const char *text, bool holds, int64_t since,
				       const struct standing *st, const bool *marked)
{
	struct json_object *o = json_object_new_object();
	char time[SHOW_TIME_MAX];
	struct standing_runs g;

	if (!o)
		return NULL;
	show_time(since, time, sizeof(time));
	json_put_text(o, key, text);
	json_put_bool(o, "holds", holds);
	json_put_text(o, "since", time);
	if (marked)
		standing_rules(st->enable, marked, st->gates, &g);
	json_put(o, "rules", marked ? json_rules(g.runs, g.n, g.more) : NULL);
	return o;
}

/* What each gate depends on: facts, then conditions. NULL: too much, or no memory. */
static bool *reach_all(const struct enable *e)
{
	size_t width = (size_t)e->nfacts + e->nconditions;
	bool *all;

	if (width * e->ngates > REACH_MAX)
		return NULL;
	all = calloc(width * e->ngates + 1, sizeof(*all));
	for (uint32_t g = 0; all && g < e->ngates; g++)
		enable_gate_reach(e, g, all + g * width, all + g * width + e->nfacts);
	return all;
}

void standing_status(const struct standing *st, struct json_object *o)
{
	struct json_object *facts = json_object_new_array(), *conditions = json_object_new_array();
	const struct enable *e = st->enable;
	bool *marked = calloc(e->ngates + 1, sizeof(*marked)), *reach = reach_all(e);
	uint32_t width = e->nfacts + e->nconditions;

	json_put(o, "facts", facts);
	json_put(o, "conditions", conditions);
	for (uint32_t i = 0; facts && conditions && marked && i < width; i++) {
		uint32_t c = i - e->nfacts;

		for (uint32_t g = 0; reach && g < e->ngates; g++)
			marked[g] = reach[(size_t)g * width + i];
		if (i < e->nfacts)
			json_object_array_add(facts,
					      fact_object("fact", e->facts[i].text, st->facts[i],
							  st->facts_since[i], st, reach ? marked : NULL));
		else
			json_object_array_add(
				conditions, fact_object("name", e->conditions[c].name, st->conditions[c],
							st->conditions_since[c], st, reach ? marked : NULL));
	}
	free(marked);
	free(reach);
}
