/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket options that make the kernel send, or that send packets elsewhere. Who joins a multicast group has
 * the kernel announce it (IGMP, MLD): up to 112 bits of the program's choice, to everybody on the link, by a
 * socket of the kernel's own. A join announces that somebody wants to take part, so it is allowed where the
 * policy lets something come in for the group, or lets the program send to it. Routing headers and source
 * routes are dropped on the way out; here the program is told at once.
 *
 * The kernel uses the very bytes that were looked at, unless they are more than a page: then what names a
 * group is refused. */
#ifndef CGWALL_BPF_JOIN_H
#define CGWALL_BPF_JOIN_H

#define SOL_IP 0
#define SOL_IPV6 41
#define IP_OPTIONS 4
#define IP_FREEBIND 15
#define IP_RECVERR 11
#define IP_TRANSPARENT 19
#define IP_ADD_MEMBERSHIP 35
#define IP_UNBLOCK_SOURCE 37
#define IP_BLOCK_SOURCE 38
#define IP_ADD_SOURCE_MEMBERSHIP 39
#define IP_MSFILTER 41
#define MCAST_JOIN_GROUP 42
#define MCAST_BLOCK_SOURCE 43
#define MCAST_UNBLOCK_SOURCE 44
#define MCAST_JOIN_SOURCE_GROUP 46
#define MCAST_MSFILTER 48
#define IPV6_2292RTHDR 5
#define IPV6_JOIN_GROUP 20
#define IPV6_RECVERR 25
#define IPV6_JOIN_ANYCAST 27
#define IPV6_RTHDR 57
#define IPV6_TRANSPARENT 75
#define IPV6_FREEBIND 78
#define JOIN_PAGE 4096	  /* where pages are larger, more than this could be looked at, but nobody needs it */
#define JOIN_SOCKADDR 128 /* struct sockaddr_storage */
#define JOIN_REQ_AT 8	  /* where the group stands in struct group_req */
#define JOIN_OPTIONS_MAX 40 /* bytes of IPv4 options */

enum join_option {
	JOIN_NONE,
	JOIN_FOUR,	  /* the group is the first four bytes */
	JOIN_FOUR_SOURCE, /* the same, and the source eight behind it */
	JOIN_SIX,	  /* the first sixteen */
	JOIN_REQ,	  /* struct group_req and those that begin like it */
	JOIN_REQ_SOURCE,  /* struct group_source_req */
	JOIN_OPTIONS,	  /* IPv4 options */
	JOIN_ROUTE,	  /* a routing header */
};

static __always_inline enum join_option join_option(__s32 level, __s32 name)
{
	if (level != SOL_IP && level != SOL_IPV6)
		return JOIN_NONE;
	if (name == MCAST_JOIN_GROUP || name == MCAST_MSFILTER)
		return JOIN_REQ;
	if (name == MCAST_JOIN_SOURCE_GROUP || name == MCAST_BLOCK_SOURCE || name == MCAST_UNBLOCK_SOURCE)
		return JOIN_REQ_SOURCE;
	if (level == SOL_IPV6)
		return name == IPV6_JOIN_GROUP || name == IPV6_JOIN_ANYCAST ? JOIN_SIX
		       : name == IPV6_RTHDR || name == IPV6_2292RTHDR	    ? JOIN_ROUTE
									    : JOIN_NONE;
	return name == IP_ADD_MEMBERSHIP || name == IP_MSFILTER ? JOIN_FOUR
	       : name == IP_ADD_SOURCE_MEMBERSHIP || name == IP_BLOCK_SOURCE || name == IP_UNBLOCK_SOURCE
		       ? JOIN_FOUR_SOURCE
	       : name == IP_OPTIONS ? JOIN_OPTIONS
				    : JOIN_NONE;
}

/* Four bytes of the option's value as an address. False: it ends before them. */
static __always_inline bool join_four(struct bpf_sockopt *ctx, __u32 at, __u8 *ret)
{
	__u8 *p = ctx->optval;
	__u32 *a = (__u32 *)ret;

	if (p + at + 4 > (__u8 *)ctx->optval_end)
		return false;
	a[0] = a[1] = 0;
	a[2] = bpf_htonl(0xffff);
	__builtin_memcpy(a + 3, p + at, 4);
	return true;
}

static __always_inline bool join_six(struct bpf_sockopt *ctx, __u32 at, __u8 *ret)
{
	__u8 *p = ctx->optval;

	if (p + at + 16 > (__u8 *)ctx->optval_end)
		return false;
	__builtin_memcpy(ret, p + at, 16);
	return true;
}

/* A struct sockaddr there. 1: it is an internet address; 0: it is none; -1: the value ends before it. */
static __always_inline int join_sockaddr(struct bpf_sockopt *ctx, __u32 at, __u8 *ret)
{
	__u8 *p = ctx->optval;
	__u16 family;

	if (p + at + sizeof(family) > (__u8 *)ctx->optval_end)
		return -1;
	__builtin_memcpy(&family, p + at, sizeof(family));
	if (family == AF_INET)
		return join_four(ctx, at + 4, ret) ? 1 : -1;
	if (family == AF_INET6)
		return join_six(ctx, at + 8, ret) ? 1 : -1;
	return 0;
}

/* What is joined into q, the group as the local end, the source as the remote one. -1, or the verdict where
 * there is nothing to judge: CGW_PASS, since the kernel will refuse what names no group; CGW_BLOCK for what
 * cannot be read. */
static __noinline int join_read(struct bpf_sockopt *ctx, enum join_option option, struct bpf_sock *sk,
				__u64 word, struct cgw_query *q)
{
	int r = 1;

	__builtin_memset(q, 0, sizeof(*q));
	q->word = word;
	q->known = CGW_Q_LOCAL | CGW_Q_PROTO;
	q->proto = sk->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : sk->protocol;
	q->lport = sk->src_port;
	if (q->lport && sk->type != SOCK_RAW)
		q->known |= CGW_Q_LPORT;
	if (option == JOIN_REQ || option == JOIN_REQ_SOURCE)
		r = join_sockaddr(ctx, JOIN_REQ_AT, q->local);
	else if (!(option == JOIN_SIX ? join_six(ctx, 0, q->local) : join_four(ctx, 0, q->local)))
		r = -1;
	if (r == 1 && option == JOIN_REQ_SOURCE)
		r = join_sockaddr(ctx, JOIN_REQ_AT + JOIN_SOCKADDR, q->remote);
	else if (r == 1 && option == JOIN_FOUR_SOURCE && !join_four(ctx, 8, q->remote))
		r = -1;
	if (option == JOIN_REQ_SOURCE || option == JOIN_FOUR_SOURCE)
		q->known |= CGW_Q_REMOTE;
	return r == 1 ? -1 : r ? CGW_BLOCK : CGW_PASS;
}

/* May w join the group in room->query.local? Somebody might be let in who sends to it, by whatever interface
 * and from whatever port; or w may send to it. A port that is not bound yet may become any. Gives CGW_PASS,
 * CGW_BLOCK or CGW_REJECT, and leaves the query unusable. */
static __noinline int join_judge(struct scratch *room, struct cgw_who *w)
{
	struct cgw_query *q = &room->query;
	__u32 wild = CGW_DIMS_CALLER, verdict;
	bool has_port = q->known & CGW_Q_LPORT;

	if (q->known & CGW_Q_REMOTE)
		wild &= ~(1u << CGW_DIM_REMOTE | 1u << CGW_DIM_REMOTE_LIST);
	if (!has_port)
		wild |= 1u << CGW_DIM_LPORT;
	q->dir = CGW_IN;
	if (!who_classes(w, q)) {
		int could = cgw_could(q, wild, &room->answer, &room->scan);

		if (could == CGW_COULD_PASS ||
		    (could == CGW_COULD_SETTLED && room->answer.entry.action == CGW_PASS))
			return CGW_PASS;
	}
	q->dir = CGW_OUT;
	q->known = CGW_Q_REMOTE | CGW_Q_PROTO | (has_port ? CGW_Q_RPORT : 0);
	q->rport = q->lport;
	__builtin_memcpy(q->remote, q->local, 16);
	verdict = judge(q, w, 0,
			JUDGE_UNHELD | JUDGE_WILD(CGW_DIMS_LATE | (has_port ? 0 : 1u << CGW_DIM_RPORT)));
	return verdict == CGW_LATER ? CGW_PASS : verdict;
}

/* Is there a source route among the IPv4 options? */
static __always_inline bool join_source_route(struct bpf_sockopt *ctx)
{
	__u64 at = 0;

	for (int i = 0; i < PACKET_OPTIONS_MAX; i++) {
		__u8 *o = ctx->optval;

		if (at >= JOIN_OPTIONS_MAX || (__s64)at >= ctx->optlen)
			return false;
		o += masked(at, 63);
		asm volatile(""
			     : "+r"(o)); /* one pointer: what is known of it is not known of a second one */
		if (o + 2 > (__u8 *)ctx->optval_end)
			return false;
		if (o[0] == IPOPT_LSRR || o[0] == IPOPT_SSRR)
			return true;
		if (o[0] == IPOPT_END || (o[0] != IPOPT_NOOP && o[1] < 2))
			return false; /* the kernel refuses the latter */
		at += o[0] == IPOPT_NOOP ? 1 : o[1];
	}
	return true; /* more of them than anybody needs; packets with them are dropped as well */
}

/* A join, by the socket's opener and by the caller. */
static __always_inline int join_hook(struct bpf_sockopt *ctx, enum join_option option, __u64 word)
{
	struct bpf_sock *sk = ctx->sk;
	struct scratch *room;
	struct cgw_sock *s;
	int verdict;

	s = sk ? bpf_sk_storage_get(&socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : NULL;
	room = s ? scratch_get() : NULL;
	if (!room) {
		count(CGW_ERR_TABLE);
		return CGW_BLOCK;
	}
	s->who.netns = bpf_get_netns_cookie(ctx);
	if (!s->who.known)
		who_caller(&s->who);
	verdict = join_read(ctx, option, sk, word, &room->query);
	if (verdict < 0) {
		verdict = join_judge(room, &s->who);
		if (verdict == CGW_PASS && !who_same(&s->who)) {
			who_caller(&room->who);
			room->who.netns = s->who.netns;
			join_read(ctx, option, sk, word, &room->query);
			verdict = join_judge(room, &room->who);
		}
	}
	scratch_put(room);
	return verdict;
}

/* Does the option have ICMP errors queued for the program? Anybody can send one that quotes the ends of a
 * socket, and whatever data behind them, and no hook sees it. */
static __always_inline bool join_errors(__s32 level, __s32 name)
{
	return (level == SOL_IP && name == IP_RECVERR) || (level == SOL_IPV6 && name == IPV6_RECVERR);
}

/* Does the option let a socket be bound to a foreign address? */
static __always_inline bool join_frees(__s32 level, __s32 name)
{
	return (level == SOL_IP && (name == IP_FREEBIND || name == IP_TRANSPARENT)) ||
	       (level == SOL_IPV6 && (name == IPV6_FREEBIND || name == IPV6_TRANSPARENT));
}

/* Notes that it was asked for, for source.h. False: there is no room to. */
static __always_inline bool join_freed(struct bpf_sock *sk)
{
	struct cgw_sock *s = sk ? bpf_sk_storage_get(&socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : NULL;

	if (s)
		s->flags |= CGW_SOCK_FOREIGN;
	else
		count(CGW_ERR_TABLE);
	return s;
}

/* The same where it is seen when the socket is bound: 32-bit calls ask for it unseen. */
static __always_inline int join_bind(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct cgw_ctl *c = ctl_get();
	struct sock *at = NULL;

	if (!c)
		return HOOK_REFUSE;
	bpf_probe_read_kernel(&at, sizeof(at), &sk);
	if (!at || !source_asked(at) || !who_guarded(c))
		return HOOK_ALLOW;
	return join_freed(sk) ? HOOK_ALLOW : HOOK_REFUSE;
}

SEC("cgroup/bind4")
int hook_bind4(struct bpf_sock_addr *ctx)
{
	return join_bind(ctx);
}

SEC("cgroup/bind6")
int hook_bind6(struct bpf_sock_addr *ctx)
{
	return join_bind(ctx);
}

SEC("cgroup/setsockopt")
int hook_setsockopt(struct bpf_sockopt *ctx)
{
	enum join_option option = join_option(ctx->level, ctx->optname);
	struct cgw_ctl *c = ctl_get();
	const struct cgw_head *h;
	__u64 word;
	int verdict;

	/* no rule can name who sends them; programs that ask for them go on without */
	if (join_errors(ctx->level, ctx->optname) && c && who_guarded(c) &&
	    !source_any(*(volatile __u64 *)&c->word)) {
		ctx->optlen = -1;
		return HOOK_ALLOW;
	}
	if (join_frees(ctx->level, ctx->optname) && c && who_guarded(c) && !join_freed(ctx->sk))
		return HOOK_REFUSE;
	/* What is larger than a page was not copied as a whole; 0 says: take the program's own. */
	if (option == JOIN_NONE || ctx->optlen <= 0) {
		if (ctx->optlen > JOIN_PAGE)
			ctx->optlen = 0;
		return HOOK_ALLOW;
	}
	if (!c)
		return HOOK_REFUSE;
	if (!who_guarded(c)) {
		if (ctx->optlen > JOIN_PAGE)
			ctx->optlen = 0;
		return HOOK_ALLOW;
	}
	word = *(volatile __u64 *)&c->word;
	h = cgw_head_of(word);
	if (option == JOIN_OPTIONS && !join_source_route(ctx))
		return HOOK_ALLOW;
	if (option == JOIN_OPTIONS || option == JOIN_ROUTE || ctx->optlen > JOIN_PAGE) {
		if (h && (h->flags & CGW_H_OBSERVE))
			return HOOK_ALLOW;
		count(CGW_ERR_PACKET);
		return HOOK_REFUSE;
	}
	verdict = join_hook(ctx, option, word);
	if (verdict == CGW_REJECT)
		bpf_set_retval(-ECONNREFUSED);
	return verdict == CGW_PASS ? HOOK_ALLOW : HOOK_REFUSE;
}

#endif
