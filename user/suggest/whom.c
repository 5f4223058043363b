// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "../compile/compile.h"
#include "../compile/ip.h"
#include "../policy/addr.h"
#include "../policy/builtin.h"
#include "../policy/value.h"
#include "suggest.h"

/* More of one program for one service than this are written as what covers them. */
#define LOCAL_MAX 3   /* local addresses: local-nets */
#define ADDR_MAX 8    /* other addresses: any */
#define CALLERS_MAX 3 /* other addresses that called in: any */
#define BELOW_MAX 2   /* names below the same one: that one's domain */
#define NAME_MAX_ 24  /* names: any */

static bool in_builtin(const char *group, const uint8_t addr[16])
{
	for (size_t g = 0; g < builtin_ngroups; g++) {
		const struct group *b = &builtin_groups[g];

		if (strcmp(b->name, group))
			continue;
		for (size_t i = 0; i < b->nitems; i++)
			if (ip_load(addr) >= ip_load(b->items[i].lo) &&
			    ip_load(addr) <= ip_load(b->items[i].hi))
				return true;
	}
	return false;
}

static bool is_among(uint8_t (*list)[16], size_t n, const uint8_t addr[16])
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(list[i], addr, 16))
			return true;
	return false;
}

/* Is it a name that a policy can hold? */
static const char *dns_name(struct sighted *s, const char *name)
{
	char clean[VALUE_DNS_MAX + 2];

	if (!name || strlen(name) > VALUE_DNS_MAX || value_dns_name(name, strlen(name), clean))
		return NULL;
	return suggest_text(s, "%s", clean);
}

static void group(struct want *w, const char *name)
{
	w->kind = WHOM_GROUP;
	w->whom = name;
}

static bool is_resolver(const struct suggest_options *o, const struct flow *f)
{
	const struct settings *set = o->settings;
	bool v4 = addr_is_v4(f->remote);

	if (!set || !set->resolvers_given)
		return is_among(o->world->resolvers, o->world->nresolvers, f->remote);
	for (size_t i = 0; i < set->nresolvers; i++) {
		const struct item *it = &set->resolvers[i];

		if (it->v6 != v4 && memcmp(it->lo, f->remote, 16) <= 0 && memcmp(f->remote, it->hi, 16) <= 0)
			return true;
	}
	return false;
}

void whom_of(struct sighted *s, const struct flow *f, const struct suggest_options *o, struct want *ret)
{
	const struct world *w = o->world;
	const char *name = f->dir == CGW_OUT ? dns_name(s, f->name) : NULL;
	bool dns = f->has_port && (f->port == 53 || f->port == 853);
	char text[ADDR_TEXT];

	ret->kind = WHOM_ANY;
	ret->whom = "any";
	if (!f->has_remote)
		return;
	if (f->dir == CGW_OUT && dns && is_resolver(o, f)) {
		group(ret, "resolvers");
	} else if (in_builtin("loopback", f->remote)) {
		group(ret, "loopback");
	} else if (in_builtin("multicast", f->remote)) {
		group(ret, "multicast");
	} else if (is_among(w->self, w->nself, f->remote)) {
		group(ret, "self");
	} else if (name) {
		ret->kind = WHOM_NAME;
		ret->whom = suggest_text(s, "host %s", suggest_quoted(s, name, false));
	} else {
		addr_format(f->remote, text);
		ret->kind = in_builtin("local-nets", f->remote) ? WHOM_LOCAL : WHOM_ADDR;
		ret->whom = suggest_text(s, "%s", text);
	}
}

static size_t count_kind(const struct want *wants, size_t n, enum whom_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += wants[i].kind == kind;
	return count;
}

/* What stands behind `host "` and before the closing quote. */
static const char *host_name(const struct want *w, size_t *len)
{
	const char *start = strchr(w->whom, '"');

	*len = start ? strlen(start) - 2 : 0;
	return start ? start + 1 : w->whom;
}

/* The name above; NULL where that would be a registry's (`com`, `co.uk`) and cover strangers. */
static const char *above(const char *name, size_t len, size_t *ret)
{
	const char *dot = memchr(name, '.', len), *end = name + len, *tld, *second;
	size_t labels = 1;

	if (!dot)
		return NULL;
	name = dot + 1;
	len = (size_t)(end - name);
	for (const char *c = name; c < end; c++)
		labels += *c == '.';
	if (labels < 2)
		return NULL;
	tld = memrchr(name, '.', len);
	second = memrchr(name, '.', (size_t)(tld - name));
	second = second ? second + 1 : name;
	/* co.uk, com.au, gov.br: a short label before a country's */
	if (labels == 2 && end - tld - 1 == 2 && tld - second <= 3)
		return NULL;
	*ret = len;
	return name;
}

/* Names below the same name become its domain, where there are more than a few. */
static size_t collapse_names(struct sighted *s, struct want *wants, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len, up_len, same = 0;
		const char *name, *up;

		if (wants[i].kind != WHOM_NAME || strncmp(wants[i].whom, "host", 4))
			continue;
		name = host_name(&wants[i], &len);
		up = above(name, len, &up_len);
		for (size_t j = 0; up && j < n; j++) {
			size_t other_len, other_up_len;
			const char *other = host_name(&wants[j], &other_len);
			const char *other_up =
				wants[j].kind == WHOM_NAME ? above(other, other_len, &other_up_len) : NULL;

			same += other_up && other_up_len == up_len && !memcmp(other_up, up, up_len);
		}
		if (same > BELOW_MAX) {
			const char *domain = suggest_text(s, "domain \"%.*s\"", (int)up_len, up);

			for (size_t j = 0; j < n; j++) {
				size_t other_len;
				const char *other = host_name(&wants[j], &other_len);

				if (wants[j].kind != WHOM_NAME || other_len < up_len ||
				    memcmp(other + other_len - up_len, up, up_len) ||
				    (other_len > up_len && other[other_len - up_len - 1] != '.'))
					continue;
				wants[j].whom = domain;
			}
		}
	}
	return n;
}

static int compare_wants(const void *a, const void *b)
{
	const struct want *x = a, *y = b;

	return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind) : strcmp(x->whom, y->whom);
}

static size_t without_doubles(struct want *wants, size_t n)
{
	size_t kept = 0;

	qsort(wants, n, sizeof(*wants), compare_wants);
	for (size_t i = 0; i < n; i++)
		if (!kept || compare_wants(&wants[kept - 1], &wants[i]))
			wants[kept++] = wants[i];
	return kept;
}

static size_t all_become(struct want *wants, size_t n, enum whom_kind from, enum whom_kind to,
			 const char *whom)
{
	for (size_t i = 0; i < n; i++) {
		if (wants[i].kind != from)
			continue;
		wants[i].kind = (uint8_t)to;
		wants[i].whom = whom;
	}
	return without_doubles(wants, n);
}

size_t whom_collapse(struct sighted *s, struct want *wants, size_t n)
{
	n = without_doubles(wants, n);
	if (count_kind(wants, n, WHOM_NAME) > BELOW_MAX)
		n = without_doubles(wants, collapse_names(s, wants, n));
	if (count_kind(wants, n, WHOM_LOCAL) > LOCAL_MAX)
		n = all_become(wants, n, WHOM_LOCAL, WHOM_GROUP, "local-nets");
	if (count_kind(wants, n, WHOM_ADDR) > (wants[0].dir == CGW_IN ? CALLERS_MAX : ADDR_MAX))
		n = all_become(wants, n, WHOM_ADDR, WHOM_ANY, "any");
	if (count_kind(wants, n, WHOM_NAME) > NAME_MAX_)
		n = all_become(wants, n, WHOM_NAME, WHOM_ANY, "any");
	/* what stands beside `any` says nothing; it is the first */
	return wants[0].kind == WHOM_ANY ? 1 : n;
}
