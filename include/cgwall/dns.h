/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading DNS messages: one header, its question, the addresses that its answer section leads to. Compiled
 * into the kernel, where it runs before an answer is delivered, and into user space for tests and fuzzing.
 *
 * What counts is which names lead to which addresses. The question's name, and every name that CNAME records
 * lead to from there, in whatever order the records stand, make the chain; addresses are believed only where
 * they stand at the end of it. An answer that says anything else (an address or an alias of a name that the
 * question does not lead to, two aliases of one name, a circle) is not believed at all. Example:
 *
 *   question  www.deepl.com A
 *   answer    cdn.example.net A 192.0.2.1 · www.deepl.com CNAME cdn.example.net
 *   chain     www.deepl.com, cdn.example.net · address 192.0.2.1
 *
 * Authority and additional sections are read for their form only: what stands there answers nothing.
 *
 * Bounds, so that no message costs much: its length, the number of records, aliases and addresses, and
 * CGW_DNS_STEPS bytes of names. Compression pointers lead strictly backwards. The buffer is the caller's, and
 * too large for a stack. Kernels before 6.7 explore a loop's body for its first round only; all that a round
 * leaves for the next is in the buffer, whose contents no verifier knows.
 *
 * Whoever compiles this for the kernel has bpf_loop() and masked() (bpf/maps.h).
 */
#ifndef CGWALL_DNS_H
#define CGWALL_DNS_H

#include "namehash.h"

#define CGW_DNS_MAX 16384      /* bytes of a message; power of two */
#define CGW_DNS_NAMES 16       /* of a chain, with the one that was asked; power of two */
#define CGW_DNS_ADDRS 256      /* power of two */
#define CGW_DNS_RECORDS 512    /* of all sections */
#define CGW_DNS_STEPS 16384    /* bytes of names that are looked at, all in all */
#define CGW_DNS_NAME_STEPS 512 /* of one: 255 bytes, the rest are pointers */
#define CGW_DNS_HEADER 12

#define CGW_DNS_QR 0x8000
#define CGW_DNS_OPCODE 0x7800
#define CGW_DNS_RCODE 0x000f
#define CGW_DNS_A 1
#define CGW_DNS_CNAME 5
#define CGW_DNS_AAAA 28
#define CGW_DNS_ANY 255
#define CGW_DNS_IN 1

enum cgw_dns_result {
	CGW_DNS_GOOD = 0,
	CGW_DNS_NOTHING,   /* in order, and nothing to learn from */
	CGW_DNS_MALFORMED, /* cannot be read */
	CGW_DNS_UNRELATED, /* tells of what was not asked */
	CGW_DNS_HUGE,	   /* beyond one of the bounds above */
};

struct cgw_dns_name {
	__u64 id;  /* keyed hash of the name as it is on the wire, letters folded; bit 63 is set */
	__u32 at;  /* where in the message it begins */
	__u32 len; /* of the text */
	char text[CGW_NAME_MAX];
};

/* names[i + 1] is what the name with the id `owner` is an alias of. */
struct cgw_dns_link {
	__u64 owner;
	__u32 ttl;
	__u32 used;
};

struct cgw_dns_addr {
	__u32 ttl;
	__u16 at; /* of its bytes in the message */
	__u16 v6;
};

struct cgw_dns {
	/* in */
	__u64 seed[2];
	__u32 len; /* of msg */

	/* the question: cgw_dns_question() */
	__u32 flags; /* second word of the header */
	__u32 id, qtype, qclass;
	__u32 odd; /* its name has bytes that no policy can name: blanks, control characters, dots in labels
		    */

	/* what it leads to: cgw_dns_answer(), valid where that gave CGW_DNS_GOOD */
	__u32 nchain, naddrs;
	__u32 ttl;		    /* the least of the chain's, seconds */
	__u32 chain[CGW_DNS_NAMES]; /* places in `names`, the question's first */
	struct cgw_dns_addr addrs[CGW_DNS_ADDRS];
	struct cgw_dns_name names[CGW_DNS_NAMES]; /* 0: the question's */

	/* while reading */
	__u32 at, counts[3], result, steps;
	__u32 nlinks, round;
	__u64 name;	  /* the id of the name that was read last */
	__u64 tip, owner; /* the chain's end; whose the addresses are */
	struct cgw_dns_link links[CGW_DNS_NAMES];
	struct {
		__u32 at;    /* the next byte */
		__u32 end;   /* behind the name where it stands; 0: no pointer was followed yet */
		__u32 floor; /* pointers must lead before this */
		__u32 left;  /* bytes of the label at hand */
		__u32 wire;  /* length so far */
		__u32 out;   /* of text */
		__u32 odd;
		__u32 done; /* 1: read, 2: cannot be */
	} reader;
	__u64 work[4];
	struct cgw_hash hash;
	char text[CGW_NAME_MAX];

	__u8 msg[CGW_DNS_MAX];
};

struct cgw_dns_loop {
	struct cgw_dns *d;
};

/* What a loop leaves is kept in memory while it runs: a value that a verifier has seen written multiplies
 * what it has to look at. */
#define CGW_DNS_MEMORY(x) (*(volatile __typeof__(x) *)&(x))

#ifdef __bpf__
#define CGW_DNS_ROLLED _Pragma("clang loop unroll(disable)")
#define CGW_DNS_INDEX(i, size) masked(i, (size)-1)
#define CGW_DNS_LOOP(n, step, l) (bpf_loop(n, step, l, 0) < 0)
#define CGW_DNS_FN __noinline
#else
#define CGW_DNS_ROLLED
#define CGW_DNS_INDEX(i, size) (i) /* so that a sanitizer sees what the mask would hide */
#define CGW_DNS_LOOP(n, step, l) cgw_dns_loop(n, step, l)
#define CGW_DNS_FN static inline

static inline int cgw_dns_loop(__u32 n, int (*step)(__u32, struct cgw_dns_loop *), struct cgw_dns_loop *l)
{
	for (__u32 i = 0; i < n; i++)
		if (step(i, l))
			break;
	return 0;
}
#endif

/* A byte, or two, of the message. The caller has compared with d->len. */
static __always_inline __u32 cgw_dns_u8(const struct cgw_dns *d, __u32 at)
{
	return d->msg[CGW_DNS_INDEX(at, CGW_DNS_MAX)];
}

static __always_inline __u32 cgw_dns_u16(const struct cgw_dns *d, __u32 at)
{
	return cgw_dns_u8(d, at) << 8 | cgw_dns_u8(d, at + 1);
}

/* ---- names ---- */

static __always_inline void cgw_dns_begin(struct cgw_dns *d)
{
	__builtin_memset(&d->reader, 0, sizeof(d->reader));
	d->reader.at = d->reader.floor = d->at;
}

/* The byte at reader.at, which is no label's: its length, a pointer or the end. 0, or 1 where there is no
 * more to read (reader.done says why). */
static __always_inline int cgw_dns_label(struct cgw_dns *d, __u32 byte)
{
	__u32 at = d->reader.at, target;

	if (byte >= 0xc0) {
		if (at + 1 >= d->len)
			goto broken;
		target = (byte & 0x3f) << 8 | cgw_dns_u8(d, at + 1);
		if (target >= d->reader.floor)
			goto broken;
		if (!d->reader.end)
			d->reader.end = at + 2;
		d->reader.at = d->reader.floor = target;
		return 0;
	}
	if (byte > 63)
		goto broken;
	d->reader.wire += byte + 1;
	if (d->reader.wire > 255)
		goto broken;
	d->reader.at = at + 1;
	d->reader.left = byte;
	if (byte)
		return 0;
	if (!d->reader.end)
		d->reader.end = at + 1;
	d->reader.done = 1;
	return 1;
broken:
	d->reader.done = 2;
	return 1;
}

/* One byte of a name, into the hash and the text. */
static int cgw_dns_name_step(__u32 i, struct cgw_dns_loop *l)
{
	struct cgw_dns *d = l->d;
	__u32 byte, out;

	(void)i;
	d->steps++;
	if (d->reader.at >= d->len) {
		d->reader.done = 2;
		return 1;
	}
	byte = cgw_dns_u8(d, d->reader.at);
	out = d->reader.out;
	if (d->reader.left) {
		byte = cgw_name_fold(byte);
		if (byte <= ' ' || byte == '.' || byte == 0x7f)
			d->reader.odd = 1;
		d->reader.left--;
		d->reader.at++;
		cgw_hash_byte(&d->hash, byte);
	} else {
		if (cgw_dns_label(d, byte))
			return 1;
		if (!d->reader.left)
			return 0; /* a pointer */
		/* lengths are hashed and not dots, which may stand in labels, too */
		cgw_hash_byte(&d->hash, byte);
		if (!out)
			return 0;
		byte = '.';
	}
	d->text[CGW_DNS_INDEX(out, CGW_NAME_MAX)] = (char)byte;
	d->reader.out = out + 1;
	return 0;
}

/* A name without looking at its letters. */
static int cgw_dns_skip_step(__u32 i, struct cgw_dns_loop *l)
{
	struct cgw_dns *d = l->d;

	(void)i;
	d->steps++;
	if (d->reader.at >= d->len) {
		d->reader.done = 2;
		return 1;
	}
	if (cgw_dns_label(d, cgw_dns_u8(d, d->reader.at)))
		return 1;
	d->reader.at += d->reader.left;
	d->reader.left = 0;
	return 0;
}

/* Reads the name at d->at into d->name and d->text; d->at is behind it then. 0 or -1. */
CGW_DNS_FN int cgw_dns_name(struct cgw_dns *d)
{
	struct cgw_dns_loop l = {.d = d};
	__u8 value[16];

	if (!d)
		return -1;
	cgw_dns_begin(d);
	cgw_hash_start(&d->hash, d->seed);
	if (CGW_DNS_LOOP(CGW_DNS_NAME_STEPS, cgw_dns_name_step, &l) || d->reader.done != 1)
		return -1;
	d->text[CGW_DNS_INDEX(d->reader.out, CGW_NAME_MAX)] = 0;
	cgw_hash_value_in(&d->hash, d->work, value);
	__builtin_memcpy(&d->name, value, sizeof(d->name));
	d->name |= 1ULL << 63;
	d->at = d->reader.end;
	return 0;
}

/* Goes past the name at d->at. 0 or -1. */
CGW_DNS_FN int cgw_dns_skip(struct cgw_dns *d)
{
	struct cgw_dns_loop l = {.d = d};

	if (!d)
		return -1;
	cgw_dns_begin(d);
	if (CGW_DNS_LOOP(CGW_DNS_NAME_STEPS, cgw_dns_skip_step, &l) || d->reader.done != 1)
		return -1;
	d->at = d->reader.end;
	return 0;
}

/* Notes the name that was read last, and that began at `at`, as names[n]. */
static __always_inline void cgw_dns_keep(struct cgw_dns *d, __u32 n, __u32 at)
{
	struct cgw_dns_name *name = &d->names[CGW_DNS_INDEX(n, CGW_DNS_NAMES)];

	name->id = d->name;
	name->at = at;
	name->len = d->reader.out;
	__builtin_memcpy(name->text, d->text, sizeof(name->text));
}

/* The owner's name at d->at into d->name. Most owners are a pointer to a name that was kept. 0 or -1. */
static __always_inline int cgw_dns_owner(struct cgw_dns *d)
{
	__u32 at = d->at, target;

	if (at + 1 < d->len && cgw_dns_u8(d, at) >= 0xc0) {
		target = cgw_dns_u16(d, at) & 0x3fff;
		d->round = CGW_DNS_NAMES;
		CGW_DNS_ROLLED
		for (__u32 n = 0; n < CGW_DNS_NAMES; n++)
			if (n <= d->nlinks && d->names[n].at == target)
				CGW_DNS_MEMORY(d->round) = n;
		if (CGW_DNS_MEMORY(d->round) < CGW_DNS_NAMES) {
			d->name = d->names[CGW_DNS_INDEX(d->round, CGW_DNS_NAMES)].id;
			d->at = at + 2;
			return 0;
		}
	}
	return cgw_dns_name(d);
}

/* ---- the question ---- */

/* Reads header and question of d->msg, d->len bytes; `answer`: which of both the message has to be. Gives
 * CGW_DNS_GOOD, CGW_DNS_NOTHING (another kind of message: an update, a refusal that repeats no question) or
 * CGW_DNS_MALFORMED. */
CGW_DNS_FN int cgw_dns_question(struct cgw_dns *d, __u32 answer)
{
	if (!d || d->len < CGW_DNS_HEADER || d->len > CGW_DNS_MAX)
		return CGW_DNS_MALFORMED;
	d->steps = d->nlinks = d->nchain = d->naddrs = 0;
	d->id = cgw_dns_u16(d, 0);
	d->flags = cgw_dns_u16(d, 2);
	if (!(d->flags & CGW_DNS_QR) != !answer)
		return CGW_DNS_MALFORMED;
	if (d->flags & CGW_DNS_OPCODE)
		return CGW_DNS_NOTHING;
	if (cgw_dns_u16(d, 4) != 1)
		return answer && (d->flags & CGW_DNS_RCODE) && !cgw_dns_u16(d, 4) ? CGW_DNS_NOTHING
										  : CGW_DNS_MALFORMED;
	for (__u32 i = 0; i < 3; i++)
		d->counts[i] = cgw_dns_u16(d, 6 + 2 * i);
	d->at = CGW_DNS_HEADER;
	if (cgw_dns_name(d) || d->at + 4 > d->len)
		return CGW_DNS_MALFORMED;
	cgw_dns_keep(d, 0, CGW_DNS_HEADER);
	d->odd = d->reader.odd || !d->reader.out;
	d->qtype = cgw_dns_u16(d, d->at);
	d->qclass = cgw_dns_u16(d, d->at + 2);
	d->at += 4;
	return CGW_DNS_GOOD;
}

/* ---- the answer ---- */

/* names[nlinks + 1] is what `owner` is an alias of. The name was read. */
static __always_inline int cgw_dns_link(struct cgw_dns *d, __u64 owner, __u32 at, __u32 ttl)
{
	__u32 n = d->nlinks;
	struct cgw_dns_link *link;

	d->round = 0;
	CGW_DNS_ROLLED
	for (__u32 i = 0; i < CGW_DNS_NAMES - 1; i++)
		if (i < n && d->links[i].owner == owner && d->names[i + 1].id == d->name)
			CGW_DNS_MEMORY(d->round) = 1;
	if (CGW_DNS_MEMORY(d->round))
		return CGW_DNS_GOOD; /* twice the same */
	if (n >= CGW_DNS_NAMES - 1)
		return CGW_DNS_HUGE;
	if (d->reader.odd || !d->reader.out)
		d->odd = 1;
	cgw_dns_keep(d, n + 1, at);
	link = &d->links[CGW_DNS_INDEX(n, CGW_DNS_NAMES)];
	link->owner = owner;
	link->ttl = ttl;
	link->used = 0;
	d->nlinks = n + 1;
	return CGW_DNS_GOOD;
}

/* An address that was asked for. */
static __always_inline int cgw_dns_address(struct cgw_dns *d, __u64 owner, __u32 at, __u32 ttl, __u32 v6)
{
	struct cgw_dns_addr *a;
	__u32 n = d->naddrs;

	if (n >= CGW_DNS_ADDRS)
		return CGW_DNS_HUGE;
	if (n && owner != d->owner)
		return CGW_DNS_UNRELATED;
	d->owner = owner;
	a = &d->addrs[CGW_DNS_INDEX(n, CGW_DNS_ADDRS)];
	a->at = at;
	a->ttl = ttl;
	a->v6 = v6;
	d->naddrs = n + 1;
	return CGW_DNS_GOOD;
}

/* The record at d->at; d->at is behind it then. enum cgw_dns_result */
static __always_inline int cgw_dns_record(struct cgw_dns *d, __u32 answer)
{
	__u32 type, len, rd, ttl;
	__u64 owner;
	int r;

	if (answer ? cgw_dns_owner(d) : cgw_dns_skip(d))
		return CGW_DNS_MALFORMED;
	owner = d->name;
	rd = d->at + 10;
	if (rd > d->len)
		return CGW_DNS_MALFORMED;
	type = cgw_dns_u16(d, rd - 10);
	ttl = cgw_dns_u16(d, rd - 6) << 16 | cgw_dns_u16(d, rd - 4);
	len = cgw_dns_u16(d, rd - 2);
	if (rd + len > d->len)
		return CGW_DNS_MALFORMED;
	d->at = rd + len;
	if (cgw_dns_u16(d, rd - 8) != CGW_DNS_IN)
		return CGW_DNS_GOOD;
	if (ttl >> 31)
		ttl = 0; /* RFC 2181, section 8 */
	if (type == CGW_DNS_CNAME) {
		d->at = rd;
		r = answer ? cgw_dns_name(d) : cgw_dns_skip(d);
		if (r || d->at != rd + len)
			return CGW_DNS_MALFORMED;
		return answer ? cgw_dns_link(d, owner, rd, ttl) : CGW_DNS_GOOD;
	}
	if (type != CGW_DNS_A && type != CGW_DNS_AAAA)
		return CGW_DNS_GOOD;
	if (len != (type == CGW_DNS_A ? 4 : 16))
		return CGW_DNS_MALFORMED;
	if (!answer || (type != d->qtype && d->qtype != CGW_DNS_ANY))
		return CGW_DNS_GOOD;
	return cgw_dns_address(d, owner, rd, ttl, type == CGW_DNS_AAAA);
}

static int cgw_dns_record_step(__u32 i, struct cgw_dns_loop *l)
{
	struct cgw_dns *d = l->d;

	if (i >= d->counts[0] + d->counts[1] + d->counts[2])
		return 1;
	d->result = cgw_dns_record(d, i < d->counts[0]);
	if (d->result == CGW_DNS_GOOD && d->steps > CGW_DNS_STEPS)
		d->result = CGW_DNS_HUGE;
	return d->result != CGW_DNS_GOOD;
}

/* Follows one alias from the chain's end, if links[d->round] is it. */
static int cgw_dns_chain_step(__u32 i, struct cgw_dns_loop *l)
{
	struct cgw_dns *d = l->d;
	__u32 k = d->round, n = d->nchain;
	struct cgw_dns_link *link = &d->links[CGW_DNS_INDEX(k, CGW_DNS_NAMES)];
	__u64 to = d->names[CGW_DNS_INDEX(k + 1, CGW_DNS_NAMES)].id;

	(void)i;
	d->round = k + 1 < d->nlinks ? k + 1 : 0;
	if (link->used || link->owner != d->tip)
		return 0;
	link->used = 1;
	CGW_DNS_ROLLED
	for (__u32 j = 0; j < CGW_DNS_NAMES; j++)
		if (j < d->nlinks && d->links[j].used && d->links[j].owner == to)
			CGW_DNS_MEMORY(d->result) = CGW_DNS_UNRELATED; /* a circle */
	d->tip = to;
	if (link->ttl < d->ttl)
		d->ttl = link->ttl;
	if (d->result != CGW_DNS_GOOD || n >= CGW_DNS_NAMES)
		return 1;
	d->chain[CGW_DNS_INDEX(n, CGW_DNS_NAMES)] = k + 1;
	d->nchain = n + 1;
	return n == d->nlinks; /* that was the last one */
}

/* Reads the records of an answer whose question was read, and found to be asked. enum cgw_dns_result; only
 * after CGW_DNS_GOOD is there a chain, and an address at least. */
CGW_DNS_FN int cgw_dns_answer(struct cgw_dns *d)
{
	struct cgw_dns_loop l = {.d = d};

	if (!d)
		return CGW_DNS_MALFORMED;
	if ((d->flags & CGW_DNS_RCODE) || d->qclass != CGW_DNS_IN ||
	    (d->qtype != CGW_DNS_A && d->qtype != CGW_DNS_AAAA && d->qtype != CGW_DNS_ANY))
		return CGW_DNS_NOTHING;
	if (d->counts[0] + d->counts[1] + d->counts[2] > CGW_DNS_RECORDS)
		return CGW_DNS_HUGE;
	d->result = CGW_DNS_GOOD;
	if (CGW_DNS_LOOP(CGW_DNS_RECORDS, cgw_dns_record_step, &l))
		return CGW_DNS_MALFORMED;
	if (d->result != CGW_DNS_GOOD)
		return d->result;
	d->tip = d->names[0].id;
	d->chain[0] = 0;
	d->nchain = 1;
	d->ttl = ~0u;
	d->round = 0;
	if (d->nlinks && CGW_DNS_LOOP(CGW_DNS_NAMES * CGW_DNS_NAMES, cgw_dns_chain_step, &l))
		return CGW_DNS_MALFORMED;
	if (d->result != CGW_DNS_GOOD)
		return d->result;
	if (d->nchain != d->nlinks + 1 || (d->naddrs && d->owner != d->tip))
		return CGW_DNS_UNRELATED;
	return d->naddrs && !d->odd ? CGW_DNS_GOOD : CGW_DNS_NOTHING;
}

#endif
