// SPDX-License-Identifier: GPL-2.0-only
/* Local time jumps, so that nothing is worked out from one day to the next: the minutes to come are looked at
 * one by one until one begins at which something may change, or at which local time has jumped. */
#include "clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "../compile/enable.h"
#include "facts.h"
#include "follow.h"

#define DAY_MINUTES 1440
#define HORIZON 2880 /* minutes; every fact changes, if it does, once in a day of at most 26 hours */
#define LOCALTIME "/etc/localtime"

struct clock {
	struct ev_loop *loop;
	struct facts *facts;
	struct follow *zone;
	ev_io io;
};

/* ---- what comes next ---- */

static struct tm local(int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm = {0};

	localtime_r(&t, &tm);
	return tm;
}

/* The second after `from` at which local time jumped; it has at `to`. */
static int64_t jump_between(int64_t from, int64_t to)
{
	long offset = local(from).tm_gmtoff;

	while (from + 1 < to) {
		int64_t mid = from + (to - from) / 2;

		if (local(mid).tm_gmtoff == offset)
			from = mid;
		else
			to = mid;
	}
	return to;
}

/* The next minute of the day that is marked, or the next jump. */
static int64_t next_minute(const bool marked[DAY_MINUTES], int64_t now)
{
	struct tm tm = local(now);
	int64_t at = now;

	for (int i = 0; i < HORIZON; i++) {
		int64_t next = at - tm.tm_sec + 60;
		long offset = tm.tm_gmtoff;

		tm = local(next);
		if (tm.tm_gmtoff != offset)
			return jump_between(at, next);
		if (marked[tm.tm_hour * 60 + tm.tm_min])
			return next;
		at = next;
	}
	return at;
}

int64_t clock_next(const struct enable *e, int64_t now)
{
	bool marked[DAY_MINUTES] = {false}, daily = false;
	int64_t next = CLOCK_NEVER, minute;

	for (uint32_t i = 0; i < e->nfacts; i++) {
		const struct enable_fact *f = &e->facts[i];

		if (f->kind == FACT_TIME)
			marked[f->from % DAY_MINUTES] = marked[f->to % DAY_MINUTES] = true;
		if (f->kind == FACT_DAYS)
			marked[0] = true;
		daily |= f->kind == FACT_TIME || f->kind == FACT_DAYS;
		if (f->kind == FACTS && f->until > now && f->until < next)
			next = f->until;
	}
	if (!daily)
		return next;
	minute = next_minute(marked, now);
	return minute < next ? minute : next;
}

/* ---- following it ---- */

static void on_timer(struct ev_loop *loop, ev_io *w, int events)
{
	struct clock *c = w->data;
	uint64_t n;

	(void)loop;
	(void)events;
	/* ECANCELED: the clock was set */
	if (read(w->fd, &n, sizeof(n)) < 0 && errno != ECANCELED)
		return;
	facts_tell(c->facts, FACTS_CLOCK);
}

/* musl reads the file again only where TZ has changed; glibc looks at it in any case. */
static void on_zone(void *arg)
{
	struct clock *c = arg;

	if (getenv("TZ"))
		return;
	setenv("TZ", "UTC0", 1);
	tzset();
	unsetenv("TZ");
	tzset();
	facts_tell(c->facts, FACTS_CLOCK | FACTS_ZONE);
}

int clock_open(struct ev_loop *loop, struct facts *f, struct clock **ret)
{
	static const char *const paths[] = {LOCALTIME};
	struct clock *c = calloc(1, sizeof(*c));
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK), err;

	if (!c || fd < 0) {
		err = c ? -errno : -ENOMEM;
		free(c);
		if (fd >= 0)
			close(fd);
		return err;
	}
	c->loop = loop;
	c->facts = f;
	ev_io_init(&c->io, on_timer, fd, EV_READ);
	c->io.data = c;
	err = follow_open(loop, paths, 1, on_zone, c, &c->zone);
	if (err) {
		clock_close(c);
		return err;
	}
	ev_io_start(loop, &c->io);
	*ret = c;
	return 0;
}

void clock_close(struct clock *c)
{
	if (!c)
		return;
	ev_io_stop(c->loop, &c->io);
	close(c->io.fd);
	follow_close(c->zone);
	free(c);
}

int clock_error(const struct clock *c)
{
	return c ? follow_error(c->zone) : 0;
}

int clock_wait(struct clock *c, const struct enable *e, int64_t at)
{
	struct itimerspec t = {0};
	int64_t next = clock_next(e, at);

	if (next != CLOCK_NEVER)
		t.it_value.tv_sec = (time_t)next;
	return timerfd_settime(c->io.fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &t, NULL) ? -errno : 0;
}
