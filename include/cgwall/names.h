/* SPDX-License-Identifier: GPL-2.0-only */
/* What was learned from DNS: which names an address is bound to, in two tables that the kernel writes and
 * the agent may map and read.
 *
 * Both are arrays that the programs use as set-associative tables: a key's hash gives a set, any of its
 * CGW_*_WAYS places may hold it. The kernel's own hash maps would not do: the order in which they evict is
 * nobody's promise, and an element that is deleted while somebody writes to it is another key's by then.
 * Here a place never moves, and what is in it says whose it is.
 *
 * Which place of a full set is given up, first to last: a free one; what has expired, the longest ago first;
 * what the policy does not mention, what expires soonest first; what it does mention, likewise; what it
 * mentions and a flow uses that was found to be up. The last two are counted (CGW_CNT_NAME_EVICTED).
 *
 * What a flow used when it began lives as long as the flow: when it is let through its names hold for
 * CGW_NAME_USE_NS more at least, and as long as it is up the agent has them held on, every CGW_NAME_LOOK_NS.
 *
 * Names belong to a network namespace: whoever makes his own can put his own resolver there, under any
 * address. What is learned in it holds in it.
 */
#ifndef CGWALL_NAMES_H
#define CGWALL_NAMES_H

#include "pathhash.h"

#define CGW_NAME_SETS 2048 /* power of two, as all of these */
#define CGW_NAME_WAYS 8
#define CGW_NAMES_MAX (CGW_NAME_SETS * CGW_NAME_WAYS)

#define CGW_BOUND_SETS 2048
#define CGW_BOUND_WAYS 8
#define CGW_BOUND_NAMES 8 /* of one address */
#define CGW_BOUND_MAX (CGW_BOUND_SETS * CGW_BOUND_WAYS)

/* A name that some answer told of. Its place in the table and the upper half of its id are how others refer
 * to it (CGW_NAME_REF): another half means that the place was given to another name since. Readers compare
 * the id before and after they read. */
struct cgw_name {
	__u64 id;	      /* keyed hash of the text, bit 63 set; 0: free; 1: being written */
	__u64 class;	      /* CGW_NAME_WORD; a cache */
	__u64 used;	      /* boot clock, ns: until then a live flow is taken to use it */
	__u64 learned, until; /* boot clock, ns: first and last; `until` is the latest of its bindings */
	__u64 cgroup;	      /* who asked for it first: cgroup id, process, key of its path in `paths` */
	__u32 pid, uid;
	__u8 path[16];
	__u32 len;  /* of the text, without NUL */
	__u32 hits; /* answers that told of it */
	char text[CGW_NAME_MAX];
};

#define CGW_NAME_NS_PER_S 1000000000ULL
#define CGW_NAME_USE_NS (6 * CGW_NAME_NS_PER_S)
#define CGW_NAME_LOOK_NS (2 * CGW_NAME_NS_PER_S)

#define CGW_NAME_WRITING 1
#define CGW_NAME_REF(place, id) (((id)&0xffffffff00000000ULL) | (__u32)(place)) /* 0: no name */
#define CGW_NAME_PLACE(ref) ((__u32)(ref))
#define CGW_NAME_TAG(x) ((__u32)((x) >> 32)) /* of a reference or of an id */

/* A name's class in one word: generation 28 bits, 16 bits of the id, class 20. */
#define CGW_NAME_WORD(gen, id, class) \
	(((__u64)(gen)&0xfffffff) << 36 | (((id) >> 32) & 0xffff) << 20 | ((class) & 0xfffff))
#define CGW_NAME_WORD_KEY(w) ((w) >> 20) /* all but the class */
#define CGW_NAME_WORD_CLASS(w) ((__u32)(w)&0xfffff)
#define CGW_NAME_CLASSES_MAX (1 << 20)

/* One name of an address. Not in force from `until` on, whether or not anybody took it away. */
struct cgw_binding {
	__u64 name;  /* CGW_NAME_REF; 0: free */
	__u64 until; /* boot clock, ns */
	__u32 pid;   /* of the program that asked last */
	__u32 flags; /* CGW_BINDING_* */
	__u32 since; /* boot clock, seconds: when it was learned, without a gap until now */
	__u32 used;  /* likewise: until then a live flow is taken to use it */
};
#define CGW_BINDING_ASKED 1	/* asked for by this name; not set: a name on the way (CNAME) */
#define CGW_BINDING_MENTIONED 2 /* the policy had a class for it when it was learned; for eviction only */

/* An address. Written under a lock of the set; readers without one compare seq before and after: odd, or
 * another, means that the names have changed. */
struct cgw_bound {
	__u8 addr[16]; /* as in cgw_key */
	__u64 netns;   /* cookie; 0: the place is free */
	__u64 until;   /* boot clock, ns: when its last binding expires */
	__u64 kept;    /* likewise, of what the policy mentions; 0: nothing */
	__u64 used;    /* likewise: until then a live flow is taken to use one of them */
	__u64 asked;   /* CGW_NAME_REF: the name that was asked for last */
	__u32 seq;
	__u32 reserved;
	struct cgw_binding names[CGW_BOUND_NAMES];
};

struct cgw_bound_set {
	struct cgw_bound way[CGW_BOUND_WAYS];
};

/* The set of an address. addr: its 16 bytes as two words; seed: cgw_ctl.seed. */
static __always_inline __u32 cgw_bound_at(const __u64 *addr, __u64 netns, const __u64 *seed)
{
	struct cgw_hash h;

	cgw_hash_start(&h, seed);
	cgw_hash_word(h.v, addr[0]);
	cgw_hash_word(h.v, addr[1]);
	cgw_hash_word(h.v, netns);
	h.v[2] ^= 0xff;
	cgw_hash_round(h.v);
	cgw_hash_round(h.v);
	cgw_hash_round(h.v);
	return (h.v[0] ^ h.v[1] ^ h.v[2] ^ h.v[3]) & (CGW_BOUND_SETS - 1);
}

/* What an alarm is about: cgw_event.alarm, and which counter it raises (CGW_CNT_ALARM + n). */
enum cgw_alarm {
	CGW_ALARM_UNASKED =
		0,	     /* an answer of a trusted resolver to nothing that was asked: id, port or name */
	CGW_ALARM_STRANGER,  /* an answer from port 53 of an address that is no trusted resolver */
	CGW_ALARM_PLACE,     /* a remote resolver's answer came over loopback, or a local one's did not */
	CGW_ALARM_MALFORMED, /* cannot be read as DNS */
	CGW_ALARM_UNRELATED, /* it tells of names that the question does not lead to, or leads in a circle */
	CGW_ALARM_REBIND,    /* binds a name to loopback or local networks */
	CGW_ALARM_HUGE,	     /* larger than anything that is read: CGW_DNS_MAX and its neighbours in dns.h */
	CGW_ALARMS
};

#ifndef __bpf__
static_assert(sizeof(struct cgw_name) == 80 + CGW_NAME_MAX, "name");
static_assert(sizeof(struct cgw_binding) == 32, "binding");
static_assert(sizeof(struct cgw_bound) == 64 + 32 * CGW_BOUND_NAMES, "bound");
#endif

#endif
