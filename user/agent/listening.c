// SPDX-License-Identifier: GPL-2.0-only
/* A listening socket is allowed, whatever the rules say; whom it may hear is decided at each SYN or datagram.
 * Here the kernel's tables are asked whether there is anybody at all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../event/json.h"
#include "../event/show.h"
#include "inside.h"
#include "listening.h"

/* What is not known of whoever may come; a rule that would ask somebody may let him through. */
#define ANYBODY (CGW_DIMS_CALLER | CGW_WILD_ASK)
#define ANYWHERE (1u << CGW_DIM_LOCAL | 1u << CGW_DIM_LOCAL_LIST)

static bool is_wildcard(const uint8_t addr[16])
{
	static const uint8_t any6[16], any4[16] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(addr, any6, 16) || !memcmp(addr, any4, 16);
}

/* Would this entry let somebody through, were it in force? */
static bool is_wished(const void *arg, uint32_t entry)
{
	const struct rules *r = arg;
	const struct rules_entry *e =
		entry < r->nprio[CGW_IN] ? rules_get(r, CGW_IN, r->by_prio[CGW_IN][entry]) : NULL;

	return e && (e->action == CGW_PASS || e->action == CGW_ASK);
}

static bool is_refused(const struct kernel_ask *ask)
{
	uint8_t action = ask->possible.entry.action;

	if (ask->answer.error || ask->possible.error)
		return false;
	return ask->could == CGW_COULD_NEVER ||
	       (ask->could == CGW_COULD_SETTLED && action != CGW_PASS && action != CGW_ASK);
}

/* Asks about a socket, with rows of another moment where given. 1: nobody can reach it, 0: somebody may, or
 * -errno. */
static int put(struct agent *a, const struct kernel_flow *f, const struct cgw_chunk *const *row,
	       struct kernel_ask *ask)
{
	const char *cgroup = cgroups_path(a->cgroups, f->who.cgroup_id);
	struct cgw_query *q = &ask->query;
	int err;

	memset(ask, 0, sizeof(*ask));
	q->dir = CGW_IN;
	q->proto = f->proto;
	q->known = CGW_Q_PROTO | CGW_Q_LPORT | CGW_Q_UID | CGW_Q_GID;
	q->lport = f->lport;
	q->uid = f->who.uid;
	q->gid = f->who.gid;
	ask->wild = ANYBODY;
	if (is_wildcard(f->local)) {
		ask->wild |= ANYWHERE;
	} else {
		q->known |= CGW_Q_LOCAL;
		memcpy(q->local, f->local, 16);
	}
	ask->row = row;
	if (f->who.state == CGW_PATH_HOST) {
		err = kernel_path(a->kernel, f->who.path[0], ask->exe);
		if (err)
			return err;
	}
	if (cgroup && strcmp(cgroup, "/"))
		snprintf(ask->cgroup, sizeof(ask->cgroup), "%s", cgroup);
	err = kernel_ask(a->kernel, ask, NULL);
	return err ? err : is_refused(ask);
}

static struct json_object *describe(struct agent *a, const struct kernel_flow *f,
				    const struct kernel_ask *ask)
{
	struct json_object *o = json_object_new_object();
	char end[SHOW_END_MAX], proto[4];

	if (!o)
		return NULL;
	json_put_text(o, "proto", show_proto(f->proto, proto));
	show_end(f->local, true, f->lport, true, end, sizeof(end));
	json_put_text(o, "local", end);
	json_put_int(o, "rule", ask->possible.entry.rule);
	json_put_text(o, "exe", *ask->exe ? ask->exe : NULL);
	json_put_text(o, "comm", *f->who.comm ? f->who.comm : NULL);
	json_put_int(o, "pid", f->who.pid);
	json_put_int(o, "uid", f->who.uid);
	json_put_text(o, "cgroup", cgroups_path(a->cgroups, f->who.cgroup_id));
	return o;
}

struct json_object *listening_json(struct agent *a)
{
	struct json_object *list = json_object_new_array();
	struct kernel_ask *ask = malloc(sizeof(*ask));
	const struct cgw_chunk *const *wished;
	struct kernel_flow *socks = NULL;
	size_t n = 0;

	if (!list || !ask || a->observe || kernel_listening(a->kernel, &socks, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!socks[i].who.known || put(a, &socks[i], NULL, ask) != 1)
			continue;
		/* a rule that is not in force now may be at another time */
		wished = surroundings_wish(a->around, CGW_IN, is_wished, a->rules[0]);
		if (!wished || put(a, &socks[i], wished, ask) == 1)
			json_object_array_add(list, describe(a, &socks[i], ask));
	}
	free(socks);
	free(ask);
	return list;
}
