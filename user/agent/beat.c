// SPDX-License-Identifier: GPL-2.0-only
/* The sign of life by which the kernel knows whether an `ask` can be answered. It is due only while the
 * policy asks: otherwise nothing wakes the agent. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "inside.h"
#include "output.h"

#define BEAT_SECONDS 1.

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

void beat_start(struct agent *a)
{
	if (!a->kernel)
		return;
	if (!a->asks) {
		beat_stop(a);
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
		ev_timer_stop(a->loop, &a->beat);
	if (a->kernel)
		kernel_beat(a->kernel, false);
}
