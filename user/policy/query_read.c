// SPDX-License-Identifier: GPL-2.0-only
/* Values of a query's keys but for addresses. */
#include "query_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "names.h"
#include "value.h"

static int set_text(struct query_state *s, char **to, const char *text)
{
	if (!*text)
		return query_fail(s, "'%s' has no value", s->key);
	*to = strdup(text);
	return *to ? 0 : query_fail(s, "out of memory");
}

static int check_path(struct query_state *s, const char *value)
{
	if (*value != '/')
		return query_fail(s, "the path of '%s' begins with `/`", s->key);
	if (strlen(value) >= CGW_PATH_MAX)
		return query_fail(s, "a path has at most %d bytes", CGW_PATH_MAX - 1);
	return 0;
}

static int check_id(struct query_state *s, const char *value)
{
	uint64_t n;

	if (strspn(value, "0123456789") == strlen(value) && *value &&
	    !value_number(value, strlen(value), UINT32_MAX - 1, &n))
		return query_fail(s, "a user's or group's number is from 0 to 4294967294");
	return 0;
}

static int check_ssid(struct query_state *s, const char *value)
{
	return strlen(value) > 32 ? query_fail(s, "an SSID has at most 32 bytes") : 0;
}

/* Calls `check` (may be NULL) for each part of a comma-separated list and keeps a copy. */
static int set_list(struct query_state *s, char **list, size_t *n, const char *value,
		    int (*check)(struct query_state *s, const char *part))
{
	while (*value) {
		size_t len = strcspn(value, ",");
		char *part;

		if (!len)
			return query_fail(s, "the list of '%s' has an empty entry", s->key);
		if (*n == QUERY_LIST_MAX)
			return query_fail(s, "the list of '%s' has more than %d entries", s->key,
					  QUERY_LIST_MAX);
		part = strndup(value, len);
		if (!part)
			return query_fail(s, "out of memory");
		list[(*n)++] = part;
		if (check && check(s, part))
			return -EINVAL;
		value += len;
		if (*value && !*++value)
			return query_fail(s, "the list of '%s' has an empty entry", s->key);
	}
	return 0;
}

int query_read_domain(struct query_state *s, const char *value)
{
	struct query *q = s->q;
	size_t from = q->ndomains;
	int r = set_list(s, q->domains, &q->ndomains, value, NULL);

	for (size_t i = from; !r && i < q->ndomains; i++) {
		char name[VALUE_DNS_MAX + 1], *copy;
		const char *error = value_dns_name(q->domains[i], strlen(q->domains[i]), name);

		if (error)
			return query_fail(s, "%s", error);
		copy = strdup(name); /* an international name's ASCII form may be the longer one */
		if (!copy)
			return query_fail(s, "out of memory");
		free(q->domains[i]);
		q->domains[i] = copy;
	}
	return r;
}

int query_read_sha256(struct query_state *s, const char *value)
{
	char digest[65];
	const char *error = value_sha256(value, strlen(value), digest);

	return error ? query_fail(s, "%s", error) : set_text(s, &s->q->sha256, digest);
}

int query_read_cgroup(struct query_state *s, const char *value)
{
	size_t n;

	if (!*value)
		return query_fail(s, "'cgroup' has no value");
	value += strspn(value, "/");
	n = strlen(value);
	while (n && value[n - 1] == '/')
		n--;
	if (n >= CGW_PATH_MAX)
		return query_fail(s, "a path has at most %d bytes", CGW_PATH_MAX - 1);
	s->q->cgroup = strndup(value, n);
	return s->q->cgroup ? 0 : query_fail(s, "out of memory");
}

int query_read_unit(struct query_state *s, const char *value)
{
	if (!*value || strchr(value, '/') || strlen(value) > 255)
		return query_fail(s, "'unit' takes the name of one unit, as in nginx.service");
	s->unit = value;
	return 0;
}

int query_read_proto(struct query_state *s, const char *value)
{
	size_t len = strlen(value);
	const char *const *names;
	uint64_t number = 0;
	const char *meant;
	size_t n;

	s->q->has_proto = true;
	if (value_number(value, len, 255, &number)) {
		s->q->proto = (int)number;
		return 0;
	}
	s->q->proto = names_proto(value, len);
	if (s->q->proto >= 0)
		return 0;
	n = names_protos(&names);
	meant = diag_closest(value, names, n);
	if (meant)
		return query_fail(s, "unknown protocol '%.60s'; did you mean '%s'?", value, meant);
	return query_fail(s, "unknown protocol '%.60s'", value);
}

static int read_secured(struct query_state *s, const char *part)
{
	static const char *const words[] = {"no", "yes", "false", "true", "0", "1"};
	int i = NAMES_FIND(words, part, strlen(part));

	if (i < 0)
		return query_fail(s, "'secured' is yes or no");
	s->secured[s->nsecured++] = i % 2;
	return 0;
}

static int read_bssid(struct query_state *s, const char *part)
{
	if (!value_bssid(part, s->bssids[s->nbssids]))
		return query_fail(s, "a BSSID is six bytes, as in aa:bb:cc:dd:ee:ff");
	s->nbssids++;
	return 0;
}

/* Calls `read` for each part of a comma-separated list. */
static int read_list(struct query_state *s, const char *value,
		     int (*read)(struct query_state *s, const char *part))
{
	char *list[QUERY_LIST_MAX];
	size_t n = 0;
	int r = *value ? set_list(s, list, &n, value, read) : read(s, value);

	while (n)
		free(list[--n]);
	return r;
}

int query_read_secured(struct query_state *s, const char *value)
{
	return read_list(s, value, read_secured);
}

int query_read_bssid(struct query_state *s, const char *value)
{
	return read_list(s, value, read_bssid);
}

/* Today at that minute. */
static int64_t today(uint16_t minute)
{
	time_t now = time(NULL);
	struct tm tm;

	if (!localtime_r(&now, &tm))
		return now;
	tm.tm_hour = minute / 60;
	tm.tm_min = minute % 60;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

int query_read_time(struct query_state *s, const char *value)
{
	size_t len = strlen(value);
	uint16_t minute;
	uint64_t epoch;
	bool dated;

	s->q->has_time = true;
	if (value_clock(value, len, &minute)) {
		s->q->time = today(minute);
		return 0;
	}
	if (value_number(value, len, 253402300799, &epoch)) {
		s->q->time = (int64_t)epoch;
		return 0;
	}
	if (value_time(value, len, &s->q->time, &dated))
		return query_fail(s, "'time' is as in 2026-12-01T18:00 or 18:00, or seconds since 1970");
	return 0;
}

int query_read_exe(struct query_state *s, const char *value)
{
	return check_path(s, value) ? -EINVAL : set_text(s, &s->q->exe, value);
}

int query_read_script(struct query_state *s, const char *value)
{
	return check_path(s, value) ? -EINVAL : set_text(s, &s->q->script, value);
}

int query_read_ancestor(struct query_state *s, const char *value)
{
	return set_list(s, s->q->ancestors, &s->q->nancestors, value, check_path);
}

int query_read_package(struct query_state *s, const char *value)
{
	return set_text(s, &s->q->package, value);
}

int query_read_container(struct query_state *s, const char *value)
{
	return set_text(s, &s->q->container, value);
}

int query_read_user(struct query_state *s, const char *value)
{
	s->q->has_user = true;
	return check_id(s, value) ? -EINVAL : set_text(s, &s->q->user, value);
}

int query_read_group(struct query_state *s, const char *value)
{
	s->q->has_group = true;
	return check_id(s, value) ? -EINVAL : set_text(s, &s->q->group, value);
}

int query_read_on(struct query_state *s, const char *value)
{
	return set_text(s, &s->q->iface, value);
}

int query_read_ssid(struct query_state *s, const char *value)
{
	s->q->has_wifi = true;
	return set_list(s, s->ssids, &s->nssids, value, check_ssid);
}

int query_read_active(struct query_state *s, const char *value)
{
	s->q->has_active = true;
	s->q->active = calloc(QUERY_LIST_MAX, sizeof(*s->q->active));
	if (!s->q->active)
		return query_fail(s, "out of memory");
	return set_list(s, s->q->active, &s->q->nactive, value, NULL);
}
