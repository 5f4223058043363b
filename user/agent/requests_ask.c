// SPDX-License-Identifier: GPL-2.0-only
/* The requests about questions: `questions`, `answer`, `answers`. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../event/json.h"
#include "../event/show.h"
#include "../state/users.h"
#include "hold.h"
#include "inside.h"
#include "requests.h"

/* First the open ones, by number since they may end meanwhile; then what happens. */
struct question_stream {
	struct agent *a;
	uint64_t *ids;
	size_t n, i;
	uint64_t note;
	bool follow, ready;
};

static void free_stream(void *state)
{
	struct question_stream *s = state;

	if (s->follow && hold_questions(s->a))
		questions_unfollow(hold_questions(s->a));
	free(s->ids);
	free(s);
}

static struct json_object *stream_event(const char *event)
{
	struct json_object *o = requests_ok();

	if (o) {
		json_put_bool(o, "more", true);
		json_put_text(o, "event", event);
	}
	return o;
}

static struct json_object *next_note(struct question_stream *s)
{
	uint64_t lost, before = s->note;
	struct json_object *o;
	char *line = questions_note(hold_questions(s->a), &s->note, &lost);

	if (lost) {
		/* the line behind the gap comes again with the next call */
		free(line);
		s->note = before + lost;
		o = stream_event("lost");
		if (o)
			json_put_int(o, "lost", (int64_t)lost);
		return o;
	}
	if (!line)
		return NULL;
	o = json_tokener_parse(line);
	free(line);
	return o;
}

static struct json_object *next_question(void *state, bool *end)
{
	struct question_stream *s = state;
	struct questions *qs = hold_questions(s->a);
	struct question_event open = {.how = QUESTION_OPEN};

	while (qs && s->i < s->n) {
		const struct question *q = questions_find(qs, s->ids[s->i++]);

		if (q)
			return question_event_json(s->a, q, &open);
	}
	if (!s->follow || !qs) {
		*end = true;
		return requests_ok();
	}
	if (!s->ready) {
		s->ready = true;
		return stream_event("ready");
	}
	return next_note(s);
}

void requests_questions(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct question_stream *s = calloc(1, sizeof(*s));
	struct questions *qs = hold_questions(a);
	const struct question **list = NULL;
	size_t n = 0;

	if (s && qs && !questions_list(qs, &list, &n))
		s->ids = calloc(n + 1, sizeof(*s->ids));
	if (!s || !s->ids) {
		free(list);
		free(s);
		server_reply(c, requests_error("the questions cannot be listed now"));
		return;
	}
	for (size_t i = 0; i < n; i++)
		s->ids[i] = list[i]->id;
	free(list);
	s->a = a;
	s->n = n;
	s->follow = json_get_bool(request, "follow", false);
	if (s->follow)
		s->note = questions_follow(qs);
	server_stream(c, next_question, free_stream, s);
}

/* "uid 1000 (alice) pid 4711" */
static void describe_peer(const struct server_peer *p, char *out, size_t size)
{
	char *name = users_name(p->uid), quoted[64] = "";

	if (name)
		show_quote(name, quoted, sizeof(quoted));
	snprintf(out, size, "uid %u%s%s%s pid %d", p->uid, name ? " (" : "", quoted, name ? ")" : "", p->pid);
	free(name);
}

void requests_answer(struct agent *a, struct server_client *c, struct json_object *request)
{
	const struct server_peer *peer = server_peer(c);
	struct questions *qs = hold_questions(a);
	int64_t id = json_get_int(request, "id", -1);
	const struct question *q = qs && id > 0 ? questions_find(qs, (uint64_t)id) : NULL;
	struct choice choice;
	const char *wrong = choice_read(
		json_get_text(request, "verdict", NULL), json_get_text(request, "for", NULL),
		json_get_text(request, "scope", NULL), json_get_text(request, "who", NULL), &choice);
	struct json_object *o;
	char by[128], *text = NULL;
	uint32_t number = 0;
	size_t nflows = 0;
	int err;

	if (!wrong)
		wrong = hold_barred(a, peer, q);
	if (!wrong && !qs)
		wrong = "the agent does not ask yet";
	if (wrong) {
		server_reply(c, requests_error(wrong));
		return;
	}
	describe_peer(peer, by, sizeof(by));
	err = questions_answer(qs, id > 0 ? (uint64_t)id : 0, &choice, by, &text, &number, &nflows);
	o = err ? requests_error(text ? text : strerror(-err)) : requests_ok();
	if (o) {
		json_put_int(o, "id", id);
		if (!err || err == -EIO) {
			json_put_text(o, "verdict", show_action(choice.verdict));
			json_put_int(o, "flows", (int64_t)nflows);
			json_put(o, "answer", number ? json_object_new_int64(number) : NULL);
		}
		if (!err)
			json_put_text(o, "text", text);
	}
	free(text);
	server_reply(c, o);
}

struct answer_stream {
	struct agent *a;
	size_t i;
};

static struct json_object *next_answer(void *state, bool *end)
{
	struct answer_stream *s = state;
	struct remember *r = hold_remembered(s->a);
	const struct remembered *m = r ? remember_get(r, s->i++) : NULL;
	struct json_object *o = requests_ok();

	*end = !m;
	if (o && m) {
		json_put_bool(o, "more", true);
		json_put(o, "answer", remembered_json(m));
	}
	return o;
}

void requests_answers(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct answer_stream *s = calloc(1, sizeof(*s));

	(void)request;
	if (!s) {
		server_reply(c, NULL);
		return;
	}
	s->a = a;
	server_stream(c, next_answer, free, s);
}
