/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets that were there before: whose they are, when the agent starts; whether they may stay, when a policy
 * has come into force. Both are iterators that the agent reads. */
#ifndef CGWALL_BPF_CUT_H
#define CGWALL_BPF_CUT_H

#define CUT_SYNS 6 /* tries of a connection where nobody says otherwise: the system's own default */

/* Writes its owner on every internet socket of the guarded processes that has none yet. Of several processes
 * that hold a descriptor the first one found is taken for the opener. */
SEC("iter/task_file")
int sock_seed(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct cgw_proc *rec;
	struct socket *socket;
	struct cgw_sock *s;
	__u32 tgid;
	int family;

	if (!task || !file)
		return 0;
	tgid = task->tgid;
	rec = bpf_map_lookup_elem(&procs, &tgid);
	if (!rec || !(rec->flags & (CGW_PROC_INSIDE | CGW_PROC_HELD)))
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket || !socket->sk)
		return 0;
	family = socket->sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	s = bpf_sk_storage_get(&socks, socket->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!s || s->who.known)
		return 0;
	who_task(task, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id), &s->who);
	s->who.netns = BPF_CORE_READ(socket, sk, __sk_common.skc_net.net, net_cookie);
	if (socket->sk->__sk_common.skc_state == TCP_LISTEN) {
		s->dir = CGW_IN;
		s->flags |= CGW_SOCK_BEGAN;
	}
	return 0;
}

static __always_inline void cut_address(struct sock_common *sk, struct cgw_query *q)
{
	__u32 *remote = (__u32 *)q->remote, *local = (__u32 *)q->local;

	if (sk->skc_family == AF_INET) {
		remote[2] = local[2] = bpf_htonl(0xffff);
		remote[3] = sk->skc_daddr;
		local[3] = sk->skc_rcv_saddr;
	} else {
		for (int i = 0; i < 4; i++) {
			remote[i] = sk->skc_v6_daddr.in6_u.u6_addr32[i];
			local[i] = sk->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		}
	}
}

/* A connection whose rule depends on the interface, which only a packet can tell. May it go on by some? */
static __always_inline __u32 cut_unplaced(struct cgw_query *q, struct cgw_sock *s, __u64 cookie)
{
	__u64 how = JUDGE_WILD(1u << CGW_DIM_IFACE) | JUDGE_ASKS | JUDGE_QUIET | JUDGE_AGAIN, decided;
	__u32 verdict;

	decided = *(volatile __u64 *)&s->decided;
	if (CGW_DECIDED_VERDICT(decided) == CGW_PASS && filter_kept(q->word))
		return CGW_PASS;
	q->dir = s->flags & CGW_SOCK_BEGAN ? s->dir : CGW_OUT;
	names_given(q, &s->who, s->began);
	verdict = judge(q, &s->who, cookie, how);
	/* either side may have begun one that is older than the agent */
	if ((verdict == CGW_BLOCK || verdict == CGW_REJECT) && !(s->flags & CGW_SOCK_BEGAN)) {
		q->dir = CGW_IN;
		names_given(q, &s->who, s->began);
		verdict = judge(q, &s->who, cookie, how);
	}
	if (verdict != CGW_BLOCK && verdict != CGW_REJECT)
		return CGW_PASS;
	*(volatile __u64 *)&s->decided = CGW_DECIDED(q->word, CGW_BLOCK);
	return CGW_BLOCK;
}

/* Judges every connection again that was not judged under the policy in force, and writes a struct cgw_cut
 * for each that may not be any more. */
SEC("iter/tcp")
int cut(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct cgw_ctl *c = ctl_get();
	struct cgw_query q = {};
	struct cgw_cut out = {};
	struct cgw_sock *s;
	struct tcp_sock *tcp;
	__u32 verdict;

	if (!sk || !c || sk->skc_state == TCP_LISTEN)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	s = bpf_sk_storage_get(&socks, tcp, 0, 0);
	if (!s || !sk->skc_dport)
		return 0;
	q.word = *(volatile __u64 *)&c->word;
	q.proto = IPPROTO_TCP;
	q.known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_PROTO | CGW_Q_RPORT | CGW_Q_LPORT;
	q.rport = bpf_ntohs(sk->skc_dport);
	q.lport = sk->skc_num;
	cut_address(sk, &q);
	if (s->dir == CGW_IN && orphan_any())
		orphan_is(s, &q);
	verdict = s->taken ? CGW_BLOCK : filter_connection(&q, s, 0, bpf_get_socket_cookie(tcp));
	if (verdict == CGW_PASS && iface_asked(q.word) && CGW_DECIDED_WORD(s->decided) != q.word)
		verdict = cut_unplaced(&q, s, bpf_get_socket_cookie(tcp));
	if (verdict == CGW_PASS || verdict == CGW_ASK)
		return 0; /* what is asked about is held, and may go on */
	out.cookie = bpf_get_socket_cookie(tcp);
	out.family = sk->skc_family;
	out.rport = q.rport;
	out.lport = q.lport;
	out.ifindex = sk->skc_bound_dev_if;
	if (sk->skc_family == AF_INET) {
		__builtin_memcpy(out.remote, q.remote + 12, 4);
		__builtin_memcpy(out.local, q.local + 12, 4);
	} else {
		__builtin_memcpy(out.remote, q.remote, 16);
		__builtin_memcpy(out.local, q.local, 16);
	}
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

/* Connections whose handshake goes on: those that are held get the patience for it where the call could not
 * give it to them yet, those that were let through get their own number of tries back, from here on. */
SEC("iter/tcp")
int patience(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	int tries = HOOKS_SYNS, own = 0;
	struct tcp_sock *tcp;
	struct cgw_sock *s;
	__u32 verdict;

	if (!sk || sk->skc_state != TCP_SYN_SENT)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	s = bpf_sk_storage_get(&socks, tcp, 0, 0);
	if (!s)
		return 0;
	verdict = CGW_DECIDED_VERDICT(s->decided);
	if (verdict == CGW_ASK && s->asked && !(s->flags & CGW_SOCK_PATIENT)) {
		if (bpf_getsockopt(tcp, IPPROTO_TCP, TCP_SYNCNT, &own, sizeof(own)) ||
		    bpf_setsockopt(tcp, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof(tries)))
			return 0;
		s->syns = own;
		s->flags |= CGW_SOCK_PATIENT;
	} else if (verdict == CGW_PASS && (s->flags & CGW_SOCK_PATIENT)) {
		tries = tcp->inet_conn.icsk_retransmits + (s->syns ? s->syns : CUT_SYNS);
		if (tries > HOOKS_SYNS)
			tries = HOOKS_SYNS;
		if (!bpf_setsockopt(tcp, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof(tries)))
			s->flags &= ~CGW_SOCK_PATIENT;
	}
	return 0;
}

#endif
