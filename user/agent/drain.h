/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's events become lines of the log, and what else they ask for. */
#ifndef CGWALL_AGENT_DRAIN_H
#define CGWALL_AGENT_DRAIN_H

#include <ev.h>

/* Reads what is there; a callback of the events' descriptor, whose data is the struct agent. */
void drain_events(struct ev_loop *loop, ev_io *w, int events);

#endif
