// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/rundir.h"
#include "../event/json.h"
#include "../policy/value.h"
#include "client.h"
#include "cmd.h"

/* One answer; 0, 1 where the agent says why not, or -errno. */
static int forget_one(struct client *c, uint64_t id, bool json)
{
	struct json_object *request = json_object_new_object(), *answer;
	int err;

	if (!request)
		return -ENOMEM;
	json_put_text(request, "do", "forget");
	json_put_int(request, "id", (int64_t)id);
	err = client_send(c, request);
	if (!err)
		err = client_recv(c, -1, &answer);
	if (err)
		return err;
	json_put_int(answer, "answer", (int64_t)id);
	if (json) {
		json_print(answer, stdout);
		err = !json_get_bool(answer, "ok", false);
	} else if (json_get_bool(answer, "ok", false)) {
		printf("cgwall: answer %" PRIu64 " is forgotten\n", id);
	} else {
		fprintf(stderr, "cgwall: %s\n", json_get_text(answer, "error", "the agent gave no reason"));
		err = 1;
	}
	json_object_put(answer);
	return err;
}

static int forget(const struct cmd_args *a)
{
	uint64_t id;
	struct client *c;
	char *run_dir;
	int err, bad = 0;

	if (!a->argc)
		return cmd_usage_error(a->cmd,
				       "the number of an answer is missing; 'cgwall rules' shows them");
	for (int i = 0; i < a->argc; i++)
		if (!value_number(a->argv[i], strlen(a->argv[i]), UINT32_MAX, &id) || !id)
			return cmd_usage_error(a->cmd, "'%s' is not the number of an answer", a->argv[i]);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	if (!run_dir)
		return CMD_FAILED;
	err = client_open(run_dir, &c);
	for (int i = 0; !err && i < a->argc; i++) {
		value_number(a->argv[i], strlen(a->argv[i]), UINT32_MAX, &id);
		err = forget_one(c, id, cmd_value(a, "json"));
		if (err > 0) {
			bad = 1;
			err = 0;
		}
	}
	if (err)
		client_explain_failure(run_dir, err);
	else
		client_close(c);
	free(run_dir);
	return err || bad ? CMD_FAILED : CMD_OK;
}

static const struct cmd_flag flags[] = {CMD_JSON, CMD_RUN_DIR, {NULL, NULL, NULL}};

const struct cmd cmd_forget = {
	.name = "forget",
	.usage = "N...",
	.brief = "takes answers to questions back",
	.help = "Takes answers that were to last out of the file they stand in, and out of force. N is the "
		"number that 'cgwall rules'\n"
		"shows with each, as \"answer N\".\n"
		"Exit code: 0 all are forgotten, 1 not.",
	.flags = flags,
	.run = forget,
};
