/* SPDX-License-Identifier: GPL-2.0-only */
/* The words of the language, one table for each kind, indexed by its enum. */
#ifndef CGWALL_POLICY_NAMES_H
#define CGWALL_POLICY_NAMES_H

#include "policy.h"

extern const char *const names_action[CGW_ACTIONS];
extern const char *const names_dir[CGW_DIRS];
extern const char *const names_selector[SELECTORS];
extern const char *const names_fact[FACTS];
extern const char *const names_day[7];

/* Keys of `set`, in the order of the bits in settings.given. */
enum setting {
	SET_MODE,
	SET_ESTABLISHED,
	SET_RESOLVERS,
	SET_DNS_MIN_TTL,
	SET_ASK_TIMEOUT,
	SET_SOCKETS_OTHER,
	SET_DNS_REBIND,
	SET_ON_FAILURE,
	SET_DNS_MAX_TTL,
	SETTINGS
};
extern const char *const names_setting[SETTINGS];

/* Index of the word s of len bytes in a table, or -1. */
int names_find(const char *const *table, size_t n, const char *s, size_t len);
#define NAMES_FIND(table, s, len) names_find(table, sizeof(table) / sizeof(*(table)), s, len)

/* Protocol number of a name, or -1. */
int names_proto(const char *s, size_t len);

/* Name of a protocol number, or NULL. */
const char *names_proto_name(int proto);

/* All of them, for suggestions. */
size_t names_protos(const char *const **ret);

/* Does this protocol have ports that rules can name? PROTO_ANY_PORTS has. */
bool names_has_ports(int proto);

#endif
