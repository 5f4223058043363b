/* SPDX-License-Identifier: GPL-2.0-only */
/* Who talks with whom just now: an iterator that the agent reads. */
#ifndef CGWALL_BPF_FLOWS_H
#define CGWALL_BPF_FLOWS_H

#define SOCK_BINDPORT_LOCK 8

static __always_inline void flows_ends(struct sock *sk, struct cgw_live *out)
{
	__u32 *remote = (__u32 *)out->remote, *local = (__u32 *)out->local;

	if (out->family == AF_INET) {
		remote[2] = local[2] = bpf_htonl(0xffff);
		remote[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		local[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	} else {
		BPF_CORE_READ_INTO(&out->remote, sk, __sk_common.skc_v6_daddr);
		BPF_CORE_READ_INTO(&out->local, sk, __sk_common.skc_v6_rcv_saddr);
	}
	out->rport = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	out->lport = BPF_CORE_READ(sk, __sk_common.skc_num);
}

/* A struct cgw_live for every internet socket that some program holds and that has a record; once for each
 * descriptor. */
SEC("iter/task_file")
int live(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct cgw_live out = {};
	struct socket *socket;
	struct cgw_sock *s;
	struct sock *sk;

	if (!ctx->task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket || !socket->sk)
		return 0;
	sk = socket->sk;
	out.family = sk->__sk_common.skc_family;
	if (out.family != AF_INET && out.family != AF_INET6)
		return 0;
	s = bpf_sk_storage_get(&socks, sk, 0, 0);
	if (!s)
		return 0;
	out.state = sk->__sk_common.skc_state;
	out.proto = BPF_CORE_READ(sk, sk_protocol);
	if (out.proto == IPPROTO_TCP && BPF_CORE_READ(sk, sk_type) == SOCK_STREAM) {
		struct tcp_sock *tp = (void *)sk;

		out.sent = BPF_CORE_READ(tp, bytes_acked);
		out.received = BPF_CORE_READ(tp, bytes_received);
	}
	out.bound = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;
	flows_ends(sk, &out);
	out.cookie = bpf_get_socket_cookie(sk);
	out.decided = s->decided;
	out.dir = s->dir;
	out.who = s->who;
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

#endif
