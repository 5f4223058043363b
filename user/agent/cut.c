// SPDX-License-Identifier: GPL-2.0-only
/* Connections that may not be any more are ended. One walk over all of them does for many refusals, and what
 * a walk costs says how soon the next may follow; one that is due is never put off. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hold.h"
#include "inside.h"
#include "output.h"

#define CUT_DELAY .02 /* seconds */
#define CUT_HOLD .7
#define CUT_MOST .7  /* whatever a walk costs */
#define CUT_SHARE 10 /* one part in so many of the CPU's time */

static double monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Where ending a connection fails its packets are dropped all the same, but its program waits for a time-out
 * instead of seeing an error. */
static void say_cut(size_t n, int err)
{
	if (n)
		output_line(STDOUT_FILENO,
			    "cgwall: cut %zu connection%s that the policy does not allow any more", n,
			    n == 1 ? "" : "s");
	if (err)
		output_line(STDERR_FILENO, "cgwall: some connections could be silenced but not closed: %s",
			    strerror(-err));
}

void cut_now(struct agent *a)
{
	size_t n;
	int err = kernel_cut(a->kernel, &n);

	say_cut(n, err);
	hold_recheck(a);
}

void cut_soon(struct agent *a)
{
	double wait = a->cut_cost * (CUT_SHARE - 1), hold = a->cut_hold - monotonic();

	if (ev_is_active(&a->cut))
		return;
	if (wait < CUT_DELAY)
		wait = CUT_DELAY;
	if (wait < hold)
		wait = hold;
	ev_now_update(a->loop);
	ev_timer_set(&a->cut, wait < CUT_MOST ? wait : CUT_MOST, 0.);
	ev_timer_start(a->loop, &a->cut);
}

void cut_hold(struct agent *a)
{
	double now = monotonic();

	if (now >= a->cut_hold)
		a->cut_hold = now + CUT_HOLD;
}

static void on_cut(struct ev_loop *loop, ev_timer *w, int events)
{
	struct agent *a = w->data;

	(void)events;
	a->cut_start = ev_now(loop);
	kernel_cut_begin(a->kernel);
}

static void on_cut_done(struct ev_loop *loop, ev_io *w, int events)
{
	struct agent *a = w->data;
	size_t n;
	int err = kernel_cut_end(a->kernel, &n);

	(void)events;
	a->cut_cost = ev_now(loop) - a->cut_start;
	say_cut(n, err);
	hold_recheck(a);
}

void cut_init(struct agent *a)
{
	ev_init(&a->cut, on_cut);
	a->cut.data = a;
}

void cut_start(struct agent *a)
{
	ev_io_init(&a->cut_done, on_cut_done, kernel_cut_fd(a->kernel), EV_READ);
	a->cut_done.data = a;
	ev_io_start(a->loop, &a->cut_done);
}
