// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>

#include "../event/json.h"
#include "cmd.h"
#include "table.h"

static const struct table_column columns[] = {
	{"address", false, true}, {"name", false, true},    {"asked by", false, true}, {"pid", true, false},
	{"seconds", true, false}, {"in use", false, false}, {"rules", false, true},    {NULL, false, false},
};

/* `out 1 4, in 2` */
static void add_rules(struct table *t, struct json_object *rules)
{
	char text[256];
	size_t at = 0;

	text[0] = '\0';
	if (rules) {
		json_object_object_foreach (rules, dir, list) {
			for (size_t i = 0; i < json_object_array_length(list) && at < sizeof(text) - 32; i++)
				at += (size_t)snprintf(
					text + at, sizeof(text) - at, "%s%s%s%d",
					i    ? ""
					: at ? ", "
					     : "",
					i ? "" : dir, " ",
					json_object_get_int(json_object_array_get_idx(list, i)));
		}
	}
	table_add_plain(t, text);
}

/* A line for each name of an address. */
static void add_bound(struct table *t, struct json_object *o)
{
	struct json_object *list = json_get(o, "names");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *n = json_object_array_get_idx(list, i);
		const char *exe = json_get_text(n, "exe", NULL), *slash = exe ? strrchr(exe, '/') : NULL;

		table_add(t, i ? "" : json_get_text(o, "address", NULL));
		table_add(t, json_get_text(n, "name", NULL));
		table_add(t, json_get_bool(n, "asked", false) ? slash && slash[1] ? slash + 1 : exe : NULL);
		table_add_number(t, json_get_int(n, "pid", 0));
		table_add_number(t, json_get_int(n, "seconds", 0));
		table_add_plain(t, json_get_bool(n, "used", false) ? "yes" : "");
		if (i)
			table_add_plain(t, "");
		else
			add_rules(t, json_get(o, "rules"));
	}
}

static int names(const struct cmd_args *a)
{
	return table_list(a, "names", columns, add_bound);
}

static const struct cmd_flag flags[] = {CMD_JSON, CMD_RUN_DIR, {NULL, NULL, NULL}};

const struct cmd cmd_names = {
	.name = "names",
	.usage = "",
	.brief = "which names addresses are bound to, by answers of trusted resolvers",
	.help = "Prints the addresses that answers of trusted resolvers bound to names: the names, the one "
		"asked\n"
		"for last first, which program asked, how long the binding holds, whether a live flow uses "
		"it (then\n"
		"it holds on as long as the flow is up), and the rules that mean it.\n"
		"With --json one array. Exit code: 0, 1 without an agent.",
	.flags = flags,
	.run = names,
};
