// SPDX-License-Identifier: GPL-2.0-only
#include "naive.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "naive_list.h"

struct naive {
	const struct policy *p;
	const struct world *w;
	struct naive_list *lists;
	size_t nlists;
};

/* ---- list files ---- */

static int read_list(struct naive *n, const struct item *it)
{
	if (it->kind != ITEM_FILE)
		return 0;
	for (size_t i = 0; i < n->nlists; i++)
		if (!strcmp(n->lists[i].path, it->text))
			return 0;
	n->lists = realloc(n->lists, (n->nlists + 1) * sizeof(*n->lists));
	memset(&n->lists[n->nlists], 0, sizeof(*n->lists));
	return naive_list_read(&n->lists[n->nlists++], it->text);
}

static int read_lists(struct naive *n, const struct item *items, size_t count)
{
	int r = 0;

	for (size_t i = 0; i < count; i++)
		r |= read_list(n, &items[i]);
	return r;
}

struct naive *naive_new(const struct policy *p, const struct world *w)
{
	struct naive *n = calloc(1, sizeof(*n));
	int r = 0;

	n->p = p;
	n->w = w;
	for (size_t i = 0; i < p->nstmts; i++) {
		const struct stmt *s = &p->stmts[i];

		if (s->kind == STMT_GROUP)
			r |= read_lists(n, s->group->items, s->group->nitems);
		if (s->kind == STMT_RULE) {
			r |= read_lists(n, s->rule->from.items, s->rule->from.nitems);
			r |= read_lists(n, s->rule->to.items, s->rule->to.nitems);
		}
	}
	if (!r)
		return n;
	naive_free(n);
	return NULL;
}

void naive_free(struct naive *n)
{
	for (size_t i = 0; i < n->nlists; i++)
		naive_list_free(&n->lists[i]);
	free(n->lists);
	free(n);
}

/* ---- whom ---- */

/* One end of a flow; names belong to the remote one. */
struct end {
	bool has_addr, has_port;
	const uint8_t *addr;
	uint16_t port;
	char *const *names;
	size_t nnames;
};

static bool in_list(const struct naive *n, const char *path, const struct end *e)
{
	for (size_t i = 0; i < n->nlists; i++) {
		if (strcmp(n->lists[i].path, path))
			continue;
		if (e->has_addr && naive_list_has_address(&n->lists[i], e->addr))
			return true;
		for (size_t k = 0; k < e->nnames; k++)
			if (naive_list_has_name(&n->lists[i], e->names[k]))
				return true;
	}
	return false;
}

static bool one_of(uint8_t (*list)[16], size_t n, const struct end *e)
{
	for (size_t i = 0; e->has_addr && i < n; i++)
		if (!memcmp(list[i], e->addr, 16))
			return true;
	return false;
}

static bool item_matches(const struct naive *n, const struct item *it, const struct end *e)
{
	const struct settings *s = &n->p->settings;

	switch (it->kind) {
	case ITEM_ANY:
		return true;
	case ITEM_NET:
		return e->has_addr && naive_between(e->addr, it->lo, it->hi, it->v6);
	case ITEM_DOMAIN:
		for (size_t i = 0; i < e->nnames; i++)
			if (naive_below(e->names[i], it->text))
				return true;
		return false;
	case ITEM_HOST:
		for (size_t i = 0; i < e->nnames; i++)
			if (!strcmp(e->names[i], it->text))
				return true;
		return false;
	case ITEM_FILE:
		return in_list(n, it->text, e);
	case ITEM_GROUP:
		for (size_t i = 0; i < it->group->nitems; i++)
			if (item_matches(n, &it->group->items[i], e))
				return true;
		return false;
	case ITEM_SELF:
		return one_of(n->w->self, n->w->nself, e);
	case ITEM_RESOLVERS:
		if (!s->resolvers_given)
			return one_of(n->w->resolvers, n->w->nresolvers, e);
		for (size_t i = 0; i < s->nresolvers; i++)
			if (item_matches(n, &s->resolvers[i], e))
				return true;
		return false;
	}
	return false;
}

static bool hosts_match(const struct naive *n, const struct hosts *h, const struct end *e)
{
	bool found = false;

	if (!h->nitems)
		return true;
	for (size_t i = 0; i < h->nitems; i++)
		found |= item_matches(n, &h->items[i], e);
	return found != h->negated;
}

/* ---- protocols and ports ---- */

static bool protocol_has_ports(int proto)
{
	return proto == 6 || proto == 17 || proto == 33 || proto == 132 || proto == 136;
}

static bool port_in(const struct query *q, const struct end *e, struct range r)
{
	/* whoever gives a port without a protocol means one that has ports */
	return (!q->has_proto || protocol_has_ports(q->proto)) && e->has_port && e->port >= r.lo &&
	       e->port <= r.hi;
}

static bool service_matches(const struct service_item *it, const struct query *q, const struct end *e)
{
	if (it->proto == PROTO_SERVICE) {
		for (size_t i = 0; i < it->service->nitems; i++)
			if (service_matches(&it->service->items[i], q, e))
				return true;
		return false;
	}
	if (!q->has_proto)
		return it->proto == PROTO_ANY_PORTS && it->has_ports && port_in(q, e, it->ports);
	if (it->proto == PROTO_ANY_PORTS ? !protocol_has_ports(q->proto) : it->proto != q->proto)
		return false;
	return !it->has_ports || port_in(q, e, it->ports);
}

static bool services_match(const struct service_item *items, size_t n, const struct query *q,
			   const struct end *e)
{
	for (size_t i = 0; i < n; i++)
		if (service_matches(&items[i], q, e))
			return true;
	return !n;
}

static bool ports_match(const struct ports *p, const struct query *q, const struct end *e)
{
	for (size_t i = 0; i < p->n; i++)
		if (port_in(q, e, p->ranges[i]))
			return true;
	return !p->n;
}

/* ---- who ---- */

/* Does the pattern match the path or a directory above it? */
static bool cgroup_matches(const char *pattern, const char *path)
{
	char part[CGW_PATH_MAX], clean[CGW_PATH_MAX];

	snprintf(clean, sizeof(clean), "%s", pattern + strspn(pattern, "/"));
	while (*clean && clean[strlen(clean) - 1] == '/')
		clean[strlen(clean) - 1] = '\0';
	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (policy_glob(clean, part))
			return true;
	}
	return false;
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && !strcmp(text + strlen(text) - strlen(end), end);
}

/* Is one component of the path the unit? Below a service or a scope there are no units, unless it is a user's
 * service manager. */
static bool unit_matches(const char *unit, const char *path)
{
	char copy[CGW_PATH_MAX], *part, *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((part = strsep(&rest, "/"))) {
		bool manager = !strncmp(part, "user@", 5) && ends_with(part, ".service");

		if (strpbrk(unit, "*?[") ? policy_glob(unit, part) : !strcmp(unit, part))
			return true;
		if (!manager && (ends_with(part, ".service") || ends_with(part, ".scope")))
			return false;
	}
	return false;
}

static bool container_matches(const char *selector, const char *container)
{
	bool id = strlen(container) >= 12 && strlen(container) <= 64;

	for (const char *s = container; *s; s++)
		id &= isxdigit((unsigned char)*s) != 0;
	if (!strcmp(selector, container))
		return true;
	return id && *selector && !strncmp(selector, container, strlen(selector));
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static bool id_matches(const struct expr *e, bool given, const char *id)
{
	if (!given)
		return false;
	if (e->numeric || is_number(e->text))
		return is_number(id) && strtoul(e->text, NULL, 10) == strtoul(id, NULL, 10);
	return !strcmp(e->text, id);
}

static bool glob_given(const char *pattern, const char *value)
{
	return value && *value && policy_glob(pattern, value);
}

static bool equal_given(const char *text, const char *value)
{
	return value && !strcmp(text, value);
}

static bool exe_matches(const struct naive *n, const char *pattern, const char *exe)
{
	bool found = glob_given(pattern, exe);

	for (size_t i = 0; i < n->w->naliases; i++)
		if (!strcmp(n->w->aliases[i][0], pattern))
			found |= glob_given(n->w->aliases[i][1], exe);
	return found;
}

static bool selector_matches(const struct naive *n, const struct expr *e, const struct query *q)
{
	switch (e->sel) {
	case SEL_ANY:
		return true;
	case SEL_EXE:
		return exe_matches(n, e->text, q->exe);
	case SEL_SHA256:
		return equal_given(e->text, q->sha256);
	case SEL_PACKAGE:
		return equal_given(e->text, q->package);
	case SEL_PACKAGED:
		return q->package && *q->package;
	case SEL_CGROUP:
		return q->cgroup && *q->cgroup && cgroup_matches(e->text, q->cgroup);
	case SEL_UNIT:
		return q->cgroup && *q->cgroup && unit_matches(e->text, q->cgroup);
	case SEL_CONTAINER:
		return q->container && container_matches(e->text, q->container);
	case SEL_SCRIPT:
		return glob_given(e->text, q->script);
	case SEL_ANCESTOR:
		for (size_t i = 0; i < q->nancestors; i++)
			if (exe_matches(n, e->text, q->ancestors[i]))
				return true;
		return false;
	case SEL_USER:
		return id_matches(e, q->has_user, q->user);
	case SEL_GROUP:
		return id_matches(e, q->has_group, q->group);
	case SELECTORS:
		break;
	}
	return false;
}

/* ---- when ---- */

static bool ssid_matches(const struct expr *e, const struct query *q)
{
	bool found = false;

	for (size_t i = 0; i < q->nwifi; i++) {
		const struct query_wifi *w = &q->wifi[i];
		bool name = strlen(e->text) == w->len && !strncmp(e->text, (const char *)w->ssid, w->len);
		bool bssid = w->has_bssid && !memcmp(e->bssid, w->bssid, 6);

		found |= name && (w->secured || !e->secured) && (bssid || !e->has_bssid);
	}
	return found;
}

static bool fact_holds(const struct expr *e, const struct query *q)
{
	int minute = (int)(q->time / 60 % 1440), day = (int)((q->time / 86400 + 3) % 7);

	switch (e->fact) {
	case FACT_SSID:
		return ssid_matches(e, q);
	case FACT_ACTIVE:
		for (size_t i = 0; i < q->nactive; i++)
			if (policy_glob(e->text, q->active[i]))
				return true;
		return false;
	case FACT_TIME:
		if (e->from < e->to)
			return e->from <= minute && minute < e->to;
		return minute >= e->from || minute < e->to;
	case FACT_DAYS:
		return e->days & (1 << day);
	case FACTS:
		break;
	}
	return false;
}

/* ---- the whole ---- */

static bool holds(const struct naive *n, const struct expr *e, const struct query *q)
{
	switch (e->op) {
	case EXPR_NOT:
		return !holds(n, e->kids[0], q);
	case EXPR_AND:
		for (size_t i = 0; i < e->nkids; i++)
			if (!holds(n, e->kids[i], q))
				return false;
		return true;
	case EXPR_OR:
		for (size_t i = 0; i < e->nkids; i++)
			if (holds(n, e->kids[i], q))
				return true;
		return false;
	case EXPR_SELECTOR:
		return selector_matches(n, e, q);
	case EXPR_FACT:
		return fact_holds(e, q);
	case EXPR_APP:
		return holds(n, e->app->expr, q);
	case EXPR_CONDITION:
		return holds(n, e->condition->expr, q);
	}
	return false;
}

static bool rule_matches(const struct naive *n, const struct rule *r, const struct query *q)
{
	struct end remote = {q->has_remote, q->has_rport, q->remote, q->rport, q->domains, q->ndomains};
	struct end local = {q->has_local, q->has_lport, q->local, q->lport, NULL, 0};
	const struct end *from = r->dir == CGW_OUT ? &local : &remote;
	const struct end *to = r->dir == CGW_OUT ? &remote : &local;

	if (r->has_until && q->time >= r->until)
		return false;
	if (r->when && !holds(n, r->when, q))
		return false;
	if (r->unless && holds(n, r->unless, q))
		return false;
	if (r->who && !holds(n, r->who, q))
		return false;
	if (r->iface && !(q->iface && *q->iface && policy_glob(r->iface, q->iface)))
		return false;
	/* `service` gives the remote port for out, the local one for in: that of `to` */
	return hosts_match(n, &r->from, from) && hosts_match(n, &r->to, to) &&
	       ports_match(&r->from_ports, q, from) && ports_match(&r->to_ports, q, to) &&
	       services_match(r->protos, r->nprotos, q, to) &&
	       services_match(r->services, r->nservices, q, to);
}

void naive_judge(const struct naive *n, const struct query *q, struct naive_verdict *ret)
{
	const struct fallback *f = &n->p->fallback[q->dir];
	bool decided = false;

	ret->rule = 0;
	ret->action = f->loc.line ? f->act.action : CGW_PASS;
	ret->nmatched = 0;
	for (size_t i = 0; i < n->p->nrules[q->dir]; i++) {
		const struct rule *r = n->p->rules[q->dir][i];

		if (!rule_matches(n, r, q))
			continue;
		ret->matched[ret->nmatched++] = r->number;
		if (decided)
			continue;
		ret->rule = r->number;
		ret->action = r->act.action;
		decided = r->quick;
	}
}
