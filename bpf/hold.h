/* SPDX-License-Identifier: GPL-2.0-only */
/* Holding a flow while somebody is asked: its packets go no further, the first ones are kept for the agent to
 * send on when the answer is yes, and the agent is told once for each flow.
 *
 * A call to connect() or sendto() goes on as if nothing were: a connection waits in its handshake, a datagram
 * counts as sent. Whatever runs full here (questions, held packets, the ring buffer) means that the flow is
 * not let through, and is counted.
 */
#ifndef CGWALL_BPF_HOLD_H
#define CGWALL_BPF_HOLD_H

/* What the egress hook says of a packet that it drops: the sender sees EPERM, or takes it for congestion:
 * TCP tries again each half second, a datagram counts as sent. */
#define HOLD_DROP 0
#define HOLD_LATER 2

/* So long it is tried each half second; then, since tries are limited, with TCP's own growing pauses. */
#define HOLD_BUSY_NS (25ULL * 1000000000)

/* The open question of this key, made where there is none. NULL: no room. */
static __always_inline struct cgw_question *hold_question(struct cgw_question_key *key)
{
	__u32 zero = 0;
	struct hold_blank *empty = bpf_map_lookup_elem(&hold_blanks, &zero);
	struct cgw_question *n;

	if (!empty)
		return NULL;
	if (key->dir == CGW_OUT) {
		n = bpf_map_lookup_elem(&questions, key);
		if (n)
			return n;
		bpf_map_update_elem(&questions, key, &empty->question, BPF_NOEXIST);
		return bpf_map_lookup_elem(&questions, key);
	}
	n = bpf_map_lookup_elem(&questions_in, key);
	if (n)
		return n;
	bpf_map_update_elem(&questions_in, key, &empty->question, BPF_NOEXIST);
	return bpf_map_lookup_elem(&questions_in, key);
}

static __always_inline void hold_forget(struct cgw_question_key *key)
{
	if (key->dir == CGW_OUT)
		bpf_map_delete_elem(&questions, key);
	else
		bpf_map_delete_elem(&questions_in, key);
}

/* Fills a question that this flow opens. Its number comes last: until then it is nobody's. */
static __always_inline void hold_fill(struct cgw_question *n, const struct cgw_query *q,
				      const struct cgw_sock *s, struct cgw_ctl *c)
{
	n->time = bpf_ktime_get_boot_ns();
	n->start = s->who.start;
	n->gen = CGW_WORD_GEN(q->word);
	n->name = names_shown(q);
	n->pid = s->who.pid;
	n->uid = s->who.uid;
	n->gid = s->who.gid;
	*(volatile __u64 *)&n->id = __sync_fetch_and_add(&c->questions, 1) + 1;
}

/* Keeps the packet. Its number, or 0 where it is too long, or where there is no room. */
static __always_inline __u64 hold_keep(struct __sk_buff *skb, const struct cgw_query *q,
				       const struct cgw_sock *s, const struct cgw_question_key *key,
				       __u64 question, struct cgw_ctl *c)
{
	__u64 number, len = skb->len;
	__u32 zero = 0;
	struct hold_blank *empty = bpf_map_lookup_elem(&hold_blanks, &zero);
	struct cgw_held *h;

	if (!empty || len >= CGW_HELD_BYTES || !len)
		return 0;
	number = __sync_fetch_and_add(&c->held, 1) + 1;
	if (bpf_map_update_elem(&held, &number, &empty->held, BPF_NOEXIST))
		return 0;
	h = bpf_map_lookup_elem(&held, &number);
	if (!h)
		return 0;
	h->key = *key;
	h->question = question;
	h->time = bpf_ktime_get_boot_ns();
	h->cookie = bpf_get_socket_cookie(skb);
	h->netns = s->who.netns;
	__builtin_memcpy(h->local, q->local, sizeof(h->local));
	h->lport = q->lport;
	h->rport = q->rport;
	h->ifindex = skb->ifindex;
	h->mark = skb->mark;
	h->gso = skb->gso_segs > 1 ? skb->gso_size : 0;
	len = masked(len - 1, CGW_HELD_BYTES - 1) + 1; /* 6.1 has to see that it is not 0 */
	if (bpf_skb_load_bytes(skb, 0, h->data, len)) {
		bpf_map_delete_elem(&held, &number);
		return 0;
	}
	*(volatile __u16 *)&h->len = len;
	return number;
}

/* Tells the agent. 0, or -1 where there is no room. */
static __always_inline int hold_tell(struct __sk_buff *skb, const struct cgw_query *q,
				     const struct cgw_sock *s, const struct cgw_question_key *key,
				     __u64 question, __u64 packet)
{
	struct cgw_asked *e = bpf_ringbuf_reserve(&asking, sizeof(*e), 0);

	if (!e)
		return -1;
	e->key = *key;
	e->question = question;
	e->packet = packet;
	e->cookie = bpf_get_socket_cookie(skb);
	e->netns = s->who.netns;
	__builtin_memcpy(e->local, q->local, sizeof(e->local));
	e->lport = q->lport;
	e->rport = q->rport;
	e->ifindex = iface_by(skb, q->dir == CGW_OUT);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#define HOLD_SYN 1   /* the packet opens a connection */
#define HOLD_DGRAM 2 /* it is a datagram that leaves */

/* A packet of a flow whose rule asks; q->ask and the rest of q are filled. what: HOLD_SYN, HOLD_DGRAM, or 0
 * for what is not kept but will come again. What the hook is to say. */
__noinline int hold_packet(struct __sk_buff *skb, struct cgw_query *q, struct cgw_sock *s, __u32 what)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_question_key key;
	struct cgw_question *n;
	__u64 id, packet = 0;
	bool fresh = false;
	int drop;

	if (!c || !q || !s)
		return HOLD_DROP;
	answer_key(q, &s->who, &key);
	n = hold_question(&key);
	if (!n) {
		count(CGW_ERR_HOLD_FULL);
		return HOLD_DROP;
	}
	if (!n->time && !__sync_val_compare_and_swap(&n->time, 0, 1)) {
		hold_fill(n, q, s, c);
		fresh = true;
	}
	id = *(volatile __u64 *)&n->id;
	if (!id)
		return HOLD_LATER; /* somebody else is opening it just now */
	drop = what == HOLD_DGRAM ? HOLD_LATER : HOLD_DROP;
	if (q->proto == IPPROTO_TCP && q->dir == CGW_OUT) {
		if ((s->flags & CGW_SOCK_PATIENT) && bpf_ktime_get_boot_ns() < n->time + HOLD_BUSY_NS)
			drop = HOLD_LATER;
		if (s->asked == id || n->told >= CGW_HELD_FLOWS)
			return drop;
	} else if (n->told >= CGW_HELD_DATAGRAMS) {
		return drop; /* as in a queue that is full */
	}
	if (what) {
		packet = hold_keep(skb, q, s, &key, id, c);
		if (!packet) {
			count(CGW_ERR_HOLD_FULL);
			if (what == HOLD_DGRAM)
				drop = HOLD_DROP;
		}
	}
	if (hold_tell(skb, q, s, &key, id, packet)) {
		count(CGW_ERR_HOLD_FULL);
		if (packet)
			bpf_map_delete_elem(&held, &packet);
		if (fresh)
			hold_forget(&key);
		return what == HOLD_DGRAM ? HOLD_DROP : drop;
	}
	s->asked = id;
	__sync_fetch_and_add(&n->told, 1);
	return drop;
}

#endif
