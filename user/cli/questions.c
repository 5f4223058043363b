// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/rundir.h"
#include "../event/json.h"
#include "../event/show.h"
#include "client.h"
#include "cmd.h"

/* "question 7 curl pid 12 uid 0 tcp out to 192.0.2.1:443 (www.example.com) rule 3, until 10:00:00Z" */
static void print_question(const struct json_object *q)
{
	const char *domain = json_get_text(q, "domain", NULL), *deadline = json_get_text(q, "deadline", NULL);
	char program[256], name[256];

	show_quote(json_get_text(q, "program", "?"), program, sizeof(program));
	show_quote(domain ? domain : "", name, sizeof(name));
	printf("question %lld %s pid %lld uid %lld %s %s %s %s%s%s%s rule %lld",
	       (long long)json_get_int(q, "id", 0), program, (long long)json_get_int(q, "pid", 0),
	       (long long)json_get_int(q, "uid", 0), json_get_text(q, "proto", "?"),
	       json_get_text(q, "dir", "?"), strcmp(json_get_text(q, "dir", ""), "in") ? "to" : "from",
	       json_get_text(q, "remote", "*"), domain ? " (" : "", name, domain ? ")" : "",
	       (long long)json_get_int(q, "rule", 0));
	if (json_get_int(q, "flows", 1) > 1)
		printf(", %lld flows", (long long)json_get_int(q, "flows", 1));
	if (deadline)
		printf(", %s at %s", json_get_text(q, "else", "block"), deadline);
}

static void print_event(const struct json_object *o)
{
	const char *event = json_get_text(o, "event", ""), *by = json_get_text(o, "by", NULL),
		   *verdict = json_get_text(o, "verdict", NULL);

	if (!strcmp(event, "ready"))
		return;
	if (!strcmp(event, "lost")) {
		printf("%lld events were missed here\n", (long long)json_get_int(o, "lost", 0));
		return;
	}
	if (!strcmp(event, "close")) {
		printf("over: %s%s%s%s%s: ", json_get_text(o, "how", "?"), verdict ? " " : "",
		       verdict ? verdict : "", by ? " by " : "", by ? by : "");
	}
	print_question(json_get(o, "question"));
	putchar('\n');
}

static int print_all(struct client *c, bool json)
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
			json_print(o, stdout);
		else if (more)
			print_event(o);
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

static int show_questions(const struct cmd_args *a)
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
	json_put_bool(extra, "follow", follow);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	err = client_start(run_dir, "questions", extra, &c);
	if (!err) {
		err = print_all(c, json);
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

const struct cmd cmd_questions = {
	.name = "questions",
	.usage = "",
	.brief = "flows that wait for an answer",
	.help = "Lists the flows that a rule with 'ask' holds, each under the number that 'cgwall answer' "
		"takes. With --follow\n"
		"it goes on with new ones and with what became of them. With --json a line is the object "
		"that the control\n"
		"socket gives (cgwall-control(7)). Exit code: 0, 1 without an agent.",
	.flags = flags,
	.run = show_questions,
};
