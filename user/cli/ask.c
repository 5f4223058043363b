// SPDX-License-Identifier: GPL-2.0-only
/* Questions on a terminal, answered by keys. It is a client of the control socket like any other: one
 * connection follows the questions, the other one answers. */
#include "ask.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/choice.h"
#include "../agent/rundir.h"
#include "../event/json.h"
#include "client.h"
#include "cmd.h"
#include "term.h"

#define ANSWER_MS 10000
#define CTRL(c) ((c)&31)

const char *const ask_lives[] = {"once", "5m", "1h", "program", "today", "reboot", "ever"};
const size_t ask_nlives = sizeof(ask_lives) / sizeof(ask_lives[0]);

static const char *word_of(struct json_object *q, const char *key, size_t which, const char *otherwise)
{
	struct json_object *list = json_get(q, key);
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	const char *word =
		n ? json_object_get_string(json_object_array_get_idx(list, which < n ? which : 0)) : NULL;

	return word ? word : otherwise;
}

const char *ask_scope(struct json_object *question, size_t which)
{
	return word_of(question, "scopes", which, "address,port");
}

const char *ask_who(struct json_object *question, size_t which)
{
	return word_of(question, "whos", which, "program");
}

/* The next of a list of the question's, from the first again. */
static size_t next_of(struct json_object *q, const char *key, size_t which)
{
	struct json_object *list = json_get(q, key);
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	return n && which + 1 < n ? which + 1 : 0;
}

static size_t place_of(const struct ask *a, int64_t id)
{
	size_t i = 0;

	while (i < a->n && json_get_int(a->questions[i], "id", -1) != id)
		i++;
	return i;
}

static void select_question(struct ask *a, size_t which)
{
	a->selected = which;
	a->choice = (struct ask_choice){0}; /* what was chosen for one question is not meant for the next */
}

static int take_question(struct ask *a, struct json_object *q)
{
	size_t i = place_of(a, json_get_int(q, "id", -1));
	struct json_object **grown;

	if (i < a->n) {
		json_object_put(a->questions[i]);
	} else {
		grown = reallocarray(a->questions, a->n + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		a->questions = grown;
		a->n++;
	}
	a->questions[i] = json_object_get(q);
	return 0;
}

static void drop_question(struct ask *a, int64_t id)
{
	size_t i = place_of(a, id);

	if (i == a->n || !a->questions)
		return;
	json_object_put(a->questions[i]);
	memmove(&a->questions[i], &a->questions[i + 1], (a->n - i - 1) * sizeof(a->questions[0]));
	a->n--;
	if (a->selected > i)
		a->selected--;
	else if (a->selected == i)
		select_question(a, i < a->n ? i : a->n ? a->n - 1 : 0);
}

static void drop_all(struct ask *a)
{
	while (a->n)
		json_object_put(a->questions[--a->n]);
	select_question(a, 0);
}

/* One line of the stream. 1: read it from the start again; or -errno. */
static int take_event(struct ask *a, struct json_object *o)
{
	const char *event = json_get_text(o, "event", "");
	struct json_object *q = json_get(o, "question");

	if (!json_get_bool(o, "ok", false)) {
		snprintf(a->message, sizeof(a->message), "%s",
			 json_get_text(o, "error", "the agent gave no reason"));
		return -EPERM;
	}
	if (!strcmp(event, "ready"))
		a->listed = true;
	else if (!strcmp(event, "lost"))
		return 1;
	else if (!strcmp(event, "close"))
		drop_question(a, json_get_int(q, "id", -1));
	else if (q)
		return take_question(a, q);
	return 0;
}

int ask_follow(const char *run_dir, struct client **ret)
{
	struct json_object *extra = json_object_new_object();

	if (!extra)
		return -ENOMEM;
	json_put_text(extra, "do", "questions");
	json_put_bool(extra, "follow", true);
	if (client_open(run_dir, ret)) {
		json_object_put(extra);
		return -ECONNREFUSED;
	}
	return client_send(*ret, extra);
}

/* All that has come. As take_event(). */
static int drain(struct ask *a, struct client *c)
{
	struct json_object *o;
	int err, r = 0;

	while (!r && !(err = client_recv(c, 0, &o))) {
		r = take_event(a, o);
		json_object_put(o);
	}
	return r ? r : err == -ETIMEDOUT ? 0 : err;
}

int ask_answer(struct client *c, struct json_object *q, const char *verdict, const char *life,
	       const char *scope, const char *who, char *message, size_t size)
{
	struct json_object *o = json_object_new_object(), *reply = NULL;
	bool good;
	int err;

	if (!o)
		return -ENOMEM;
	json_put_text(o, "do", "answer");
	json_put_int(o, "id", json_get_int(q, "id", 0));
	json_put_text(o, "verdict", verdict);
	json_put_text(o, "for", life);
	json_put_text(o, "scope", scope);
	json_put_text(o, "who", who);
	err = client_send(c, o);
	if (!err)
		err = client_recv(c, ANSWER_MS, &reply);
	if (err) {
		snprintf(message, size, "the agent does not answer: %s", strerror(-err));
		return err;
	}
	good = json_get_bool(reply, "ok", false);
	snprintf(message, size, "%s",
		 good ? json_get_text(reply, "text", verdict)
		      : json_get_text(reply, "error", "it was refused"));
	json_object_put(reply);
	return good ? 0 : -EPERM;
}

static void answer(struct ask *a, struct client *c, const char *verdict)
{
	struct json_object *q = a->n ? a->questions[a->selected] : NULL;

	if (q)
		ask_answer(c, q, verdict, ask_lives[a->choice.life], ask_scope(q, a->choice.scope),
			   ask_who(q, a->choice.who), a->message, sizeof(a->message));
}

/* false: leave. */
static bool on_key(struct ask *a, struct client *answers, int key)
{
	struct json_object *q = a->n ? a->questions[a->selected] : NULL;

	switch (key) {
	case 'q':
	case CTRL('c'):
	case CTRL('d'):
		return false;
	case 'y':
	case 'p':
		answer(a, answers, "pass");
		break;
	case 'n':
	case 'b':
		answer(a, answers, "block");
		break;
	case 'f':
		a->choice.life = (a->choice.life + 1) % ask_nlives;
		break;
	case 's':
		a->choice.scope = q ? next_of(q, "scopes", a->choice.scope) : 0;
		break;
	case 'w':
		a->choice.who = q ? next_of(q, "whos", a->choice.who) : 0;
		break;
	case 'k':
	case TERM_UP:
		if (a->selected)
			select_question(a, a->selected - 1);
		break;
	case 'j':
	case TERM_DOWN:
		if (a->selected + 1 < a->n)
			select_question(a, a->selected + 1);
		break;
	case TERM_HOME:
		select_question(a, 0);
		break;
	case TERM_END:
		select_question(a, a->n ? a->n - 1 : 0);
		break;
	default:
		break;
	}
	return true;
}

static void show(const struct ask *a)
{
	unsigned rows, cols;
	char *frame = NULL;
	size_t n, at = 0;
	FILE *out = open_memstream(&frame, &n);

	if (!out)
		return;
	term_size(&rows, &cols);
	ask_draw(a, rows, cols, out);
	if (!fclose(out)) {
		while (at < n) {
			ssize_t done = write(STDOUT_FILENO, frame + at, n - at);

			if (done < 0 && errno == EINTR)
				continue;
			if (done <= 0)
				break;
			at += (size_t)done;
		}
	}
	free(frame);
}

/* Until somebody has had enough. 0, or -errno where the agent has gone or refuses. */
static int loop(struct ask *a, const char *run_dir, struct client **stream, struct client *answers)
{
	int err = 0, key;

	while (!err && !term_ended()) {
		struct pollfd p[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
				      {.fd = client_fd(*stream), .events = POLLIN}};

		err = drain(a, *stream);
		if (err > 0) { /* what was missed is listed again */
			client_close(*stream);
			*stream = NULL;
			drop_all(a);
			a->listed = false;
			err = ask_follow(run_dir, stream);
			continue;
		}
		if (err)
			break;
		show(a);
		poll(p, 2, 1000); /* the seconds that are left go by */
		while ((key = term_key()) != TERM_NONE)
			if (!on_key(a, answers, key))
				return 0;
	}
	return err;
}

static int on_screen(const char *run_dir)
{
	struct client *stream = NULL, *answers = NULL;
	struct ask a = {.color = cmd_color(stdout)};
	int err;

	setlocale(LC_CTYPE, "");
	err = client_open(run_dir, &answers);
	if (!err)
		err = ask_follow(run_dir, &stream);
	if (err) {
		client_explain_failure(run_dir, err);
	} else {
		err = term_start();
		if (err)
			fprintf(stderr,
				"cgwall: this needs a terminal%s; 'cgwall questions' and 'cgwall answer' do "
				"not\n",
				err == -ENOTTY ? "" : " that can be set up");
		else
			err = loop(&a, run_dir, &stream, answers);
		term_stop();
		if (err == -EPERM)
			fprintf(stderr, "cgwall: %s\n", a.message);
		else if (err && err != -ENOTTY)
			client_explain_failure(run_dir, err);
	}
	drop_all(&a);
	free(a.questions);
	client_close(stream);
	client_close(answers);
	return err ? CMD_FAILED : CMD_OK;
}

static int ask(const struct cmd_args *args)
{
	const char *life = cmd_value(args, "for"), *wrong;
	struct choice choice;
	char *run_dir;
	int code;

	if (args->argc)
		return cmd_usage_error(args->cmd, "'%s' is one word too many", args->argv[0]);
	if (life && !cmd_value(args, "notify"))
		return cmd_usage_error(args->cmd, "--for goes with --notify; on the screen f chooses");
	wrong = choice_read("pass", life, NULL, NULL, &choice);
	if (wrong)
		return cmd_usage_error(args->cmd, "%s", wrong);
	run_dir = rundir_resolve(cmd_value(args, "run-dir"));
	if (!run_dir)
		return CMD_FAILED;
	code = cmd_value(args, "notify") ? ask_notify(run_dir, life ? life : "once") : on_screen(run_dir);
	free(run_dir);
	return code;
}

static const struct cmd_flag flags[] = {
	{"notify", NULL, "as notifications on the desktop of this session, answered there"},
	{"for", "LIFE", "with --notify: how long a click is meant, as in cgwall answer (once)"},
	CMD_RUN_DIR,
	{NULL, NULL, NULL},
};

const struct cmd cmd_ask = {
	.name = "ask",
	.usage = "",
	.brief = "open questions on the terminal, answered by keys; or on the desktop",
	.help = "Lists the questions that are open, with what is known of the one that is selected and what "
		"its "
		"program did lately.\n"
		"y passes and n blocks it; f, s and w choose for how long, for which addresses and for whom "
		"that is meant; the\n"
		"arrows (or j and k) select another; q quits. Works over ssh and on small terminals.\n"
		"With --notify each question is a notification with the buttons Pass and Block, until it is "
		"answered here or\n"
		"elsewhere. It waits for an agent that is not there, and ends with the session.\n"
		"Exit code: 0, 1 without a terminal or an agent; with --notify without a session bus or the "
		"right to answer.",
	.flags = flags,
	.run = ask,
};
