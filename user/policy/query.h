/* SPDX-License-Identifier: GPL-2.0-only */
/* One question to a policy: the keys of `explain` and `expect`, understood. */
#ifndef CGWALL_QUERY_H
#define CGWALL_QUERY_H

#include "policy.h"

#define QUERY_LIST_MAX 64

/* A Wi-Fi interface's association. What a rule asks of an SSID, it asks of one and the same of these. */
struct query_wifi {
	uint8_t ssid[32]; /* any bytes */
	uint8_t len;
	bool secured; /* the link is encrypted */
	bool has_bssid;
	uint8_t bssid[6];
};

/* What is not given is NULL, or has its `has_` flag false; it matches no selector and no item, and
 * therefore every negated one; a port without a protocol is one of every protocol that has ports. Strings are
 * owned by the query. */
struct query {
	enum cgw_dir dir;
	char *exe, *script, *sha256, *package, *container;
	char *cgroup; /* path below the cgroup v2 root, no leading slash. `unit=U` alone is understood as
		       * cgroup `system.slice/U`; with both, U must be a component of the cgroup (an error
		       * otherwise) */
	char *ancestors[QUERY_LIST_MAX]; /* comma-separated */
	size_t nancestors;
	bool has_user, has_group;
	char *user, *group; /* as written, name or number */
	bool has_proto;
	int proto;
	bool has_remote, has_local, has_rport, has_lport;
	uint8_t remote[16],
		local[16]; /* already folded: mapped addresses, wildcard as loopback (remote of `out`) */
	uint16_t rport, lport;
	char *domains[QUERY_LIST_MAX]; /* names bound to the remote address; lower case, no trailing dot */
	size_t ndomains;
	char *iface;
	bool has_wifi, has_active, has_time; /* they were given; what was not is for the asked to fill in */
	struct query_wifi *wifi;	     /* one for each name in `ssid` */
	size_t nwifi;
	char **active; /* names of interfaces */
	size_t nactive;
	int64_t time; /* seconds since the epoch; now where not given */
};

/* Understands the keys. On an error, *message (owned by the caller) says what is wrong and with which
 * key, *bad is its index (n where a key is missing), and q holds nothing. 0 or -EINVAL. */
int query_parse(struct query *q, enum cgw_dir dir, const struct keyval *keys, size_t n, char **message,
		size_t *bad);

/* The same from words like "to=192.0.2.1:443"; words[0] may be "in" or "out" is NOT included. */
int query_parse_words(struct query *q, enum cgw_dir dir, char *const *words, size_t n, char **message);

void query_free(struct query *q);

#endif
