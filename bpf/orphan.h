/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections that nobody had accepted when their listener went. Where the kernel hands these on to another
 * listener of the same port (net.ipv4.tcp_migrate_req, or an eBPF program of those that share it), whoever
 * accepts them there is not who their record names. So they are noted when the listener goes, and the first
 * one who uses such a connection is judged as one who is called, and is its owner from then on.
 *
 * Noted by their ends, since programs that find them in the listener's queue cannot get at their records; the
 * agent carries that over when it looks for connections to end. */
#ifndef CGWALL_BPF_ORPHAN_H
#define CGWALL_BPF_ORPHAN_H

#define ORPHAN_QUEUE_MAX (1 << 16)
#define ORPHANS_MAX 16384

struct orphan {
	__u8 remote[16];
	__u64 netns;
	__u16 rport, lport;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ORPHANS_MAX);
	__type(key, struct orphan);
	__type(value, __u8);
} orphans SEC(".maps");

/* Not 0: there was one at some time. Elsewhere this is all that it costs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} orphaned SEC(".maps");

static __always_inline bool orphan_any(void)
{
	__u32 zero = 0;
	__u64 *any = bpf_map_lookup_elem(&orphaned, &zero);

	return any && *any;
}

static __always_inline void orphan_key(const struct cgw_query *q, __u64 netns, struct orphan *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	__builtin_memcpy(ret->remote, q->remote, sizeof(ret->remote));
	ret->netns = netns;
	ret->rport = q->rport;
	ret->lport = q->lport;
}

/* ---- a listener goes ---- */

struct orphan_walk {
	struct request_sock *at;
	__u64 netns, some;
};

/* One connection of the queue. */
static long orphan_step(__u32 i, struct orphan_walk *w)
{
	struct request_sock *at = w->at;
	struct orphan key = {.netns = w->netns};
	__u32 *remote = (__u32 *)key.remote;
	struct sock *sk;
	__u8 one = 1;

	if (!at)
		return 1;
	w->at = BPF_CORE_READ(at, dl_next);
	sk = BPF_CORE_READ(at, sk);
	if (!sk)
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		remote[2] = bpf_htonl(0xffff);
		remote[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		BPF_CORE_READ_INTO(&key.remote, sk, __sk_common.skc_v6_daddr);
	}
	key.rport = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	key.lport = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (bpf_map_update_elem(&orphans, &key, &one, BPF_ANY))
		count(CGW_ERR_TABLE);
	w->some = 1; /* not counted: verifiers would follow the count */
	return 0;
}

/* Notes what this listener leaves, where the kernel may hand it on at all. 0. */
static __noinline int orphan_leave(struct sock *sk)
{
	struct inet_connection_sock *listener;
	struct orphan_walk w = {};
	__u32 zero = 0;
	__u64 *any = bpf_map_lookup_elem(&orphaned, &zero);

	if (BPF_CORE_READ(sk, sk_protocol) == IPPROTO_MPTCP && bpf_core_type_exists(struct mptcp_sock))
		sk = BPF_CORE_READ((struct mptcp_sock *)sk, first);
	if (!any || !sk || !BPF_CORE_READ(sk, sk_reuseport_cb))
		return 0;
	listener = (void *)sk;
	w.at = BPF_CORE_READ(listener, icsk_accept_queue.rskq_accept_head);
	w.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, net_cookie);
	bpf_loop(ORPHAN_QUEUE_MAX, orphan_step, &w, 0);
	if (w.some) {
		*(volatile __u64 *)any = 1;
		event_cut(); /* the agent is to see which these are */
	}
	return 0;
}

SEC("cgroup/sock_release")
int hook_sock_release(struct bpf_sock *ctx)
{
	struct sock *at = NULL;

	if (ctx->state == TCP_LISTEN) {
		bpf_probe_read_kernel(&at, sizeof(at), &ctx);
		orphan_leave(at);
	}
	return 1;
}

/* It stops to listen and stays open. */
SEC("fentry/security_socket_shutdown")
int BPF_PROG(watch_shutdown, struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (sk && sk->__sk_common.skc_state == TCP_LISTEN)
		orphan_leave(sk);
	return 0;
}

/* ---- what becomes of them ---- */

/* Is this connection one of them? Then its record says so afterwards. */
static __noinline bool orphan_is(struct cgw_sock *s, const struct cgw_query *q)
{
	struct orphan key;

	if (s->flags & CGW_SOCK_ORPHAN)
		return true;
	orphan_key(q, s->who.netns, &key);
	if (!bpf_map_lookup_elem(&orphans, &key))
		return false;
	s->flags |= CGW_SOCK_ORPHAN;
	bpf_map_delete_elem(&orphans, &key);
	return true;
}

/* A new connection has the ends of one that is no more. 0. */
static __noinline int orphan_forget(const struct cgw_sock *s, const struct cgw_query *q)
{
	struct orphan key;

	orphan_key(q, s->who.netns, &key);
	bpf_map_delete_elem(&orphans, &key);
	return 0;
}

/* Somebody else than who listened uses a connection that was accepted; room->query tells its ends. May he? He
 * may what was accepted by who listened, whoever that gave it to. */
static __always_inline bool orphan_may(struct cgw_sock *s, struct scratch *room, __u64 cookie, __u32 ifindex)
{
	struct cgw_query *q = &room->query;
	struct cgw_ctl *c = ctl_get();

	if (!orphan_is(s, q))
		return true;
	if (!c)
		return false;
	q->word = *(volatile __u64 *)&c->word;
	q->dir = CGW_IN;
	q->ask = 0;
	room->who.netns = s->who.netns;
	who_caller(&room->who);
	names_given(q, &room->who, s->began);
	iface_given(q, s->who.netns, ifindex);
	if (judge(q, &room->who, cookie, JUDGE_USER | JUDGE_ONCE | JUDGE_QUIET | JUDGE_UNHELD) != CGW_PASS)
		return false;
	s->who = room->who;
	*(volatile __u64 *)&s->decided = 0;
	s->flags &= ~CGW_SOCK_ORPHAN;
	return true;
}

#endif
