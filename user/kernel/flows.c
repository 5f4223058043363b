/* SPDX-License-Identifier: GPL-2.0-only */
/* Live flows: the sockets that programs hold, the kernel's own connections, and for those without connections
 * what the packet hooks have noted of each peer. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cgwall/flow.h>

#include "iter.h"
#include "place.h"
#include "private.h"
#include "cgwall.skel.h"

#define FLOWS_BATCH 1024
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

struct sockets {
	struct cgw_live *all;
	size_t n, room;
};

static int add_socket(void *arg, const void *record)
{
	struct sockets *s = arg;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 1024;
		struct cgw_live *more = reallocarray(s->all, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->all = more;
		s->room = room;
	}
	memcpy(&s->all[s->n++], record, sizeof(*s->all));
	return 0;
}

static int read_kernels(struct kernel *k, void *s)
{
	return iter_walk(k->skel->progs.live_kernel, sizeof(struct cgw_live), add_socket, s);
}

/* Everything that the iterators write. */
static int read_sockets(struct kernel *k, struct cgw_live **ret, size_t *ret_n)
{
	struct sockets s = {0};
	int r = iter_walk(k->skel->progs.live, sizeof(struct cgw_live), add_socket, &s);

	if (!r)
		r = place_each(k, read_kernels, &s);
	if (r) {
		free(s.all);
		return r;
	}
	*ret = s.all;
	*ret_n = s.n;
	return 0;
}

static int compare_cookies(const void *a, const void *b)
{
	const struct cgw_live *x = a, *y = b;

	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

/* By cookie, each once. */
static size_t sort_sockets(struct cgw_live *list, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(list, n, sizeof(*list), compare_cookies);
	for (size_t i = 0; i < n; i++)
		if (!kept || list[kept - 1].cookie != list[i].cookie)
			list[kept++] = list[i];
	return kept;
}

struct noted {
	struct flow_id id;
	struct flow flow;
};

static int add_noted(struct noted **list, size_t *n, const struct flow_id *ids, const struct flow *flows,
		     size_t count)
{
	struct noted *more = realloc(*list, (*n + count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	*list = more;
	for (size_t i = 0; i < count; i++)
		more[(*n)++] = (struct noted){ids[i], flows[i]};
	return 0;
}

/* The table of datagram flows as it is just now. */
static int read_noted(struct kernel *k, struct noted **ret, size_t *ret_n)
{
	struct flow_id *ids = calloc(FLOWS_BATCH, sizeof(*ids));
	struct flow *flows = calloc(FLOWS_BATCH, sizeof(*flows));
	int fd = bpf_map__fd(k->skel->maps.flows), r = ids && flows ? 0 : -ENOMEM;
	uint32_t at = 0, size = FLOWS_BATCH;
	struct noted *list = NULL;
	bool first = true;
	size_t n = 0;

	while (!r) {
		uint32_t count = size;
		int error = bpf_map_lookup_batch(fd, first ? NULL : &at, &at, ids, flows, &count, NULL)
				    ? errno
				    : 0;

		if (error == ENOSPC && size < 65536) { /* a bucket holds more than that */
			struct flow_id *more_ids = realloc(ids, 2 * size * sizeof(*ids));
			struct flow *more = more_ids ? realloc(flows, 2 * size * sizeof(*flows)) : NULL;

			ids = more_ids ? more_ids : ids;
			flows = more ? more : flows;
			size *= 2;
			r = more ? 0 : -ENOMEM;
			continue;
		}
		if (error && error != ENOENT)
			r = -error;
		else
			r = add_noted(&list, &n, ids, flows, count);
		first = false;
		if (error == ENOENT)
			break;
	}
	free(ids);
	free(flows);
	if (r) {
		free(list);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static int compare_noted(const void *a, const void *b)
{
	return memcmp(&((const struct noted *)a)->id, &((const struct noted *)b)->id, sizeof(struct flow_id));
}

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static bool is_zero(const uint8_t addr[16])
{
	static const uint8_t zero[16];

	return !memcmp(addr, zero, sizeof(zero));
}

/* What one entry of the table stands for; false: nothing of its own. */
static bool from_noted(const struct noted *list, size_t n, const struct noted *e, const struct cgw_live *sock,
		       uint64_t now, struct kernel_flow *ret)
{
	bool in = CGW_DECIDED_DIR(e->flow.decided) == CGW_IN;
	struct noted answers = {.id = e->id}, *found;

	if (CGW_DECIDED_VERDICT(e->flow.decided) != CGW_PASS || now > e->flow.last + FLOW_LIFE_NS)
		return false;
	if (in && is_zero(e->id.local))
		return false; /* belongs to the entry of what came in */
	*ret = (struct kernel_flow){
		.who = sock->who,
		.cookie = e->id.cookie,
		.sent = e->flow.bytes[1],
		.received = e->flow.bytes[0],
		.proto = e->id.proto,
		.dir = in ? CGW_IN : CGW_OUT,
		.rport = e->id.rport,
		.lport = sock->lport,
	};
	memcpy(ret->remote, e->id.remote, 16);
	memcpy(ret->local, in ? e->id.local : sock->local, 16);
	if (in) {
		memset(answers.id.local, 0, 16);
		found = bsearch(&answers, list, n, sizeof(*list), compare_noted);
		ret->sent += found ? found->flow.bytes[1] : 0;
	}
	return true;
}

static bool from_socket(const struct cgw_live *s, struct kernel_flow *ret)
{
	if ((s->proto != IPPROTO_TCP && s->proto != IPPROTO_MPTCP) || !s->rport)
		return false;
	*ret = (struct kernel_flow){
		.who = s->who,
		.cookie = s->cookie,
		.sent = s->sent,
		.received = s->received,
		.proto = IPPROTO_TCP,
		.dir = s->dir == CGW_IN ? CGW_IN : CGW_OUT,
		.rport = s->rport,
		.lport = s->lport,
	};
	memcpy(ret->remote, s->remote, 16);
	memcpy(ret->local, s->local, 16);
	return true;
}

int kernel_flows(struct kernel *k, struct kernel_flow **ret, size_t *ret_n)
{
	struct kernel_flow *list = NULL, *at;
	struct cgw_live *socks = NULL;
	struct noted *noted = NULL;
	size_t nsocks = 0, nnoted = 0, n = 0;
	int r = read_sockets(k, &socks, &nsocks);

	if (!r)
		r = read_noted(k, &noted, &nnoted);
	if (!r) {
		list = calloc(nsocks + nnoted + 1, sizeof(*list));
		r = list ? 0 : -ENOMEM;
	}
	if (r)
		goto out;
	nsocks = sort_sockets(socks, nsocks);
	if (nnoted)
		qsort(noted, nnoted, sizeof(*noted), compare_noted);
	at = list;
	for (size_t i = 0; socks && i < nsocks; i++)
		at += from_socket(&socks[i], at);
	for (size_t i = 0; i < nnoted; i++) {
		struct cgw_live key = {.cookie = noted[i].id.cookie};
		const struct cgw_live *s =
			socks && nsocks ? bsearch(&key, socks, nsocks, sizeof(key), compare_cookies) : NULL;

		if (s)
			at += from_noted(noted, nnoted, &noted[i], s, boot_ns(), at);
	}
	n = (size_t)(at - list);
	*ret = list;
	*ret_n = n;
out:
	free(socks);
	free(noted);
	return r;
}

#define LISTENING 10 /* enum of TCP's states, which SCTP and DCCP use, too */

/* A port that a program has asked for by name; what the kernel gave to a client is none that anybody would
 * call. */
static bool is_open(const struct cgw_live *s)
{
	if (s->proto == IPPROTO_UDP || s->proto == IPPROTO_UDPLITE)
		return s->lport && !s->rport && s->bound;
	return s->state == LISTENING;
}

int kernel_listening(struct kernel *k, struct kernel_flow **ret, size_t *ret_n)
{
	struct kernel_flow *list;
	struct cgw_live *socks = NULL;
	size_t nsocks = 0, n = 0;
	int r = read_sockets(k, &socks, &nsocks);

	if (r)
		return r;
	nsocks = sort_sockets(socks, nsocks);
	list = calloc(nsocks + 1, sizeof(*list));
	for (size_t i = 0; list && socks && i < nsocks; i++) {
		if (!is_open(&socks[i]))
			continue;
		list[n] = (struct kernel_flow){
			.who = socks[i].who,
			.cookie = socks[i].cookie,
			.proto = socks[i].proto == IPPROTO_MPTCP ? IPPROTO_TCP : (uint8_t)socks[i].proto,
			.dir = CGW_IN,
			.lport = socks[i].lport,
		};
		memcpy(list[n++].local, socks[i].local, 16);
	}
	free(socks);
	if (!list)
		return -ENOMEM;
	*ret = list;
	*ret_n = n;
	return 0;
}

int kernel_path(struct kernel *k, const uint8_t hash[16], char ret[CGW_PATH_MAX])
{
	struct cgw_key key = {.kind = CGW_KEY_PATH};
	struct cgw_named *n = malloc(sizeof(*n));
	int r = n ? 0 : -ENOMEM;

	memcpy(key.data, hash, sizeof(key.data));
	if (!r && bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.paths), &key, n))
		r = -errno;
	if (!r) {
		memcpy(ret, n->path.c, CGW_PATH_MAX);
		ret[CGW_PATH_MAX - 1] = '\0';
	}
	free(n);
	return r;
}
