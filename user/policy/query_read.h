/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of a query's keys; internal to query.c and its readers. */
#ifndef CGWALL_QUERY_READ_H
#define CGWALL_QUERY_READ_H

#include <errno.h>

#include "query.h"

/* What reading a value needs beside the query. */
struct query_state {
	struct query *q;
	const char *key;
	const char *unit; /* borrowed */
	/* of `ssid`, `secured`, `bssid`, until they are put together */
	char *ssids[QUERY_LIST_MAX];
	bool secured[QUERY_LIST_MAX];
	uint8_t bssids[QUERY_LIST_MAX][6];
	size_t nssids, nsecured, nbssids;
	char **message;
};

/* Puts the message together. */
void query_say(struct query_state *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define query_fail(...) (query_say(__VA_ARGS__), -EINVAL)

/* Each reads one value into the query: 0, or -EINVAL with a message. */
typedef int query_reader(struct query_state *s, const char *value);
query_reader query_read_exe, query_read_script, query_read_ancestor, query_read_sha256, query_read_package,
	query_read_cgroup, query_read_unit, query_read_container, query_read_user, query_read_group,
	query_read_proto, query_read_to, query_read_from, query_read_domain, query_read_on, query_read_ssid,
	query_read_secured, query_read_bssid, query_read_active, query_read_time;

#endif
