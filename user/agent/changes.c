// SPDX-License-Identifier: GPL-2.0-only
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../event/show.h"

#define FACT_MAX 256 /* bytes of a fact's text in the log */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

void changes_wifi_text(const struct facts_wifi *w, char *out, size_t size)
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
	snprintf(out, size, "\"%s\" %s %02x:%02x:%02x:%02x:%02x:%02x", name,
		 w->secured ? "secured"
		 : w->how   ? w->how
			    : "not secured",
		 b[0], b[1], b[2], b[3], b[4], b[5]);
}

/* A change on its way into the log. */
struct change {
	char fact[FACT_MAX], old[CHANGES_WIFI_MAX], now[CHANGES_WIFI_MAX];
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
		changes_wifi_text(from, change->old, sizeof(change->old));
	if (to)
		changes_wifi_text(to, change->now, sizeof(change->now));
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
	struct standing_runs g;

	for (uint32_t i = 0; open && i < e->ngates; i++)
		open[i] = e->gates[i].open;
	for (size_t i = 0; open && i < c->n; i++) {
		const struct change *change = &c->list[i];

		standing_rules(e, marks + i * e->ngates, open, &g);
		tell(arg, record_state(now, change->fact, *change->old ? change->old : NULL,
				       *change->now ? change->now : NULL, g.runs, g.n, g.more));
	}
	free(open);
}

void changes_tell(const struct standing *st, const struct seen *old, const struct seen *now,
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
	char from[CHANGES_WIFI_MAX], to[CHANGES_WIFI_MAX];

	if (same_addresses(old, now))
		return;
	list_text(old, from, sizeof(from));
	list_text(now, to, sizeof(to));
	tell(arg, record_state(now_ns(), what, from, to, NULL, 0, 0));
}

void changes_tell_addresses(const struct standing *former, const struct standing *st,
			    void (*tell)(void *arg, struct record *r), void *arg)
{
	if (st->wants_self)
		tell_list("self", &former->self, &st->self, tell, arg);
	if (st->wants_resolvers)
		tell_list("resolvers", &former->resolvers, &st->resolvers, tell, arg);
}
