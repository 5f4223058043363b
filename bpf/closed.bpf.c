// SPDX-License-Identifier: GPL-2.0-only
/* What holds where the kernel refuses the real programs: nothing leaves and nothing arrives but by the
 * loopback interface. It asks for no map, no helper and no type information, so that every kernel with cgroup
 * links (5.7) takes it. Calls are refused as well, where a program would otherwise wait for an answer. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define LOOPBACK_IFINDEX 1 /* in every network namespace */

#define CLOSED_REFUSE 0
#define CLOSED_ALLOW 1

static __always_inline int by_loopback(const struct __sk_buff *skb)
{
	return skb->ifindex == LOOPBACK_IFINDEX ? CLOSED_ALLOW : CLOSED_REFUSE;
}

/* 127.0.0.0/8, and the wildcard, which leads there. */
static __always_inline int loopback4(__u32 addr)
{
	return !addr || (bpf_ntohl(addr) >> 24) == 127 ? CLOSED_ALLOW : CLOSED_REFUSE;
}

static __always_inline int loopback6(const struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip6[0] || ctx->user_ip6[1])
		return CLOSED_REFUSE;
	if (ctx->user_ip6[2] == bpf_htonl(0xffff))
		return loopback4(ctx->user_ip6[3]);
	return !ctx->user_ip6[2] && bpf_ntohl(ctx->user_ip6[3]) <= 1 ? CLOSED_ALLOW : CLOSED_REFUSE;
}

SEC("cgroup_skb/egress")
int closed_egress(struct __sk_buff *skb)
{
	return by_loopback(skb);
}

SEC("cgroup_skb/ingress")
int closed_ingress(struct __sk_buff *skb)
{
	return by_loopback(skb);
}

SEC("cgroup/connect4")
int closed_connect4(struct bpf_sock_addr *ctx)
{
	return loopback4(ctx->user_ip4);
}

SEC("cgroup/connect6")
int closed_connect6(struct bpf_sock_addr *ctx)
{
	return loopback6(ctx);
}

SEC("cgroup/sendmsg4")
int closed_sendmsg4(struct bpf_sock_addr *ctx)
{
	return loopback4(ctx->user_ip4);
}

SEC("cgroup/sendmsg6")
int closed_sendmsg6(struct bpf_sock_addr *ctx)
{
	return loopback6(ctx);
}

char LICENSE[] SEC("license") = "GPL";
