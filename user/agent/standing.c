// SPDX-License-Identifier: GPL-2.0-only
#include "standing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../event/json.h"
#include "../event/show.h"
#include "load.h"

#define FACT_MAX 256	     /* bytes of a fact's text in the log */
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

struct gather {
	struct record_rules runs[RECORD_RULES_MAX];
	size_t n;
	uint32_t more;
};

/* The rules whose gate is marked, as runs; `open`: by gate. */
static void gather(const struct enable *e, const bool *marked, const bool *open, struct gather *ret)
{
	*ret = (struct gather){0};
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

/* ---- telling changes ---- */

void standing_wifi_text(const struct facts_wifi *w, char *out, size_t size)
{
	const uint8_t *b = w->bssid;
	char name[4 * FACTS_SSID_MAX + 1], *at = name;

	for (size_t i = 0; i < w->len; i++) {
		char part[5] = {(char)w->ssid[i]}, shown[20];
		size_t n = 1;

		/* a character of several bytes stays one */
		while (n < 4 && i + n < w->len && (w->ssid[i + n] & 0xc0) == 0x80) {
			part[n] = (char)w->ssid[i + n];
			n++;
		}
		if (n > 1 && show_utf8(part) == n) {
			show_quote_blanks(part, shown, sizeof(shown));
			i += n - 1;
			at = stpcpy(at, shown);
		} else if (w->ssid[i] < ' ' || w->ssid[i] >= 0x7f || strchr("\"\\", w->ssid[i])) {
			at += sprintf(at, "\\x%02x", w->ssid[i]);
		} else {
			*at++ = (char)w->ssid[i];
		}
	}
	*at = '\0';
	snprintf(out, size, "\"%s\" %s%s%s%s %02x:%02x:%02x:%02x:%02x:%02x", name,
		 w->secured ? "secured" : "not secured", w->how ? " (" : "", w->how ? w->how : "",
		 w->how ? ")" : "", b[0], b[1], b[2], b[3], b[4], b[5]);
}

/* A change on its way into the log. */
struct change {
	char fact[FACT_MAX], old[STANDING_WIFI_MAX], now[STANDING_WIFI_MAX];
	const char *iface;		    /* of `active` */
	const struct facts_wifi *from, *to; /* of `ssid` */
	uint32_t index;			    /* of another fact */
};

struct changes {
	const struct standing *st;
	struct change *list;
	size_t n;
	int err;
};

static struct change *add_change(struct changes *c)
{
	struct change *more = realloc(c->list, (c->n + 1) * sizeof(*more));

	if (!more) {
		c->err = -ENOMEM;
		return NULL;
	}
	c->list = more;
	more[c->n] = (struct change){.index = UINT32_MAX};
	return &more[c->n++];
}

/* Does the fact depend on what changed? */
static bool touches(const struct change *c, const struct enable *e, uint32_t fact)
{
	const struct enable_fact *f = &e->facts[fact];

	switch (f->kind) {
	case FACT_ACTIVE:
		return c->iface && policy_glob(f->name, c->iface);
	case FACT_SSID:
		return c->from || c->to;
	default:
		return c->index == fact;
	}
}

static bool asked(const struct changes *c, const struct change *change)
{
	for (uint32_t i = 0; i < c->st->enable->nfacts; i++)
		if (touches(change, c->st->enable, i))
			return true;
	return false;
}

static void add_active(struct changes *c, const struct facts_link *l, bool up)
{
	struct change *to, probe = {.iface = l->name, .index = UINT32_MAX};
	char name[4 * FACTS_NAME_MAX];

	if (!asked(c, &probe))
		return;
	to = add_change(c);
	if (!to)
		return;
	show_quote(l->name, name, sizeof(name));
	snprintf(to->fact, sizeof(to->fact), "active %s", name);
	strcpy(to->old, up ? "down" : "up");
	strcpy(to->now, up ? "up" : "down");
	to->iface = l->name;
}

static void compare_active(struct changes *c, const struct seen *old, const struct seen *now)
{
	size_t i = 0, k = 0;

	while (i < old->nactive || k < now->nactive) {
		const struct facts_link *a = i < old->nactive ? &old->active[i] : NULL,
					*b = k < now->nactive ? &now->active[k] : NULL;

		if (a && b && a->index == b->index) {
			i++;
			k++;
			if (!strcmp(a->name, b->name))
				continue;
			add_active(c, a, false);
			add_active(c, b, true);
		} else if (a && (!b || a->index < b->index)) {
			add_active(c, a, false);
			i++;
		} else {
			add_active(c, b, true);
			k++;
		}
	}
}

static bool same_wifi(const struct facts_wifi *a, const struct facts_wifi *b)
{
	return a->len == b->len && !memcmp(a->ssid, b->ssid, a->len) && a->secured == b->secured &&
	       !memcmp(a->bssid, b->bssid, sizeof(a->bssid));
}

static void add_wifi(struct changes *c, const char *iface, const struct facts_wifi *from,
		     const struct facts_wifi *to)
{
	struct change *change, probe = {.from = from, .to = to, .index = UINT32_MAX};
	char name[4 * FACTS_NAME_MAX];

	if ((from && to && same_wifi(from, to)) || !asked(c, &probe))
		return;
	change = add_change(c);
	if (!change)
		return;
	show_quote(iface, name, sizeof(name));
	snprintf(change->fact, sizeof(change->fact), "ssid %s", name);
	if (from)
		standing_wifi_text(from, change->old, sizeof(change->old));
	if (to)
		standing_wifi_text(to, change->now, sizeof(change->now));
	change->from = from;
	change->to = to;
}

static void compare_wifi(struct changes *c, const struct seen *old, const struct seen *now)
{
	size_t i = 0, k = 0;

	while (i < old->nwifi || k < now->nwifi) {
		const struct facts_wifi *a = i < old->nwifi ? &old->wifi[i] : NULL,
					*b = k < now->nwifi ? &now->wifi[k] : NULL;

		if (a && b && a->index == b->index) {
			add_wifi(c, now->wifi_names[k], a, b);
			i++;
			k++;
		} else if (a && (!b || a->index < b->index)) {
			add_wifi(c, old->wifi_names[i++], a, NULL);
		} else {
			add_wifi(c, now->wifi_names[k++], NULL, b);
		}
	}
}

/* Facts of the clock, which change by themselves. */
static void compare_times(struct changes *c)
{
	const struct enable *e = c->st->enable;

	for (uint32_t i = 0; i < e->nfacts; i++) {
		const struct enable_fact *f = &e->facts[i];
		bool until = f->kind == FACTS;
		struct change *to;

		if (f->kind == FACT_ACTIVE || f->kind == FACT_SSID || f->holds == c->st->facts[i])
			continue;
		to = add_change(c);
		if (!to)
			return;
		show_quote_blanks(f->text, to->fact, sizeof(to->fact));
		strcpy(to->old, until ? (f->holds ? "passed" : "ahead") : f->holds ? "false" : "true");
		strcpy(to->now, until ? (f->holds ? "ahead" : "passed") : f->holds ? "true" : "false");
		to->index = i;
	}
}

/* Which gates each change has switched: marks[change * ngates + gate]. */
static int attribute(const struct changes *c, bool *marks)
{
	const struct standing *st = c->st;
	const struct enable *e = st->enable;
	bool *facts = calloc(e->nfacts + 1, sizeof(*facts)),
	     *conditions = calloc(e->nconditions + 1, sizeof(*conditions));
	uint32_t *changed = calloc(e->nfacts + 1, sizeof(*changed)), n = 0;
	int err = facts && conditions && changed ? 0 : -ENOMEM;

	for (uint32_t f = 0; !err && f < e->nfacts; f++)
		if (e->facts[f].holds != st->facts[f])
			changed[n++] = f;
	for (uint32_t g = 0; !err && g < e->ngates; g++) {
		if (e->gates[g].open == st->gates[g])
			continue;
		memset(facts, 0, e->nfacts * sizeof(*facts));
		memset(conditions, 0, e->nconditions * sizeof(*conditions));
		enable_gate_reach(e, g, facts, conditions);
		for (uint32_t k = 0; k < n; k++)
			for (size_t i = 0; facts[changed[k]] && i < c->n; i++)
				marks[i * e->ngates + g] |= touches(&c->list[i], e, changed[k]);
	}
	free(changed);
	free(conditions);
	free(facts);
	return err;
}

static void tell_all(const struct changes *c, const bool *marks, void (*tell)(void *arg, struct record *r),
		     void *arg)
{
	const struct enable *e = c->st->enable;
	bool *open = calloc(e->ngates + 1, sizeof(*open));
	int64_t now = now_ns();
	struct gather g;

	for (uint32_t i = 0; open && i < e->ngates; i++)
		open[i] = e->gates[i].open;
	for (size_t i = 0; open && i < c->n; i++) {
		const struct change *change = &c->list[i];

		gather(e, marks + i * e->ngates, open, &g);
		tell(arg, record_state(now, change->fact, *change->old ? change->old : NULL,
				       *change->now ? change->now : NULL, g.runs, g.n, g.more));
	}
	free(open);
}

void standing_tell(const struct standing *st, const struct seen *old, const struct seen *now,
		   void (*tell)(void *arg, struct record *r), void *arg)
{
	struct changes c = {.st = st};
	bool *marks;

	compare_active(&c, old, now);
	compare_wifi(&c, old, now);
	compare_times(&c);
	marks = c.n ? calloc(c.n * st->enable->ngates + 1, sizeof(*marks)) : NULL;
	if (marks && !attribute(&c, marks))
		tell_all(&c, marks, tell, arg);
	free(marks);
	free(c.list);
}

static bool same_addresses(const struct addresses *a, const struct addresses *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->list, b->list, a->n * sizeof(*a->list)));
}

static void list_text(const struct addresses *a, char *out, size_t size)
{
	char text[SHOW_END_MAX];
	size_t at = 0;

	*out = '\0';
	for (size_t i = 0; i < a->n && at < size; i++) {
		show_addr(a->list[i], text, sizeof(text));
		at += (size_t)snprintf(out + at, size - at, "%s%s", i ? "," : "", text);
	}
}

static void tell_list(const char *what, const struct addresses *old, const struct addresses *now,
		      void (*tell)(void *arg, struct record *r), void *arg)
{
	char from[STANDING_WIFI_MAX], to[STANDING_WIFI_MAX];

	if (same_addresses(old, now))
		return;
	list_text(old, from, sizeof(from));
	list_text(now, to, sizeof(to));
	tell(arg, record_state(now_ns(), what, from, to, NULL, 0, 0));
}

void standing_tell_addresses(const struct standing *former, const struct standing *st,
			     void (*tell)(void *arg, struct record *r), void *arg)
{
	if (st->wants_self)
		tell_list("self", &former->self, &st->self, tell, arg);
	if (st->wants_resolvers)
		tell_list("resolvers", &former->resolvers, &st->resolvers, tell, arg);
}

/* ---- status ---- */

static struct json_object *fact_object(const char *key, const char *text, bool holds, int64_t since,
				       const struct standing *st, const bool *marked)
{
	struct json_object *o = json_object_new_object();
	char time[SHOW_TIME_MAX];
	struct gather g;

	if (!o)
		return NULL;
	show_time(since, time, sizeof(time));
	json_put_text(o, key, text);
	json_put_bool(o, "holds", holds);
	json_put_text(o, "since", time);
	if (marked)
		gather(st->enable, marked, st->gates, &g);
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
