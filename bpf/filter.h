/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet hooks: what really leaves and what really arrives, for every socket of the guarded cgroup,
 * whatever made it send. A connection is judged once for each generation; its packets then cost one look at
 * its socket.
 *
 * Who is judged is the socket's opener. `in` rules judge what somebody else began: a TCP handshake at its
 * listener, a datagram that answers nothing. Answers belong to the flow that was begun here.
 */
#ifndef CGWALL_BPF_FILTER_H
#define CGWALL_BPF_FILTER_H

#define FILTER_DROP 0
#define FILTER_PASS 1
#define FILTER_DELAY_NS 1000000000ULL	 /* how much later than now a packet may leave */
#define FILTER_CLOCK_NS 3600000000000ULL /* and how much later is not meant by this clock */
/* The least rate for a packet's bytes a second: sch_fq keeps 100 of a flow, which are gone in ten seconds. */
#define FILTER_RATE 10
#define FILTER_USER 3 /* somebody else than the socket's opener sends: he is to be judged first */

/* Is a socket without a record one that has to be judged? The kernel's own (resets, echo replies, neighbour
 * discovery) are raw ones; those of programs have a record from the start. */
static __always_inline bool filter_ours(struct __sk_buff *skb, struct bpf_sock *sk, const struct cgw_ctl *c)
{
	return sk->type != SOCK_RAW &&
	       (!c->guard || bpf_skb_ancestor_cgroup_id(skb, c->guard_level) == c->guard);
}

/* May what was let through under another policy go on, whatever this one says? */
static __always_inline bool filter_kept(__u64 word)
{
	const struct cgw_head *h = cgw_head_of(word);

	return h && (h->flags & CGW_H_KEEP);
}

/* Does the policy ask which name the other end of what comes in has? */
static __always_inline bool filter_asks_names(__u64 word)
{
	const struct cgw_head *h = cgw_head_of(word);

	return h && (h->dir[CGW_IN].dims & (1u << CGW_DIM_NAME));
}

/* The verdict on a connection under q->word; from its socket where it was judged already. */
static __always_inline __u32 filter_connection(struct cgw_query *q, struct cgw_sock *s, __u32 ifindex,
					       __u64 cookie)
{
	__u64 decided = *(volatile __u64 *)&s->decided;
	bool iface = iface_asked(q->word);
	__u32 verdict = CGW_PASS;
	/* what is judged by its packets alone has no line yet; by another interface, another rule may decide
	 */
	__u64 how = !decided ? JUDGE_ONCE : iface ? JUDGE_ONCE | JUDGE_AGAIN : JUDGE_QUIET | JUDGE_AGAIN;

	/* what is asked about may have been answered meanwhile */
	if (CGW_DECIDED_WORD(decided) == q->word && !(iface && ifindex) &&
	    CGW_DECIDED_VERDICT(decided) != CGW_ASK)
		return CGW_DECIDED_VERDICT(decided);
	if (iface && !ifindex)
		return CGW_PASS; /* only its next packet can tell */
	if (CGW_DECIDED_VERDICT(decided) == CGW_PASS && filter_kept(q->word)) {
		*(volatile __u64 *)&s->decided = CGW_DECIDED(q->word, CGW_PASS);
		return CGW_PASS;
	}
	q->dir = s->flags & CGW_SOCK_BEGAN ? s->dir : CGW_OUT;
	if (q->dir == CGW_IN)
		how = JUDGE_QUIET | JUDGE_AGAIN; /* its listener has it */
	if (iface)
		iface_given(q, s->who.netns, ifindex);
	q->ask = s->granted;
	names_given(q, &s->who, s->began);
	verdict = judge(q, &s->who, cookie, how | EVENT_IFACE(ifindex));
	/* a connection older than the agent may have been begun by either side */
	if (verdict != CGW_PASS && !(s->flags & CGW_SOCK_BEGAN)) {
		__u32 ask = verdict == CGW_ASK ? q->ask : 0;

		q->dir = CGW_IN;
		q->ask = s->granted;
		if (iface)
			iface_given(q, s->who.netns, ifindex);
		names_given(q, &s->who, s->began);
		verdict = judge(q, &s->who, 0, JUDGE_QUIET | EVENT_IFACE(ifindex));
		if (verdict != CGW_PASS && ask) {
			q->dir = CGW_OUT;
			q->ask = ask;
			verdict = CGW_ASK;
		}
	}
	if (verdict != CGW_PASS && verdict != CGW_ASK)
		verdict = CGW_BLOCK;
	if (verdict == CGW_PASS) {
		s->granted = q->ask;
		if (!s->began)
			s->began = bpf_ktime_get_boot_ns();
	}
	*(volatile __u64 *)&s->decided = CGW_DECIDED(q->word, verdict);
	if (verdict == CGW_BLOCK && ifindex)
		event_cut();
	return verdict;
}

/* Does a packet still say what its socket does? Where the host translates addresses on the way out it does
 * not, and sent on by the agent it would be another flow: TCP has to repeat it. */
static __always_inline bool filter_as_sent(const struct __sk_buff *skb, const struct bpf_sock *sk,
					   const struct cgw_query *q)
{
	const __u32 *remote = (const __u32 *)q->remote, *local = (const __u32 *)q->local;
	__u32 differ = (q->rport ^ bpf_ntohs(sk->dst_port)) | (q->lport ^ sk->src_port);

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		/* clang must not compute with the socket's address, to share code with what is below */
		asm volatile("" : "+r"(differ));
		differ |= (remote[3] ^ sk->dst_ip4) | (local[3] ^ sk->src_ip4);
		asm volatile("" : "+r"(differ));
		return !differ;
	}
	for (int i = 0; i < 4; i++)
		differ |= (remote[i] ^ sk->dst_ip6[i]) | (local[i] ^ sk->src_ip6[i]);
	return !differ;
}

/* A packet of what is asked about. */
static __always_inline int filter_hold(struct __sk_buff *skb, struct cgw_query *q, struct cgw_sock *s,
				       __u32 what, bool out)
{
	int r = hold_packet(skb, q, s, what);

	/* only the egress hook may say more than yes and no */
	return out && r == HOLD_LATER ? HOLD_LATER : FILTER_DROP;
}

/* What a TCP socket sends is TCP, and what a UDP socket sends is UDP, unless the kernel has wrapped it up by
 * the host's IPsec: then it is judged by the ends of its socket. In the agent's network namespace alone: who
 * may set IPsec up there may do anything to its packets; in one of his own anybody may have them sent
 * wherever he likes. 0: q is about the socket's ends; -1: it is to be judged as what it is. */
static __noinline int filter_wrapped(struct bpf_sock *sk, const struct cgw_sock *s, struct cgw_query *q)
{
	__u32 *remote = (__u32 *)q->remote, *local = (__u32 *)q->local;
	const struct cgw_ctl *c = ctl_get();
	__u32 last[2];

	if (!c || !c->netns || s->who.netns != c->netns || !(sk->dst_port || sk->state == TCP_LISTEN))
		return -1;
	__builtin_memset(q, 0, sizeof(*q));
	if (sk->family == AF_INET) {
		remote[2] = local[2] = bpf_htonl(0xffff);
		last[0] = sk->dst_ip4;
		last[1] = sk->src_ip4;
		/* clang must not compute with the socket's address, to share code with what is below */
		asm volatile("" : "+r"(last[0]), "+r"(last[1]));
	} else {
		for (int i = 0; i < 3; i++) {
			remote[i] = sk->dst_ip6[i];
			local[i] = sk->src_ip6[i];
		}
		last[0] = sk->dst_ip6[3];
		last[1] = sk->src_ip6[3];
	}
	asm volatile("" : "+r"(last[0]), "+r"(last[1]));
	remote[3] = last[0];
	local[3] = last[1];
	q->proto = sk->protocol;
	q->rport = bpf_ntohs(sk->dst_port);
	q->lport = sk->src_port;
	q->known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_PROTO | CGW_Q_RPORT | CGW_Q_LPORT;
	if (sk->state == TCP_SYN_SENT)
		q->tcp_flags = TCP_FLAG_SYN;
	return 0;
}

/* Forgets what was decided of a socket that has another connection now, or listens for such. */
static __noinline void filter_fresh(struct cgw_sock *s)
{
	*(volatile __u64 *)&s->decided = 0;
	*(volatile __u64 *)&s->began = 0;
	*(volatile __u32 *)&s->granted = 0;
	*(volatile __u32 *)&s->asked = 0;
	*(volatile __u64 *)&s->user[0] = 0;
	*(volatile __u64 *)&s->user[1] = 0;
}

/* A connection's packet. */
static __always_inline int filter_tcp(struct __sk_buff *skb, struct bpf_sock *sk, struct cgw_sock *s,
				      __u64 word, bool out)
{
	__u64 decided = *(volatile __u64 *)&s->decided;
	struct cgw_query q;
	__u32 verdict;

	/* what was decided of a listener is what it did before it was one */
	if (CGW_DECIDED_WORD(decided) == word && CGW_DECIDED_VERDICT(decided) != CGW_ASK &&
	    sk->state != TCP_LISTEN && packet_plain_tcp(skb) && !iface_asked(word))
		return CGW_DECIDED_VERDICT(decided) == CGW_PASS ? FILTER_PASS : FILTER_DROP;
	if (packet_read(skb, &q, out) || (q.proto != IPPROTO_TCP && (!out || filter_wrapped(sk, s, &q)))) {
		count(CGW_ERR_PACKET);
		return FILTER_DROP;
	}
	q.word = word;
	/* a call that nobody judged: a subflow's, or that of somebody outside who was given the socket */
	if (out && !(s->flags & CGW_SOCK_BEGAN) && (q.tcp_flags & TCP_FLAG_SYN) &&
	    !(q.tcp_flags & TCP_FLAG_ACK)) {
		s->dir = CGW_OUT;
		s->flags |= CGW_SOCK_BEGAN;
		if (!source_seen(s, &q) && source_foreign(skb, sk, s, &q))
			return FILTER_DROP;
	}
	if (sk->state != TCP_LISTEN) {
		verdict = filter_connection(&q, s, iface_asked(word) ? iface_by(skb, out) : skb->ifindex,
					    bpf_get_socket_cookie(skb));
		if (verdict == CGW_ASK)
			return filter_hold(skb, &q, s,
					   out && q.dir == CGW_OUT && sk->state == TCP_SYN_SENT &&
							   packet_plain_tcp(skb) &&
							   filter_as_sent(skb, sk, &q)
						   ? HOLD_SYN
						   : 0,
					   out);
		return verdict == CGW_PASS ? FILTER_PASS : FILTER_DROP;
	}
	if (out)
		return FILTER_PASS; /* its handshakes answer what was let in */
	/* what is accepted inherits that */
	s->dir = CGW_IN;
	s->flags |= CGW_SOCK_BEGAN;
	filter_fresh(s);
	owner_began(sk, s);
	if (orphan_any())
		orphan_forget(s, &q);
	q.dir = CGW_IN;
	iface_given(&q, s->who.netns, iface_by(skb, out));
	names_given(&q, &s->who, 0);
	/* the handshake's last segment comes here too */
	verdict = judge(&q, &s->who, bpf_get_socket_cookie(skb),
			JUDGE_ONCE | (q.tcp_flags & TCP_FLAG_SYN ? 0 : JUDGE_AGAIN) |
				EVENT_IFACE(iface_by(skb, out)));
	if (verdict == CGW_ASK)
		return filter_hold(skb, &q, s, 0, false);
	return verdict == CGW_PASS ? FILTER_PASS : FILTER_DROP;
}

#define FILTER_BYTES(len, out) ((out) ? (__u64)(len) : (__u64)(len) << 32)

/* Notes what was decided of a flow. Its counts go on; bytes: of this packet, FILTER_BYTES. A function of its
 * own, to keep the entry off the stack while the policy is asked. */
static __noinline int filter_note(const struct flow_id *id, __u64 decided, __u64 netns, __u64 bytes,
				  const struct cgw_query *q)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct flow fresh = {.decided = decided, .last = now, .began = now, .netns = netns}, *f;

	f = bpf_map_lookup_elem(&flows, id);
	if (f) {
		fresh.bytes[0] = f->bytes[0];
		fresh.bytes[1] = f->bytes[1];
		if (now < f->last + FLOW_LIFE_NS && f->began)
			fresh.began = f->began;
	}
	fresh.bytes[0] += bytes >> 32;
	fresh.bytes[1] += (__u32)bytes;
	__builtin_memcpy(fresh.local, q->local, sizeof(fresh.local));
	fresh.lport = q->lport;
	return bpf_map_update_elem(&flows, id, &fresh, BPF_ANY) ? -1 : 0;
}

/* Was a flow decided for the end that it has here now, where rules ask for that? The same socket may send
 * from another address, or have got another port. What comes back to us, and what answers others, may have
 * any. */
static __noinline bool filter_same_end(const struct flow *f, const struct cgw_query *q, bool out)
{
	const __u64 *was = (const __u64 *)f->local, *is = (const __u64 *)q->local;
	const struct cgw_head *h = cgw_head_of(q->word);

	if (out != (q->dir == CGW_OUT) || !h ||
	    !(h->dir[q->dir & 1].dims &
	      (1u << CGW_DIM_LOCAL | 1u << CGW_DIM_LOCAL_LIST | 1u << CGW_DIM_LPORT)))
		return true;
	return f->lport == q->lport && was[0] == is[0] && was[1] == is[1];
}

/* A datagram, or whatever else has no connection. */
static __always_inline int filter_datagram(struct __sk_buff *skb, struct bpf_sock *sk, struct cgw_sock *s,
					   __u64 word, bool out)
{
	struct flow_id id = {};
	__u64 now = bpf_ktime_get_boot_ns(), began = now;
	struct cgw_query q;
	struct flow *f;
	__u32 how, verdict;

	if (packet_read(skb, &q, out)) {
		count(CGW_ERR_PACKET);
		return FILTER_DROP;
	}
	if (out && sk->protocol == IPPROTO_UDP && (q.proto == IPPROTO_ESP || q.proto == IPPROTO_AH) &&
	    sk->state == TCP_ESTABLISHED)
		filter_wrapped(sk, s, &q);
	q.word = word;
	q.dir = out ? CGW_OUT : CGW_IN;
	if (out && !source_seen(s, &q) && source_foreign(skb, sk, s, &q))
		return FILTER_DROP;
	id.cookie = bpf_get_socket_cookie(skb);
	__builtin_memcpy(id.remote, q.remote, 16);
	id.rport = q.rport;
	id.proto = q.proto;
	if (iface_asked(word))
		id.ifindex = iface_by(skb, out);
	f = bpf_map_lookup_elem(&flows, &id);
	/* what the other end began is looked up by our address, too */
	if (!out && !(f && CGW_DECIDED_DIR(f->decided) == CGW_OUT && now < f->last + FLOW_LIFE_NS)) {
		__builtin_memcpy(id.local, q.local, 16);
		f = bpf_map_lookup_elem(&flows, &id);
	}
	if (f && now < f->last + FLOW_LIFE_NS) {
		__u64 decided = *(volatile __u64 *)&f->decided;
		f->last = now;
		began = f->began; /* a name that it had then is still its name */
		q.dir = CGW_DECIDED_DIR(decided);
		verdict = CGW_DECIDED_VERDICT(decided);
		if (out && dns_poses(&q, sk))
			return FILTER_DROP;
		if (filter_same_end(f, &q, out)) {
			if (CGW_DECIDED_WORD(decided) == word && verdict != CGW_PASS)
				return FILTER_DROP;
			if (CGW_DECIDED_WORD(decided) == word || (verdict == CGW_PASS && filter_kept(word))) {
				*(volatile __u64 *)&f->decided = CGW_DECIDED_FLOW(word, CGW_PASS, q.dir);
				__sync_fetch_and_add(&f->bytes[out], skb->len);
				return FILTER_PASS;
			}
		}
	} else if (out && dns_poses(&q, sk)) {
		return FILTER_DROP;
	}
	if (!out && q.dir == CGW_IN && answer_begun(&q, id.cookie)) {
		__builtin_memset(id.local, 0, sizeof(id.local));
		q.dir = CGW_OUT;
	}
	/* connect and sendmsg have written the line of what UDP begins here */
	how = q.dir == CGW_OUT && q.proto == IPPROTO_UDP && !hooks_late(word) ? JUDGE_QUIET | JUDGE_AGAIN
									      : JUDGE_ONCE;
	if (id.ifindex)
		iface_given(&q, s->who.netns, id.ifindex);
	if (sk->type == SOCK_RAW || !answer_can_wait(q.proto))
		how |= JUDGE_UNHELD;
	names_given(&q, &s->who, began);
	verdict = judge(&q, &s->who, id.cookie, how | EVENT_IFACE(iface_by(skb, out)));
	if (verdict == CGW_ASK)
		return filter_hold(skb, &q, s, out && q.dir == CGW_OUT ? HOLD_DGRAM : 0, out);
	/* A refusal of what came in is remembered: the next datagram costs one look, unless its name may be
	 * learned meanwhile. What we were not let to begin must not be remembered, or what the other end
	 * begins would pass for its answer. */
	if (verdict != CGW_PASS) {
		if (q.dir == CGW_IN && !filter_asks_names(word))
			filter_note(&id, CGW_DECIDED_FLOW(word, CGW_BLOCK, CGW_IN), s->who.netns, 0, &q);
		return FILTER_DROP;
	}
	filter_note(&id, CGW_DECIDED_FLOW(word, CGW_PASS, q.dir), s->who.netns, FILTER_BYTES(skb->len, out),
		    &q);
	if (!out && q.dir == CGW_IN) {
		__builtin_memset(id.local, 0, sizeof(id.local));
		/* our answers */
		filter_note(&id, CGW_DECIDED_FLOW(word, CGW_PASS, CGW_IN), s->who.netns, 0, &q);
		if (id.ifindex) { /* for the call, which does not know by which interface it will leave */
			id.ifindex = 0;
			filter_note(&id, CGW_DECIDED_FLOW(word, CGW_PASS, CGW_IN), s->who.netns, 0, &q);
		}
	}
	return FILTER_PASS;
}

/* Is a socket without a record one to be judged after all? Then it has one now, unless there is no room. A
 * function of its own, to keep what that takes off the caller's stack. */
static __noinline bool filter_new(struct __sk_buff *skb, struct bpf_sock *sk, bool out)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_sock *s;

	if (!c)
		return true;
	if (!filter_ours(skb, sk, c))
		return out && lent_packet(sk, c);
	/* made in the guarded cgroup without anybody noting by whom: the new record says so, unless it is
	 * the kernel's */
	s = bpf_sk_storage_get(&socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s && !s->who.known)
		owner_note_kernel(s, owner_address(sk));
	return true;
}

/* A packet may be told to leave later (SO_TXTIME), and waits in a queue of the host's (fq) then, whatever the
 * policy says meanwhile: a second is the most. What is hours away is another clock's. One without a time of
 * its own waits for those before it, up to a second each, at its socket's rate (SO_MAX_PACING_RATE): where a
 * queue full of them would take longer than ten it is told to leave now. TCP keeps what it paces to itself.
 */
static __noinline int filter_hurry(struct __sk_buff *skb, struct bpf_sock *sk)
{
	__u64 leave = skb->tstamp, now;

	if (!leave && (sk->protocol == IPPROTO_TCP ||
		       BPF_CORE_READ(owner_address(sk), sk_pacing_rate) >= (__u64)skb->len * FILTER_RATE))
		return 0;
	now = bpf_ktime_get_ns();
	if (!leave)
		skb->tstamp = now;
	else if (leave > now + FILTER_DELAY_NS && leave < now + FILTER_CLOCK_NS)
		skb->tstamp = now + FILTER_DELAY_NS;
	return 0;
}

static __always_inline int filter(struct __sk_buff *skb, bool out)
{
	struct cgw_ctl *c = ctl_get();
	struct bpf_sock *sk = skb->sk;
	struct cgw_sock *s;
	__u64 word;

	if (!c)
		return FILTER_DROP;
	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return FILTER_PASS; /* a connection's last acknowledgements; nothing of a program's */
	s = bpf_sk_storage_get(&socks, sk, 0, 0);
	if (!owner_known(s) && sk->protocol == IPPROTO_TCP) {
		struct cgw_sock *subflow = owner_subflow(sk);

		s = subflow ? subflow : s;
	}
	if (!s) {
		if (!filter_new(skb, sk, out))
			return FILTER_PASS;
		s = bpf_sk_storage_get(&socks, sk, 0, 0);
		if (!s) {
			count(CGW_ERR_TABLE);
			return FILTER_DROP;
		}
	}
	if (s->flags & CGW_SOCK_AGENT)
		return FILTER_PASS;
	if (use_taken(sk, s))
		return FILTER_DROP;
	if (out)
		filter_hurry(skb, sk);
	if (out && !skb->cb[0] && use_sends(sk, s))
		return FILTER_USER;
	word = *(volatile __u64 *)&c->word;
	if (sk->protocol == IPPROTO_TCP && sk->type == SOCK_STREAM)
		return filter_tcp(skb, sk, s, word, out);
	return filter_datagram(skb, sk, s, word, out);
}

/* What is let through, and is about names besides. */
static __always_inline int filter_names(struct __sk_buff *skb, int r)
{
	if (r != FILTER_DROP && dns_concerns(skb, true)) {
		bpf_tail_call(skb, &dns_tail_out, r == HOLD_LATER);
		return FILTER_DROP;
	}
	return r;
}

int hook_egress(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} filter_packet SEC(".maps") = {.values = {[0] = (void *)&hook_egress}};

/* What hook_egress goes on with where somebody else than the socket's opener sends: he is judged first, with
 * a stack of its own. Then it begins again, and knows that by the packet's cb, which is 0 at first. */
SEC("cgroup_skb/egress")
int filter_sender(struct __sk_buff *skb)
{
	if (use_packet(skb)) {
		skb->cb[0] = 1;
		bpf_tail_call(skb, &filter_packet, 0);
	}
	return FILTER_DROP;
}

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} filter_user SEC(".maps") = {.values = {[0] = (void *)&filter_sender}};

SEC("cgroup_skb/egress")
int hook_egress(struct __sk_buff *skb)
{
	int r = filter(skb, true);

	if (r == FILTER_USER) {
		bpf_tail_call(skb, &filter_user, 0);
		return FILTER_DROP;
	}
	return filter_names(skb, r);
}

SEC("cgroup_skb/ingress")
int hook_ingress(struct __sk_buff *skb)
{
	if (filter(skb, false) != FILTER_PASS)
		return FILTER_DROP;
	if (dns_concerns(skb, false)) {
		bpf_tail_call(skb, &dns_tail_in, 0);
		return FILTER_DROP;
	}
	return FILTER_PASS;
}

#endif
