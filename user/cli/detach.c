// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <unistd.h>

#include "../agent/failure.h"
#include "../agent/rundir.h"
#include "../event/json.h"
#include "../kernel/kernel.h"
#include "client.h"
#include "cmd.h"

#define PATIENCE_MS 10000

/* 1: an agent did it; 0: none answers; -1: one could not. */
static int ask_agent(const char *run_dir)
{
	struct json_object *answer;
	struct client *c;
	int status;

	if (client_open(run_dir, &c))
		return 0;
	if (client_call(c, "detach", PATIENCE_MS, &answer)) {
		fprintf(stderr, "cgwall: the agent does not answer; its programs are taken out without it\n");
		client_close(c);
		return 0;
	}
	status = json_get_bool(answer, "ok", false) ? 1 : -1;
	if (status < 0)
		fprintf(stderr, "cgwall: %s\n", json_get_text(answer, "error", "the agent could not detach"));
	json_object_put(answer);
	/* Until it has ended: then the next one may start. */
	if (!client_recv(c, PATIENCE_MS, &answer))
		json_object_put(answer);
	client_close(c);
	return status;
}

static int detach(const struct cmd_args *a)
{
	char *run_dir, *message = NULL;
	struct kernel_attached attached;
	bool found = false;
	int asked, err;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	if (!run_dir)
		return CMD_FAILED;
	kernel_attached_note(run_dir, &attached);
	asked = ask_agent(run_dir);
	/* Also after an agent did it: whatever is left goes. */
	err = asked < 0 ? -1 : kernel_detach(run_dir, &found, &message);
	if (!err) {
		kernel_attached_await(&attached);
		failure_clear(run_dir);
	}
	if (asked > 0 && geteuid())
		err = 0;
	if (message && err)
		fprintf(stderr, "cgwall: %s\n", message);
	else if (!err)
		puts(asked || found ? "cgwall: detached: nothing is enforced any more"
				    : "cgwall: there was nothing to detach");
	free(message);
	free(run_dir);
	return err ? CMD_FAILED : CMD_OK;
}

static const struct cmd_flag flags[] = {CMD_RUN_DIR, {NULL, NULL, NULL}};

const struct cmd cmd_detach = {
	.name = "detach",
	.usage = "",
	.brief = "takes everything out of the kernel",
	.help = "Takes every program, map and pin of the run directory out of the kernel; nothing is "
		"enforced any more then. An\n"
		"agent that runs ends. None has to.\n"
		"Exit code: 0, also where there was nothing; 1 where it could not be done.",
	.flags = flags,
	.run = detach,
};
