// SPDX-License-Identifier: GPL-2.0-only
#include "names.h"

#include <assert.h>
#include <string.h>

const char *const names_action[CGW_ACTIONS] = {
	[CGW_BLOCK] = "block", [CGW_PASS] = "pass", [CGW_REJECT] = "reject", [CGW_ASK] = "ask"};
const char *const names_dir[CGW_DIRS] = {[CGW_OUT] = "out", [CGW_IN] = "in"};
const char *const names_selector[SELECTORS] = {[SEL_ANY] = "any",	    [SEL_EXE] = "exe",
					       [SEL_SHA256] = "sha256",	    [SEL_PACKAGE] = "package",
					       [SEL_PACKAGED] = "packaged", [SEL_CGROUP] = "cgroup",
					       [SEL_UNIT] = "unit",	    [SEL_CONTAINER] = "container",
					       [SEL_SCRIPT] = "script",	    [SEL_ANCESTOR] = "ancestor",
					       [SEL_USER] = "user",	    [SEL_GROUP] = "group"};
const char *const names_fact[FACTS] = {
	[FACT_SSID] = "ssid", [FACT_ACTIVE] = "active", [FACT_TIME] = "time", [FACT_DAYS] = "days"};
const char *const names_day[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
const char *const names_setting[SETTINGS] = {[SET_MODE] = "mode",
					     [SET_ESTABLISHED] = "established",
					     [SET_RESOLVERS] = "resolvers",
					     [SET_DNS_MIN_TTL] = "dns-min-ttl",
					     [SET_ASK_TIMEOUT] = "ask-timeout",
					     [SET_SOCKETS_OTHER] = "sockets-other",
					     [SET_DNS_REBIND] = "dns-rebind",
					     [SET_ON_FAILURE] = "on-failure",
					     [SET_DNS_MAX_TTL] = "dns-max-ttl"};

static_assert(CGW_ACTIONS == 4 && SELECTORS == 12 && FACTS == 4 && SETTINGS == 9, "a table lacks a word");

static const char *const proto_names[] = {"tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "udplite"};
static const uint8_t proto_numbers[] = {6, 17, 1, 58, 132, 33, 136};

static_assert(sizeof(proto_names) / sizeof(*proto_names) == sizeof(proto_numbers), "protocols");

int names_find(const char *const *table, size_t n, const char *s, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(table[i], s, len) && !table[i][len])
			return (int)i;
	return -1;
}

int names_proto(const char *s, size_t len)
{
	int i = NAMES_FIND(proto_names, s, len);

	return i < 0 ? -1 : proto_numbers[i];
}

const char *names_proto_name(int proto)
{
	for (size_t i = 0; i < sizeof(proto_numbers); i++)
		if (proto_numbers[i] == proto)
			return proto_names[i];
	return NULL;
}

size_t names_protos(const char *const **ret)
{
	*ret = proto_names;
	return sizeof(proto_numbers);
}

bool names_has_ports(int proto)
{
	return proto == PROTO_ANY_PORTS || proto == 6 || proto == 17 || proto == 132 || proto == 33 ||
	       proto == 136;
}
