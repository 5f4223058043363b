// SPDX-License-Identifier: GPL-2.0-only
/* What the agent does again and again: the sign of life by which the kernel knows whether an `ask` can be
 * answered, and a look at which learned names are used. Each is due only while the policy asks, or mentions
 * names: otherwise nothing wakes the agent. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "inside.h"
#include "output.h"

#define BEAT_SECONDS 1.
#define USE_SECONDS (CGW_NAME_LOOK_NS / 1e9)

static void give(struct agent *a)
{
	int err = kernel_beat(a->kernel, true);

	if (err && !a->beat_failed)
		output_line(
			STDERR_FILENO,
			"cgwall: the kernel cannot be told that an agent lives (%s): `background` decides "
			"what asks",
			strerror(-err));
	a->beat_failed = err;
}

static void on_beat(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	give(w->data);
}

static void on_use(struct ev_loop *loop, ev_timer *w, int events)
{
	const struct agent *a = w->data;

	(void)loop;
	(void)events;
	kernel_names_use(a->kernel);
}

static void use_start(struct agent *a)
{
	if (!kernel_mentions(a->kernel)) {
		ev_timer_stop(a->loop, &a->use);
		return;
	}
	if (ev_is_active(&a->use))
		return;
	ev_timer_init(&a->use, on_use, USE_SECONDS, USE_SECONDS);
	a->use.data = a;
	ev_timer_start(a->loop, &a->use);
}

static void rest(struct agent *a)
{
	if (a->loop)
		ev_timer_stop(a->loop, &a->beat);
	if (a->kernel)
		kernel_beat(a->kernel, false);
}

void beat_start(struct agent *a)
{
	if (!a->kernel)
		return;
	use_start(a);
	if (!a->asks) {
		rest(a);
		return;
	}
	give(a);
	if (ev_is_active(&a->beat))
		return;
	ev_timer_init(&a->beat, on_beat, BEAT_SECONDS, BEAT_SECONDS);
	a->beat.data = a;
	ev_timer_start(a->loop, &a->beat);
}

void beat_stop(struct agent *a)
{
	if (a->loop)
		ev_timer_stop(a->loop, &a->use);
	rest(a);
}
