/* SPDX-License-Identifier: GPL-2.0-only */
/* DNS over TCP: messages out of a stream of segments, both ways. What a segment holds whole is read from it;
 * what comes in pieces is put together in the socket's own storage, which goes with the socket.
 *
 * A segment that is ahead of what was seen is dropped, so that TCP sends it again when the gap is closed: the
 * one that completes a message must not overtake another. Where TCP has taken in more than was seen here, the
 * thread is lost, and nothing is learned from that connection any more.
 */
#ifndef CGWALL_BPF_STREAM_H
#define CGWALL_BPF_STREAM_H

#define STREAM_PIECE 512    /* what is copied at once; power of two */
#define STREAM_QUESTION 512 /* of a question, its beginning: header, name, type, class; power of two */
#define STREAM_ROUNDS 1024  /* for one message: two for its length, one for a piece */
#define TCP_HEADER 20

enum stream_state { STREAM_NEW, STREAM_RUNS, STREAM_LOST };

struct stream_way {
	__u32 next; /* sequence number of the next byte */
	__u32 have; /* bytes of the message at hand, its length's two with them */
	__u32 size; /* that length, as far as it is there */
	__u32 state;
};

/* Of a connection to a resolver, from its first question on. */
struct stream {
	struct stream_way out, in;
	__u8 question[STREAM_QUESTION + STREAM_PIECE];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stream);
} dns_streams SEC(".maps");

/* Answers that come in pieces, by the socket's cookie. Not in the sockets' storage: there is none of that
 * size on every kernel. One that is evicted is not learned from. */
#define STREAM_ANSWERS 64

struct stream_answer {
	__u8 msg[CGW_DNS_MAX + STREAM_PIECE];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STREAM_ANSWERS);
	__type(key, __u64);
	__type(value, struct stream_answer);
} dns_pieces SEC(".maps");

/* To make new ones from. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stream_answer);
} dns_no_pieces SEC(".maps");

/* The answer that is put together for this socket; a new one where it begins. NULL where there is none. */
static __always_inline struct stream_answer *stream_answer(__u64 cookie, bool begins)
{
	__u32 zero = 0;
	void *empty;

	if (begins) {
		empty = bpf_map_lookup_elem(&dns_no_pieces, &zero);
		if (!empty || bpf_map_update_elem(&dns_pieces, &cookie, empty, BPF_ANY))
			return NULL;
	}
	return bpf_map_lookup_elem(&dns_pieces, &cookie);
}

struct stream_loop {
	struct __sk_buff *skb;
	struct bpf_sock *sk;
	struct dns_buffer *b;
	struct stream *stream;
};

static __always_inline struct stream_way *stream_way(struct stream *s, const struct dns_buffer *b)
{
	return b->w.out ? &s->out : &s->in;
}

/* Loses the thread: nothing is learned from this direction any more. Always 1. */
static __always_inline int stream_lose(struct stream_way *way)
{
	way->state = STREAM_LOST;
	count(CGW_CNT_DNS_LOST);
	return 1;
}

/* Copies a piece of n bytes of the message at hand to where it is put together. 0 or -1. */
static __always_inline int stream_keep(struct stream_loop *l, struct stream_way *way, __u32 at, __u64 n)
{
	struct stream_answer *answer;
	struct dns_buffer *b = l->b;
	struct stream *s = l->stream;

	n = masked(n - 1, STREAM_PIECE - 1) + 1;
	if (b->w.out) {
		if (at >= STREAM_QUESTION)
			return 0; /* the question itself is shorter */
		return bpf_skb_load_bytes(l->skb, b->w.off, &s->question[masked(at, STREAM_QUESTION - 1)], n);
	}
	if (way->size > CGW_DNS_MAX)
		return 0;
	answer = stream_answer(b->w.cookie, !at);
	if (!answer)
		return -1;
	return bpf_skb_load_bytes(l->skb, b->w.off, &answer->msg[masked(at, CGW_DNS_MAX - 1)], n);
}

/* The message whose last piece has come, into b->d. 0 or -1. */
static __always_inline int stream_whole(struct stream_loop *l, struct stream_way *way)
{
	struct dns_buffer *b = l->b;
	struct stream *s = l->stream;
	struct stream_answer *answer;
	__u64 len = way->size;

	if (b->w.out) {
		b->d.len = len < STREAM_QUESTION ? len : STREAM_QUESTION;
		return bpf_probe_read_kernel(b->d.msg, STREAM_QUESTION, s->question);
	}
	answer = stream_answer(b->w.cookie, false);
	b->d.len = len;
	if (!answer || bpf_probe_read_kernel(b->d.msg, masked(len - 1, CGW_DNS_MAX - 1) + 1, answer->msg))
		return -1;
	/* it may have been evicted and given to another socket while it was read */
	return stream_answer(b->w.cookie, false) == answer ? 0 : -1;
}

/* A byte of a message's length. 0, or 1 where there is nothing to go on with. */
static __always_inline int stream_length(struct stream_loop *l, struct stream_way *way)
{
	struct dns_buffer *b = l->b;
	__u8 byte;

	if (bpf_skb_load_bytes(l->skb, b->w.off, &byte, 1))
		return stream_lose(way);
	way->size = way->size << 8 | byte;
	way->have++;
	b->w.off++;
	if (way->have < 2 || way->size >= CGW_DNS_HEADER)
		return 0;
	if (!b->w.out)
		b->w.broken = 1;
	return stream_lose(way);
}

/* Goes on by a byte of a length, or a piece. Ends where a message is whole (w.whole, in b->d): its last n
 * bytes count as seen only when it was dealt with, stream_done(). */
static int stream_step(__u32 i, struct stream_loop *l)
{
	struct dns_buffer *b = l->b;
	struct stream_way *way = stream_way(l->stream, b);
	__u32 left = b->w.end - b->w.off, at, rest;
	__u64 n;

	if (b->w.off >= b->w.end)
		return 1;
	if (way->have < 2)
		return stream_length(l, way);
	at = way->have - 2;
	rest = way->size - at;
	n = rest < left ? rest : left;
	if (!at && rest <= left && rest <= CGW_DNS_MAX) {
		b->d.len = rest;
		if (bpf_skb_load_bytes(l->skb, b->w.off, b->d.msg, masked(n - 1, CGW_DNS_MAX - 1) + 1))
			return stream_lose(way);
	} else {
		if (n > STREAM_PIECE)
			n = STREAM_PIECE;
		if (stream_keep(l, way, at, n))
			return stream_lose(way);
		if (n < rest || (way->size > CGW_DNS_MAX && !b->w.out)) {
			if (n == rest)
				b->w.huge = 1;
			b->w.off += n;
			way->have = n == rest ? 0 : way->have + n;
			way->size = n == rest ? 0 : way->size;
			return 0;
		}
		if (stream_whole(l, way))
			return stream_lose(way);
	}
	b->w.piece = n;
	b->w.whole = 1;
	return 1;
}

/* Where a connection's directions begin, if that is not known yet. */
static __always_inline void stream_begin(struct stream *s, struct bpf_sock *sk, __u32 seq, bool out, bool syn)
{
	struct bpf_tcp_sock *tcp;

	if (out && s->out.state == STREAM_NEW) {
		s->out.next = seq;
		s->out.state = STREAM_RUNS;
	}
	if (s->in.state != STREAM_NEW || (out && syn))
		return; /* what comes back begins with its own SYN */
	if (!out && syn) {
		s->in.next = seq;
		s->in.state = STREAM_RUNS;
		return;
	}
	tcp = bpf_tcp_sock(sk);
	if (!tcp)
		return;
	s->in.next = tcp->rcv_nxt;
	s->in.state = STREAM_RUNS;
}

/* Has TCP taken in what was not seen here? */
static __always_inline bool stream_missed(const struct stream_way *way, struct bpf_sock *sk)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

	return !tcp || (__s32)(tcp->rcv_nxt - way->next) > 0;
}

/* A segment of a connection to a trusted resolver; its header begins at w.off. w.off and w.end: what of its
 * content is new. 1; 0 where nothing is; -1 where it must come again. */
__noinline int stream_segment(struct __sk_buff *skb, struct dns_buffer *b)
{
	struct bpf_sock *sk = skb->sk;
	struct stream_way *way;
	__be32 head[TCP_HEADER / 4];
	struct stream *s;
	__u32 seq, seen;
	bool out, syn;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!b || !sk || bpf_skb_load_bytes(skb, b->w.off, head, sizeof(head)))
		return 0;
	out = b->w.out;
	b->w.off += (bpf_ntohl(head[3]) >> 28) * 4;
	b->w.end = skb->len;
	syn = bpf_ntohl(head[3]) >> 16 & TCP_FLAG_SYN;
	seq = bpf_ntohl(head[1]) + syn;
	if (b->w.off >= b->w.end && !(syn && !out))
		return 0;
	s = bpf_sk_storage_get(&dns_streams, sk, 0, out ? BPF_SK_STORAGE_GET_F_CREATE : 0);
	if (!s) {
		if (out)
			count(CGW_CNT_DNS_LOST);
		else if (b->w.off < b->w.end)
			dns_alarm(b, CGW_ALARM_UNASKED);
		return 0;
	}
	stream_begin(s, sk, seq, out, syn);
	way = stream_way(s, b);
	if (way->state != STREAM_RUNS || b->w.off >= b->w.end)
		return 0;
	seen = way->next - seq;
	if ((__s32)seen < 0) {
		if (!out && !stream_missed(way, sk))
			return -1;
		stream_lose(way);
		return 0;
	}
	if (seen >= b->w.end - b->w.off)
		return 0; /* it comes again */
	b->w.off += seen;
	return 1;
}

/* Reads on to the next whole message, into b->d. 1; 0 where the segment ends before. */
__noinline int stream_next(struct __sk_buff *skb, struct dns_buffer *b)
{
	struct stream_loop l = {.skb = skb, .b = b};
	struct bpf_sock *sk = skb->sk;
	struct stream_way *way;
	__u32 from;

	l.sk = sk ? bpf_sk_fullsock(sk) : NULL;
	if (!b || !l.sk)
		return 0;
	l.stream = bpf_sk_storage_get(&dns_streams, l.sk, 0, 0);
	if (!l.stream)
		return 0;
	way = stream_way(l.stream, b);
	from = b->w.off;
	b->w.whole = b->w.huge = b->w.broken = 0;
	if (bpf_loop(STREAM_ROUNDS, stream_step, &l, 0) < 0)
		return 0;
	way->next += b->w.off - from;
	if (b->w.huge && !b->w.out)
		dns_alarm(b, CGW_ALARM_HUGE);
	if (b->w.broken)
		dns_alarm(b, CGW_ALARM_MALFORMED);
	return b->w.whole;
}

/* The message that stream_next() gave was dealt with. 0. */
__noinline int stream_done(struct __sk_buff *skb, struct dns_buffer *b)
{
	struct bpf_sock *sk = skb->sk;
	struct stream_way *way;
	struct stream *s;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	s = b && sk ? bpf_sk_storage_get(&dns_streams, sk, 0, 0) : NULL;
	if (!s)
		return 0;
	way = stream_way(s, b);
	way->have = way->size = 0;
	way->next += b->w.piece;
	b->w.off += b->w.piece;
	return 0;
}

/* Somebody answers who is not asked for names. Only what has content is an answer. */
static __always_inline void dns_stranger(struct __sk_buff *skb, struct dns_buffer *b, __u32 at)
{
	__u8 offset;

	if (b->w.q.proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at + 12, &offset, 1))
			return;
		at += (offset >> 4) * 4;
	} else {
		at += UDP_HEADER;
	}
	b->d.names[0].text[0] = 0;
	if (skb->len > at)
		dns_alarm(b, CGW_ALARM_STRANGER);
}

#endif
