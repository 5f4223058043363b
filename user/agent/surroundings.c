// SPDX-License-Identifier: GPL-2.0-only
/* A change comes into force at once, and so do a few that follow. More of them wait until they come to little
 * of the CPU's time: whoever makes a link flap a thousand times a second shall not keep the machine busy with
 * it, and what is true in the end is in force in the end.
 *
 * First the row of enabled rules; then the classes of interfaces; last, and some time later, the groups
 * `self` and `resolvers`, for which the policy is compiled anew from the texts that are in force.
 */
#include "surroundings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../event/json.h"
#include "../event/show.h"
#include "../state/clock.h"
#include "../state/follow.h"
#include "../state/links.h"
#include "../state/wifi.h"
#include "facts_json.h"
#include "changes.h"
#include "ifkeys.h"
#include "inside.h"
#include "load.h"
#include "output.h"
#include "standing.h"

#define SHARE 10	 /* one part in so many of the CPU's time, for a storm of changes */
#define REST_LEAST .002	 /* seconds between two changes that are put in force */
#define REST_AHEAD .05	 /* seconds of such rests that a few changes after a calm need not take */
#define RETRY .5	 /* after an error that should not be */
#define AGAIN_LEAST .05	 /* seconds that addresses have to stand still before all is compiled anew */
#define AGAIN_LONGEST 2. /* but so long at most */
#define AGAIN_FAILED 10. /* when that failed, doubled each time */
#define AGAIN_FAILED_MOST 300.

struct surroundings {
	struct agent *a;
	struct facts facts;
	struct links *links;
	struct wifi *wifi;
	struct clock *clock;
	struct follow *resolv;
	uint64_t netns;
	ev_timer pace, again;
	ev_io grace;
	bool following;
	unsigned pending;	   /* FACTS_*: told, and not in force yet */
	double next;		   /* not before, by the monotonic clock */
	double again_first;	   /* addresses have been changing since; 0: they have not */
	double again_failed;	   /* seconds to the next try; 0: it did not fail */
	double again_cost;	   /* seconds that it took the last time */
	bool zone;		   /* it has changed, and an `until` was read in another one */
	int unfollowed[2];	   /* what told_of() said last */
	char *stale;		   /* why `self` or `resolvers` are not what they should be; NULL: they are */
	struct seen seen;	   /* as the log has it */
	struct standing *standing; /* NULL: no policy is in force yet */
	const struct cgw_chunk *row[CGW_DIRS]; /* of the standing's last evaluation */
};

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double monotonic(void)
{
	return seconds(CLOCK_MONOTONIC);
}

/* ---- what the kernel does not tell of ---- */

/* The i-th of what is followed by inotify: 0, or why it is not. */
static int told_of(const struct surroundings *s, size_t i)
{
	return i ? follow_error(s->resolv) : clock_error(s->clock);
}

static const char *const followed[] = {"the time zone (/etc/localtime)", "the list of resolvers"};

static void unfollowed_text(size_t i, int err, char *ret, size_t size)
{
	snprintf(ret, size, "changes of %s are not told of (%s): it is looked at every few seconds",
		 followed[i], strerror(-err));
}

/* Says it once. */
static void say_unfollowed(struct surroundings *s)
{
	char text[160];

	for (size_t i = 0; i < 2; i++) {
		int err = told_of(s, i);

		if (!err == !s->unfollowed[i])
			continue;
		s->unfollowed[i] = err;
		if (err)
			unfollowed_text(i, err, text, sizeof(text));
		else
			snprintf(text, sizeof(text), "changes of %s are told of again", followed[i]);
		output_line(err ? STDERR_FILENO : STDOUT_FILENO, "cgwall: %s", text);
	}
}

/* ---- rules that are in force ---- */

/* Evaluates for the facts of the moment, or of a question: what is in force is kept apart from that
 * (standing_settle()). 0 or -ENOMEM. */
static int evaluate(struct surroundings *s, struct query *q)
{
	int err = facts_query(&s->facts, q);

	if (err)
		return err;
	enable_evaluate(s->standing->enable, q);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		s->row[dir] = s->standing->enable->dir[dir].row;
	return 0;
}

static void tell(void *arg, struct record *r)
{
	agent_record(arg, r);
}

/* Puts down what changed, and takes it for what is. */
static void settle(struct surroundings *s)
{
	struct seen now;

	if (!seen_take(&s->facts, &now)) {
		changes_tell(s->standing, &s->seen, &now, tell, s->a);
		seen_free(&s->seen);
		s->seen = now;
	}
	standing_settle(s->standing);
	agent_wake(s->a); /* not now: a client's request may have led here */
}

/* What may have changed is put in force after so many seconds. */
static void look_again(struct surroundings *s, double wait, unsigned what)
{
	s->pending |= what;
	ev_timer_stop(s->a->loop, &s->pace);
	ev_timer_set(&s->pace, wait, 0.);
	ev_timer_start(s->a->loop, &s->pace);
}

/* 0, -EAGAIN where it has to wait, or -errno. */
static int put_row(struct surroundings *s)
{
	struct query q = {0};
	bool changed = false;
	int err = evaluate(s, &q);
	int64_t at = q.time;

	query_free(&q);
	if (!err)
		err = kernel_enable(s->a->kernel, s->row, &changed);
	if (err)
		return err;
	if (changed)
		cut_soon(s->a);
	settle(s);
	err = clock_wait(s->clock, s->standing->enable, at);
	if (err == -ECANCELED)
		look_again(s, REST_LEAST, FACTS_CLOCK);
	else if (err)
		output_line(STDERR_FILENO, "cgwall: the clock cannot be followed: %s", strerror(-err));
	return 0;
}

/* ---- what takes compiling ---- */

static bool same_addresses(const struct addresses *a, uint8_t (*list)[16], size_t n)
{
	return a->n == n && (!n || !memcmp(a->list, list, n * sizeof(*list)));
}

/* Do the tables know other addresses than the host has now? */
static bool addresses_differ(const struct standing *st)
{
	uint8_t(*list)[16];
	bool differ = false;
	size_t n;

	if (st->wants_self && !world_self(&list, &n)) {
		differ = !same_addresses(&st->self, list, n);
		free(list);
	}
	if (st->wants_resolvers && !differ &&
	    !world_resolvers(WORLD_RESOLV_CONF, WORLD_RESOLVED_CONF, &list, &n)) {
		differ = !same_addresses(&st->resolvers, list, n);
		free(list);
	}
	return differ;
}

static void compile_soon(struct surroundings *s, double wait)
{
	double now = monotonic();

	if (s->again_first == 0.)
		s->again_first = now;
	if (wait < s->again_cost * SHARE)
		wait = s->again_cost * SHARE;
	if (wait < AGAIN_LONGEST && now + wait > s->again_first + AGAIN_LONGEST)
		wait = s->again_first + AGAIN_LONGEST - now;
	ev_timer_stop(s->a->loop, &s->again);
	ev_timer_set(&s->again, wait > 0. ? wait : 0., 0.);
	ev_timer_start(s->a->loop, &s->again);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int events)
{
	struct surroundings *s = w->data;
	double start = seconds(CLOCK_THREAD_CPUTIME_ID);
	char *message = NULL;

	(void)loop;
	(void)events;
	s->again_first = 0.;
	/* a full table of keys is the other reason to come here */
	if (!s->zone && !addresses_differ(s->standing) && !(s->pending & FACTS_LINKS)) {
		free(s->stale); /* they are as they were */
		s->stale = NULL;
		return;
	}
	if (!agent_again(s->a, "the host's addresses or interfaces or its time zone changed", &message)) {
		s->again_cost = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
		return;
	}
	free(s->stale);
	s->stale = message ? message : strdup("out of memory");
	s->again_failed = s->again_failed == 0. ? AGAIN_FAILED : 2. * s->again_failed;
	if (s->again_failed > AGAIN_FAILED_MOST)
		s->again_failed = AGAIN_FAILED_MOST;
	compile_soon(s, s->again_failed);
}

/* ---- pace ---- */

/* What is in force is not what should be; tried again soon, and never in silence. */
static void failed(struct surroundings *s, int err)
{
	output_line(STDERR_FILENO, "cgwall: a change of the surroundings is not in force yet: %s",
		    strerror(-err));
	look_again(s, RETRY, 0);
}

/* Is there an `until`? It is read by the time zone of the moment. */
static bool has_until(const struct enable *e)
{
	for (uint32_t i = 0; i < e->nfacts; i++)
		if (e->facts[i].kind == FACTS)
			return true;
	return false;
}

static void apply(struct surroundings *s)
{
	unsigned what = s->pending;
	/* what others do with the CPU meanwhile is no reason to wait longer */
	double start = seconds(CLOCK_THREAD_CPUTIME_ID), rest, now;
	bool changed = false;
	int err;

	s->pending = 0;
	if (what & FACTS_WIFI)
		cut_hold(s->a);
	if (s->standing->enable->nfacts && what & (FACTS_ACTIVE | FACTS_WIFI | FACTS_CLOCK)) {
		err = put_row(s);
		if (err)
			s->pending |= FACTS_ACTIVE; /* on_grace() */
		if (err && err != -EAGAIN)
			failed(s, err);
	}
	if (what & FACTS_LINKS) {
		err = ifkeys_put(s->a->kernel, &s->facts, s->netns, s->standing, &changed);
		if (changed)
			cut_soon(s->a);
		if (err)
			s->pending |= FACTS_LINKS;
		if (err && err != -EAGAIN)
			compile_soon(s, 0.);
	}
	if (what & (FACTS_ADDRESS | FACTS_RESOLVERS) &&
	    (s->standing->wants_self || s->standing->wants_resolvers))
		compile_soon(s, AGAIN_LEAST);
	if (what & FACTS_ZONE && has_until(s->standing->enable)) {
		s->zone = true;
		compile_soon(s, 0.);
	}
	rest = (seconds(CLOCK_THREAD_CPUTIME_ID) - start) * (SHARE - 1);
	now = monotonic();
	if (s->next < now - REST_AHEAD)
		s->next = now - REST_AHEAD;
	s->next += rest > REST_LEAST ? rest : REST_LEAST;
}

static void on_pace(struct ev_loop *loop, ev_timer *w, int events)
{
	struct surroundings *s = w->data;

	(void)loop;
	(void)events;
	if (s->pending)
		apply(s);
}

static void on_grace(struct ev_loop *loop, ev_io *w, int events)
{
	struct surroundings *s = w->data;

	(void)loop;
	(void)events;
	kernel_grace_read(s->a->kernel);
	if (s->pending && !ev_is_active(&s->pace))
		apply(s);
}

static void on_facts(void *arg, unsigned what)
{
	struct surroundings *s = arg;
	double wait;

	say_unfollowed(s);
	s->pending |= what;
	if (!s->following || ev_is_active(&s->pace))
		return;
	wait = s->next - monotonic();
	if (wait <= 0.) {
		apply(s);
		return;
	}
	ev_timer_set(&s->pace, wait, 0.);
	ev_timer_start(s->a->loop, &s->pace);
}

static void on_resolv(void *arg)
{
	struct surroundings *s = arg;

	facts_tell(&s->facts, FACTS_RESOLVERS);
}

/* ---- a policy ---- */

int surroundings_prepare(struct surroundings *s, const struct load *l, struct standing **ret)
{
	struct standing *st = NULL;
	struct query q = {0};
	int err;

	/* what has not been told yet is told by the policy that was in force then; the clock may have gone on
	 * while this one was compiled */
	if (s->following) {
		s->pending |= FACTS_CLOCK;
		apply(s);
	}
	err = facts_query(&s->facts, &q);
	if (!err)
		err = standing_new(l, &st);
	if (!err && st->ifaces)
		err = ifkeys_prepare(l->image, &s->facts, s->netns, st);
	if (!err) {
		judge_enable(l->image, &q, 0);
		enable_evaluate(st->enable, &q);
		*ret = st;
	} else {
		standing_free(st);
	}
	query_free(&q);
	return err;
}

void surroundings_discard(struct standing *st)
{
	standing_free(st);
}

void surroundings_adopt(struct surroundings *s, struct standing *st)
{
	struct query q = {0};
	struct seen now;

	if (s->standing) {
		/* what could not be put in force by then is told all the same */
		if (s->pending & (FACTS_ACTIVE | FACTS_WIFI | FACTS_CLOCK) && !evaluate(s, &q) &&
		    !seen_take(&s->facts, &now)) {
			changes_tell(s->standing, &s->seen, &now, tell, s->a);
			seen_free(&now);
		}
		query_free(&q);
		standing_inherit(st, s->standing);
		changes_tell_addresses(s->standing, st, tell, s->a);
	}
	standing_free(s->standing);
	s->standing = st;
	standing_settle(st);
	/* what the former policy did not ask about is no news now */
	if (!seen_take(&s->facts, &now)) {
		seen_free(&s->seen);
		s->seen = now;
	}
	free(s->stale);
	s->stale = NULL;
	s->zone = false;
	s->again_failed = 0.;
	/* interfaces came with the image; anything else that is pending is looked at under the new policy */
	s->pending = s->following ? FACTS_ACTIVE | FACTS_ADDRESS | FACTS_RESOLVERS : 0;
	if (s->following)
		apply(s);
}

void surroundings_follow(struct surroundings *s)
{
	ev_io_init(&s->grace, on_grace, kernel_grace_fd(s->a->kernel), EV_READ);
	s->grace.data = s;
	ev_io_start(s->a->loop, &s->grace);
	s->following = true;
	s->pending = FACTS_ACTIVE | FACTS_LINKS | FACTS_ADDRESS | FACTS_RESOLVERS;
	apply(s);
}

void surroundings_rest(struct surroundings *s)
{
	if (!s || !s->following)
		return;
	s->following = false;
	ev_io_stop(s->a->loop, &s->grace);
	ev_timer_stop(s->a->loop, &s->pace);
	ev_timer_stop(s->a->loop, &s->again);
}

/* ---- questions ---- */

int surroundings_query(struct surroundings *s, struct query *q, const struct cgw_chunk *const **row)
{
	bool given = q->has_active || q->has_wifi || q->has_time;
	int err;

	*row = NULL;
	if (!given)
		return facts_query(&s->facts, q);
	err = evaluate(s, q);
	if (!err)
		*row = s->row;
	return err;
}

const struct cgw_chunk *const *surroundings_wish(struct surroundings *s, enum cgw_dir dir,
						 bool (*open)(const void *arg, uint32_t entry),
						 const void *arg)
{
	struct query q = {0};
	int err;

	if (!s->standing->enable->dir[dir].row)
		return NULL;
	err = evaluate(s, &q);
	query_free(&q);
	if (err)
		return NULL;
	enable_wish(s->standing->enable, dir, open, arg);
	return s->row;
}

int surroundings_iface(struct surroundings *s, enum cgw_dir dir, const char *name, uint32_t *ret)
{
	*ret = 0;
	if (!s->standing->ifaces || !iface_matters(s->standing->ifaces, name))
		return 0;
	return iface_row(s->standing->ifaces, name, dir, ifkeys_write, s->a->kernel, ret);
}

bool surroundings_holds(const struct surroundings *s, enum cgw_dir dir, uint32_t number)
{
	return standing_holds(s->standing, dir, number);
}

/* ---- status ---- */

void surroundings_status(const struct surroundings *s, struct json_object *o, struct json_object *reasons)
{
	const struct standing *st = s->standing;
	struct json_object *around = json_object_new_object();
	char text[160];

	if (!around)
		return;
	json_put(around, "active", facts_json_active(&s->facts));
	json_put(around, "wifi", facts_json_wifi(&s->facts));
	json_put(around, "self", st->wants_self ? facts_json_addresses(st->self.list, st->self.n) : NULL);
	json_put(around, "resolvers", facts_json_addresses(st->resolvers.list, st->resolvers.n));
	json_put_text(around, "resolvers_set", st->resolvers_set);
	json_put_int(around, "overruns", (int64_t)links_overruns(s->links));
	json_put(o, "surroundings", around);
	standing_status(st, o);
	if (s->stale)
		json_object_array_add(reasons, json_text(s->stale));
	for (size_t i = 0; i < 2; i++) {
		if (!told_of(s, i))
			continue;
		unfollowed_text(i, told_of(s, i), text, sizeof(text));
		json_object_array_add(reasons, json_text(text));
	}
}

/* ---- opening ---- */

static int fail(char **message, int err, const char *what)
{
	char text[128];

	if (!err)
		return 0;
	snprintf(text, sizeof(text), "%s cannot be followed: %s", what, strerror(-err));
	*message = strdup(text);
	return err;
}

int surroundings_open(struct agent *a, struct surroundings **ret, char **message)
{
	static const char *const files[] = {WORLD_RESOLV_CONF, WORLD_RESOLVED_CONF};
	struct surroundings *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return fail(message, -ENOMEM, "the surroundings");
	s->a = a;
	facts_init(&s->facts, on_facts, s);
	ev_timer_init(&s->pace, on_pace, 0., 0.);
	ev_timer_init(&s->again, on_again, 0., 0.);
	s->pace.data = s->again.data = s;
	err = fail(message, links_netns(&s->netns), "the network namespace");
	if (!err)
		err = fail(message, links_open(a->loop, &s->facts, 0, &s->links), "the interfaces");
	if (!err)
		err = fail(message, wifi_open(a->loop, &s->facts, &s->wifi), "Wi-Fi");
	if (!err)
		err = fail(message, clock_open(a->loop, &s->facts, &s->clock), "the clock");
	if (!err)
		err = fail(message, follow_open(a->loop, files, 2, on_resolv, s, &s->resolv),
			   "the list of resolvers");
	if (err) {
		surroundings_close(s);
		return err;
	}
	say_unfollowed(s);
	*ret = s;
	return 0;
}

void surroundings_close(struct surroundings *s)
{
	if (!s)
		return;
	surroundings_rest(s);
	follow_close(s->resolv);
	clock_close(s->clock);
	wifi_close(s->wifi);
	links_close(s->links);
	facts_free(&s->facts);
	seen_free(&s->seen);
	standing_free(s->standing);
	free(s->stale);
	free(s);
}
