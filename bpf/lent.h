/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets that somebody outside the guarded cgroup opened and that a guarded process uses: handed over,
 * inherited, or brought along when it was moved inside. From their first use inside on they are judged as
 * that process's, for whoever uses a socket must be allowed, too.
 *
 * Where the whole host is guarded there are none. Elsewhere two things tell of a use. A packet that leaves
 * while its sender is at it: datagrams always do, and a connection's segments where a process holds the
 * connection's lock. And, for connections, whose data may wait and leave when nobody is at it, and for what
 * only comes in, the calls themselves, where the kernel lets them be traced (watch.h).
 */
#ifndef CGWALL_BPF_LENT_H
#define CGWALL_BPF_LENT_H

/* Is the socket a program's, and a program sending by it at this moment? What the kernel sends for itself
 * goes by sockets of its own, and what goes by connections without anybody at it holds no lock. */
static __always_inline bool lent_sending(struct sock *at, __u32 type)
{
	if (BPF_CORE_READ_BITFIELD_PROBED(at, sk_kern_sock))
		return false;
	return type == SOCK_DGRAM || type == SOCK_RAW || BPF_CORE_READ(at, sk_lock.owned);
}

/* Is the calling process guarded? Packet programs have no helper that tells of its cgroup. */
static __always_inline bool lent_guarded(const struct cgw_ctl *c)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tgid = task->tgid;

	if (!task->mm || (task->flags & PF_KTHREAD))
		return false;
	if (cgroup_inside(BPF_CORE_READ(task, cgroups, dfl_cgrp), c))
		return true;
	return proc_held(tgid);
}

static __always_inline __u64 lent_netns(struct sock *at)
{
	return BPF_CORE_READ(at, __sk_common.skc_net.net, net_cookie);
}

/* Whoever calls is taken for the opener. */
static __always_inline void lent_take(struct cgw_sock *s, __u64 netns, bool listens)
{
	who_caller(&s->who);
	s->who.netns = netns;
	if (listens) {
		s->dir = CGW_IN;
		s->flags |= CGW_SOCK_BEGAN;
	}
}

/* What follows, of a subflow: its connection is the socket that a program has. */
static __always_inline bool lent_subflow(struct bpf_sock *sk, struct mptcp_sock *m, const struct cgw_ctl *c)
{
	struct cgw_sock *s;

	if (!BPF_CORE_READ(owner_address(sk), sk_lock.owned) || !lent_guarded(c))
		return false;
	s = bpf_sk_storage_get(&socks, m, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s)
		return true;
	lent_take(s, lent_netns(owner_address(sk)), false);
	owner_subflow(sk);
	return true;
}

/* A packet leaves by a socket without a record that was not made in the guarded cgroup. Is it a guarded
 * process that is using it? Then it has a record afterwards, unless there is no room or it must not be. */
static __always_inline bool lent_packet(struct bpf_sock *sk, const struct cgw_ctl *c)
{
	struct mptcp_sock *m;
	struct cgw_sock *s;
	struct sock *at;

	if (!c->guard)
		return false;
	m = sk->protocol == IPPROTO_TCP ? owner_mptcp(sk) : NULL;
	if (m)
		return lent_subflow(sk, m, c);
	at = owner_address(sk);
	if (!lent_sending(at, sk->type) || !lent_guarded(c))
		return false;
	if (sk->type == SOCK_RAW && !hooks_raw(sk->protocol, c))
		return true;
	s = bpf_sk_storage_get(&socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s)
		lent_take(s, lent_netns(at), false);
	return true;
}

/* A process calls something on a socket without a record. Always 0. */
static __noinline int lent_call(struct sock *sk, const struct cgw_ctl *c)
{
	struct cgw_sock *s;

	if (BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock) || !who_guarded(c))
		return 0;
	s = bpf_sk_storage_get(&socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s)
		lent_take(s, lent_netns(sk), sk->__sk_common.skc_state == TCP_LISTEN);
	else
		count(CGW_ERR_TABLE);
	return 0;
}

#endif
