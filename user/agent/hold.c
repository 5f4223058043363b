// SPDX-License-Identifier: GPL-2.0-only
/* Between the kernel, which holds flows, and the questions, which know nothing of kernels and rules. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../event/json.h"
#include "../event/place.h"
#include "../kernel/hold.h"
#include "../policy/query.h"
#include "../state/users.h"
#include "answers.h"
#include "hold.h"
#include "inside.h"
#include "output.h"

#define HOLD_SHORT_MS 60000	 /* so long every connection waits by itself */
#define HOLD_PATIENCE_SECONDS 2. /* after a late yes a connection should be up by then */

struct hold {
	struct agent *a;
	struct questions *questions;
	struct remember *remembered;
	ev_timer patience;
};

static void flow_of(const struct question *q, const struct question_flow *f, struct kernel_held_flow *ret)
{
	*ret = (struct kernel_held_flow){
		.key = &q->key,
		.cookie = f->cookie,
		.netns = f->netns,
		.packet = f->packet,
		.local = f->local,
		.lport = f->lport,
		.rport = f->rport,
		.ifindex = f->ifindex,
		.pid = q->first.pid,
	};
}

/* A connection in which a program of ours waits. */
static bool connects(const struct question *q)
{
	return q->key.dir == CGW_OUT && q->key.proto == IPPROTO_TCP;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

/* Sees to it that connections wait as long as they should, soon. */
static void patience(struct hold *h)
{
	if (ev_is_active(&h->patience))
		return;
	ev_timer_set(&h->patience, HOLD_PATIENCE_SECONDS, 0.);
	ev_timer_start(h->a->loop, &h->patience);
}

static bool describe(void *arg, struct question *q)
{
	struct hold *h = arg;
	const struct rules_entry *e = rules_asks(h->a->rules[0], q->key.dir, q->key.ask, &q->rule);
	char path[CGW_PATH_MAX], domain[CGW_NAME_MAX];

	if (!e)
		return false;
	q->otherwise = e->otherwise;
	q->timeout_ms = e->timeout_ms;
	q->else_for_ms = e->else_for_ms;
	if (!kernel_hold_path(h->a->kernel, &q->key, path))
		q->exe = strdup(path);
	q->cgroup = copy(cgroups_path(h->a->cgroups, q->key.cgroup));
	q->unit = place_unit(q->cgroup);
	q->container = place_container(q->cgroup);
	q->user = users_name(q->key.uid);
	/* where the rule asks for what connect() does not know, connect() could not do it */
	if (connects(q) && q->timeout_ms > HOLD_SHORT_MS)
		patience(h);
	if (learned_find(h->a, q->first.name, q->key.remote, q->flows[0].netns, domain))
		q->domain = strdup(domain);
	return true;
}

/* What a failure means is the same everywhere: the flow is not let through, and somebody should know. */
static void complain(const struct question *q, const char *what, int err)
{
	output_line(STDERR_FILENO, "cgwall: question %llu: %s: %s", (unsigned long long)q->id, what,
		    strerror(-err));
}

/* Nothing more is done with its flows. */
static void leave(const struct hold *h, const struct question *q)
{
	struct kernel_held_flow f;

	for (size_t i = 0; i < q->nflows; i++) {
		flow_of(q, &q->flows[i], &f);
		kernel_hold_leave(h->a->kernel, &f);
	}
}

static void settle(void *arg, struct question *q, enum cgw_action verdict, uint64_t until)
{
	struct hold *h = arg;
	struct kernel *k = h->a->kernel;
	struct kernel_held_flow f;
	int err = 0, sent = 0;

	/* first what holds, then what goes: nothing may be sent on that would be asked about again */
	for (size_t i = 0; i < q->nflows; i++) {
		int r;

		flow_of(q, &q->flows[i], &f);
		r = kernel_hold_grant(k, &f, verdict);
		err = err ? err : r;
	}
	if (until && !err)
		err = kernel_hold_answer(k, &q->key, verdict, until == ~UINT64_C(0) ? 0 : until);
	if (err)
		complain(q, "the kernel does not take the answer", err);
	kernel_hold_close(k, &q->key);
	for (size_t i = 0; i < q->nflows; i++) {
		int r = 0;

		flow_of(q, &q->flows[i], &f);
		if (verdict == CGW_PASS && !err) {
			r = kernel_hold_send(k, &f);
			sent = sent ? sent : r;
			continue;
		}
		kernel_hold_drop(k, &f);
		if (connects(q))
			r = kernel_hold_end(k, &f);
		sent = sent ? sent : r;
	}
	if (sent)
		complain(q,
			 verdict == CGW_PASS ? "not everything that was held could be sent on"
					     : "a connection could not be ended",
			 sent);
	leave(h, q);
	if (verdict == CGW_PASS && connects(q))
		patience(h);
}

static void drop(void *arg, struct question *q)
{
	const struct hold *h = arg;
	struct kernel_held_flow f;

	for (size_t i = 0; i < q->nflows; i++) {
		flow_of(q, &q->flows[i], &f);
		kernel_hold_drop(h->a->kernel, &f);
	}
	kernel_hold_close(h->a->kernel, &q->key);
	leave(h, q);
}

static bool lives(void *arg, uint32_t pid, uint64_t start)
{
	const struct hold *h = arg;
	struct kernel_process p;

	return !kernel_process(h->a->kernel, pid, &p) && p.start == start;
}

static bool waits(void *arg, const struct question *q, const struct question_flow *flow)
{
	const struct hold *h = arg;
	struct kernel_held_flow f;
	int r;

	flow_of(q, flow, &f);
	r = kernel_hold_waits(h->a->kernel, &f);
	if (r == -ENETUNREACH)
		return lives(arg, q->first.pid, q->first.start);
	/* where that cannot be told, it does */
	return r != 0;
}

static bool asked(void *arg, const struct question *q)
{
	const struct hold *h = arg;
	struct kernel_ask ask = {0};
	struct cgw_query *k = &ask.query;
	bool out = q->key.dir == CGW_OUT;

	if (!rules_asks(h->a->rules[0], q->key.dir, q->key.ask, &(uint32_t){0}))
		return false;
	k->dir = q->key.dir;
	k->proto = q->key.proto;
	k->uid = q->key.uid;
	k->gid = q->first.gid;
	k->known =
		CGW_Q_PROTO | CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_RPORT | CGW_Q_LPORT | CGW_Q_UID | CGW_Q_GID;
	memcpy(k->remote, q->key.remote, sizeof(k->remote));
	memcpy(k->local, q->flows[0].local, sizeof(k->local));
	k->rport = out ? q->key.port : q->flows[0].rport;
	k->lport = out ? q->flows[0].lport : q->key.port;
	ask.netns = q->flows[0].netns;
	if (q->exe)
		snprintf(ask.exe, sizeof(ask.exe), "%s", q->exe);
	if (q->cgroup)
		snprintf(ask.cgroup, sizeof(ask.cgroup), "%s", q->cgroup);
	/* what cannot be told from here is asked anew when the flow comes again */
	return !kernel_ask(h->a->kernel, &ask, NULL) && !ask.answer.error &&
	       ask.answer.entry.ask == q->key.ask;
}

static void to_log(void *arg, const struct question *q, const struct question_event *e)
{
	const struct hold *h = arg;

	/* that it was asked is the kernel's to log, where the rule says `log` */
	if (e->how != QUESTION_OPEN && e->how != QUESTION_CHANGE)
		agent_record(h->a, question_record(h->a, q, e));
}

static void wake(void *arg)
{
	const struct hold *h = arg;

	agent_wake(h->a);
}

static char *line(void *arg, const struct question *q, const struct question_event *e)
{
	const struct hold *h = arg;
	struct json_object *o = question_event_json(h->a, q, e);
	char *text = o ? strdup(json_line(o)) : NULL;

	json_object_put(o);
	return text;
}

static int lasting(void *arg, const struct question *q, const struct choice *c, const char *by, uint32_t *ret,
		   char **message)
{
	const struct hold *h = arg;
	char why[64];
	struct answer n = {
		.verdict = c->verdict,
		.dir = q->key.dir,
		.exe = c->who == CHOICE_EXE ? q->exe : NULL,
		.unit = c->who == CHOICE_UNIT ? q->unit : NULL,
		.container = c->who == CHOICE_CONTAINER ? q->container : NULL,
		.cgroup = c->who == CHOICE_CGROUP ? q->cgroup : NULL,
		.has_uid = c->who == CHOICE_USER,
		.uid = q->key.uid,
		.has_proto = c->port,
		.proto = q->key.proto,
		.port = c->port ? q->key.port : 0,
		.has_addr = c->whom == CHOICE_ADDRESS,
		.host = c->whom == CHOICE_NAME ? q->domain : NULL,
		.domain = c->whom == CHOICE_DOMAIN ? question_domain(q) : NULL,
		.by = by,
		.why = why,
	};
	struct answer_done done;
	char user[16];
	struct query flow = {
		.dir = q->key.dir,
		.exe = q->exe,
		.cgroup = q->cgroup,
		.has_user = true,
		.user = user,
		.has_proto = true,
		.proto = q->key.proto,
		.has_remote = true,
		.has_rport = q->key.dir == CGW_OUT && q->key.port,
		.has_lport = q->key.dir == CGW_IN && q->key.port,
		.rport = q->key.port,
		.lport = q->key.port,
	};
	int err;

	snprintf(why, sizeof(why), "question %llu of rule %u", (unsigned long long)q->id, q->rule);
	snprintf(user, sizeof(user), "%u", q->key.uid);
	memcpy(n.addr, q->key.remote, sizeof(n.addr));
	memcpy(flow.remote, q->key.remote, sizeof(flow.remote));
	if (q->domain) {
		flow.domains[0] = q->domain;
		flow.ndomains = 1;
	}
	n.flow = &flow;
	err = answers_add(h->a, &n, &done, message);
	if (!err)
		*ret = done.id;
	return err;
}

static void on_patience(struct ev_loop *loop, ev_timer *w, int events)
{
	const struct hold *h = w->data;

	(void)loop;
	(void)events;
	kernel_hold_patience(h->a->kernel);
}

#define REFUSED "%llu times a question came from one more network namespace than can be held open"

/* Not each time. */
static void say_refused(const struct agent *a)
{
	uint64_t n = kernel_hold_refused(a->kernel);

	if (!(n & (n - 1)))
		output_line(STDERR_FILENO, "cgwall: " REFUSED ": what it holds is not sent on",
			    (unsigned long long)n);
}

const char *hold_note(const struct agent *a, char *ret, size_t size)
{
	uint64_t n = a->hold ? kernel_hold_refused(a->kernel) : 0;

	snprintf(ret, size, REFUSED, (unsigned long long)n);
	return n ? ret : NULL;
}

static void on_asked(void *arg, const struct cgw_asked *e)
{
	struct hold *h = arg;
	struct cgw_question first;
	int err = kernel_hold_question(h->a->kernel, &e->key, &first);

	/* one that is over already, or another one by now: told late */
	if (!err && first.id == e->question) {
		const struct kernel_held_flow f = {.key = &e->key, .netns = e->netns, .pid = first.pid};

		/* a program that is gone when the answer comes has left no trace of where it was */
		err = kernel_hold_place(h->a->kernel, &f);
		if (err == -EMFILE)
			say_refused(h->a);
		if (err != -ENOMEM) {
			err = questions_asked(h->questions, e, &first);
			if (err)
				kernel_hold_leave(h->a->kernel, &f);
		}
	}
	if (err && err != -ENOENT)
		output_line(STDERR_FILENO, "cgwall: a flow that is held cannot be asked about: %s",
			    strerror(-err));
}

int hold_start(struct agent *a)
{
	struct questions_ops ops = {
		.describe = describe,
		.settle = settle,
		.drop = drop,
		.waits = waits,
		.asked = asked,
		.log = to_log,
		.lasting = lasting,
		.wake = wake,
		.line = line,
	};
	struct hold *h = calloc(1, sizeof(*h));
	char *message = NULL;
	int err;

	if (!h)
		return -ENOMEM;
	h->a = a;
	ops.arg = h;
	ev_timer_init(&h->patience, on_patience, HOLD_PATIENCE_SECONDS, 0.);
	h->patience.data = h;
	err = remember_open(a->o->run_dir, lives, h, &h->remembered, &message);
	if (message)
		output_line(STDERR_FILENO, "cgwall: %s", message);
	free(message);
	if (!err)
		err = questions_open(a->loop, &ops, h->remembered, &h->questions);
	if (err) {
		remember_close(h->remembered);
		free(h);
		return err;
	}
	a->hold = h;
	kernel_on_asked(a->kernel, on_asked, h);
	/* what was open under an earlier agent */
	err = kernel_hold_each(a->kernel, on_asked, h);
	if (err)
		output_line(STDERR_FILENO, "cgwall: not every flow that is held was found: %s",
			    strerror(-err));
	return 0;
}

void hold_stop(struct agent *a)
{
	struct hold *h = a->hold;

	if (!h)
		return;
	if (a->kernel)
		kernel_on_asked(a->kernel, NULL, NULL);
	ev_timer_stop(a->loop, &h->patience);
	questions_close(h->questions);
	remember_close(h->remembered);
	free(h);
	a->hold = NULL;
}

struct questions *hold_questions(const struct agent *a)
{
	return a->hold ? a->hold->questions : NULL;
}

struct remember *hold_remembered(const struct agent *a)
{
	return a->hold ? a->hold->remembered : NULL;
}

void hold_recheck(struct agent *a)
{
	if (a->hold)
		questions_recheck(a->hold->questions);
}

int hold_forget(struct agent *a, uint32_t id, char **message)
{
	int file = 0, err = a->hold ? remember_forget(a->hold->remembered, id, &file) : -ENOENT, said = 0;

	if (err && !file)
		return err;
	/* the kernel does not know which of its own came from which: all are asked of us again */
	err = kernel_hold_unanswer(a->kernel);
	if (err)
		said = asprintf(message, "the answer is forgotten, but the kernel still goes by it: %s",
				strerror(-err));
	else if (file)
		said = asprintf(
			message,
			"the answer is forgotten, but comes back with the next agent: %s/" REMEMBER_FILE
			" cannot be written: %s",
			a->o->run_dir, strerror(-file));
	if (said < 0)
		*message = NULL;
	return err ? err : file;
}

/* Is `pid` the process or one below it? */
static bool descends(uint32_t pid, uint32_t from)
{
	for (int depth = 0; pid > 1 && depth < 64; depth++) {
		char path[32], text[512];
		const char *at;
		FILE *f;
		size_t n;

		if (pid == from)
			return true;
		snprintf(path, sizeof(path), "/proc/%u/stat", pid);
		f = fopen(path, "re");
		if (!f)
			return false;
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
		text[n] = '\0';
		at = strrchr(text, ')'); /* a name may hold anything */
		if (!at || sscanf(at + 1, " %*c %u", &pid) != 1)
			return false;
	}
	return false;
}

const char *hold_barred(struct agent *a, const struct server_peer *peer, const struct question *q)
{
	struct kernel_process p;
	bool all = kernel_guards_all(a->kernel);

	if (peer->pid <= 0 || kernel_process(a->kernel, (uint32_t)peer->pid, &p) || p.start > peer->since)
		return all ? NULL : "the process that asked this has ended: nobody can tell what it was";
	if (!all && p.guarded)
		return "a program that is guarded cannot answer questions about the guarded";
	if (q && lives(a->hold, q->first.pid, q->first.start) && descends((uint32_t)peer->pid, q->first.pid))
		return "a program cannot answer the question about itself";
	return NULL;
}
