// SPDX-License-Identifier: GPL-2.0-only
/* `cgwall names`: what was learned from DNS and is in force, as the kernel's tables have it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../event/json.h"
#include "../event/show.h"
#include "inside.h"
#include "requests.h"

struct name_stream {
	struct agent *a;
	struct cgw_bound *list;
	size_t n, room, at;
	uint64_t now; /* boot clock */
	int64_t boot_offset;
};

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static void free_stream(void *state)
{
	struct name_stream *s = state;

	free(s->list);
	free(s);
}

bool learned_find(struct agent *a, uint64_t ref, const uint8_t addr[16], uint64_t netns,
		  char ret[CGW_NAME_MAX])
{
	uint64_t now = boot_ns();
	struct cgw_bound b;
	struct cgw_name n;

	if (!ref && netns && !kernel_bound(a->kernel, addr, netns, &b) && b.until > now)
		ref = b.asked;
	if (!ref || kernel_name(a->kernel, ref, &n))
		return false;
	memcpy(ret, n.text, CGW_NAME_MAX);
	return true;
}

static int collect(void *arg, const struct cgw_bound *b)
{
	struct name_stream *s = arg;

	if (b->until <= s->now)
		return 0;
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct cgw_bound *more = realloc(s->list, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->list = more;
		s->room = room;
	}
	s->list[s->n++] = *b;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct cgw_bound *x = a, *y = b;

	if (x->netns != y->netns)
		return x->netns < y->netns ? -1 : 1;
	return memcmp(x->addr, y->addr, sizeof(x->addr));
}

static struct json_object *name_json(struct name_stream *s, const struct cgw_binding *b,
				     const struct cgw_name *n, bool last)
{
	struct json_object *o = json_object_new_object();
	char exe[CGW_PATH_MAX], time[SHOW_TIME_MAX];
	const char *cgroup;

	if (!o)
		return NULL;
	json_put_text(o, "name", n->text);
	json_put_bool(o, "asked", b->flags & CGW_BINDING_ASKED);
	json_put_bool(o, "last", last);
	show_time((int64_t)b->until + s->boot_offset, time, sizeof(time));
	json_put_text(o, "until", time);
	json_put_int(o, "seconds", (int64_t)((b->until - s->now) / CGW_NAME_NS_PER_S));
	json_put_bool(o, "used", b->used > s->now / CGW_NAME_NS_PER_S);
	json_put_int(o, "pid", b->pid);
	json_put_int(o, "uid", n->uid);
	json_put_text(o, "exe", kernel_path(s->a->kernel, n->path, exe) ? NULL : exe);
	cgroup = cgroups_path(s->a->cgroups, n->cgroup);
	json_put_text(o, "cgroup", cgroup);
	return o;
}

/* Numbers of the rules to which the names make a difference. */
static struct json_object *rules_json(struct name_stream *s, struct cgw_name *names, size_t n)
{
	static struct cgw_chunk bits[CGW_CHUNKS_MAX];
	struct json_object *o = json_object_new_object();
	char *texts[CGW_BOUND_NAMES];

	for (size_t i = 0; i < n; i++)
		texts[i] = names[i].text;
	for (int dir = 0; o && dir < CGW_DIRS; dir++) {
		struct json_object *list = json_object_new_array();
		uint32_t *rules = NULL, nchunks;
		size_t nrules = 0;

		if (!kernel_name_rules(s->a->kernel, (enum cgw_dir)dir, texts, n, bits, &nchunks))
			rules_matched(s->a->rules[0], (enum cgw_dir)dir, bits, nchunks, &rules, &nrules);
		for (size_t i = 0; list && i < nrules; i++)
			json_object_array_add(list, json_object_new_int64(rules[i]));
		free(rules);
		json_put(o, show_dir((unsigned)dir), list);
	}
	return o;
}

static struct json_object *bound_json(struct name_stream *s, const struct cgw_bound *b)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();
	char addr[SHOW_END_MAX], time[SHOW_TIME_MAX];
	struct cgw_name names[CGW_BOUND_NAMES];
	size_t n = 0;

	if (!o || !list) {
		json_object_put(o);
		json_object_put(list);
		return NULL;
	}
	show_addr(b->addr, addr, sizeof(addr));
	show_time((int64_t)b->until + s->boot_offset, time, sizeof(time));
	json_put_bool(o, "ok", true);
	json_put_bool(o, "more", true);
	json_put_text(o, "address", addr);
	json_put_int(o, "netns", (int64_t)b->netns);
	json_put_bool(o, "home", b->netns == kernel_home(s->a->kernel));
	json_put_text(o, "until", time);
	for (int pass = 0; pass < 2; pass++) { /* the one that was asked for last comes first */
		for (int i = 0; i < CGW_BOUND_NAMES; i++) {
			const struct cgw_binding *one = &b->names[i];
			bool last = one->name == b->asked;

			if (last != !pass || !one->name || one->until <= s->now ||
			    kernel_name(s->a->kernel, one->name, &names[n]))
				continue;
			json_object_array_add(list, name_json(s, one, &names[n], last));
			n++;
		}
	}
	json_put(o, "names", list);
	json_put(o, "rules", rules_json(s, names, n));
	return o;
}

static struct json_object *next_name(void *state, bool *end)
{
	struct name_stream *s = state;
	struct json_object *o = requests_over(s->a, end);

	if (*end)
		return o;
	if (s->at < s->n) {
		o = bound_json(s, &s->list[s->at++]);
		*end = !o;
		return o;
	}
	*end = true;
	o = json_object_new_object();
	if (o)
		json_put_bool(o, "ok", true);
	return o;
}

void learned_handle(struct agent *a, struct server_client *c, struct json_object *request)
{
	struct name_stream *s = calloc(1, sizeof(*s));
	struct json_object *o;
	char message[128];
	int err = -ENOMEM;

	(void)request;
	if (s) {
		s->a = a;
		s->now = boot_ns();
		s->boot_offset = record_boot_offset();
		err = kernel_names(a->kernel, collect, s);
	}
	if (!err) {
		if (s->n)
			qsort(s->list, s->n, sizeof(*s->list), compare);
		server_stream(c, next_name, free_stream, s);
		return;
	}
	if (s)
		free_stream(s);
	o = json_object_new_object();
	if (o) {
		snprintf(message, sizeof(message), "the names cannot be listed: %s", strerror(-err));
		json_put_bool(o, "ok", false);
		json_put_text(o, "error", message);
	}
	server_reply(c, o);
}
