/* SPDX-License-Identifier: GPL-2.0-only */
/* Names that live flows use hold on: the agent runs these from time to time, as long as there are any. */
#ifndef CGWALL_BPF_USED_H
#define CGWALL_BPF_USED_H

/* Connections of one network namespace. Writes nothing. */
SEC("iter/tcp")
int used_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct cgw_query q = {};
	struct tcp_sock *tcp;
	struct cgw_sock *s;
	__u32 verdict;

	if (!sk || sk->skc_state == TCP_LISTEN || !sk->skc_dport)
		return 0;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return 0;
	s = bpf_sk_storage_get(&socks, tcp, 0, 0);
	if (!s || !s->began)
		return 0;
	/* closed by its program, and TCP has not finished */
	if (sk->skc_state != TCP_ESTABLISHED && !BPF_CORE_READ((struct sock *)tcp, sk_socket))
		return 0;
	verdict = CGW_DECIDED_VERDICT(s->decided);
	if (verdict != CGW_PASS && verdict != CGW_ASK)
		return 0;
	cut_address(sk, &q);
	names_use(&q, s->who.netns, s->began, 1);
	return 0;
}

struct used_loop {
	__u64 now;
	struct cgw_query q;
};

/* One datagram flow. */
static long used_noted(void *map, const struct flow_id *id, struct flow *f, struct used_loop *l)
{
	if (CGW_DECIDED_VERDICT(f->decided) != CGW_PASS || l->now >= f->last + FLOW_LIFE_NS)
		return 0;
	__builtin_memcpy(l->q.remote, id->remote, sizeof(l->q.remote));
	names_use(&l->q, f->netns, f->began, 1);
	return 0;
}

/* Whatever has no connections, of all network namespaces. */
SEC("syscall")
int used_noted_all(void *ctx)
{
	struct used_loop l = {.now = bpf_ktime_get_boot_ns()};

	bpf_for_each_map_elem(&flows, used_noted, &l, 0);
	return 0;
}

#endif
