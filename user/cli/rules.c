// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>

#include "../agent/rundir.h"
#include "../event/json.h"
#include "../event/show.h"
#include "client.h"
#include "cmd.h"

#define EXE_MAX 4096

static void print_rule(struct json_object *o)
{
	const char *file = json_get_text(o, "file", NULL);

	printf("%-3s %5" PRId64 " %10" PRId64 "  ", json_get_text(o, "dir", "?"),
	       json_get_int(o, "number", 0), json_get_int(o, "hits", 0));
	if (file)
		printf("%s:%" PRId64 ": ", file, json_get_int(o, "line", 0));
	printf("%s%s\n", json_get_text(o, "text", ""),
	       json_get_bool(o, "in_force", true) ? "" : " (not in force)");
}

static void print_unreachable(struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;

	if (n)
		puts("\nlistening, though no in rule could ever let anybody through:");
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		char exe[EXE_MAX];

		show_quote(json_get_text(o, "exe", json_get_text(o, "comm", "-")), exe, sizeof(exe));
		printf("%-4s %-24s %s pid %" PRId64 " uid %" PRId64 " (in rule %" PRId64 ")\n",
		       json_get_text(o, "proto", "?"), json_get_text(o, "local", "?"), exe,
		       json_get_int(o, "pid", 0), json_get_int(o, "uid", 0), json_get_int(o, "rule", 0));
	}
}

/* 0, 1 where the agent says why not, or -errno. */
static int print_rules(struct client *c, bool json)
{
	struct json_object *o, *list = json_object_new_array();
	struct json_object *unreachable = NULL;
	bool first = true;
	int err = 0;

	while (!(err = client_recv(c, -1, &o)) && json_get_bool(o, "more", false)) {
		json_object_object_del(o, "more");
		json_object_object_del(o, "ok");
		if (json) {
			json_object_array_add(list, o);
		} else {
			if (first)
				printf("%-3s %5s %10s  %s\n", "dir", "rule", "hits", "text");
			first = false;
			print_rule(o);
			if (json_get(o, "unreachable"))
				unreachable = json_object_get(json_get(o, "unreachable"));
			json_object_put(o);
		}
	}
	if (!err) {
		err = json_get_bool(o, "ok", false) ? 0 : 1;
		if (err)
			fprintf(stderr, "cgwall: %s\n",
				json_get_text(o, "error", "the agent gave no reason"));
		json_object_put(o);
	}
	if (!err && json)
		json_print(list, stdout);
	if (!err)
		print_unreachable(unreachable);
	json_object_put(unreachable);
	json_object_put(list);
	return err;
}

static int rules(const struct cmd_args *a)
{
	struct client *c;
	char *run_dir;
	int err;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	err = client_start(run_dir, "rules", NULL, &c);
	if (!err) {
		err = print_rules(c, cmd_value(a, "json"));
		if (err < 0)
			client_explain_failure(run_dir, err);
		client_close(c);
	}
	free(run_dir);
	return err ? CMD_FAILED : CMD_OK;
}

static const struct cmd_flag flags[] = {CMD_JSON, CMD_RUN_DIR, {NULL, NULL, NULL}};

const struct cmd cmd_rules = {
	.name = "rules",
	.usage = "",
	.brief = "the rules in force with how often each decided",
	.help = "Prints the rules in force with how often each decided since the policy was put in force. "
		"Rule 0 of a direction is\n"
		"its default. Then come the ports on which a guarded program listens though no rule could "
		"ever let anybody through\n"
		"(--json: \"unreachable\" of the default for in). Exit code: 0, 1 without an agent.",
	.flags = flags,
	.run = rules,
};
