/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a packet says it comes from. Whoever binds to a foreign address (IP_FREEBIND, which needs no
 * privilege for IPv6; IP_TRANSPARENT; a header of one's own) names the place where answers go: a closed port
 * of this very host sends back an ICMP error that quotes the packet, by a socket of the kernel's, and so may
 * a server here or elsewhere that the policy lets it talk to. And what pretends to come in from there makes
 * the pretended end somebody to be answered. So who is guarded speaks for addresses of his network namespace
 * only; no rule can name the others, which follow `set sockets-other`.
 *
 * Only a socket that asked for it, a raw one, or one where the host allows it to all (ip_nonlocal_bind) can
 * have a foreign address. For these alone it is looked for on every interface of the namespace; what the host
 * translates on the way out (SNAT) is the host's own doing and not looked at. A socket keeps the last address
 * that was found good. */
#ifndef CGWALL_BPF_SOURCE_H
#define CGWALL_BPF_SOURCE_H

#define SOURCE_STEPS (1 << 17)	   /* interfaces and addresses of a network namespace */
#define SOURCE_TRANSLATED (1 << 4) /* IPS_SRC_NAT in a connection's status */
#define SOURCE_NFCT_MASK 7UL	   /* in the word that points there */

/* bits of inet_flags */
#define SOURCE_FREEBIND (1 << 11)
#define SOURCE_TRANSPARENT (1 << 15)

struct source_walk {
	const __u32 *addr;
	void *first; /* the head of the list of interfaces */
	void *node;  /* an interface, as in that list */
	void *at;    /* its next address; IPv6: as in its list */
	void *end;   /* IPv6: the head of that list; else 0 */
};

static __always_inline bool source_four(const __u32 *a)
{
	return !a[0] && !a[1] && a[2] == bpf_htonl(0xffff);
}

/* To the first address of the interface in w->node. */
static __always_inline void source_device(struct source_walk *w)
{
	struct net_device *dev = w->node - bpf_core_field_offset(struct net_device, dev_list);

	if (source_four(w->addr)) {
		w->at = BPF_CORE_READ(dev, ip_ptr, ifa_list);
		w->end = NULL;
	} else {
		struct inet6_dev *six = BPF_CORE_READ(dev, ip6_ptr);

		w->at = BPF_CORE_READ(six, addr_list.next);
		w->end = six ? (void *)six + bpf_core_field_offset(struct inet6_dev, addr_list) : NULL;
	}
}

/* One address, or the way to the next interface. Found: w->node is NULL. */
static int source_step(__u32 i, struct source_walk *w)
{
	struct list_head *node = w->node, *at = w->at; /* CO-RE would take w's fields for the kernel's */
	const __u32 *a = w->addr;

	if (at && (void *)at != w->end) {
		if (source_four(a)) {
			struct in_ifaddr *four = (void *)at;

			if (BPF_CORE_READ(four, ifa_local) == a[3])
				goto found;
			w->at = BPF_CORE_READ(four, ifa_next);
		} else {
			struct inet6_ifaddr *six =
				(void *)at - bpf_core_field_offset(struct inet6_ifaddr, if_list);
			struct in6_addr own = BPF_CORE_READ(six, addr);
			const __u32 *o = own.in6_u.u6_addr32;

			if (!((o[0] ^ a[0]) | (o[1] ^ a[1]) | (o[2] ^ a[2]) | (o[3] ^ a[3])))
				goto found;
			w->at = BPF_CORE_READ(at, next);
		}
		return 0;
	}
	node = BPF_CORE_READ(node, next);
	if (!node || (void *)node == w->first)
		return 1;
	w->node = node;
	source_device(w);
	return 0;
found:
	w->node = NULL;
	return 1;
}

/* Has a network namespace this address, or is it none that anybody could answer to? a: four words, IPv4 as
 * ::ffff:a.b.c.d. */
static __noinline bool source_own(const struct sock *sk, const __u32 *a)
{
	struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	struct source_walk w = {.addr = a};

	if (source_four(a) ? !a[3] || (bpf_ntohl(a[3]) >> 24) == 127 : !(a[0] | a[1] | a[2] | a[3]))
		return true;
	w.first = (void *)net + bpf_core_field_offset(struct net, dev_base_head);
	w.node = BPF_CORE_READ(net, dev_base_head.next);
	if (!w.node || w.node == w.first)
		return false;
	/* the first one here, too: where a loop starts must not be known to old verifiers, see path.h */
	source_device(&w);
	return bpf_loop(SOURCE_STEPS, source_step, &w, 0) >= 0 && !w.node;
}

/* Has it asked for foreign addresses, as it is now? */
static __always_inline bool source_asked(struct sock *sk)
{
	struct inet_sock___bits *bits = (void *)sk;
	struct inet_sock *inet = (void *)sk;

	if (bpf_core_field_exists(inet->inet_flags))
		return BPF_CORE_READ(inet, inet_flags) & (SOURCE_FREEBIND | SOURCE_TRANSPARENT);
	return BPF_CORE_READ_BITFIELD_PROBED(bits, freebind) ||
	       BPF_CORE_READ_BITFIELD_PROBED(bits, transparent);
}

/* May this socket have a foreign address at all? It may have asked for that, and taken it back when it was
 * bound, or when it had begun to put a datagram together. How other protocols bind is not seen by hooks. */
static __always_inline bool source_free(struct sock *sk, __u32 type, const struct cgw_sock *s)
{
	struct net *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	__u32 proto = BPF_CORE_READ(sk, sk_protocol);

	if ((s->flags & CGW_SOCK_FOREIGN) || type == SOCK_RAW)
		return true;
	if (proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE) {
		if (BPF_CORE_READ((struct udp_sock *)sk, pending))
			return true;
	} else if (proto != IPPROTO_TCP && proto != IPPROTO_MPTCP) {
		return true;
	}
	return source_asked(sk) || BPF_CORE_READ(net, ipv4.sysctl_ip_nonlocal_bind) ||
	       BPF_CORE_READ(net, ipv6.sysctl.ip_nonlocal_bind);
}

/* Did the host's NAT write this packet's source? */
static __always_inline bool source_translated(struct __sk_buff *skb)
{
	struct sk_buff *at = NULL;
	struct nf_conn *flow;

	if (!bpf_core_field_exists(at->_nfct) || !bpf_core_type_exists(struct nf_conn))
		return false;
	bpf_probe_read_kernel(&at, sizeof(at), &skb);
	flow = (void *)(BPF_CORE_READ(at, _nfct) & ~SOURCE_NFCT_MASK);
	return flow && (BPF_CORE_READ(flow, status) & SOURCE_TRANSLATED);
}

/* What becomes of a foreign source: refused, counted, told. */
static __noinline bool source_refuse(const struct cgw_query *q, const struct cgw_who *w, __u64 cookie,
				     __u64 how)
{
	struct cgw_answer a = {.error = CGW_ERR_SOURCE};

	count(CGW_ERR_SOURCE);
	event_emit(q, &a, w, cookie, how | CGW_BLOCK);
	if (event_observed(q->word)) {
		count(CGW_CNT_OBSERVED);
		return false;
	}
	count(CGW_CNT_BLOCK);
	return true;
}

/* May anybody speak for anybody? */
static __always_inline bool source_any(__u64 word)
{
	const struct cgw_head *h = cgw_head_of(word);

	return h && word && (h->flags & CGW_H_OTHER_PASS);
}

/* Is that the source which was looked at last? */
static __always_inline bool source_seen(const struct cgw_sock *s, const struct cgw_query *q)
{
	const __u64 *was = (const __u64 *)s->source, *is = (const __u64 *)q->local;

	return was[0] == is[0] && was[1] == is[1];
}

/* Is a packet that leaves to be refused for its source? q: what was read from it. */
static __noinline bool source_foreign(struct __sk_buff *skb, struct bpf_sock *sk, struct cgw_sock *s,
				      const struct cgw_query *q)
{
	struct sock *at = NULL;

	if (source_any(q->word))
		return false;
	bpf_probe_read_kernel(&at, sizeof(at), &sk);
	if (source_free(at, sk->type, s) && !source_translated(skb) &&
	    !source_own(at, (const __u32 *)q->local))
		return source_refuse(q, &s->who, bpf_get_socket_cookie(skb),
				     EVENT_ONCE | EVENT_IFACE(skb->ifindex));
	/* two at once may leave half of each: two addresses of this namespace, none that anybody chose */
	__builtin_memcpy(s->source, q->local, sizeof(s->source));
	return false;
}

/* The same of a connection that is about to be made to that address; its first packet may not be read any
 * more. */
static __noinline bool source_connect(struct bpf_sock_addr *ctx, const __u32 *to)
{
	struct bpf_sock *sk = ctx->sk;
	struct cgw_ctl *c = ctl_get();
	struct cgw_query q = {};
	__u32 *a = (__u32 *)q.local;
	struct sock *at = NULL;
	struct cgw_sock *s;
	__u32 last;

	if (!sk || !c)
		return true;
	if (sk->family == AF_INET6) {
		a[0] = sk->src_ip6[0];
		a[1] = sk->src_ip6[1];
		a[2] = sk->src_ip6[2];
		last = sk->src_ip6[3];
		/* clang must not compute with the socket's address, to share code with what is below */
		asm volatile("" : "+r"(last));
		a[3] = last;
	} else {
		a[2] = bpf_htonl(0xffff);
		a[3] = sk->src_ip4;
	}
	s = bpf_sk_storage_get(&socks, sk, 0, 0);
	if (!s || source_seen(s, &q))
		return false; /* a stranger's, or one of us */
	q.word = *(volatile __u64 *)&c->word;
	bpf_probe_read_kernel(&at, sizeof(at), &sk);
	if (source_any(q.word) || !source_free(at, sk->type, s) || source_own(at, a))
		return false;
	q.dir = CGW_OUT;
	q.proto = ctx->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : ctx->protocol;
	q.rport = bpf_ntohs(ctx->user_port);
	q.lport = sk->src_port;
	__builtin_memcpy(q.remote, to, sizeof(q.remote));
	cgw_fold(q.remote);
	q.known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_LPORT | CGW_Q_PROTO | CGW_Q_RPORT;
	return source_refuse(&q, &s->who, bpf_get_socket_cookie(ctx), 0);
}

#endif
