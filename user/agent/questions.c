// SPDX-License-Identifier: GPL-2.0-only
#include "questions.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "remember.h"

#define BUCKETS 1024
#define NOTES 2048	  /* kept for those who follow */
#define SWEEP_SECONDS 1.  /* between looks at whether anybody still waits */
#define SWEEP_NS 20000000 /* of which one takes at most, before the loop goes on, */
#define SWEEP_SHARE 10	  /* and all of them one part in so many of the time */

/* A note is a question's number until somebody reads it: what is open is told as it is then. What is over is
 * kept as a line. */
struct note {
	uint64_t id;
	enum question_how how;
	char *line; /* of what is over */
};

struct questions {
	struct ev_loop *loop;
	struct questions_ops ops;
	struct remember *remembered;
	struct question *buckets[BUCKETS];
	struct question *oldest, **end;
	size_t n;
	ev_timer sweep;
	struct question *at; /* it goes on here; NULL: at the oldest */
	struct note notes[NOTES];
	uint64_t next_note;
	size_t followers; /* without one nobody takes notes */
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct question *find(const struct questions *qs, uint64_t id)
{
	struct question *q = qs->buckets[id % BUCKETS];

	while (q && q->id != id)
		q = q->next;
	return q;
}

const struct question *questions_find(const struct questions *qs, uint64_t id)
{
	return find(qs, id);
}

size_t questions_count(const struct questions *qs)
{
	return qs->n;
}

static int by_age(const void *a, const void *b)
{
	uint64_t x = (*(const struct question *const *)a)->id, y = (*(const struct question *const *)b)->id;

	return (x > y) - (x < y);
}

int questions_list(const struct questions *qs, const struct question ***ret, size_t *n)
{
	const struct question **list = malloc((qs->n + 1) * sizeof(*list));
	size_t i = 0;

	if (!list)
		return -ENOMEM;
	for (const struct question *q = qs->oldest; q; q = q->newer)
		list[i++] = q;
	/* those that an earlier agent had asked came to this one in no order; numbers only grow */
	qsort(list, i, sizeof(*list), by_age);
	*ret = list;
	*n = i;
	return 0;
}

/* ---- notes ---- */

static void add_note(struct questions *qs, const struct question *q, const struct question_event *e)
{
	struct note *n = &qs->notes[qs->next_note % NOTES];

	if (!qs->followers)
		return;
	free(n->line);
	n->id = q->id;
	n->how = e->how;
	n->line = e->how > QUESTION_CHANGE ? qs->ops.line(qs->ops.arg, q, e) : NULL;
	qs->next_note++;
	qs->ops.wake(qs->ops.arg);
}

uint64_t questions_follow(struct questions *qs)
{
	qs->followers++;
	return qs->next_note;
}

void questions_unfollow(struct questions *qs)
{
	qs->followers--;
	for (size_t i = 0; !qs->followers && i < NOTES; i++) {
		free(qs->notes[i].line);
		qs->notes[i].line = NULL;
	}
}

char *questions_note(struct questions *qs, uint64_t *at, uint64_t *lost)
{
	uint64_t first = qs->next_note > NOTES ? qs->next_note - NOTES : 0;

	*lost = 0;
	if (*at < first) {
		*lost = first - *at;
		*at = first;
	}
	while (*at < qs->next_note) {
		const struct note *n = &qs->notes[(*at)++ % NOTES];
		const struct question *q = find(qs, n->id);
		struct question_event e = {.how = n->how};

		char *line = NULL;

		if (n->line)
			return strdup(n->line);
		/* one that is over meanwhile has a note of its own */
		if (!q)
			continue;
		line = qs->ops.line(qs->ops.arg, q, &e);
		/* a text of its own; cppcheck cannot see into the function */
		/* cppcheck-suppress returnDanglingLifetime */
		return line;
	}
	return NULL;
}

/* ---- beginning and end ---- */

static void free_question(struct question *q)
{
	free(q->exe);
	free(q->cgroup);
	free(q->unit);
	free(q->container);
	free(q->user);
	free(q->domain);
	free(q->flows);
	free(q);
}

static void unlink_question(struct question *q)
{
	struct questions *qs = q->in;

	ev_timer_stop(qs->loop, &q->timer);
	*q->at = q->next;
	if (q->next)
		q->next->at = q->at;
	if (qs->at == q)
		qs->at = q->newer;
	*q->from_older = q->newer;
	if (q->newer)
		q->newer->from_older = q->from_older;
	else
		qs->end = q->from_older;
	qs->n--;
	if (!qs->n)
		ev_timer_stop(qs->loop, &qs->sweep);
}

static void link_question(struct questions *qs, struct question *q)
{
	struct question **bucket = &qs->buckets[q->id % BUCKETS];

	q->in = qs;
	q->next = *bucket;
	q->at = bucket;
	if (q->next)
		q->next->at = &q->next;
	*bucket = q;
	q->newer = NULL;
	q->from_older = qs->end;
	*qs->end = q;
	qs->end = &q->newer;
	qs->n++;
}

/* Tells everybody of one that is no longer in the table, and frees it. */
static void bury_question(struct question *q, const struct question_event *e)
{
	q->in->ops.log(q->in->ops.arg, q, e);
	add_note(q->in, q, e);
	free_question(q);
}

/* What had to be done for it is done. */
static void end_question(struct question *q, const struct question_event *e)
{
	unlink_question(q);
	bury_question(q, e);
}

static void drop_question(struct question *q, enum question_how how)
{
	struct question_event e = {.how = how};

	q->in->ops.drop(q->in->ops.arg, q);
	end_question(q, &e);
}

static void on_timeout(struct ev_loop *loop, ev_timer *w, int events)
{
	struct question *q = w->data;
	struct question_event e = {.how = QUESTION_TIMEOUT, .verdict = q->otherwise};
	uint64_t until = 0;

	(void)loop;
	(void)events;
	if (q->else_for_ms)
		until = (uint64_t)clock_ns(CLOCK_BOOTTIME) + q->else_for_ms * 1000000;
	q->in->ops.settle(q->in->ops.arg, q, e.verdict, until);
	end_question(q, &e);
}

/* Only what begins here and has a connection can be seen to be given up: a datagram that was handed over is
 * its sender's no more, and who tries from outside is not to be seen. */
static bool watchable(const struct question *q)
{
	return q->key.dir == CGW_OUT && q->key.proto == IPPROTO_TCP;
}

static void on_sweep(struct ev_loop *loop, ev_timer *w, int events)
{
	struct questions *qs = w->data;
	struct question *q = qs->at ? qs->at : qs->oldest, *newer;
	int64_t start = clock_ns(CLOCK_MONOTONIC), took = 0;
	double rest;

	(void)events;
	for (; q && took < SWEEP_NS; took = clock_ns(CLOCK_MONOTONIC) - start) {
		newer = q->newer;
		/* who has ceased to wait does not begin again */
		if (!watchable(q) || qs->ops.waits(qs->ops.arg, q, &q->flows[q->gone])) {
			q = newer;
		} else if (++q->gone == q->nflows) {
			drop_question(q, QUESTION_WITHDRAWN);
			q = newer;
		}
	}
	qs->at = q;
	if (!qs->n)
		return;
	rest = (double)took / 1e9 * (SWEEP_SHARE - 1);
	ev_now_update(loop);
	ev_timer_set(w, !qs->at && rest < SWEEP_SECONDS ? SWEEP_SECONDS : rest, 0.);
	ev_timer_start(loop, w);
}

int questions_open(struct ev_loop *loop, const struct questions_ops *ops, struct remember *remembered,
		   struct questions **ret)
{
	struct questions *qs = calloc(1, sizeof(*qs));

	if (!qs)
		return -ENOMEM;
	qs->loop = loop;
	qs->ops = *ops;
	qs->remembered = remembered;
	qs->end = &qs->oldest;
	ev_timer_init(&qs->sweep, on_sweep, SWEEP_SECONDS, 0.);
	qs->sweep.data = qs;
	*ret = qs;
	return 0;
}

void questions_close(struct questions *qs)
{
	struct question *newer;

	if (!qs)
		return;
	for (struct question *q = qs->oldest; q; q = newer) {
		newer = q->newer;
		ev_timer_stop(qs->loop, &q->timer);
		free_question(q);
	}
	ev_timer_stop(qs->loop, &qs->sweep);
	for (size_t i = 0; i < NOTES; i++)
		free(qs->notes[i].line);
	free(qs);
}

/* ---- what comes ---- */

static int add_flow(struct question *q, const struct cgw_asked *e)
{
	if (q->nflows == q->room) {
		size_t room = q->room ? q->room * 2 : 2;
		struct question_flow *more = realloc(q->flows, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		q->flows = more;
		q->room = room;
	}
	q->flows[q->nflows] = (struct question_flow){
		.cookie = e->cookie,
		.netns = e->netns,
		.packet = e->packet,
		.lport = e->lport,
		.rport = e->rport,
		.ifindex = e->ifindex,
	};
	memcpy(q->flows[q->nflows].local, e->local, sizeof(e->local));
	q->nflows++;
	return 0;
}

/* Answers by what was chosen before, if there is such a choice. */
static bool answer_remembered(struct question *q)
{
	struct questions *qs = q->in;
	const struct remembered *m = qs->remembered ? remember_find(qs->remembered, q) : NULL;
	struct question_event e = {.how = QUESTION_ANSWERED};
	char by[32];

	if (!m)
		return false;
	snprintf(by, sizeof(by), "answer %u", m->id);
	e.verdict = m->choice.verdict;
	e.choice = &m->choice;
	e.by = by;
	/* what ends with a process has no place in the kernel: there the next flow asks again */
	qs->ops.settle(qs->ops.arg, q, e.verdict, m->choice.life == CHOICE_PROGRAM ? 0 : remembered_until(m));
	end_question(q, &e);
	return true;
}

static int open_question(struct questions *qs, const struct cgw_asked *e, const struct cgw_question *first)
{
	struct question *q = calloc(1, sizeof(*q));
	struct question_event open = {.how = QUESTION_OPEN};

	if (!q)
		return -ENOMEM;
	q->id = e->question;
	q->key = e->key;
	q->first = *first;
	q->time = clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_BOOTTIME) - (int64_t)first->time);
	if (add_flow(q, e)) {
		free(q);
		return -ENOMEM;
	}
	if (!qs->ops.describe(qs->ops.arg, q)) {
		qs->ops.drop(qs->ops.arg, q);
		free_question(q);
		return 0;
	}
	link_question(qs, q);
	if (answer_remembered(q))
		return 0;
	q->deadline = clock_ns(CLOCK_REALTIME) + (int64_t)q->timeout_ms * 1000000;
	ev_timer_init(&q->timer, on_timeout, (double)q->timeout_ms / 1e3, 0.);
	q->timer.data = q;
	ev_timer_start(qs->loop, &q->timer);
	if (!ev_is_active(&qs->sweep)) {
		ev_timer_set(&qs->sweep, SWEEP_SECONDS, 0.);
		ev_timer_start(qs->loop, &qs->sweep);
	}
	qs->ops.log(qs->ops.arg, q, &open);
	add_note(qs, q, &open);
	return 0;
}

int questions_asked(struct questions *qs, const struct cgw_asked *e, const struct cgw_question *first)
{
	struct question *q = find(qs, e->question);
	struct question_event change = {.how = QUESTION_CHANGE};

	if (!q)
		return open_question(qs, e, first);
	if (add_flow(q, e))
		return -ENOMEM;
	/* of thousands that join, a few are worth a note */
	if (!(q->nflows & (q->nflows - 1)))
		add_note(qs, q, &change);
	return 0;
}

/* ---- answers ---- */

static uint64_t until_of(const struct choice *c)
{
	uint64_t now = (uint64_t)clock_ns(CLOCK_BOOTTIME);
	struct tm tm;
	time_t real = time(NULL);

	switch (c->life) {
	case CHOICE_TIME:
		return now + c->ms * 1000000;
	case CHOICE_TODAY:
		if (!localtime_r(&real, &tm))
			return 0;
		tm.tm_mday++;
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_isdst = -1;
		return now + (uint64_t)(mktime(&tm) - real) * 1000000000;
	case CHOICE_REBOOT:
		return ~UINT64_C(0);
	case CHOICE_ONCE:
	case CHOICE_PROGRAM:
	case CHOICE_EVER:
	case CHOICE_LIVES:
		break;
	}
	return 0;
}

/* Open questions that a new answer answers as well. */
static void answer_others(struct questions *qs, const struct remembered *m, const struct question_event *e)
{
	for (struct question *q = qs->oldest, *newer; q; q = newer) {
		newer = q->newer;
		if (!remembered_matches(m, q))
			continue;
		qs->ops.settle(qs->ops.arg, q, e->verdict, 0);
		end_question(q, e);
	}
}

static char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *text_of(const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	return text;
}

int questions_answer(struct questions *qs, uint64_t id, const struct choice *c, const char *by, char **text,
		     uint32_t *answer, size_t *nflows)
{
	struct question_event e = {.how = QUESTION_ANSWERED, .verdict = c->verdict, .choice = c, .by = by};
	struct question *q = find(qs, id);
	const char *wrong, *did = c->verdict == CGW_PASS ? "let through" : "refused";
	struct remembered m;
	char *message = NULL;
	int err = 0;

	*text = NULL;
	*answer = 0;
	*nflows = 0;
	if (!q) {
		*text = text_of("there is no open question %llu: it was answered, timed out, or nobody "
				"waits any more",
				(unsigned long long)id);
		return -ENOENT;
	}
	wrong = question_choosable(q, c);
	if (wrong) {
		*text = text_of("%s", wrong);
		return -EINVAL;
	}
	/* whoever waits comes first: what is to be kept takes its time, and may call for a recheck */
	qs->ops.settle(qs->ops.arg, q, c->verdict, until_of(c));
	unlink_question(q);
	*nflows = q->nflows;
	if (c->life != CHOICE_ONCE && !remembered_fill(&m, q, c, by)) {
		answer_others(qs, &m, &e);
		remembered_free(&m);
	}
	if (c->life == CHOICE_EVER)
		err = qs->ops.lasting(qs->ops.arg, q, c, by, answer, &message);
	else if (c->life != CHOICE_ONCE && qs->remembered)
		err = remember_add(qs->remembered, q, c, by, until_of(c), answer);
	*text = text_of("%zu flow%s %s%s%s", *nflows, *nflows == 1 ? " was" : "s were", did,
			err ? ", but the answer could not be kept: " : "",
			err ? message ? message : strerror(-err) : "");
	free(message);
	bury_question(q, &e);
	return err ? -EIO : 0;
}

void questions_recheck(struct questions *qs)
{
	for (struct question *q = qs->oldest, *newer; q; q = newer) {
		newer = q->newer;
		if (!qs->ops.asked(qs->ops.arg, q))
			drop_question(q, QUESTION_POLICY);
	}
}

/* ---- what can be chosen ---- */

const char *question_choosable(const struct question *q, const struct choice *c)
{
	if ((c->whom == CHOICE_NAME || c->whom == CHOICE_DOMAIN) && !q->domain)
		return "the address was not found by a name: an answer can be for the address, the port or "
		       "any";
	if (c->who == CHOICE_UNIT && !q->unit)
		return "the program runs in no unit: an answer can be for the program, the cgroup or the "
		       "user";
	if (c->who == CHOICE_CONTAINER && !q->container)
		return "the program runs in no container: an answer can be for the program, the cgroup or "
		       "the user";
	if (c->who == CHOICE_CGROUP && !q->cgroup)
		return "the program's cgroup is not known any more";
	if (c->port && c->life != CHOICE_ONCE && !q->key.port && q->key.proto != IPPROTO_ICMP &&
	    q->key.proto != IPPROTO_ICMPV6)
		return "the flow has no port";
	if (c->life == CHOICE_EVER && c->who == CHOICE_EXE && !q->exe)
		return "the host has no path for this program: an answer can hold until it ends";
	return NULL;
}

/* Second-level names below which everybody can have a name. Not a list of all of them: where it is one that
 * is missing, the domain that is offered is shown before it is chosen. */
static bool is_shared(const char *domain)
{
	static const char *const seconds[] = {"co",  "com", "net", "org", "gov", "gob",
					      "edu", "ac",  "ne",  "or",  "go",	 "mil"};
	size_t n = strcspn(domain, ".");

	if (!domain[n])
		return true; /* a top-level domain */
	if (strchr(domain + n + 1, '.') || strlen(domain + n + 1) != 2)
		return false;
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
		if (strlen(seconds[i]) == n && !memcmp(seconds[i], domain, n))
			return true;
	return false;
}

const char *question_domain(const struct question *q)
{
	const char *dot = q->domain ? strchr(q->domain, '.') : NULL;

	if (!dot || is_shared(dot + 1))
		return q->domain;
	return dot + 1;
}
