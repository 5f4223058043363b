// SPDX-License-Identifier: GPL-2.0-only
/* The control socket's language: a request is {"do": VERB, …}; every line of the answer is an object, and all
 * but the last carry "more": true. "ok" is false where the request failed, with "error" as a sentence. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../event/counters.h"
#include "../event/json.h"
#include "../event/show.h"
#include "answers.h"
#include "hold.h"
#include "inside.h"
#include "listening.h"
#include "requests.h"

#define WORDS_MAX 64

struct json_object *requests_ok(void)
{
	struct json_object *o = json_object_new_object();

	if (o)
		json_put_bool(o, "ok", true);
	return o;
}

struct json_object *requests_error(const char *message)
{
	struct json_object *o = json_object_new_object();

	if (o) {
		json_put_bool(o, "ok", false);
		json_put_text(o, "error", message);
	}
	return o;
}

struct json_object *requests_over(const struct agent *a, bool *end)
{
	*end = a->detached;
	return a->detached ? requests_error("the agent is about to end") : NULL;
}

static struct json_object *rule_numbers(const struct agent *a)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_put_int(o, "out", (int64_t)a->rules[0]->nrules[CGW_OUT] - 1);
	json_put_int(o, "in", (int64_t)a->rules[0]->nrules[CGW_IN] - 1);
	return o;
}

static struct json_object *feature_list(struct agent *a)
{
	struct json_object *list = json_object_new_array();
	const struct kernel_feature *f;
	size_t n = kernel_features(a->kernel, &f);

	for (size_t i = 0; list && i < n; i++) {
		struct json_object *o = json_object_new_object();

		if (!o)
			continue;
		json_put_text(o, "name", f[i].name);
		json_put_bool(o, "present", f[i].present);
		json_put_text(o, "meaning", f[i].meaning);
		json_object_array_add(list, o);
	}
	return list;
}

static void put_counters(struct agent *a, struct json_object *o)
{
	uint64_t value[CGW_COUNTERS];

	if (kernel_counters(a->kernel, value))
		return;
	json_put(o, "counters", counters_json(value));
	json_put(o, "dns", counters_dns_json(value));
}

/* What is asked, and whether the kernel knows that somebody can be. */
static void put_questions(struct agent *a, struct json_object *o)
{
	const struct questions *qs = hold_questions(a);
	double age = kernel_beat_age(a->kernel);

	json_put_bool(o, "asks", a->asks);
	json_put_int(o, "questions", qs ? (int64_t)questions_count(qs) : 0);
	json_put(o, "beat", age < 0 ? NULL : json_object_new_double(age));
}

/* What is not as it should be, though a policy is in force. */
static void add_notes(const struct agent *a, struct json_object *reasons)
{
	char note[4352];

	if (a->last_good) {
		snprintf(note, sizeof(note), "the last good policy is in force, since %s", a->last_good);
		json_object_array_add(reasons, json_text(note));
	}
	if (a->not_kept) {
		snprintf(note, sizeof(note), "this policy is not kept for the next start: %s", a->not_kept);
		json_object_array_add(reasons, json_text(note));
	}
	if (watch_note(a->watch, note, sizeof(note)))
		json_object_array_add(reasons, json_text(note));
	if (hold_note(a, note, sizeof(note)))
		json_object_array_add(reasons, json_text(note));
}

static void do_status(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct json_object *o = requests_ok(), *reasons = json_object_new_array();
	char time[SHOW_TIME_MAX], *message = NULL;
	bool enforcing = kernel_enforcing(a->kernel, &message);

	(void)request;
	if (o && reasons) {
		if (!enforcing)
			json_object_array_add(reasons,
					      json_text(message ? message : "the reason is not known"));
		add_notes(a, reasons);
		show_time(a->since, time, sizeof(time));
		json_put_bool(o, "enforcing", enforcing);
		json_put_bool(o, "agent", true);
		json_put_int(o, "generation", (int64_t)kernel_generation(a->kernel));
		json_put_text(o, "policy", a->o->policy);
		json_put_bool(o, "last_good", a->last_good != NULL);
		json_put_bool(o, "closed", false);
		json_put(o, "failure", NULL);
		json_put_text(o, "mode", a->observe ? "observe" : "enforce");
		json_put_text(o, "guard", kernel_guard(a->kernel));
		json_put_text(o, "attach", kernel_attached_at(a->kernel));
		json_put_text(o, "pins", kernel_pins(a->kernel));
		json_put_text(o, "since", time);
		json_put_int(o, "pid", getpid());
		json_put(o, "rules", rule_numbers(a));
		json_put_int(o, "processes", (int64_t)kernel_processes(a->kernel));
		put_questions(a, o);
		put_counters(a, o);
		json_put(o, "features", feature_list(a));
		surroundings_status(a->around, o, reasons);
		json_put(o, "reasons", reasons);
	} else {
		json_object_put(reasons);
	}
	free(message);
	server_reply(c, o);
}

static void do_reload(struct agent *a, struct server_client *c, struct json_object *request)
{
	char *text = NULL, counts[64];
	int err = agent_load(a, json_get_bool(request, "color", false), &text);
	struct json_object *o =
		err ? requests_error("the policy was not loaded; the old one stays in force") : requests_ok();

	if (o) {
		agent_rule_counts(a, counts, sizeof(counts));
		json_put_text(o, "diagnostics", text ? text : "");
		json_put_int(o, "generation", (int64_t)kernel_generation(a->kernel));
		json_put(o, "rules", rule_numbers(a));
		json_put_text(o, "counts", counts);
	}
	free(text);
	server_reply(c, o);
}

/* Rules go out one by one: ten thousand of them make no line of megabytes. */
struct rule_stream {
	struct agent *a;
	uint64_t gen;
	uint64_t *hits[CGW_DIRS];
	int dir;
	size_t next; /* number; the default is told after the others of its direction */
};

static void free_rules(void *state)
{
	struct rule_stream *s = state;

	free(s->hits[CGW_OUT]);
	free(s->hits[CGW_IN]);
	free(s);
}

static struct json_object *next_rule(void *state, bool *end)
{
	struct rule_stream *s = state;
	const struct rules *r = s->a->rules[0];
	struct json_object *o;
	const struct rules_entry *e;
	uint32_t number;

	o = requests_over(s->a, end);
	if (*end)
		return o;
	/* A reload in between: the rest would be of another policy. */
	if (r->gen != s->gen) {
		*end = true;
		return requests_error("the policy changed while its rules were listed: ask again");
	}
	if (s->dir == CGW_DIRS) {
		*end = true;
		return requests_ok();
	}
	number = (uint32_t)(s->next % r->nrules[s->dir]);
	e = rules_get(r, (enum cgw_dir)s->dir, number);
	o = requests_ok();
	if (!o) {
		*end = true;
		return NULL;
	}
	json_put_bool(o, "more", true);
	json_put_int(o, "number", number);
	json_put_int(o, "rule", number);
	json_put_text(o, "dir", show_dir((unsigned)s->dir));
	json_put_text(o, "text", rules_text(r, e));
	json_put_text(o, "file", e->line ? rules_file(r, e->file) : NULL);
	json_put(o, "line", e->line ? json_object_new_int64(e->line) : NULL);
	json_put_int(o, "hits", (int64_t)s->hits[s->dir][number]);
	json_put_bool(o, "quick", e->quick);
	json_put_bool(o, "log", e->log);
	json_put_bool(o, "in_force",
		      !number || surroundings_holds(s->a->around, (enum cgw_dir)s->dir, number));
	json_put_text(o, "origin", e->by_answer ? "answer" : e->line ? "policy" : "built-in");
	if (s->dir == CGW_IN && !number)
		json_put(o, "unreachable", listening_json(s->a));
	json_put(o, "answer", e->answer ? json_object_new_int64(e->answer) : NULL);
	if (++s->next > r->nrules[s->dir]) {
		s->next = 1;
		s->dir++;
	}
	return o;
}

static void do_rules(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct rule_stream *s = calloc(1, sizeof(*s));
	const struct rules *r = a->rules[0];
	int err = s ? 0 : -1;

	(void)request;
	for (int dir = 0; !err && dir < CGW_DIRS; dir++) {
		s->hits[dir] = calloc(r->nrules[dir], sizeof(uint64_t));
		err = s->hits[dir] ? kernel_hits(a->kernel, (enum cgw_dir)dir, s->hits[dir], r->nrules[dir])
				   : -1;
	}
	if (err) {
		if (s)
			free_rules(s);
		server_reply(c, requests_error("the hit counts cannot be read"));
		return;
	}
	s->a = a;
	s->gen = r->gen;
	s->next = 1;
	server_stream(c, next_rule, free_rules, s);
}

struct log_stream {
	struct agent *a;
	uint64_t next;
	bool json, follow;
};

static struct json_object *next_record(void *state, bool *end)
{
	struct log_stream *s = state;
	uint64_t first = log_first(&s->a->log);
	char text[RECORD_TEXT_MAX];
	const struct record *r;
	struct record *gap = NULL;
	struct json_object *o;

	if (s->next == s->a->log.next) {
		*end = !s->follow;
		return *end ? requests_ok() : NULL;
	}
	o = requests_ok();
	if (s->next < first) { /* this reader was too slow */
		r = gap = record_lost(first - s->next, log_get(&s->a->log, first)->time);
		s->next = first;
	} else {
		r = log_get(&s->a->log, s->next++);
	}
	if (o && r) {
		json_put_bool(o, "more", true);
		if (s->json) {
			json_put(o, "record", record_json(r));
		} else {
			record_text(r, text, sizeof(text));
			json_put_text(o, "text", text);
		}
	}
	*end = !o || !r;
	free(gap);
	return o;
}

static void do_log(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct log_stream *s = calloc(1, sizeof(*s));

	if (!s) {
		server_reply(c, NULL);
		return;
	}
	s->a = a;
	s->next = log_first(&a->log);
	s->json = json_get_bool(request, "json", false);
	s->follow = json_get_bool(request, "follow", false);
	server_stream(c, next_record, free, s);
}

static void do_explain(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct json_object *list = json_get(request, "words");
	const char *dir = json_get_text(request, "dir", "");
	char *words[WORDS_MAX];
	size_t n = 0;

	if ((strcmp(dir, "in") && strcmp(dir, "out")) || !json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > WORDS_MAX) {
		server_reply(c, requests_error("a query has a direction and a few words KEY=VALUE"));
		return;
	}
	for (; n < json_object_array_length(list); n++) {
		words[n] = strdup(json_object_get_string(json_object_array_get_idx(list, n)) ?: "");
		if (!words[n])
			break;
	}
	if (n == json_object_array_length(list))
		server_reply(c, ask_explain(a, strcmp(dir, "in") ? CGW_OUT : CGW_IN, words, n));
	else
		server_reply(c, NULL);
	while (n)
		free(words[--n]);
}

static void do_forget(struct agent *a, struct server_client *c, struct json_object *request)
{
	int64_t id = json_get_int(request, "id", 0);
	struct json_object *o;
	char *message = NULL;
	int err = -ENOENT;

	if (id > REMEMBER_ID && id <= UINT32_MAX)
		err = hold_forget(a, (uint32_t)id, &message);
	else if (id > 0 && id <= UINT32_MAX)
		err = answers_forget(a, (uint32_t)id, &message);
	o = err ? requests_error(message ? message : "there is no such answer") : requests_ok();
	if (o)
		json_put_int(o, "generation", (int64_t)kernel_generation(a->kernel));
	free(message);
	server_reply(c, o);
}

static void do_detach(struct agent *a, struct server_client *c, struct json_object *request)
{
	char *message = NULL;
	int err = agent_detach(a, &message);

	(void)request;
	server_reply(c, err ? requests_error(message ? message : strerror(-err)) : requests_ok());
	free(message);
}

static const struct {
	const char *name;
	void (*fn)(struct agent *a, struct server_client *c, struct json_object *request);
	bool members; /* also whom the group alone admits */
} verbs[] = {
	{"status", do_status, true},	   {"reload", do_reload, false},
	{"rules", do_rules, false},	   {"log", do_log, false},
	{"flows", flows_handle, false},	   {"names", learned_handle, false},
	{"explain", do_explain, false},	   {"detach", do_detach, false},
	{"forget", do_forget, false},	   {"questions", requests_questions, true},
	{"answer", requests_answer, true}, {"answers", requests_answers, true},
};

void requests_handle(void *arg, struct server_client *c, struct json_object *request)
{
	const char *name = json_get_text(request, "do", "");
	const struct agent *a = arg;

	if (a->detached) {
		server_reply(c, requests_over(a, &(bool){false}));
		return;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name))
			continue;
		if (server_peer(c)->member_only && !verbs[i].members)
			server_reply(c, requests_error("only root and the agent's own user may do this"));
		else
			verbs[i].fn(arg, c, request);
		return;
	}
	server_reply(c, requests_error("this agent does not know the request"));
}
