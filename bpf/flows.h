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

/* What there is to tell of a socket with a record. */
static __always_inline void flows_tell(struct sock *sk, const struct cgw_sock *s, struct cgw_live *out)
{
	out->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	out->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	out->proto = BPF_CORE_READ(sk, sk_protocol);
	if (out->proto == IPPROTO_TCP && BPF_CORE_READ(sk, sk_type) == SOCK_STREAM) {
		struct tcp_sock *tp = (void *)sk;

		out->sent = BPF_CORE_READ(tp, bytes_acked);
		out->received = BPF_CORE_READ(tp, bytes_received);
	}
	out->bound = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;
	flows_ends(sk, out);
	out->decided = s->decided;
	out->dir = s->dir;
	out->who = s->who;
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
	int family;

	if (!ctx->task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket || !socket->sk)
		return 0;
	sk = socket->sk;
	family = sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return 0;
	s = bpf_sk_storage_get(&socks, sk, 0, 0);
	if (!s)
		return 0;
	out.cookie = bpf_get_socket_cookie(sk);
	flows_tell(sk, s, &out);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

/* The same for every connection and listener of the kernel's own, for which nobody has a descriptor, in one
 * network namespace. What nobody has called yet gets its record here. */
SEC("iter/tcp")
int live_kernel(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct cgw_ctl *c = ctl_get();
	struct cgw_live out = {};
	struct tcp_sock *tcp;
	struct cgw_sock *s;

	if (!sk || !c)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	s = bpf_sk_storage_get(&socks, tcp, 0, 0);
	if (!s && !c->guard && owner_kernel(owner_address(tcp))) {
		s = bpf_sk_storage_get(&socks, tcp, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (s && !s->who.known)
			owner_note_kernel(s, owner_address(tcp));
	}
	if (!s || !(s->flags & CGW_SOCK_KERNEL))
		return 0;
	out.cookie = bpf_get_socket_cookie(tcp);
	flows_tell((struct sock *)tcp, s, &out);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

#endif
