// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>

#include "../agent/rundir.h"
#include "../event/json.h"
#include "client.h"
#include "cmd.h"

static int print_result(struct json_object *o, bool json)
{
	bool good = json_get_bool(o, "ok", false);

	fputs(json_get_text(o, "diagnostics", ""), stderr);
	if (!good)
		fprintf(stderr, "cgwall: %s\n", json_get_text(o, "error", "the policy was not loaded"));
	if (json)
		json_print(o, stdout);
	else if (good)
		printf("cgwall: enforcing generation %" PRId64 ", %s\n", json_get_int(o, "generation", 0),
		       json_get_text(o, "counts", ""));
	return good ? CMD_OK : CMD_FAILED;
}

static int reload(const struct cmd_args *a)
{
	struct json_object *extra, *answer;
	struct client *c;
	char *run_dir;
	int err;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	extra = json_object_new_object();
	json_put_bool(extra, "color", cmd_color(stderr));
	err = client_start(run_dir, "reload", extra, &c);
	if (!err) {
		err = client_recv(c, -1, &answer);
		if (err)
			client_explain_failure(run_dir, err);
		client_close(c);
	}
	free(run_dir);
	if (err)
		return CMD_FAILED;
	err = print_result(answer, cmd_value(a, "json"));
	json_object_put(answer);
	return err;
}

static const struct cmd_flag flags[] = {CMD_JSON, CMD_RUN_DIR, {NULL, NULL, NULL}};

const struct cmd cmd_reload = {
	.name = "reload",
	.usage = "",
	.brief = "makes the agent read its policy again",
	.help = "Makes the agent read its policy again and waits until the new one is in force. Where it has "
		"an error, the old\n"
		"one stays in force and the errors go to standard error.\n"
		"Exit code: 0 the new policy is in force, 1 not.",
	.flags = flags,
	.run = reload,
};
