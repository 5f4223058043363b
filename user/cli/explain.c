// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/load.h"
#include "../agent/rundir.h"
#include "../event/answer.h"
#include "../event/json.h"
#include "../event/rules.h"
#include "client.h"
#include "cmd.h"
#include "words.h"

#define UNDER_WAY 256 /* queries that the agent may have at a time */

/* Who answers: the policy's image, or an agent. Answers come in the order of the queries. */
struct oracle {
	struct load load;
	struct rules *rules;
	struct client *client; /* NULL: offline */
	bool json, lines;
	int code;    /* of the whole run */
	bool failed; /* the agent has gone */
	/* What is under way: true for a query that the agent has, false for a line that was wrong from the
	 * start. */
	struct json_object *early[UNDER_WAY];
	size_t first, n;
};

/* Takes the answer over. */
static void print_answer(struct oracle *o, struct json_object *answer)
{
	int code = answer ? answer_exit(answer) : CMD_USAGE;

	if (!o->lines)
		o->code = code;
	else if (code == CMD_USAGE)
		o->code = CMD_USAGE;
	if (!answer) {
		fputs("cgwall: out of memory\n", stderr);
		return;
	}
	if (o->json) {
		json_print(answer, stdout);
	} else if (!o->lines && code == CMD_USAGE) {
		fprintf(stderr, "cgwall explain: %s\n", json_get_text(answer, "error", "?"));
	} else {
		answer_print(answer, stdout);
	}
	json_object_put(answer);
}

static struct json_object *ask_image(struct oracle *o, enum cgw_dir dir, char **words, size_t n)
{
	struct judgement j = {0};
	struct json_object *answer;
	struct query q;
	char *message = NULL;
	int err;

	if (query_parse_words(&q, dir, words, n, &message)) {
		answer = answer_error(message ? message : "out of memory");
		free(message);
		return answer;
	}
	err = judge(o->load.image, &q, &j);
	if (err)
		answer = answer_error(strerror(-err));
	else
		answer = answer_json(o->rules, dir, &j.answer, j.matched, j.nmatched, 0);
	free(j.matched);
	query_free(&q);
	return answer;
}

/* Prints the oldest answer that is due. */
static void collect(struct oracle *o)
{
	struct json_object *answer = o->early[o->first];
	int err;

	o->early[o->first] = NULL;
	o->first = (o->first + 1) % UNDER_WAY;
	o->n--;
	if (!answer && !o->failed) {
		err = client_recv(o->client, -1, &answer);
		if (err) {
			client_explain_failure("the other end", err);
			o->failed = true;
		}
	}
	if (o->failed) {
		json_object_put(answer);
		o->code = CMD_USAGE;
		return;
	}
	json_object_object_del(answer, "ok");
	print_answer(o, answer);
}

static void collect_all(struct oracle *o)
{
	while (o->n)
		collect(o);
}

static struct json_object *make_request(enum cgw_dir dir, char **words, size_t n)
{
	struct json_object *request = json_object_new_object(), *list = json_object_new_array();

	if (!request || !list) {
		json_object_put(request);
		json_object_put(list);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_string(words[i]));
	json_put_text(request, "do", "explain");
	json_put_text(request, "dir", dir == CGW_IN ? "in" : "out");
	json_put(request, "words", list);
	return request;
}

/* One query: its direction and its keys. */
static void ask(struct oracle *o, char **words, size_t n)
{
	struct json_object *early = NULL;
	enum cgw_dir dir = n && !strcmp(words[0], "in") ? CGW_IN : CGW_OUT;

	if (!n || (strcmp(words[0], "in") && strcmp(words[0], "out")))
		early = answer_error("a query begins with 'in' or 'out'");
	if (!o->client) {
		print_answer(o, early ? early : ask_image(o, dir, words + 1, n - 1));
		return;
	}
	if (o->n == UNDER_WAY)
		collect(o);
	if (!early && client_send(o->client, make_request(dir, words + 1, n - 1)))
		o->failed = true;
	o->early[(o->first + o->n++) % UNDER_WAY] = early;
}

/* Queries from standard input. What was asked is answered before waiting for the next line. */
static void ask_lines(struct oracle *o)
{
	struct words_reader r = {.fd = STDIN_FILENO};
	char *line, **words;
	const char *wrong;
	size_t n;

	while (!o->failed && !ferror(stdout)) {
		line = words_line(&r, false);
		if (!line) {
			collect_all(o);
			fflush(stdout);
			line = words_line(&r, true);
		}
		if (!line)
			break;
		wrong = words_split(line, &words, &n);
		if (wrong) {
			if (o->client)
				collect_all(o);
			print_answer(o, answer_error(wrong));
		} else if (n) {
			ask(o, words, n);
		}
		if (!wrong)
			free(words);
		free(line);
	}
	collect_all(o);
	words_reader_free(&r);
}

static int open_offline(struct oracle *o, const char *policy)
{
	struct diag d = {.out = stderr, .color = cmd_color(stderr)};
	int err = load_compile(&o->load, policy, false, &d);

	if (!err) {
		err = rules_new(o->load.policy, o->load.image, &o->rules);
		if (err)
			fprintf(stderr, "cgwall: %s\n", strerror(-err));
	}
	diag_free(&d);
	return err;
}

static int open_agent(struct oracle *o, const char *run_dir)
{
	int err = client_open(run_dir, &o->client);

	if (err) {
		client_explain_failure(run_dir, err);
		fputs("cgwall: 'cgwall explain --policy FILE' asks a policy without an agent\n", stderr);
	}
	return err;
}

static int explain(const struct cmd_args *a)
{
	const char *policy = cmd_value(a, "policy");
	struct oracle o = {.json = cmd_value(a, "json")};
	char *run_dir;
	int err;

	if (!a->argc)
		return cmd_usage_error(a->cmd,
				       "a query is missing: in or out, and KEY=VALUE words; or - for many");
	o.lines = !strcmp(a->argv[0], "-");
	if (o.lines && a->argc > 1)
		return cmd_usage_error(a->cmd,
				       "after - queries come from standard input, not from the command line");
	if (!o.lines && strcmp(a->argv[0], "in") && strcmp(a->argv[0], "out"))
		return cmd_usage_error(a->cmd, "a query begins with 'in' or 'out', not with '%s'",
				       a->argv[0]);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	err = policy ? open_offline(&o, policy) : open_agent(&o, run_dir);
	free(run_dir);
	if (err) {
		o.code = CMD_USAGE;
	} else if (o.lines) {
		ask_lines(&o);
	} else {
		ask(&o, a->argv, (size_t)a->argc);
		collect_all(&o);
	}
	if (fflush(stdout))
		o.code = CMD_USAGE;
	client_close(o.client);
	rules_free(o.rules);
	load_free(&o.load);
	return o.code;
}

static const struct cmd_flag flags[] = {
	CMD_JSON,
	{"policy", "FILE", "ask this policy, not the agent"},
	CMD_RUN_DIR,
	{NULL, NULL, NULL},
};

const struct cmd cmd_explain = {
	.name = "explain",
	.usage = "in|out KEY=VALUE... | -",
	.brief = "says which rule decides, and what it says",
	.help = "Says what would be decided about a flow, and by which rule. Keys: exe script ancestor "
		"sha256 package cgroup unit\n"
		"container user group proto to from domain on ssid secured bssid active time. 'to' and "
		"'from' are ADDR:PORT\n"
		"or [ADDR]:PORT. What is not given is no value that a rule asks for, but a port without "
		"'proto' is "
		"one of every\n"
		"protocol that has ports. With '-' every line of standard input is a query, answered in one "
		"line; "
		"values may stand in\n"
		"double quotes.\n"
		"With --policy no agent and no privileges are needed; without it the tables in the kernel "
		"answer, and where\n"
		"active, ssid or time is not given, what is true now counts.\n"
		"Exit code: 0 pass, 1 block or reject, 3 ask, 2 bad usage or policy, or no agent. With '-': "
		"0, or 2 where a line was\n"
		"no query.",
	.flags = flags,
	.run = explain,
};
