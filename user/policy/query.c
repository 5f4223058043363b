// SPDX-License-Identifier: GPL-2.0-only
#include "query.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "names.h"
#include "query_read.h"

static const char *const key_names[] = {"exe",	  "script",  "ancestor",  "sha256", "package",
					"cgroup", "unit",    "container", "user",   "group",
					"proto",  "to",	     "from",	  "domain", "on",
					"ssid",	  "secured", "bssid",	  "active", "time"};
static query_reader *const readers[] = {
	query_read_exe,	   query_read_script,  query_read_ancestor,  query_read_sha256, query_read_package,
	query_read_cgroup, query_read_unit,    query_read_container, query_read_user,	query_read_group,
	query_read_proto,  query_read_to,      query_read_from,	     query_read_domain, query_read_on,
	query_read_ssid,   query_read_secured, query_read_bssid,     query_read_active, query_read_time};
#define KEYS (sizeof(key_names) / sizeof(*key_names))
static_assert(sizeof(readers) / sizeof(*readers) == KEYS, "each key has a reader");

void query_say(struct query_state *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(s->message, format, args) < 0)
		*s->message = NULL;
	va_end(args);
}

static int find_key(struct query_state *s, const char *name)
{
	int key = NAMES_FIND(key_names, name, strlen(name));
	const char *meant;

	if (key >= 0)
		return key;
	meant = diag_closest(name, key_names, KEYS);
	if (meant)
		return query_fail(s, "unknown key '%.60s'; did you mean '%s'?", name, meant);
	return query_fail(
		s,
		"unknown key '%.60s'; keys are exe script ancestor sha256 package cgroup unit container user "
		"group proto to from domain on ssid secured bssid active time",
		name);
}

/* A unit is part of a cgroup's path. */
static int place_unit(struct query_state *s)
{
	struct query *q = s->q;
	size_t n = strlen(s->unit);
	const char *at = q->cgroup;

	if (!at) {
		if (asprintf(&q->cgroup, "system.slice/%s", s->unit) >= 0)
			return 0;
		q->cgroup = NULL;
		return query_fail(s, "out of memory");
	}
	for (; at; at = strchr(at, '/')) {
		at += *at == '/';
		if (!strncmp(at, s->unit, n) && (!at[n] || at[n] == '/'))
			return 0;
	}
	return query_fail(s, "the unit '%s' is not in the cgroup '%s'", s->unit, q->cgroup);
}

/* One value of `secured` or `bssid` is that of all names, several are one for each. */
static int place_wifi(struct query_state *s)
{
	struct query *q = s->q;

	s->key = s->nsecured > 1 && s->nsecured != s->nssids ? "secured" : "bssid";
	if ((s->nsecured > 1 && s->nsecured != s->nssids) || (s->nbssids > 1 && s->nbssids != s->nssids))
		return query_fail(s, "'%s' has one value, or one for each name in 'ssid'", s->key);
	if (!s->nssids)
		return 0;
	q->wifi = calloc(s->nssids, sizeof(*q->wifi));
	if (!q->wifi)
		return query_fail(s, "out of memory");
	for (size_t i = 0; i < s->nssids; i++) {
		struct query_wifi *w = &q->wifi[q->nwifi++];

		w->len = (uint8_t)strlen(s->ssids[i]); /* checked: at most 32 */
		memcpy(w->ssid, s->ssids[i], w->len);
		w->secured = s->nsecured && s->secured[s->nsecured > 1 ? i : 0];
		w->has_bssid = s->nbssids;
		if (w->has_bssid)
			memcpy(w->bssid, s->bssids[s->nbssids > 1 ? i : 0], sizeof(w->bssid));
	}
	return 0;
}

static void free_list(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
}

int query_parse(struct query *ret, enum cgw_dir dir, const struct keyval *keys, size_t n, char **message,
		size_t *bad)
{
	struct query q = {.dir = dir, .time = time(NULL)};
	struct query_state s = {.q = &q, .message = message};
	size_t at[KEYS] = {0}, i; /* of each key, counted from 1 */
	int r = 0, key;

	for (i = 0; i < n && !r; i++) {
		s.key = keys[i].key;
		key = r = find_key(&s, keys[i].key);
		if (r < 0)
			break;
		if (at[key])
			r = query_fail(&s, "the key '%s' is given twice", s.key);
		else
			r = readers[key](&s, keys[i].value);
		if (r)
			break;
		at[key] = i + 1;
	}
	s.key = "unit";
	if (!r && s.unit)
		r = place_unit(&s);
	if (!r)
		r = place_wifi(&s);
	free_list(s.ssids, s.nssids);
	if (r) {
		if (i == n)
			i = at[find_key(&s, s.key)] - 1;
		*bad = i;
		query_free(&q);
		return -EINVAL;
	}
	*ret = q;
	return 0;
}

int query_parse_words(struct query *q, enum cgw_dir dir, char *const *words, size_t n, char **message)
{
	struct query_state s = {.message = message};
	struct keyval *keys = calloc(n + 1, sizeof(*keys));
	size_t bad = 0, i;
	int r = keys ? 0 : query_fail(&s, "out of memory");

	for (i = 0; !r && i < n; i++) {
		const char *mark = strchr(words[i], '=');

		if (!mark && strcmp(words[i], "secured"))
			r = query_fail(&s, "'%.60s' is not KEY=VALUE", words[i]);
		else
			keys[i].key = strndup(words[i], mark ? (size_t)(mark - words[i]) : strlen(words[i]));
		if (r)
			break;
		keys[i].value = strdup(mark ? mark + 1 : "yes");
		if (!keys[i].key || !keys[i].value)
			r = query_fail(&s, "out of memory");
	}
	if (!r)
		r = query_parse(q, dir, keys, n, message, &bad);
	for (i = 0; keys && i < n; i++) {
		free(keys[i].key);
		free(keys[i].value);
	}
	free(keys);
	return r;
}

void query_free(struct query *q)
{
	free(q->exe);
	free(q->script);
	free(q->sha256);
	free(q->package);
	free(q->container);
	free(q->cgroup);
	free(q->user);
	free(q->group);
	free(q->iface);
	free_list(q->ancestors, q->nancestors);
	free_list(q->domains, q->ndomains);
	free_list(q->active, q->nactive);
	free(q->active);
	free(q->wifi);
	memset(q, 0, sizeof(*q));
}
