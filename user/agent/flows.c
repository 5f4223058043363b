// SPDX-License-Identifier: GPL-2.0-only
/* `cgwall flows`: who talks with whom just now. A flow's rule is asked of the kernel's tables as the policy
 * is now, so that a flow that was let through by an earlier policy tells what holds of it today. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../event/json.h"
#include "../event/show.h"
#include "inside.h"
#include "requests.h"

struct flow_stream {
	struct agent *a;
	struct kernel_flow *flows;
	size_t n, at;
};

static void free_stream(void *state)
{
	struct flow_stream *s = state;

	free(s->flows);
	free(s);
}

static bool is_known(const uint8_t addr[16])
{
	static const uint8_t any6[16], any4[16] = {[10] = 0xff, [11] = 0xff};

	return memcmp(addr, any6, 16) && memcmp(addr, any4, 16);
}

/* The question whether this flow may be. */
static void put_question(const struct kernel_flow *f, const char *exe, const char *cgroup,
			 struct kernel_ask *ask)
{
	struct cgw_query *q = &ask->query;

	q->dir = f->dir;
	q->proto = f->proto;
	q->known = CGW_Q_REMOTE | CGW_Q_PROTO;
	if (show_proto_has_ports(f->proto))
		q->known |= CGW_Q_RPORT | CGW_Q_LPORT;
	if (is_known(f->local))
		q->known |= CGW_Q_LOCAL;
	if (f->who.known)
		q->known |= CGW_Q_UID | CGW_Q_GID;
	q->rport = f->rport;
	q->lport = f->lport;
	q->uid = f->who.uid;
	q->gid = f->who.gid;
	memcpy(q->remote, f->remote, 16);
	memcpy(q->local, f->local, 16);
	snprintf(ask->exe, sizeof(ask->exe), "%s", exe ? exe : "");
	snprintf(ask->cgroup, sizeof(ask->cgroup), "%s", cgroup && strcmp(cgroup, "/") ? cgroup : "");
}

static struct json_object *number(bool known, uint64_t n)
{
	return known ? json_object_new_int64((int64_t)n) : NULL;
}

static void put_rule(struct json_object *o, const struct agent *a, const struct kernel_flow *f,
		     const struct cgw_answer *answer)
{
	const struct rules *r = a->rules[0];
	const struct rules_entry *e = answer ? rules_get(r, (enum cgw_dir)f->dir, answer->entry.rule) : NULL;

	json_put(o, "rule", number(e, e ? answer->entry.rule : 0));
	json_put_text(o, "file", e && e->line ? rules_file(r, e->file) : NULL);
	json_put(o, "line", number(e && e->line, e ? e->line : 0));
	json_put_text(o, "app", e ? rules_app(r, e) : NULL);
}

static struct json_object *flow_json(struct agent *a, const struct kernel_flow *f)
{
	struct json_object *o = json_object_new_object();
	char domain[CGW_NAME_MAX], exe[CGW_PATH_MAX] = "", end[SHOW_END_MAX], proto[4];
	const char *cgroup = cgroups_path(a->cgroups, f->who.cgroup_id);
	bool ports = show_proto_has_ports(f->proto);
	struct kernel_ask *ask = calloc(1, sizeof(*ask));
	bool answered;

	if (!o || !ask) {
		json_object_put(o);
		free(ask);
		return NULL;
	}
	if (f->who.state == CGW_PATH_HOST)
		kernel_path(a->kernel, f->who.path[0], exe); /* "" where it was lost */
	put_question(f, exe, cgroup, ask);
	ask->netns = f->who.netns;
	answered = !kernel_ask(a->kernel, ask, NULL) && !ask->answer.error;
	json_put_bool(o, "ok", true);
	json_put_bool(o, "more", true);
	json_put_text(o, "dir", show_dir(f->dir));
	json_put_text(o, "proto", show_proto(f->proto, proto));
	show_end(f->local, is_known(f->local), f->lport, ports, end, sizeof(end));
	json_put_text(o, "local", end);
	show_end(f->remote, true, f->rport, ports, end, sizeof(end));
	json_put_text(o, "remote", end);
	json_put_text(o, "domain",
		      learned_find(a, ask->learned, f->remote, f->who.netns, domain) ? domain : NULL);
	json_put_int(o, "sent", (int64_t)f->sent);
	json_put_int(o, "received", (int64_t)f->received);
	put_rule(o, a, f, answered ? &ask->answer : NULL);
	json_put_text(o, "exe", *exe ? exe : NULL);
	json_put_text(o, "comm", f->who.known && *f->who.comm ? f->who.comm : NULL);
	json_put(o, "pid", number(f->who.known, f->who.pid));
	json_put(o, "uid", number(f->who.known, f->who.uid));
	json_put(o, "gid", number(f->who.known, f->who.gid));
	json_put_text(o, "cgroup", cgroup);
	free(ask);
	return o;
}

static struct json_object *next_flow(void *state, bool *end)
{
	struct flow_stream *s = state;
	struct json_object *o = requests_over(s->a, end);

	if (*end)
		return o;
	if (s->at < s->n) {
		o = flow_json(s->a, &s->flows[s->at++]);
		*end = !o;
		return o;
	}
	*end = true;
	o = json_object_new_object();
	if (o)
		json_put_bool(o, "ok", true);
	return o;
}

void flows_handle(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct flow_stream *s = calloc(1, sizeof(*s));
	struct json_object *o;
	char message[128];
	int err;

	(void)request;
	err = s ? kernel_flows(a->kernel, &s->flows, &s->n) : -ENOMEM;
	if (!err) {
		s->a = a;
		server_stream(c, next_flow, free_stream, s);
		return;
	}
	free(s);
	o = json_object_new_object();
	if (o) {
		snprintf(message, sizeof(message), "the flows cannot be listed: %s", strerror(-err));
		json_put_bool(o, "ok", false);
		json_put_text(o, "error", message);
	}
	server_reply(c, o);
}
