// SPDX-License-Identifier: GPL-2.0-only
/* Questions as notifications on the desktop of a session. A question is shown until it is answered, here or
 * elsewhere; the agent and the desktop may both go and come again. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../event/json.h"
#include "ask.h"
#include "bus.h"
#include "client.h"
#include "cmd.h"

#define SHOWN_MAX 8   /* at once; the others wait until one of these is over */
#define AGAIN_MS 2000 /* between two looks for an agent */

enum note_state {
	NOTE_WAITS, /* to be shown */
	NOTE_ASKED, /* the desktop has not said its number yet */
	NOTE_SHOWN,
	NOTE_REFUSED, /* there is no desktop: again when one is there */
	NOTE_CLOSED,  /* the user has closed it: the question stays open, and is not shown again */
};

struct note {
	struct json_object *question; /* NULL: it is over, and the note is taken away when it has a number */
	enum note_state state;
	uint32_t serial, number;
};

struct desk {
	struct note *notes;
	size_t n;
	struct bus *bus;
	struct client *stream, *answers; /* NULL: there is no agent */
	const char *run_dir, *life;
	int signals;
	bool told; /* that there is no agent, or no desktop */
};

static struct note *note_of(struct desk *d, int64_t id)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->notes[i].question && json_get_int(d->notes[i].question, "id", -1) == id)
			return &d->notes[i];
	return NULL;
}

static void forget(struct desk *d, struct note *note)
{
	size_t i = (size_t)(note - d->notes);

	json_object_put(note->question);
	memmove(note, note + 1, (--d->n - i) * sizeof(*note));
}

/* The question is over. */
static void end(struct desk *d, struct note *note)
{
	if (note->state == NOTE_ASKED) {
		json_object_put(note->question);
		note->question = NULL;
		return;
	}
	if (note->state == NOTE_SHOWN)
		bus_withdraw(d->bus, note->number);
	forget(d, note);
}

static int take_question(struct desk *d, struct json_object *q)
{
	struct note *note = note_of(d, json_get_int(q, "id", -1)), *grown;

	if (note) { /* what is shown stays as it is */
		json_object_put(note->question);
		note->question = json_object_get(q);
		return 0;
	}
	grown = reallocarray(d->notes, d->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	d->notes = grown;
	d->notes[d->n++] = (struct note){.question = json_object_get(q), .state = NOTE_WAITS};
	return 0;
}

static void agent_gone(struct desk *d)
{
	client_close(d->stream);
	client_close(d->answers);
	d->stream = d->answers = NULL;
	for (size_t i = d->n; i-- > 0;)
		if (d->notes[i].question)
			end(d, &d->notes[i]);
}

/* 0; -EAGAIN where none is there; -errno where this user may not. */
static int find_agent(struct desk *d)
{
	int err = client_open(d->run_dir, &d->answers);

	if (!err)
		err = ask_follow(d->run_dir, &d->stream);
	if (!err) {
		d->told = false;
		return 0;
	}
	agent_gone(d);
	if (err == -EACCES || err == -EPERM) {
		client_explain_failure(d->run_dir, err);
		return err;
	}
	if (!d->told) {
		client_explain_failure(d->run_dir, err);
		fprintf(stderr, "cgwall: waiting for one\n");
	}
	d->told = true;
	return -EAGAIN;
}

/* One line of the stream. 0; -EAGAIN: read it from the start again; -EPERM. */
static int take_event(struct desk *d, struct json_object *o)
{
	const char *event = json_get_text(o, "event", "");
	struct json_object *q = json_get(o, "question");
	struct note *note;

	if (!json_get_bool(o, "ok", false)) {
		fprintf(stderr, "cgwall: %s\n", json_get_text(o, "error", "the agent gave no reason"));
		return -EPERM;
	}
	if (!strcmp(event, "lost"))
		return -EAGAIN;
	if (!strcmp(event, "close")) {
		note = note_of(d, json_get_int(q, "id", -1));
		if (note)
			end(d, note);
		return 0;
	}
	return q ? take_question(d, q) : 0;
}

/* All that the agent has said. 0, or -errno where this is the end. */
static int read_agent(struct desk *d)
{
	struct json_object *o;
	int err = 0;

	while (d->stream && !err) {
		err = client_recv(d->stream, 0, &o);
		if (err == -ETIMEDOUT)
			return 0;
		if (!err) {
			err = take_event(d, o);
			json_object_put(o);
		}
	}
	if (err && err != -EPERM && err != -ENOMEM) {
		agent_gone(d);
		err = find_agent(d);
	}
	return err == -EAGAIN ? 0 : err;
}

/* What is told of a question: a summary and lines, each in one piece, whatever a program is called. */
struct description {
	char summary[512], whom[512], who[1024], otherwise[256], more[64];
};

static void describe(struct json_object *q, size_t waiting, struct description *ret)
{
	const char *domain = json_get_text(q, "domain", NULL), *unit = json_get_text(q, "unit", NULL),
		   *container = json_get_text(q, "container", NULL),
		   *deadline = json_get_text(q, "deadline", NULL);
	const char *program = json_get_text(q, "program", "?");
	const char *remote = domain ? domain : json_get_text(q, "address", "?");
	bool in = !strcmp(json_get_text(q, "dir", ""), "in");

	snprintf(ret->summary, sizeof(ret->summary), "%s wants to reach %s", in ? remote : program,
		 in ? program : remote);
	snprintf(ret->whom, sizeof(ret->whom), "%s %s %s", json_get_text(q, "proto", "?"), in ? "from" : "to",
		 json_get_text(q, "remote", "?"));
	snprintf(ret->who, sizeof(ret->who), "%s, pid %" PRId64 ", %s%s%s%s%s",
		 json_get_text(q, "exe", "a program that is not known"), json_get_int(q, "pid", 0),
		 json_get_text(q, "user", "?"), unit || container ? ", " : "", unit ? unit : "",
		 unit && container ? ", " : "", container ? container : "");
	snprintf(ret->otherwise, sizeof(ret->otherwise), "%s%s%s", json_get_text(q, "else", "block"),
		 deadline ? " from " : " where nobody answers", deadline ? deadline : "");
	snprintf(ret->more, sizeof(ret->more), "%zu more questions wait: cgwall ask", waiting);
}

static int show(struct desk *d, struct note *note, size_t waiting)
{
	struct description told;
	char pass[64], block[64];
	struct bus_note n = {.summary = told.summary,
			     .lines = {told.whom, told.who, told.otherwise, waiting ? told.more : NULL},
			     .stays = true};
	bool once = !strcmp(d->life, "once");
	int err;

	describe(note->question, waiting, &told);
	snprintf(pass, sizeof(pass), once ? "Pass" : "Pass (%s)", d->life);
	snprintf(block, sizeof(block), once ? "Block" : "Block (%s)", d->life);
	n.actions[0] = "pass";
	n.actions[1] = pass;
	n.actions[2] = "block";
	n.actions[3] = block;
	err = bus_notify(d->bus, &n, &note->serial);
	if (!err)
		note->state = NOTE_ASKED;
	return err;
}

/* The oldest one that waits; NULL: none does. */
static struct note *next_to_show(struct desk *d)
{
	struct note *next = NULL;

	for (size_t i = 0; i < d->n; i++)
		if (d->notes[i].state == NOTE_WAITS &&
		    (!next ||
		     json_get_int(d->notes[i].question, "id", 0) < json_get_int(next->question, "id", 0)))
			next = &d->notes[i];
	return next;
}

static void show_what_fits(struct desk *d)
{
	size_t shown = 0, waiting = 0;
	struct note *note;

	for (size_t i = 0; i < d->n; i++) {
		shown += d->notes[i].state == NOTE_SHOWN || d->notes[i].state == NOTE_ASKED;
		waiting += d->notes[i].state == NOTE_WAITS;
	}
	while (shown < SHOWN_MAX && (note = next_to_show(d))) {
		shown++;
		waiting--;
		if (show(d, note, shown == SHOWN_MAX ? waiting : 0))
			return;
	}
}

/* Says on the desktop what cannot be said otherwise. */
static void tell(struct desk *d, const char *text)
{
	struct bus_note n = {.summary = "The answer was not taken", .lines = {text}};
	uint32_t serial;

	fprintf(stderr, "cgwall: %s\n", text);
	bus_notify(d->bus, &n, &serial);
}

static void clicked(struct desk *d, struct note *note, const char *key)
{
	bool answers = !strcmp(key, "pass") || !strcmp(key, "block");
	struct json_object *q = note->question;
	char message[256];
	int err;

	if (!answers || !q || !d->answers)
		return;
	err = ask_answer(d->answers, q, key, d->life, ask_scope(q, 0), ask_who(q, 0), message,
			 sizeof(message));
	if (err)
		tell(d, message);
	/* many desktops take a notification away when a button is pressed */
	note = note_of(d, json_get_int(q, "id", -1));
	if (err == -EPERM && note && note->state == NOTE_SHOWN) {
		bus_withdraw(d->bus, note->number);
		note->state = NOTE_CLOSED;
	}
}

static void refused(struct desk *d, struct note *note)
{
	if (bus_has_desktop(d->bus)) {
		fprintf(stderr, "cgwall: the desktop does not show question %" PRId64 ": 'cgwall ask' does\n",
			json_get_int(note->question, "id", 0));
		note->state = NOTE_CLOSED;
		return;
	}
	note->state = NOTE_REFUSED;
	if (!d->told)
		fprintf(stderr, "cgwall: nothing in this session shows notifications; waiting for it\n");
	d->told = true;
}

static void on_desktop(struct desk *d, const struct bus_event *e)
{
	struct note *note = NULL;

	for (size_t i = 0; i < d->n && !note; i++) {
		bool asked = e->kind == BUS_SHOWN || e->kind == BUS_REFUSED;

		if (asked ? d->notes[i].state == NOTE_ASKED && d->notes[i].serial == e->serial
			  : d->notes[i].state == NOTE_SHOWN && d->notes[i].number == e->note)
			note = &d->notes[i];
	}
	switch (e->kind) {
	case BUS_SHOWN:
		if (!note)
			break;
		note->state = NOTE_SHOWN;
		note->number = e->note;
		if (!note->question)
			end(d, note);
		break;
	case BUS_REFUSED:
		if (note && !note->question)
			forget(d, note);
		else if (note)
			refused(d, note);
		break;
	case BUS_STARTED:
		d->told = false;
		for (size_t i = 0; i < d->n; i++)
			if (d->notes[i].state == NOTE_REFUSED)
				d->notes[i].state = NOTE_WAITS;
		break;
	case BUS_CLICKED:
		if (note)
			clicked(d, note, e->key);
		break;
	case BUS_CLOSED:
		if (note)
			note->state = NOTE_CLOSED;
		break;
	case BUS_RESTARTED:
		for (size_t i = d->n; i-- > 0;) {
			if (!d->notes[i].question)
				forget(d, &d->notes[i]);
			else if (d->notes[i].state != NOTE_CLOSED)
				d->notes[i].state = NOTE_WAITS;
		}
		break;
	default:
		break;
	}
}

/* All that the desktop has said. 0, or -EPIPE where the session has ended. */
static int read_bus(struct desk *d)
{
	struct bus_event e;
	int err;

	while (!(err = bus_next(d->bus, &e)) && e.kind != BUS_NOTHING)
		on_desktop(d, &e);
	return err;
}

static int loop(struct desk *d)
{
	int err = find_agent(d);

	if (err == -EAGAIN)
		err = 0;
	while (!err) {
		struct pollfd p[3] = {
			{.fd = d->signals, .events = POLLIN}, {.fd = bus_fd(d->bus)}, {.fd = -1}};

		err = read_agent(d);
		if (err || read_bus(d))
			break;
		show_what_fits(d);
		p[1].events = bus_events(d->bus);
		if (d->stream)
			p[2] = (struct pollfd){.fd = client_fd(d->stream), .events = POLLIN};
		if (poll(p, 3, d->stream ? -1 : AGAIN_MS) < 0 && errno != EINTR)
			err = -errno;
		if (p[0].revents)
			break;
		if (!err && !d->stream) {
			err = find_agent(d);
			if (err == -EAGAIN)
				err = 0;
		}
	}
	return err;
}

int ask_notify(const char *run_dir, const char *life)
{
	struct desk d = {.run_dir = run_dir, .life = life};
	const char *why;
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	d.signals = signalfd(-1, &set, SFD_CLOEXEC);
	err = d.signals < 0 ? -errno : bus_open(&d.bus, &why);
	if (d.signals < 0) {
		fprintf(stderr, "cgwall: signals cannot be waited for: %s\n", strerror(-err));
		return CMD_FAILED;
	}
	if (err) {
		fprintf(stderr, "cgwall: %s\n", why);
	} else {
		err = loop(&d);
		agent_gone(&d);
	}
	for (size_t i = 0; i < d.n; i++)
		json_object_put(d.notes[i].question);
	free(d.notes);
	bus_close(d.bus);
	close(d.signals);
	return err ? CMD_FAILED : CMD_OK;
}
