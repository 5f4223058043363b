// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "../event/json.h"
#include "cmd.h"
#include "table.h"

static const struct table_column columns[] = {
	{"dir", false, false},	   {"proto", false, false}, {"program", false, true}, {"pid", true, false},
	{"local", false, true},	   {"remote", false, true}, {"name", false, true},    {"sent", true, false},
	{"received", true, false}, {"rule", true, false},   {NULL, false, false},
};

/* 1536 as 1.5k: a column of numbers that can be read at a glance. */
static void add_bytes(struct table *t, int64_t bytes)
{
	static const char units[] = "kMGTP";
	double n = (double)bytes;
	char text[24];
	size_t unit = 0;

	if (bytes < 1000) {
		table_add_number(t, bytes);
		return;
	}
	for (n /= 1000; n >= 999.95 && units[unit + 1]; unit++)
		n /= 1000;
	snprintf(text, sizeof(text), n < 10 ? "%.1f%c" : "%.0f%c", n, units[unit]);
	table_add(t, text);
}

static void add_count(struct table *t, const struct json_object *o, const char *key)
{
	if (json_get(o, key))
		table_add_number(t, json_get_int(o, key, 0));
	else
		table_add(t, NULL);
}

static void add_flow(struct table *t, struct json_object *o)
{
	const char *exe = json_get_text(o, "exe", json_get_text(o, "comm", NULL));
	const char *slash = exe ? strrchr(exe, '/') : NULL;

	table_add(t, json_get_text(o, "dir", NULL));
	table_add(t, json_get_text(o, "proto", NULL));
	table_add(t, json_get_text(o, "app", slash && slash[1] ? slash + 1 : exe));
	add_count(t, o, "pid");
	table_add(t, json_get_text(o, "local", NULL));
	table_add(t, json_get_text(o, "remote", NULL));
	table_add(t, json_get_text(o, "domain", NULL));
	add_bytes(t, json_get_int(o, "sent", 0));
	add_bytes(t, json_get_int(o, "received", 0));
	add_count(t, o, "rule");
}

static int flows(const struct cmd_args *a)
{
	return table_list(a, "flows", columns, add_flow);
}

static const struct cmd_flag flags[] = {CMD_JSON, CMD_RUN_DIR, {NULL, NULL, NULL}};

const struct cmd cmd_flows = {
	.name = "flows",
	.usage = "",
	.brief = "who talks with whom just now",
	.help = "Prints the live flows of what is guarded: program, both ends, the name that was asked for,\n"
		"bytes, and the rule that decides of it. Connections with the payload that was "
		"acknowledged;\n"
		"datagrams of the last three minutes with their headers. With --json one array.\n"
		"Exit code: 0, 1 without an agent.",
	.flags = flags,
	.run = flows,
};
