/* SPDX-License-Identifier: GPL-2.0-only */
/* What a packet says of itself: both ends, protocol, ports; as the query that it makes. */
#ifndef CGWALL_BPF_PACKET_H
#define CGWALL_BPF_PACKET_H

#define IP_OFFSET 0x1fff
#define IPOPT_END 0
#define IPOPT_NOOP 1
#define IPOPT_LSRR 131
#define IPOPT_SSRR 137
#define NEXTHDR_HOP 0
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_AUTH 51
#define NEXTHDR_DEST 60
#define NEXTHDR_MOBILITY 135
#define TCP_FLAGS_AT 13
#define TCP_FLAG_SYN 2
#define TCP_FLAG_ACK 16
#define PACKET_EXTENSIONS_MAX 6
#define PACKET_OPTIONS_MAX 10
#define PACKET_LATER 0x80000000 /* with a header's length: a fragment without ports */

/* Where a packet's ends go in the query: it was sent from here, or it came. */
#define PACKET_SOURCE(q, out) ((out) ? (q)->local : (q)->remote)
#define PACKET_TARGET(q, out) ((out) ? (q)->remote : (q)->local)

/* Are both source-route options absent from the IPv4 header's options? */
static __always_inline bool packet_options(struct __sk_buff *skb, __u32 from, __u32 to)
{
	for (int i = 0; i < PACKET_OPTIONS_MAX; i++) {
		__u8 opt[2];

		if (from >= to)
			return true;
		if (bpf_skb_load_bytes(skb, from, opt, 1))
			return false;
		if (opt[0] == IPOPT_END)
			return true;
		if (opt[0] == IPOPT_NOOP) {
			from++;
			continue;
		}
		if (opt[0] == IPOPT_LSRR || opt[0] == IPOPT_SSRR)
			return false;
		if (bpf_skb_load_bytes(skb, from + 1, &opt[1], 1) || opt[1] < 2)
			return false;
		from += opt[1];
	}
	return from >= to; /* more of them than anybody needs: no */
}

/* The length of an IPv4 header with its options, read into *q; 0: it cannot be told. */
__noinline __u32 packet_ip4(struct __sk_buff *skb, struct cgw_query *q, __u32 out)
{
	struct {
		__u8 version_ihl, tos;
		__be16 len, id, frag;
		__u8 ttl, proto;
		__be16 sum;
		__be32 source, target;
	} ip;
	__u32 *s, *t, len;

	if (!q)
		return 0;
	s = (__u32 *)PACKET_SOURCE(q, out);
	t = (__u32 *)PACKET_TARGET(q, out);
	if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.version_ihl >> 4 != 4)
		return 0;
	len = (ip.version_ihl & 15) * 4;
	if (len < sizeof(ip) || (len > sizeof(ip) && !packet_options(skb, sizeof(ip), len)))
		return 0;
	s[2] = t[2] = bpf_htonl(0xffff);
	s[3] = ip.source;
	t[3] = ip.target;
	q->proto = ip.proto;
	return ip.frag & bpf_htons(IP_OFFSET) ? len | PACKET_LATER : len;
}

/* The length of an IPv6 header with those behind it, read into *q; 0: it cannot be told. */
__noinline __u32 packet_ip6(struct __sk_buff *skb, struct cgw_query *q, __u32 out)
{
	struct {
		__be32 version;
		__be16 len;
		__u8 next, hops;
		__u8 source[16], target[16];
	} ip;
	__u32 at = sizeof(ip), later = 0;
	__u8 next;

	if (!q || bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) ||
	    (ip.version & bpf_htonl(0xf0000000)) != bpf_htonl(0x60000000))
		return 0;
	__builtin_memcpy(PACKET_SOURCE(q, out), ip.source, 16);
	__builtin_memcpy(PACKET_TARGET(q, out), ip.target, 16);
	next = ip.next;
	for (int i = 0; i < PACKET_EXTENSIONS_MAX; i++) {
		__u8 ext[4];

		if (next != NEXTHDR_HOP && next != NEXTHDR_DEST && next != NEXTHDR_FRAGMENT &&
		    next != NEXTHDR_AUTH && next != NEXTHDR_MOBILITY && next != NEXTHDR_ROUTING) {
			q->proto = next;
			return at | later;
		}
		/* a routing header names the place where the packet really goes */
		if (next == NEXTHDR_ROUTING || bpf_skb_load_bytes(skb, at, ext, sizeof(ext)))
			return 0;
		if (next == NEXTHDR_FRAGMENT) {
			if ((ext[2] << 8 | ext[3]) & 0xfff8)
				later = PACKET_LATER;
			at += 8;
		} else {
			at += next == NEXTHDR_AUTH ? (ext[1] + 2) * 4 : (ext[1] + 1) * 8;
		}
		next = ext[0];
	}
	return 0; /* more headers than anybody needs */
}

/* Reads the headers into *q. 0; -1 where the packet cannot be read or goes another way than it says. */
__noinline int packet_read(struct __sk_buff *skb, struct cgw_query *q, __u32 out)
{
	__be16 ports[2];
	__u32 at = 0;

	if (!q)
		return -1;
	__builtin_memset(q, 0, sizeof(*q));
	if (skb->protocol == bpf_htons(ETH_P_IP))
		at = packet_ip4(skb, q, out);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		at = packet_ip6(skb, q, out);
	if (!at)
		return -1;
	q->known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_PROTO;
	if (q->proto != IPPROTO_TCP && q->proto != IPPROTO_UDP && q->proto != IPPROTO_UDPLITE &&
	    q->proto != IPPROTO_SCTP && q->proto != IPPROTO_DCCP)
		return 0;
	if ((at & PACKET_LATER) || bpf_skb_load_bytes(skb, at, ports, sizeof(ports)))
		return -1; /* no port to judge it by */
	q->known |= CGW_Q_RPORT | CGW_Q_LPORT;
	q->rport = bpf_ntohs(ports[out ? 1 : 0]);
	q->lport = bpf_ntohs(ports[out ? 0 : 1]);
	if (q->proto == IPPROTO_TCP && bpf_skb_load_bytes(skb, at + TCP_FLAGS_AT, &q->tcp_flags, 1))
		return -1;
	return 0;
}

/* Is this a TCP segment whose header has nothing in it that could send it elsewhere? */
static __always_inline bool packet_plain_tcp(struct __sk_buff *skb)
{
	__u8 b[10];

	if (bpf_skb_load_bytes(skb, 0, b, sizeof(b)))
		return false;
	return (b[0] == 0x45 && b[9] == IPPROTO_TCP) || (b[0] >> 4 == 6 && b[6] == IPPROTO_TCP);
}

#endif
