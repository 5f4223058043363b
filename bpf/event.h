/* SPDX-License-Identifier: GPL-2.0-only */
/* Log lines and hit counts. */
#ifndef CGWALL_BPF_EVENT_H
#define CGWALL_BPF_EVENT_H

#define EVENT_SHORT_PATH 128

/* With the verdict: */
#define EVENT_ONCE 0x100  /* only for a flow's first packet or datagram */
#define EVENT_USER 0x4000 /* it is about somebody who uses a socket that another program opened */
#define EVENT_IFACE(ifindex) \
	((__u64)(ifindex) << 32) /* by which a packet goes; other namespaces' have no name */

/* Tells the agent that there is a connection to end; where that is lost its program waits for a time-out. */
static __noinline int event_cut(void)
{
	struct cgw_event *e = bpf_ringbuf_reserve(&events, offsetof(struct cgw_event, path), 0);

	if (!e)
		return 0;
	e->kind = CGW_EV_CUT;
	e->size = offsetof(struct cgw_event, path);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* One more hit for the deciding entry. A function of its own, to keep what it takes off the caller's stack.
 * 0. */
static __noinline int event_hit(const struct cgw_query *q, const struct cgw_answer *a)
{
	const struct cgw_head *h = cgw_head_of(q->word);
	const struct cgw_dirhead *d;
	struct cgw_chunk *c;
	__u32 stripe = bpf_get_smp_processor_id() & (CGW_HIT_STRIPES - 1);

	if (!h)
		return 0;
	d = &h->dir[q->dir & 1];
	c = chunk_get(q->word, d->hits + stripe * d->hit_chunks + a->entry.rule / CGW_CHUNK_WORDS);
	if (c)
		__sync_fetch_and_add(&c->w[a->entry.rule & (CGW_CHUNK_WORDS - 1)], 1);
	return 0;
}

static __always_inline void event_fill(struct cgw_event *e, const struct cgw_query *q,
				       const struct cgw_answer *a, const struct cgw_who *w, __u64 cookie,
				       __u32 verdict, __u64 how)
{
	const struct cgw_ctl *c = ctl_get();

	e->kind = CGW_EV_VERDICT;
	e->time = bpf_ktime_get_boot_ns();
	e->gen = CGW_WORD_GEN(q->word);
	e->cgroup = w->cgroup_id;
	e->cookie = cookie;
	e->answer = *a;
	e->dir = q->dir;
	e->proto = q->proto;
	e->known = q->known;
	e->verdict = verdict;
	e->rport = q->rport;
	e->lport = q->lport;
	e->pid = w->pid;
	e->uid = w->uid;
	e->gid = w->gid;
	e->user = how & EVENT_USER ? 1 : 0;
	e->ifindex = c && c->netns && w->netns == c->netns ? how >> 32 : 0;
	__builtin_memcpy(e->remote, q->remote, 16);
	__builtin_memcpy(e->local, q->local, 16);
	__builtin_memcpy(e->comm, w->comm, sizeof(e->comm));
	e->alarm = e->reserved = 0;
	e->name = names_shown(q);
	e->netns = w->netns;
	e->path.c[0] = 0;
}

/* Was this flow's line written already? Remembers it where not. */
static __always_inline bool event_seen(const struct cgw_query *q, const struct cgw_answer *a, __u64 cookie)
{
	struct flow_key key = {.cookie = cookie,
			       .gen = CGW_WORD_GEN(q->word),
			       .prio = a->prio,
			       .port = q->rport,
			       .proto = q->proto,
			       .dir = q->dir};
	__u8 one = 1;

	__builtin_memcpy(key.addr, q->remote, 16);
	return bpf_map_update_elem(&logged, &key, &one, BPF_NOEXIST) != 0;
}

/* Is everything let through, whatever the rules say? */
static __always_inline bool event_observed(__u64 word)
{
	const struct cgw_head *h = cgw_head_of(word);

	return h && (h->flags & CGW_H_OBSERVE);
}

/* A log line. Without EVENT_ONCE a connect() is a flow of its own. */
__noinline int event_emit(const struct cgw_query *q, const struct cgw_answer *a, const struct cgw_who *w,
			  __u64 cookie, __u64 verdict_once)
{
	__u32 verdict = verdict_once & 0xff, long_path;
	struct cgw_key key = {.kind = CGW_KEY_PATH};
	struct cgw_named *n;
	struct cgw_event *e;
	long len = 0;

	if (!q || !a || !w)
		return -1;
	if ((verdict_once & EVENT_ONCE) && event_seen(q, a, cookie))
		return 0;
	if (event_observed(q->word))
		verdict = CGW_PASS; /* what is done, whatever the rule says */
	__builtin_memcpy(key.data, w->path[0], sizeof(key.data));
	n = bpf_map_lookup_elem(&paths, &key);
	long_path =
		n && n->path.c[EVENT_SHORT_PATH - 2]; /* what follows the NUL of a short path is not told */
	if (!long_path) {
		e = bpf_ringbuf_reserve(&events, offsetof(struct cgw_event, path) + EVENT_SHORT_PATH, 0);
		if (!e)
			goto lost;
		event_fill(e, q, a, w, cookie, verdict, verdict_once);
		e->size = offsetof(struct cgw_event, path) + EVENT_SHORT_PATH;
		if (n)
			len = bpf_probe_read_kernel_str(e->path.c, EVENT_SHORT_PATH, n->path.c);
	} else {
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
		if (!e)
			goto lost;
		event_fill(e, q, a, w, cookie, verdict, verdict_once);
		e->size = sizeof(*e);
		len = bpf_probe_read_kernel_str(e->path.c, sizeof(e->path), n->path.c);
	}
	e->path_len = len > 0 ? len - 1 : 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
lost:
	count(CGW_ERR_EVENT_LOST);
	return -1;
}
#endif
