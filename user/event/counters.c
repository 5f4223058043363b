// SPDX-License-Identifier: GPL-2.0-only
#include "counters.h"

#include <cgwall/names.h>

#include "json.h"
#include "show.h"

static const struct {
	const char *key;
	unsigned counter;
} counters[] = {
	{"pass", CGW_CNT_PASS},		  {"block", CGW_CNT_BLOCK},    {"reject", CGW_CNT_REJECT},
	{"observed", CGW_CNT_OBSERVED},	  {"sockets", CGW_CNT_SOCKET}, {"lost", CGW_ERR_EVENT_LOST},
	{"no_proc", CGW_ERR_NO_PROC},	  {"path", CGW_ERR_PATH},      {"cgroup", CGW_ERR_CGROUP},
	{"scratch", CGW_ERR_SCRATCH},	  {"table", CGW_ERR_TABLE},    {"no_policy", CGW_ERR_NO_POLICY},
	{"proc_full", CGW_ERR_PROC_FULL}, {"owner", CGW_ERR_OWNER},    {"name", CGW_ERR_NAME},
	{"packet", CGW_ERR_PACKET},	  {"ask", CGW_CNT_ASK},	       {"hold", CGW_ERR_HOLD},
	{"hold_full", CGW_ERR_HOLD_FULL}, {"source", CGW_ERR_SOURCE},
};

/* What was learned from DNS, and what was not believed. */
static const struct {
	const char *key;
	unsigned counter;
} dns_counters[] = {
	{"asked", CGW_CNT_DNS_ASKED},	   {"learned", CGW_CNT_DNS_LEARNED}, {"again", CGW_CNT_DNS_AGAIN},
	{"nowhere", CGW_CNT_DNS_NULL},	   {"lost", CGW_CNT_DNS_LOST},	     {"held", CGW_CNT_DNS_HELD},
	{"evicted", CGW_CNT_NAME_EVICTED}, {"classes", CGW_CNT_NAME_UNIONS}, {"full", CGW_CNT_NAME_FULL},
};

struct json_object *counters_json(const uint64_t value[CGW_COUNTERS])
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; o && i < sizeof(counters) / sizeof(counters[0]); i++)
		json_put_int(o, counters[i].key, (int64_t)value[counters[i].counter]);
	return o;
}

struct json_object *counters_dns_json(const uint64_t value[CGW_COUNTERS])
{
	struct json_object *o = json_object_new_object(), *alarms = json_object_new_object();

	if (!o || !alarms) {
		json_object_put(alarms);
		return o;
	}
	for (size_t i = 0; i < sizeof(dns_counters) / sizeof(dns_counters[0]); i++)
		json_put_int(o, dns_counters[i].key, (int64_t)value[dns_counters[i].counter]);
	for (unsigned i = 0; i < CGW_ALARMS; i++)
		json_put_int(alarms, show_alarm(i), (int64_t)value[CGW_CNT_ALARM + i]);
	json_put(o, "alarms", alarms);
	return o;
}
