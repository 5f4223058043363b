/* SPDX-License-Identifier: GPL-2.0-only */
/* The hooks of system calls: connect, sendto and sendmsg with a destination, socket. They refuse early and
 * with a clear error; packet.h sees what really leaves. */
#ifndef CGWALL_BPF_HOOKS_H
#define CGWALL_BPF_HOOKS_H

#define HOOK_REFUSE 0
#define HOOK_ALLOW 1

/* Does this datagram answer one that was let in? */
static __noinline bool hooks_answers(const struct cgw_query *q, __u64 cookie)
{
	struct flow_id id = {.cookie = cookie, .rport = q->rport, .proto = q->proto};
	struct flow *f;
	__u64 now;

	__builtin_memcpy(id.remote, q->remote, 16);
	f = bpf_map_lookup_elem(&flows, &id);
	if (!f || CGW_DECIDED_DIR(f->decided) != CGW_IN || CGW_DECIDED_WORD(f->decided) != q->word ||
	    CGW_DECIDED_VERDICT(f->decided) != CGW_PASS)
		return false;
	now = bpf_ktime_get_boot_ns();
	if (now >= f->last + FLOW_LIFE_NS)
		return false;
	f->last = now; /* where the policy asks for interfaces, no packet looks at this entry */
	return true;
}

/* Does the policy ask for what only a packet can tell? */
static __always_inline bool hooks_late(__u64 word)
{
	const struct cgw_head *h = cgw_head_of(word);

	return h && (h->dir[CGW_OUT].dims & CGW_DIMS_LATE);
}

#define HOOKS_SYNS 127 /* the most TCP_SYNCNT can be: a connection waits as long as anybody may think */

/* A connection that is about to be held gets the patience for it; another one that its socket makes later has
 * its own again. */
static __always_inline void hooks_patience(struct bpf_sock_addr *ctx, struct cgw_sock *s, bool wait)
{
	int own = 0, most = HOOKS_SYNS;

	if (!(s->flags & CGW_SOCK_PATIENT) == !wait)
		return;
	if (wait) {
		if (bpf_getsockopt(ctx, IPPROTO_TCP, TCP_SYNCNT, &own, sizeof(own)) ||
		    bpf_setsockopt(ctx, IPPROTO_TCP, TCP_SYNCNT, &most, sizeof(most)))
			return;
		s->syns = own;
		s->flags |= CGW_SOCK_PATIENT;
	} else {
		own = s->syns;
		bpf_setsockopt(ctx, IPPROTO_TCP, TCP_SYNCNT, &own, sizeof(own));
		s->flags &= ~CGW_SOCK_PATIENT;
	}
}

/* Would both be asked about alike? */
static __always_inline bool hooks_alike(const struct cgw_who *a, const struct cgw_who *b)
{
	if (a->state != CGW_PATH_HOST || b->state != CGW_PATH_HOST || a->uid != b->uid ||
	    a->cgroup_id != b->cgroup_id)
		return false;
	for (int i = 0; i < 16; i++)
		if (a->path[PATH_EXE][i] != b->path[PATH_EXE][i])
			return false;
	return true;
}

/* The caller, who is not the socket's opener, in a buffer of his own; NULL where none is free. A question
 * about him alone could not be held, since packets tell of the opener: *how says so then. */
static __noinline struct scratch *hooks_caller(const struct cgw_sock *opener, bool wait, __u32 *how)
{
	struct scratch *s = scratch_get();

	if (!s)
		return NULL;
	s->who.netns = opener->who.netns;
	who_caller(&s->who);
	if (!wait || !hooks_alike(&s->who, &opener->who))
		*how |= JUDGE_UNHELD;
	return s;
}

/* Somebody outside calls. His own sockets are not our business; what he does with one that somebody guarded
 * opened is judged by its packets, and by where they go now. */
static __always_inline int hooks_stranger(struct bpf_sock_addr *ctx)
{
	struct cgw_sock *s = ctx->sk ? bpf_sk_storage_get(&socks, ctx->sk, 0, 0) : NULL;

	if (s) {
		*(volatile __u64 *)&s->decided = 0;
		*(volatile __u64 *)&s->call = 0;
	}
	return HOOK_ALLOW;
}

/* A call with a destination. q->remote is filled; how: 0 for connect, JUDGE_ONCE for datagrams. */
static __noinline int hooks_call(struct bpf_sock_addr *ctx, struct cgw_query *q, __u64 call, __u32 how)
{
	struct cgw_sock *s;
	bool late = hooks_late(q->word), same;
	__u32 verdict;

	if (ctx->sk && ctx->protocol == IPPROTO_TCP && owner_added(ctx->sk))
		return HOOK_ALLOW; /* nobody called; its packets are judged as its connection's */
	s = ctx->sk ? bpf_sk_storage_get(&socks, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : NULL;
	if (!s) {
		count(CGW_ERR_TABLE);
		return HOOK_REFUSE;
	}
	if (!s->who.known)
		owner_subflow(ctx->sk);
	if (!s->who.known && !owner_note_kernel(s, owner_address(ctx->sk)))
		who_caller(&s->who);
	same = (s->flags & CGW_SOCK_KERNEL) || who_same(&s->who);
	if (call && same && *(volatile __u64 *)&s->call == call)
		return HOOK_ALLOW; /* again the same destination, under the same policy */
	q->dir = CGW_OUT;
	q->proto = ctx->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : ctx->protocol;
	q->rport = bpf_ntohs(ctx->user_port);
	q->known = CGW_Q_REMOTE | CGW_Q_PROTO | CGW_Q_RPORT;
	cgw_fold(q->remote);
	s->who.netns = bpf_get_netns_cookie(ctx);
	if (q->proto != IPPROTO_TCP && hooks_answers(q, bpf_get_socket_cookie(ctx)))
		return HOOK_ALLOW;
	names_given(q, &s->who, 0);
	if (late)
		how |= JUDGE_EARLY | JUDGE_QUIET | JUDGE_AGAIN; /* what passes is told by its packets */
	if (!answer_can_wait(q->proto))
		how |= JUDGE_UNHELD;
	verdict = judge(q, &s->who, bpf_get_socket_cookie(ctx), same ? how : how | JUDGE_QUIET);
	if (!same && (verdict == CGW_PASS || verdict == CGW_ASK || verdict == CGW_LATER)) {
		/* the caller is judged as himself, too */
		struct scratch *other = hooks_caller(s, verdict == CGW_ASK, &how);
		__u32 own = CGW_BLOCK;

		if (other) {
			q->ask = 0;
			own = judge(q, &other->who, bpf_get_socket_cookie(ctx), how);
			scratch_put(other);
		}
		if (own == CGW_LATER)
			own = CGW_BLOCK; /* a packet tells nothing of who else is using the socket */
		verdict = own == CGW_PASS ? verdict : own;
	}
	if (q->proto == IPPROTO_TCP) {
		s->dir = CGW_OUT;
		s->flags |= CGW_SOCK_BEGAN;
		owner_began(ctx->sk, s);
		s->asked = 0;
		s->taken = 0; /* whoever lost it had another connection */
		s->user[0] = s->user[1] = 0;
		s->granted = verdict == CGW_PASS && same ? q->ask : 0;
		/* the opener's own verdict holds for the packets to come; another's does not */
		*(volatile __u64 *)&s->decided =
			same && ((verdict == CGW_PASS && !late) || verdict == CGW_ASK)
				? CGW_DECIDED(q->word, verdict)
				: 0;
		hooks_patience(ctx, s, verdict == CGW_ASK);
		s->began = bpf_ktime_get_boot_ns();
	} else if (same && verdict == CGW_PASS) {
		*(volatile __u64 *)&s->call = call;
	}
	/* what is asked about goes on: its packets are held */
	if (verdict == CGW_PASS || verdict == CGW_ASK || verdict == CGW_LATER)
		return HOOK_ALLOW;
	if (verdict == CGW_REJECT)
		bpf_set_retval(-ECONNREFUSED);
	return HOOK_REFUSE;
}

static __always_inline int hooks_call4(struct bpf_sock_addr *ctx, __u32 how)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_query q = {};
	__u32 *a = (__u32 *)q.remote;

	if (!c)
		return HOOK_REFUSE;
	if (!who_guarded(c))
		return hooks_stranger(ctx);
	q.word = *(volatile __u64 *)&c->word;
	a[2] = bpf_htonl(0xffff);
	a[3] = ctx->user_ip4;
	return hooks_call(ctx, &q, CGW_CALL(ctx->user_ip4, ctx->user_port, q.word), how);
}

static __always_inline int hooks_call6(struct bpf_sock_addr *ctx, __u32 how)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_query q = {};
	__u32 *a = (__u32 *)q.remote;

	if (!c)
		return HOOK_REFUSE;
	if (!who_guarded(c))
		return hooks_stranger(ctx);
	q.word = *(volatile __u64 *)&c->word;
	a[0] = ctx->user_ip6[0];
	a[1] = ctx->user_ip6[1];
	a[2] = ctx->user_ip6[2];
	a[3] = ctx->user_ip6[3];
	return hooks_call(ctx, &q, 0, how);
}

SEC("cgroup/connect4")
int hook_connect4(struct bpf_sock_addr *ctx)
{
	__u32 to[4] = {0, 0, bpf_htonl(0xffff), ctx->user_ip4};
	int r = hooks_call4(ctx, 0);

	return r == HOOK_ALLOW && source_connect(ctx, to) ? HOOK_REFUSE : r;
}

SEC("cgroup/connect6")
int hook_connect6(struct bpf_sock_addr *ctx)
{
	__u32 to[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};
	int r = hooks_call6(ctx, 0);

	return r == HOOK_ALLOW && source_connect(ctx, to) ? HOOK_REFUSE : r;
}

SEC("cgroup/sendmsg4")
int hook_sendmsg4(struct bpf_sock_addr *ctx)
{
	return hooks_call4(ctx, JUDGE_ONCE);
}

SEC("cgroup/sendmsg6")
int hook_sendmsg6(struct bpf_sock_addr *ctx)
{
	return hooks_call6(ctx, JUDGE_ONCE);
}

/* A connection that was held and then refused was ended by socket diagnosis, which has one error for
 * everything (ECONNABORTED). A program that asks for the error of its call is told what a refused call is
 * told. Attached only while the policy asks. */
SEC("cgroup/getsockopt")
int hook_getsockopt(struct bpf_sockopt *ctx)
{
	int *error = ctx->optval, *end = ctx->optval_end;
	struct cgw_sock *s;

	if (ctx->level != SOL_SOCKET || ctx->optname != SO_ERROR || ctx->retval || !ctx->sk ||
	    error + 1 > end || *error != ECONNABORTED) {
		ctx->optlen = 0; /* as it is, however long it is */
		return HOOK_ALLOW;
	}
	s = bpf_sk_storage_get(&socks, ctx->sk, 0, 0);
	if (s && s->asked && !s->granted)
		*error = EPERM;
	return HOOK_ALLOW;
}

/* The agent tells which process it is: whoever may run this program may do anything here anyway. */
SEC("syscall")
int enroll(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgw_ctl *c = ctl_get();

	if (!c)
		return 1;
	c->agent_start = task->group_leader->start_boottime;
	c->agent = task->tgid;
	return 0;
}

/* Is the caller the agent? */
static __always_inline bool hooks_agent(const struct cgw_ctl *c)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return c->agent && c->agent == (__u32)task->tgid &&
	       c->agent_start == task->group_leader->start_boottime;
}

/* May there be raw sockets of this protocol? */
static __always_inline bool hooks_raw(__u32 proto, const struct cgw_ctl *c)
{
	__u64 word = *(volatile __u64 *)&c->word;
	const struct cgw_head *h = cgw_head_of(word);

	if (h && word &&
	    ((h->flags & (CGW_H_OTHER_PASS | CGW_H_OBSERVE)) ||
	     (proto < 256 && h->proto[masked(proto, 255)])))
		return true;
	count(CGW_CNT_SOCKET);
	return false;
}

/* Every internet socket gets its opener written on it; its packets are judged one by one. Raw ones carry
 * whatever they like, and where no rule names their protocol they follow `set sockets-other`. */
SEC("cgroup/sock_create")
int hook_sock_create(struct bpf_sock *ctx)
{
	__u32 type = ctx->type, proto = ctx->protocol;
	struct cgw_ctl *c = ctl_get();
	struct cgw_sock *s;

	if (!c)
		return HOOK_REFUSE;
	if (!who_guarded(c))
		return HOOK_ALLOW;
	s = bpf_sk_storage_get(&socks, ctx, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s) {
		count(CGW_ERR_TABLE);
		return HOOK_REFUSE;
	}
	who_caller(&s->who);
	s->who.netns = bpf_get_netns_cookie(ctx);
	if (type != SOCK_RAW)
		return HOOK_ALLOW;
	if (hooks_agent(c)) {
		s->flags |= CGW_SOCK_AGENT;
		return HOOK_ALLOW;
	}
	return hooks_raw(proto, c) ? HOOK_ALLOW : HOOK_REFUSE;
}

#endif
