// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/choice.h"
#include "../agent/rundir.h"
#include "../event/json.h"
#include "../policy/value.h"
#include "client.h"
#include "cmd.h"

#define ANSWER_WAIT_MS 30000 /* a lasting answer takes as long as a reload */

static int ask_agent(const char *run_dir, struct json_object *request, bool json)
{
	struct json_object *o = NULL;
	struct client *c;
	int err = client_start(run_dir, "answer", request, &c);
	bool good = false;

	if (err)
		return err;
	err = client_recv(c, ANSWER_WAIT_MS, &o);
	client_close(c);
	if (err) {
		client_explain_failure(run_dir, err);
		return err;
	}
	good = json_get_bool(o, "ok", false);
	if (json)
		json_print(o, stdout);
	else if (good && json_get_int(o, "answer", 0))
		printf("%s; 'cgwall forget %lld' takes the answer back\n", json_get_text(o, "text", ""),
		       (long long)json_get_int(o, "answer", 0));
	else if (good)
		puts(json_get_text(o, "text", ""));
	else
		fprintf(stderr, "cgwall: %s\n", json_get_text(o, "error", "the agent refused"));
	json_object_put(o);
	return good ? 0 : -EPERM;
}

static int answer(const struct cmd_args *a)
{
	const char *life = cmd_value(a, "for"), *scope = cmd_value(a, "scope"), *who = cmd_value(a, "who");
	struct json_object *request;
	struct choice choice;
	const char *wrong;
	char *run_dir;
	uint64_t id;
	int err;

	if (a->argc != 2)
		return cmd_usage_error(a->cmd, "a question's number and pass or block are expected");
	if (!value_number(a->argv[0], strlen(a->argv[0]), INT64_MAX, &id))
		return cmd_usage_error(a->cmd, "'%s' is no number of a question", a->argv[0]);
	wrong = choice_read(a->argv[1], life, scope, who, &choice);
	if (wrong)
		return cmd_usage_error(a->cmd, "%s", wrong);
	request = json_object_new_object();
	json_put_int(request, "id", (int64_t)id);
	json_put_text(request, "verdict", a->argv[1]);
	if (life)
		json_put_text(request, "for", life);
	if (scope)
		json_put_text(request, "scope", scope);
	if (who)
		json_put_text(request, "who", who);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	err = ask_agent(run_dir, request, cmd_value(a, "json"));
	free(run_dir);
	return err ? CMD_FAILED : CMD_OK;
}

static const struct cmd_flag flags[] = {
	{"for", "LIFE", "once (the flows that wait), 30s, 2h, program, today, reboot or ever (once)"},
	{"scope", "SCOPE", "address, name, domain or any, and port: address,port"},
	{"who", "WHO", "program, unit, container, user, cgroup or anybody (program)"},
	CMD_JSON,
	CMD_RUN_DIR,
	{NULL, NULL, NULL},
};

const struct cmd cmd_answer = {
	.name = "answer",
	.usage = "ID pass|block",
	.brief = "answers a question",
	.help = "Lets the flows of a question through or refuses them: what waits goes on, or fails, at "
		"once. "
		"Without --for\n"
		"only what waits now is meant. 'cgwall questions' lists them; --scope and --who say what "
		"else "
		"the answer is for,\n"
		"as far as the question can tell. An answer for ever becomes a rule in the policy's folder.\n"
		"Exit code: 0, 1 where there is no such question or the answer cannot be had.",
	.flags = flags,
	.run = answer,
};
