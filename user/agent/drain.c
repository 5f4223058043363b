// SPDX-License-Identifier: GPL-2.0-only
#include "drain.h"

#include <net/if.h>
#include <stdlib.h>
#include <time.h>

#include "inside.h"
#include "output.h"

struct drain {
	struct agent *a;
	int64_t boot_offset;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void on_event(void *arg, const struct cgw_event *e)
{
	const struct drain *d = arg;
	struct agent *a = d->a;
	char iface[IF_NAMESIZE], domain[CGW_NAME_MAX];
	struct record_context c = {.boot_offset = d->boot_offset};

	if (e->kind == CGW_EV_CUT) {
		cut_soon(a);
		return;
	}
	if (e->kind == CGW_EV_NAMES_FULL) {
		a->names_full = true; /* after the events */
		return;
	}
	if (e->kind != CGW_EV_VERDICT && e->kind != CGW_EV_ALARM)
		return;
	for (int i = 0; !c.rules && i < AGENT_GENERATIONS && a->rules[i]; i++)
		if (a->rules[i]->gen == e->gen)
			c.rules = a->rules[i];
	c.cgroup = cgroups_path(a->cgroups, e->cgroup);
	c.iface = e->ifindex ? if_indextoname(e->ifindex, iface) : NULL;
	if (e->known & CGW_Q_REMOTE && learned_find(a, e->name, e->remote, e->netns, domain))
		c.domain = domain;
	agent_record(a, record_new(e, &c));
}

/* Lines that found no room in the event buffer are missed, but never in silence. */
static void look_for_lost(struct agent *a)
{
	uint64_t value[CGW_COUNTERS];

	if (kernel_counters(a->kernel, value))
		return;
	if (value[CGW_ERR_EVENT_LOST] > a->lost)
		agent_record(a, record_lost(value[CGW_ERR_EVENT_LOST] - a->lost, now_ns()));
	a->lost = value[CGW_ERR_EVENT_LOST];
}

#define AGENT_ROOM_NS (10 * 1000000000LL) /* the kernel tells again, as long as there is no room */

/* The same policy once more has its spare classes free again. */
static void make_room(struct agent *a)
{
	char *message = NULL;

	a->names_full = false;
	if (now_ns() - a->since >= AGENT_ROOM_NS)
		agent_again(a, "more sets of names than there was room for", &message);
	free(message);
}

void drain_events(struct ev_loop *loop, ev_io *w, int events)
{
	struct agent *a = w->data;
	struct drain d = {.a = a, .boot_offset = record_boot_offset()};

	(void)loop;
	(void)events;
	kernel_read_events(a->kernel, on_event, &d);
	look_for_lost(a);
	if (a->names_full)
		make_room(a);
	output_flush();
}
