// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "../agent/rundir.h"
#include "../event/json.h"
#include "client.h"
#include "cmd.h"

static int print_log(struct client *c, bool json)
{
	struct json_object *o;
	bool more = true;
	int err = 0;

	while (more) {
		/* What has come is shown before waiting for more. */
		err = client_recv(c, 0, &o);
		if (err == -ETIMEDOUT) {
			if (fflush(stdout))
				return -EIO;
			err = client_recv(c, -1, &o);
		}
		if (err)
			return err;
		more = json_get_bool(o, "more", false);
		if (more && json)
			json_print(json_get(o, "record"), stdout);
		else if (more)
			puts(json_get_text(o, "text", ""));
		else if (!json_get_bool(o, "ok", false))
			err = -EPERM;
		if (err)
			fprintf(stderr, "cgwall: %s\n", json_get_text(o, "error", "the agent refused"));
		json_object_put(o);
		if (ferror(stdout))
			return -EIO;
	}
	return fflush(stdout) ? -EIO : err;
}

static int show_log(const struct cmd_args *a)
{
	struct json_object *extra = json_object_new_object();
	bool json = cmd_value(a, "json"), follow = cmd_value(a, "follow");
	struct client *c;
	char *run_dir;
	int err;

	if (a->argc) {
		json_object_put(extra);
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	}
	json_put_bool(extra, "json", json);
	json_put_bool(extra, "follow", follow);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	err = client_start(run_dir, "log", extra, &c);
	if (!err) {
		err = print_log(c, json);
		if (err == -EPIPE && follow)
			fprintf(stderr, "cgwall: the agent has stopped\n");
		else if (err && err != -EIO && err != -EPERM)
			client_explain_failure(run_dir, err);
		client_close(c);
	}
	free(run_dir);
	return err ? CMD_FAILED : CMD_OK;
}

static const struct cmd_flag flags[] = {
	CMD_JSON,
	{"follow", NULL, "go on with what comes"},
	CMD_RUN_DIR,
	{NULL, NULL, NULL},
};

const struct cmd cmd_log = {
	.name = "log",
	.usage = "",
	.brief = "verdicts of rules with 'log', changes of the surroundings, newest last",
	.help = "Prints the last verdicts that rules with 'log' gave, and the changes of the surroundings "
		"that "
		"the policy asks\n"
		"about, newest last: at most 10,000, of the present agent.\n"
		"With --json one object a line. Exit code: 0, 1 without an agent.",
	.flags = flags,
	.run = show_log,
};
