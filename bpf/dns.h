/* SPDX-License-Identifier: GPL-2.0-only */
/* DNS of the guarded sockets. Questions to trusted resolvers are noted when they leave; an answer is learned
 * from before it is delivered, and only where it comes from such a resolver, to the socket that asked, with
 * the id and the name of a question that still waits. So a program that has the answer finds its addresses
 * bound, and one that answers itself teaches nothing.
 *
 * The two programs here are called by the packet hooks (bpf_tail_call: a stack of their own) for packets from
 * and to port 53 that the policy lets through. What cannot be noted or learned for want of room is dropped
 * and comes again, like any packet that is lost: it must not arrive unlearned.
 */
#ifndef CGWALL_BPF_DNS_H
#define CGWALL_BPF_DNS_H

#define DNS_PORT 53
#define DNS_QUESTIONS 32768
#define DNS_QUESTION_LIFE_NS (120 * NS_PER_S)
#define DNS_QUESTION_ROUNDS 16 /* times that one question may wait for an answer at the same time */
#define DNS_ALARM_NS NS_PER_S
#define LOOPBACK_IFINDEX 1 /* in every network namespace */
#define UDP_HEADER 8
#define DNS_MESSAGES 64 /* of one segment */

/* What the programs give back: cgroup/skb's own, and for what leaves "drop it, the network is busy": it is
 * sent again, and nobody sees an error. */
#define DNS_GO 1
#define DNS_HOLD_IN 0
#define DNS_HOLD_OUT 2

/* A question that was asked: all that its answer must repeat. */
struct dns_question {
	__u64 cookie; /* the socket's */
	__u64 name;   /* cgw_dns_name.id */
	__u8 resolver[16];
	__u16 id, qtype, qclass, lport;
	__u32 proto, reserved;
};

struct dns_asked {
	__u64 time; /* boot clock, ns: last asked */
	__u32 left; /* answers that may come; 0: there was one */
	__u32 lo;   /* it left over loopback */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DNS_QUESTIONS);
	__type(key, struct dns_question);
	__type(value, struct dns_asked);
} dns_questions SEC(".maps");

/* When an alarm of each kind was last told, boot clock. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGW_ALARMS);
	__type(key, __u32);
	__type(value, __u64);
} dns_alarms SEC(".maps");

/* Counts an alarm and tells the agent of one a second. */
static __noinline int dns_alarm(struct dns_buffer *b, __u32 what)
{
	__u64 *last = bpf_map_lookup_elem(&dns_alarms, &what), now = b->w.now, before;
	struct dns_work *w = &b->w;
	struct cgw_event *e;
	long len;

	count(CGW_CNT_ALARM + what);
	if (!last)
		return 0;
	before = *(volatile __u64 *)last;
	if ((before && now < before + DNS_ALARM_NS) ||
	    __sync_val_compare_and_swap(last, before, now) != before)
		return 0;
	e = bpf_ringbuf_reserve(&events, offsetof(struct cgw_event, path) + CGW_NAME_MAX, 0);
	if (!e) {
		count(CGW_ERR_EVENT_LOST);
		return 0;
	}
	__builtin_memset(e, 0, offsetof(struct cgw_event, path));
	e->kind = CGW_EV_ALARM;
	e->size = offsetof(struct cgw_event, path) + CGW_NAME_MAX;
	e->time = now;
	e->gen = CGW_WORD_GEN(w->word);
	e->cgroup = w->who.cgroup_id;
	e->cookie = w->cookie;
	e->alarm = what;
	e->dir = CGW_IN;
	e->proto = w->q.proto;
	e->known = w->q.known;
	e->rport = w->q.rport;
	e->lport = w->q.lport;
	e->pid = w->who.pid;
	e->uid = w->who.uid;
	e->gid = w->who.gid;
	__builtin_memcpy(e->remote, w->q.remote, 16);
	__builtin_memcpy(e->local, w->q.local, 16);
	e->path.c[0] = 0;
	len = bpf_probe_read_kernel_str(e->path.c, CGW_NAME_MAX, b->d.names[0].text);
	e->path_len = len > 0 ? len - 1 : 0;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* Is this address a resolver whose answers are believed? */
static __noinline int dns_trusts(__u64 word, const struct cgw_query *q)
{
	struct cgw_key key = {.kind = CGW_KEY_RESOLVER};

	__builtin_memcpy(key.data, q->remote, sizeof(key.data));
	return cgw_class_of(word, &key) != NULL;
}

/* A resolver on the loopback of another network namespace than the agent's is not the host's: whoever runs
 * there can put his own at such an address. Only one that the policy names by address is meant there, too. */
static __always_inline bool dns_imitable(const struct dns_buffer *b, const struct cgw_ctl *c)
{
	const struct cgw_head *h = cgw_head_of(b->w.word);

	return b->w.lo && c->netns && b->w.netns != c->netns && !(h && (h->flags & CGW_H_RESOLVERS));
}

/* Does a packet that leaves, and begins a flow, pose as the answer of a resolver on this host? Whoever is one
 * has been asked, or asks another; what is written whole, in a raw socket, could say anything. Counted as an
 * alarm. */
static __noinline bool dns_poses(const struct cgw_query *q, struct bpf_sock *sk)
{
	struct cgw_key key = {.kind = CGW_KEY_RESOLVER};
	bool raw = sk->type == SOCK_RAW;

	if (!raw && q->dir != CGW_OUT)
		return false;
	if (q->lport != DNS_PORT || (q->proto != IPPROTO_UDP && q->proto != IPPROTO_TCP) ||
	    (!raw && q->rport == DNS_PORT))
		return false;
	__builtin_memcpy(key.data, q->local, sizeof(key.data));
	if (!cgw_class_of(q->word, &key))
		return false;
	count(CGW_CNT_ALARM + CGW_ALARM_STRANGER);
	return true;
}

static __always_inline void dns_key(const struct dns_buffer *b, struct dns_question *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->cookie = b->w.cookie;
	key->name = b->d.names[0].id;
	__builtin_memcpy(key->resolver, b->w.q.remote, sizeof(key->resolver));
	key->id = b->d.id;
	key->qtype = b->d.qtype;
	key->qclass = b->d.qclass;
	key->lport = b->w.q.lport;
	key->proto = b->w.q.proto;
}

/* Notes the question in b->d. 0; -1 where there is no room. */
static __noinline int dns_note(struct dns_buffer *b)
{
	struct dns_asked fresh = {.time = b->w.now, .left = 1, .lo = b->w.lo}, *asked;
	struct dns_question key;

	dns_key(b, &key);
	asked = bpf_map_lookup_elem(&dns_questions, &key);
	if (asked && b->w.now < asked->time + DNS_QUESTION_LIFE_NS) {
		/* a question that is repeated may get two answers */
		asked->time = b->w.now;
		if (*(volatile __u32 *)&asked->left < DNS_QUESTION_ROUNDS)
			__sync_fetch_and_add(&asked->left, 1);
		/* an entry may be evicted and given to another question while it is written */
		if (bpf_map_lookup_elem(&dns_questions, &key) == asked)
			goto noted;
	}
	if (bpf_map_update_elem(&dns_questions, &key, &fresh, BPF_ANY))
		return -1;
noted:
	count(CGW_CNT_DNS_ASKED);
	return 0;
}

/* Uses up one of the question's answers. true, or false where none is left. */
static __always_inline bool dns_use(struct dns_asked *asked)
{
	for (int try = 0; try < 4; try++) {
		__u32 left = *(volatile __u32 *)&asked->left;

		if (!left)
			return false;
		if (__sync_val_compare_and_swap(&asked->left, left, left - 1) == left)
			return true;
	}
	return false;
}

/* An answer of a trusted resolver, whole, in b->d. 0; -1 where it must come again. */
static __always_inline int dns_answer(struct dns_buffer *b)
{
	struct dns_asked *asked;
	struct dns_question key;
	int r;

	b->d.names[0].text[0] = 0;
	r = cgw_dns_question(&b->d, 1);
	if (r == CGW_DNS_MALFORMED)
		return dns_alarm(b, CGW_ALARM_MALFORMED);
	if (r)
		return 0;
	dns_key(b, &key);
	asked = bpf_map_lookup_elem(&dns_questions, &key);
	if (!asked || b->w.now >= asked->time + DNS_QUESTION_LIFE_NS)
		return dns_alarm(b, CGW_ALARM_UNASKED);
	/* on this host it may come from somebody who shares the port of the one that was asked: dns_poses()
	 */
	if (b->w.lo && b->w.q.lport == DNS_PORT)
		return dns_alarm(b, CGW_ALARM_UNASKED);
	/* nobody sends from another host by way of our loopback, nor from this one by any other */
	if (asked->lo != b->w.lo)
		return dns_alarm(b, CGW_ALARM_PLACE);
	if (!*(volatile __u32 *)&asked->left) {
		count(CGW_CNT_DNS_AGAIN);
		return 0;
	}
	r = cgw_dns_answer(&b->d);
	if (r > CGW_DNS_NOTHING)
		return dns_alarm(b, r == CGW_DNS_MALFORMED   ? CGW_ALARM_MALFORMED
				    : r == CGW_DNS_UNRELATED ? CGW_ALARM_UNRELATED
							     : CGW_ALARM_HUGE);
	if (!dns_use(asked)) {
		count(CGW_CNT_DNS_AGAIN);
		return 0;
	}
	if (r == CGW_DNS_NOTHING)
		return 0;
	if (learn(b)) {
		__sync_fetch_and_add(&asked->left, 1);
		return -1;
	}
	if (b->w.local)
		dns_alarm(b, CGW_ALARM_REBIND);
	if (b->w.learned)
		count(CGW_CNT_DNS_LEARNED);
	return 0;
}

/* One message, whole, in b->d. 0; -1 where it must come again. */
__noinline int dns_message(struct dns_buffer *b)
{
	if (!b)
		return -1;
	if (!b->w.out)
		return dns_answer(b);
	/* what is no question in the usual form has no answer that could be learned from */
	return cgw_dns_question(&b->d, 0) == CGW_DNS_GOOD ? dns_note(b) : 0;
}

/* A datagram whose content begins at w.off, into b->d. 1, or 0 where there is nothing to read. */
__noinline int dns_datagram(struct __sk_buff *skb, struct dns_buffer *b)
{
	__u64 len;
	__u32 at;

	if (!b)
		return 0;
	at = b->w.off;
	if (skb->len <= at)
		return 0;
	len = skb->len - at;
	if (len > CGW_DNS_MAX || skb->gso_size) {
		if (!b->w.out)
			return dns_alarm(b, CGW_ALARM_HUGE);
		count(CGW_CNT_DNS_LOST);
		return 0;
	}
	b->d.len = len;
	return !bpf_skb_load_bytes(skb, at, b->d.msg, masked(len - 1, CGW_DNS_MAX - 1) + 1);
}

/* ---- both ---- */

/* Headers into b->w.q. Where the transport's own header begins; 0 where they cannot be read. */
static __noinline __u32 dns_headers(struct __sk_buff *skb, struct dns_buffer *b, __u32 out)
{
	struct cgw_query *q = &b->w.q;
	__be16 ports[2];
	__u32 at = 0;

	__builtin_memset(q, 0, sizeof(*q));
	if (skb->protocol == bpf_htons(ETH_P_IP))
		at = packet_ip4(skb, q, out);
	else if (skb->protocol == bpf_htons(ETH_P_IPV6))
		at = packet_ip6(skb, q, out);
	if (!at || (at & PACKET_LATER) || bpf_skb_load_bytes(skb, at, ports, sizeof(ports)))
		return 0;
	q->known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_PROTO | CGW_Q_RPORT | CGW_Q_LPORT;
	q->rport = bpf_ntohs(ports[out ? 1 : 0]);
	q->lport = bpf_ntohs(ports[out ? 0 : 1]);
	return at;
}

#include "stream.h"

/* All messages of a packet whose transport header begins at w.off. 0; -1 where it must come again. */
static __noinline int dns_packet(struct __sk_buff *skb, struct dns_buffer *b)
{
	int r;

	if (b->w.q.proto == IPPROTO_UDP) {
		b->w.off += UDP_HEADER;
		return dns_datagram(skb, b) ? dns_message(b) : 0;
	}
	r = stream_segment(skb, b);
	if (r <= 0)
		return r;
	CGW_ROLLED
	for (int i = 0; i < DNS_MESSAGES; i++) {
		if (!stream_next(skb, b))
			return 0;
		if (dns_message(b))
			return -1;
		stream_done(skb, b);
	}
	return -1; /* more than that: what has not been seen of it comes again */
}

static __always_inline int dns(struct __sk_buff *skb, bool out)
{
	struct bpf_sock *sk = skb->sk;
	struct cgw_ctl *c = ctl_get();
	struct dns_buffer *b;
	struct cgw_sock *s;
	int r = 0;
	__u32 at;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	s = sk ? bpf_sk_storage_get(&socks, sk, 0, 0) : NULL;
	if (!c || !s)
		return DNS_GO;
	b = dns_get();
	if (!b) {
		count(CGW_CNT_DNS_HELD);
		return out ? DNS_HOLD_OUT : DNS_HOLD_IN;
	}
	b->w.word = *(volatile __u64 *)&c->word;
	b->w.now = bpf_ktime_get_boot_ns();
	b->w.cookie = bpf_get_socket_cookie(skb);
	b->w.netns = s->who.netns;
	b->w.who = s->who;
	b->w.lo = skb->ifindex == LOOPBACK_IFINDEX;
	b->w.out = out;
	b->d.seed[0] = c->seed[0];
	b->d.seed[1] = c->seed[1];
	at = dns_headers(skb, b, out);
	b->w.off = at;
	if (at && b->w.q.rport == DNS_PORT) {
		if (dns_trusts(b->w.word, &b->w.q) && dns_imitable(b, c)) {
			if (!out)
				dns_alarm(b, CGW_ALARM_PLACE);
		} else if (dns_trusts(b->w.word, &b->w.q)) {
			/* a socket of unknown whereabouts has nowhere to put what it learns */
			if (b->w.netns)
				r = dns_packet(skb, b);
			else
				count(CGW_CNT_DNS_LOST);
		} else if (!out) {
			dns_stranger(skb, b, at);
		}
	}
	dns_put(b);
	if (!r)
		return DNS_GO;
	count(CGW_CNT_DNS_HELD);
	return out ? DNS_HOLD_OUT : DNS_HOLD_IN;
}

SEC("cgroup_skb/egress")
int dns_out(struct __sk_buff *skb)
{
	return dns(skb, true);
}

/* The same of a packet that is held (hold.h): its socket is the one that asks, whoever sends it on. */
SEC("cgroup_skb/egress")
int dns_held(struct __sk_buff *skb)
{
	dns(skb, true);
	return DNS_HOLD_OUT;
}

SEC("cgroup_skb/ingress")
int dns_in(struct __sk_buff *skb)
{
	return dns(skb, false);
}

/* One for each direction: a kernel may take programs of one attach type only. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} dns_tail_out SEC(".maps") = {.values = {[0] = (void *)&dns_out, [1] = (void *)&dns_held}};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} dns_tail_in SEC(".maps") = {.values = {[0] = (void *)&dns_in}};

/* The remote port of an unconnected socket's datagram. */
static __noinline int dns_unconnected(struct __sk_buff *skb, __u32 out)
{
	__u8 b[8];
	__u32 at;

	if (bpf_skb_load_bytes(skb, 0, b, sizeof(b)))
		return 0;
	/* extension headers are rare enough to have the whole thing look */
	at = b[0] >> 4 == 4 ? (b[0] & 15) * 4 : b[6] == IPPROTO_UDP ? 40 : 0;
	if (!at)
		return DNS_PORT;
	if (bpf_skb_load_bytes(skb, at + (out ? 2 : 0), b, 2))
		return 0;
	return b[0] << 8 | b[1];
}

/* Does a packet that the policy lets through go to port 53, or come from it? */
static __always_inline bool dns_concerns(struct __sk_buff *skb, bool out)
{
	struct bpf_sock *sk = skb->sk;
	__u32 port;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!sk)
		return false;
	port = bpf_ntohs((__be16)sk->dst_port);
	if (port)
		return port == DNS_PORT && (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_TCP);
	return sk->protocol == IPPROTO_UDP && dns_unconnected(skb, out) == DNS_PORT;
}

#endif
