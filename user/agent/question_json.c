// SPDX-License-Identifier: GPL-2.0-only
/* Questions as the control socket and the log tell them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../event/json.h"
#include "../event/show.h"
#include "../kernel/hold.h"
#include "hold.h"
#include "inside.h"

#define LATELY_MAX 5	 /* verdicts that are told with a question */
#define LATELY_LOOK 2000 /* records that are looked at for them */

static const char *const hows[] = {
	[QUESTION_OPEN] = "open",	[QUESTION_CHANGE] = "change",	    [QUESTION_ANSWERED] = "answered",
	[QUESTION_TIMEOUT] = "timeout", [QUESTION_WITHDRAWN] = "withdrawn", [QUESTION_POLICY] = "policy",
};

/* What else the program did: the last verdicts about it, the newest last. */
static struct json_object *lately(const struct agent *a, const struct question *q)
{
	struct json_object *list = json_object_new_array();
	const struct record *found[LATELY_MAX];
	uint64_t first = log_first(&a->log), at = a->log.next;
	char text[SHOW_END_MAX > SHOW_TIME_MAX ? SHOW_END_MAX : SHOW_TIME_MAX], proto[4];
	size_t n = 0;

	if (!list || !q->exe)
		return list;
	if (at - first > LATELY_LOOK)
		first = at - LATELY_LOOK;
	while (at > first && n < LATELY_MAX) {
		const struct record *r = log_get(&a->log, --at);

		if (r && !r->lost && r->exe && !strcmp(r->exe, q->exe))
			found[n++] = r;
	}
	while (n > 0) {
		const struct record *r = found[--n];
		struct json_object *o = json_object_new_object();

		if (!o)
			break;
		show_time(r->time, text, sizeof(text));
		json_put_text(o, "time", text);
		json_put_text(o, "verdict", show_action(r->verdict));
		json_put_text(o, "dir", show_dir(r->dir));
		json_put_text(o, "proto", show_proto(r->proto, proto));
		show_end(r->remote, r->known & CGW_Q_REMOTE, r->rport,
			 r->known & CGW_Q_RPORT && show_proto_has_ports(r->proto), text, sizeof(text));
		json_put_text(o, "remote", text);
		json_put_text(o, "domain", r->domain);
		json_put(o, "rule", r->error ? NULL : json_object_new_int64(r->rule));
		json_object_array_add(list, o);
	}
	return list;
}

/* The words that `answer` takes for q. */
static void put_choices(struct json_object *o, const struct question *q)
{
	struct json_object *scopes = json_object_new_array(), *whos = json_object_new_array();
	struct choice c = {.life = CHOICE_TIME};
	char word[CHOICE_WORD_MAX];

	for (int whom = 0; scopes && whom < CHOICE_WHOMS; whom++) {
		for (int port = 1; port >= 0; port--) {
			c.whom = (enum choice_whom)whom;
			c.port = port;
			if (!question_choosable(q, &c))
				json_object_array_add(scopes,
						      json_text(choice_scope(&c, word, sizeof(word))));
		}
	}
	c.whom = CHOICE_ANY;
	c.port = false;
	for (int who = 0; whos && who < CHOICE_WHOS; who++) {
		c.who = (enum choice_who)who;
		if (!question_choosable(q, &c))
			json_object_array_add(whos, json_text(choice_who(&c)));
	}
	json_put(o, "scopes", scopes);
	json_put(o, "whos", whos);
}

static void put_program(struct json_object *o, const struct question *q)
{
	const char *slash = q->exe ? strrchr(q->exe, '/') : NULL;
	char path[32], comm[32] = "";
	FILE *f;

	/* the kernel itself is no process */
	if (!q->first.pid)
		snprintf(comm, sizeof(comm), "kernel");
	snprintf(path, sizeof(path), "/proc/%u/comm", q->first.pid);
	f = q->first.pid ? fopen(path, "re") : NULL;
	if (f) {
		if (!fgets(comm, sizeof(comm), f))
			comm[0] = '\0';
		fclose(f);
		comm[strcspn(comm, "\n")] = '\0';
	}
	json_put_text(o, "program", slash && slash[1] ? slash + 1 : q->exe ? q->exe : *comm ? comm : "?");
	json_put_text(o, "exe", q->exe);
	json_put_text(o, "comm", *comm ? comm : NULL);
	json_put_int(o, "pid", q->first.pid);
	json_put_int(o, "uid", q->key.uid);
	json_put_text(o, "user", q->user);
	json_put_int(o, "gid", q->first.gid);
	json_put_text(o, "cgroup", q->cgroup);
	json_put_text(o, "unit", q->unit);
	json_put_text(o, "container", q->container);
}

static void put_flow(struct json_object *o, const struct question *q)
{
	bool ports = show_proto_has_ports(q->key.proto), out = q->key.dir == CGW_OUT;
	const struct question_flow *f = &q->flows[0];
	char text[SHOW_END_MAX], proto[4];

	json_put_text(o, "dir", show_dir(q->key.dir));
	json_put_text(o, "proto", show_proto(q->key.proto, proto));
	show_addr(q->key.remote, text, sizeof(text));
	json_put_text(o, "address", text);
	json_put(o, "port", ports ? json_object_new_int64(q->key.port) : NULL);
	show_end(q->key.remote, true, out ? q->key.port : f->rport, ports, text, sizeof(text));
	json_put_text(o, "remote", text);
	show_end(f->local, true, out ? f->lport : q->key.port, ports, text, sizeof(text));
	json_put_text(o, "local", text);
	json_put_text(o, "domain", q->domain);
	json_put_text(o, "domain_scope", question_domain(q));
}

static struct json_object *question_json(struct agent *a, const struct question *q)
{
	struct json_object *o = json_object_new_object();
	const struct rules *r = a->rules[0];
	const struct rules_entry *e = rules_get(r, q->key.dir, q->rule);
	char text[SHOW_TIME_MAX];

	if (!o)
		return NULL;
	json_put_int(o, "id", (int64_t)q->id);
	show_time(q->time, text, sizeof(text));
	json_put_text(o, "time", text);
	show_time(q->deadline, text, sizeof(text));
	json_put_text(o, "deadline", q->deadline ? text : NULL);
	put_flow(o, q);
	put_program(o, q);
	json_put_int(o, "rule", q->rule);
	json_put_text(o, "file", e && e->line ? rules_file(r, e->file) : NULL);
	json_put(o, "line", e && e->line ? json_object_new_int64(e->line) : NULL);
	json_put_text(o, "text", rules_text(r, e));
	json_put_text(o, "app", rules_app(r, e));
	json_put_text(o, "else", show_action(q->otherwise));
	json_put(o, "else_for", json_object_new_double((double)q->else_for_ms / 1e3));
	json_put_int(o, "flows", (int64_t)q->nflows);
	json_put(o, "lately", lately(a, q));
	put_choices(o, q);
	return o;
}

static void put_choice(struct json_object *o, const struct choice *c)
{
	char word[CHOICE_WORD_MAX];

	json_put_text(o, "for", c ? choice_life(c, word, sizeof(word)) : NULL);
	json_put_text(o, "scope", c ? choice_scope(c, word, sizeof(word)) : NULL);
	json_put_text(o, "who", c ? choice_who(c) : NULL);
}

struct json_object *question_event_json(struct agent *a, const struct question *q,
					const struct question_event *e)
{
	struct json_object *o = json_object_new_object();
	bool over = e->how > QUESTION_CHANGE;

	if (!o)
		return NULL;
	json_put_bool(o, "ok", true);
	json_put_bool(o, "more", true);
	json_put_text(o, "event", over ? "close" : hows[e->how]);
	json_put(o, "question", question_json(a, q));
	if (over) {
		bool decided = e->how == QUESTION_ANSWERED || e->how == QUESTION_TIMEOUT;

		json_put_text(o, "how", hows[e->how]);
		json_put_text(o, "verdict", decided ? show_action(e->verdict) : NULL);
		json_put_text(o, "by", e->by);
		put_choice(o, e->choice);
	}
	return o;
}

struct record *question_record(struct agent *a, const struct question *q, const struct question_event *e)
{
	bool out = q->key.dir == CGW_OUT;
	const struct question_flow *f = &q->flows[0];
	const struct rules_entry *rule = rules_get(a->rules[0], q->key.dir, q->rule);
	struct record_context c = {
		.rules = a->rules[0], .cgroup = q->cgroup, .domain = q->domain, .question = q->id};
	struct cgw_event *ev = calloc(1, sizeof(*ev));
	char note[256], life[CHOICE_WORD_MAX];
	struct timespec now;
	struct record *r;

	if (!ev)
		return NULL;
	snprintf(note, sizeof(note), "%s%s%s%s", e->how == QUESTION_ANSWERED ? "by " : hows[e->how],
		 e->by ? e->by : "", e->choice ? " for " : "",
		 e->choice ? choice_life(e->choice, life, sizeof(life)) : "");
	c.note = note;
	clock_gettime(CLOCK_REALTIME, &now);
	c.boot_offset = now.tv_sec * 1000000000LL + now.tv_nsec; /* of an event at boot */
	ev->size = sizeof(*ev);
	ev->gen = a->rules[0]->gen;
	ev->cgroup = q->key.cgroup;
	ev->cookie = f->cookie;
	ev->dir = q->key.dir;
	ev->proto = q->key.proto;
	ev->known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_PROTO | CGW_Q_UID | CGW_Q_GID;
	if (show_proto_has_ports(q->key.proto))
		ev->known |= CGW_Q_RPORT | CGW_Q_LPORT;
	ev->rport = out ? q->key.port : f->rport;
	ev->lport = out ? f->lport : q->key.port;
	ev->pid = q->first.pid;
	ev->uid = q->key.uid;
	ev->gid = q->first.gid;
	memcpy(ev->remote, q->key.remote, sizeof(ev->remote));
	memcpy(ev->local, f->local, sizeof(ev->local));
	ev->answer.entry.rule = q->rule;
	ev->answer.entry.line = rule ? rule->line : 0;
	ev->answer.entry.file = rule ? rule->file : 0;
	ev->answer.entry.action = CGW_ASK;
	if (e->how == QUESTION_ANSWERED || e->how == QUESTION_TIMEOUT)
		ev->answer.entry.action = (uint8_t)e->verdict;
	ev->verdict = ev->answer.entry.action;
	if (q->exe)
		snprintf(ev->path.c, sizeof(ev->path.c), "%s", q->exe);
	r = record_new(ev, &c);
	free(ev);
	return r;
}

struct json_object *remembered_json(const struct remembered *m)
{
	struct json_object *o = json_object_new_object();
	char text[REMEMBERED_TEXT_MAX], time[SHOW_TIME_MAX];
	uint64_t until = remembered_until(m);

	if (!o)
		return NULL;
	json_put_int(o, "id", m->id);
	json_put_text(o, "verdict", show_action(m->choice.verdict));
	remembered_text(m, text, sizeof(text));
	json_put_text(o, "text", text);
	put_choice(o, &m->choice);
	show_time(m->time, time, sizeof(time));
	json_put_text(o, "time", time);
	show_time((int64_t)until + record_boot_offset(), time, sizeof(time));
	json_put_text(o, "until", until == ~UINT64_C(0) ? NULL : time);
	json_put_text(o, "by", m->by);
	json_put_int(o, "hits", (int64_t)m->hits);
	return o;
}
