/* SPDX-License-Identifier: GPL-2.0-only */
/* The hooks. Each turns its call into a query, asks decide(), and does what comes out. */
#ifndef CGWALL_BPF_HOOKS_H
#define CGWALL_BPF_HOOKS_H

#define HOOK_REFUSE 0
#define HOOK_ALLOW 1

#define EVENT_SHORT_PATH 128

/* One more hit for the deciding entry. */
static __always_inline void hooks_hit(const struct cgw_query *q, const struct cgw_answer *a)
{
	const struct cgw_head *h = cgw_head_of(q->word);
	const struct cgw_dirhead *d;
	struct cgw_chunk *c;
	__u32 stripe = bpf_get_smp_processor_id() & (CGW_HIT_STRIPES - 1);

	if (!h)
		return;
	d = &h->dir[q->dir & 1];
	c = chunk_get(q->word, d->hits + stripe * d->hit_chunks + a->entry.rule / CGW_CHUNK_WORDS);
	if (c)
		__sync_fetch_and_add(&c->w[a->entry.rule & (CGW_CHUNK_WORDS - 1)], 1);
}

static __always_inline void event_fill(struct cgw_event *e, const struct cgw_query *q, const struct cgw_answer *a,
				       __u64 cookie, __u32 verdict)
{
	e->kind = CGW_EV_VERDICT;
	e->time = bpf_ktime_get_boot_ns();
	e->gen = CGW_WORD_GEN(q->word);
	e->cgroup = bpf_get_current_cgroup_id();
	e->cookie = cookie;
	e->answer = *a;
	e->dir = q->dir;
	e->proto = q->proto;
	e->known = q->known;
	e->verdict = verdict;
	e->rport = q->rport;
	e->lport = q->lport;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->uid = q->uid;
	e->gid = q->gid;
	e->ifindex = 0;
	__builtin_memcpy(e->remote, q->remote, 16);
	__builtin_memcpy(e->local, q->local, 16);
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	e->path_len = 0;
	e->reserved[0] = e->reserved[1] = e->reserved[2] = 0;
}

/* Was this flow's line written already? Remembers it where not. */
static __always_inline bool event_seen(const struct cgw_query *q, const struct cgw_answer *a, __u64 cookie)
{
	struct flow_key key = {.cookie = cookie, .gen = CGW_WORD_GEN(q->word), .prio = a->prio, .port = q->rport,
			       .proto = q->proto, .dir = q->dir};
	__u8 one = 1;

	__builtin_memcpy(key.addr, q->remote, 16);
	return bpf_map_update_elem(&logged, &key, &one, BPF_NOEXIST) != 0;
}

/* A log line. `once`: only for a flow's first call (datagrams); a connect() is a flow of its own. */
__noinline int event_emit(const struct cgw_query *q, const struct cgw_answer *a, __u64 cookie, __u32 verdict,
			  __u32 once)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, len = 0;
	struct cgw_proc *rec;
	struct cgw_event *e;

	if (!q || !a)
		return -1;
	if (once && event_seen(q, a, cookie))
		return 0;
	rec = bpf_map_lookup_elem(&procs, &tgid);
	if (rec)
		len = rec->len;
	if (len < EVENT_SHORT_PATH) {
		e = bpf_ringbuf_reserve(&events, offsetof(struct cgw_event, path) + EVENT_SHORT_PATH, 0);
		if (!e)
			goto lost;
		e->size = offsetof(struct cgw_event, path) + EVENT_SHORT_PATH;
		event_fill(e, q, a, cookie, verdict);
		e->path.c[0] = 0;
		if (rec && !bpf_probe_read_kernel(e->path.c, EVENT_SHORT_PATH, rec->path.c))
			e->path_len = len;
		e->path.c[EVENT_SHORT_PATH - 1] = 0;
	} else {
		e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
		if (!e)
			goto lost;
		e->size = sizeof(*e);
		event_fill(e, q, a, cookie, verdict);
		e->path.c[0] = 0;
		if (rec && !bpf_probe_read_kernel(e->path.c, sizeof(e->path), rec->path.c))
			e->path_len = len;
	}
	bpf_ringbuf_submit(e, 0);
	return 0;
lost:
	count(CGW_ERR_EVENT_LOST);
	return -1;
}

/* Judges q, counts and logs it. What is to be done: CGW_PASS, CGW_BLOCK or CGW_REJECT. */
static __always_inline __u32 hooks_judge(struct cgw_query *q, __u64 cookie, __u32 once)
{
	const struct cgw_head *h = cgw_head_of(q->word);
	struct cgw_answer a = {};
	__u32 verdict = CGW_BLOCK;
	int r = who_fill(q);

	if (r)
		a.error = r;
	else
		cgw_decide(q, &a);
	if (!a.error) {
		verdict = a.entry.action;
		if (verdict == CGW_ASK)
			verdict = CGW_BLOCK; /* nobody can be asked from here */
		hooks_hit(q, &a);
	} else {
		count(a.error & (CGW_ERRORS - 1));
	}
	if (h && (h->flags & CGW_H_OBSERVE) && verdict != CGW_PASS) {
		count(CGW_CNT_OBSERVED);
		event_emit(q, &a, cookie, verdict, once);
		return CGW_PASS;
	}
	/* a refusal without a rule is always told */
	if (a.error || (a.entry.flags & CGW_E_LOG))
		event_emit(q, &a, cookie, verdict, once);
	count(verdict == CGW_PASS ? CGW_CNT_PASS : verdict == CGW_REJECT ? CGW_CNT_REJECT : CGW_CNT_BLOCK);
	return verdict;
}

/* A call with a destination: connect, sendto, sendmsg. q->remote and q->rport are filled. */
static __always_inline int hooks_call(struct bpf_sock_addr *ctx, const struct cgw_ctl *c, struct cgw_query *q,
				      __u32 once)
{
	__u32 verdict;

	q->word = *(volatile __u64 *)&c->word;
	q->dir = CGW_OUT;
	q->proto = ctx->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : ctx->protocol;
	q->rport = bpf_ntohs(ctx->user_port);
	q->known = CGW_Q_REMOTE | CGW_Q_PROTO | CGW_Q_RPORT;
	cgw_fold(q->remote);
	verdict = hooks_judge(q, bpf_get_socket_cookie(ctx), once);
	if (verdict == CGW_PASS)
		return HOOK_ALLOW;
	if (verdict == CGW_REJECT)
		bpf_set_retval(-ECONNREFUSED);
	return HOOK_REFUSE;
}

static __always_inline int hooks_call4(struct bpf_sock_addr *ctx, __u32 once)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_query q = {};
	__u32 *a = (__u32 *)q.remote;

	if (!c)
		return HOOK_REFUSE;
	if (!who_guarded(c))
		return HOOK_ALLOW;
	a[2] = bpf_htonl(0xffff);
	a[3] = ctx->user_ip4;
	return hooks_call(ctx, c, &q, once);
}

static __always_inline int hooks_call6(struct bpf_sock_addr *ctx, __u32 once)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_query q = {};
	__u32 *a = (__u32 *)q.remote;

	if (!c)
		return HOOK_REFUSE;
	if (!who_guarded(c))
		return HOOK_ALLOW;
	a[0] = ctx->user_ip6[0];
	a[1] = ctx->user_ip6[1];
	a[2] = ctx->user_ip6[2];
	a[3] = ctx->user_ip6[3];
	return hooks_call(ctx, c, &q, once);
}

SEC("cgroup/connect4")
int hook_connect4(struct bpf_sock_addr *ctx)
{
	return hooks_call4(ctx, 0);
}

SEC("cgroup/connect6")
int hook_connect6(struct bpf_sock_addr *ctx)
{
	return hooks_call6(ctx, 0);
}

SEC("cgroup/sendmsg4")
int hook_sendmsg4(struct bpf_sock_addr *ctx)
{
	return hooks_call4(ctx, 1);
}

SEC("cgroup/sendmsg6")
int hook_sendmsg6(struct bpf_sock_addr *ctx)
{
	return hooks_call6(ctx, 1);
}

/* Sockets whose traffic the calls above do not see: raw ones carry whatever they like and follow
 * `set sockets-other`; those of other protocols are let through where a rule passes the whole protocol. */
SEC("cgroup/sock_create")
int hook_sock_create(struct bpf_sock *ctx)
{
	__u32 type = ctx->type, proto = ctx->protocol;
	struct cgw_ctl *c = ctl_get();
	const struct cgw_head *h;
	struct cgw_query q = {};
	__u32 verdict;

	if (!c)
		return HOOK_REFUSE;
	if (!who_guarded(c))
		return HOOK_ALLOW;
	if (type == SOCK_STREAM && (proto == IPPROTO_TCP || proto == IPPROTO_MPTCP))
		return HOOK_ALLOW;
	if (type == SOCK_DGRAM && proto == IPPROTO_UDP)
		return HOOK_ALLOW;
	q.word = *(volatile __u64 *)&c->word;
	h = cgw_head_of(q.word);
	if (!h)
		return HOOK_REFUSE;
	if (type == SOCK_RAW && q.word) {
		if (h->flags & (CGW_H_OTHER_PASS | CGW_H_OBSERVE))
			return HOOK_ALLOW;
		count(CGW_CNT_SOCKET);
		return HOOK_REFUSE;
	}
	q.dir = CGW_OUT;
	q.proto = proto;
	q.known = CGW_Q_PROTO;
	verdict = hooks_judge(&q, bpf_get_socket_cookie(ctx), 0);
	if (verdict == CGW_PASS)
		return HOOK_ALLOW;
	count(CGW_CNT_SOCKET);
	return HOOK_REFUSE;
}

#endif
