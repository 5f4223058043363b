/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing down what an answer tells: its names, and the addresses that are bound to them. Only the program
 * that sees answers arrive writes; everything it works on lies in a buffer that it has claimed. */
#ifndef CGWALL_BPF_LEARN_H
#define CGWALL_BPF_LEARN_H

#include <cgwall/dns.h>

#define DNS_BUFFERS 32 /* power of two; one for each CPU that reads a message at this moment */
#define LEARN_TTL_MAX 86400
#define NS_PER_S CGW_NAME_NS_PER_S
#define LEARN_USED (1ULL << 63)	 /* in force, mentioned by the policy, and used by a live flow */
#define LEARN_LIVE (1ULL << 62)	 /* in force, and mentioned by the policy */
#define LEARN_ASKED (1ULL << 61) /* in force, and asked for by this name */

struct dns_work {
	__u64 word, now, netns, cookie;
	__u32 lo;  /* the packet came, or goes, over loopback */
	__u32 out; /* a question */
	struct cgw_who who;
	struct cgw_query q; /* the packet's ends */
	/* of a stream: stream.h */
	__u32 off, end;		   /* in the packet: what comes next, and where its content ends */
	__u32 piece;		   /* bytes at w.off that complete the message at hand */
	__u32 whole, huge, broken; /* what was found there */
	/* the names of the chain */
	__u64 refs[CGW_DNS_NAMES];
	__u32 flags[CGW_DNS_NAMES]; /* CGW_BINDING_* */
	/* the binding at hand */
	__u64 addr[2];
	__u64 ref, until, latest;
	__u32 flag, learned, local;
	__u32 now_s; /* `now` in seconds */
	/* choosing a place: what is kept least */
	__u64 keep;
	__u32 pick, evicted;
};

struct dns_buffer {
	__u32 taken;
	__u32 reserved;
	struct dns_work w;
	struct cgw_dns d;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DNS_BUFFERS);
	__type(key, __u32);
	__type(value, struct dns_buffer);
} dns_buffers SEC(".maps");

struct bound_lock {
	struct bpf_spin_lock lock;
	__u32 reserved;
};

/* By set. Not in the sets themselves: before Linux 6.3 a program that may sleep could not read them then. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NAMES_LOCKS);
	__type(key, __u32);
	__type(value, struct bound_lock);
} bound_locks SEC(".maps");

/* A buffer of one's own, or NULL. To be given back with dns_put(). */
static __always_inline struct dns_buffer *dns_get(void)
{
	__u32 at = bpf_get_smp_processor_id();

	for (int i = 0; i < 8; i++) {
		__u32 k = (at + i * 5) & (DNS_BUFFERS - 1);
		struct dns_buffer *b = bpf_map_lookup_elem(&dns_buffers, &k);

		if (b && !__sync_val_compare_and_swap(&b->taken, 0, 1))
			return b;
	}
	return NULL;
}

static __always_inline void dns_put(struct dns_buffer *b)
{
	__sync_lock_test_and_set(&b->taken, 0);
}

/* ---- names ---- */

/* Least first. w->keep and w->pick lie in memory, where the verifier knows nothing of them: every round looks
 * the same to it. */
static __always_inline void learn_pick(struct dns_work *w, __u64 keep, __u32 i)
{
	if (keep < NAMES_VOLATILE(w->keep)) {
		NAMES_VOLATILE(w->keep) = keep;
		NAMES_VOLATILE(w->pick) = i;
	}
}

#define LEARN_SAME 0
#define LEARN_FREE 1

/* What a name's place is worth: the least is given up first. A place that is being written is nobody's. */
static __always_inline __u64 learn_name_keep(const struct cgw_name *name, __u64 want, __u64 now)
{
	__u64 id = NAMES_VOLATILE(name->id), until = name->until;

	if (id == want)
		return LEARN_SAME;
	if (id == CGW_NAME_WRITING)
		return ~0ULL;
	if (!id)
		return LEARN_FREE;
	if (until <= now || !CGW_NAME_WORD_CLASS(name->class))
		return until;
	return (name->used > now ? LEARN_USED : 0) | LEARN_LIVE | until;
}

/* Where the name with this id is, or is to be: into w->pick, what stands there now into w->keep. 0 or -1. */
__noinline int learn_name_find(struct dns_work *w, __u64 id)
{
	__u32 first = ((__u32)id & (CGW_NAME_SETS - 1)) * CGW_NAME_WAYS;

	if (!w)
		return -1;
	w->keep = ~0ULL;
	w->pick = ~0u;
	CGW_ROLLED
	for (int i = 0; i < CGW_NAME_WAYS; i++) {
		__u32 place = first + i; /* 6.1 takes keys from the stack only */
		struct cgw_name *name = bpf_map_lookup_elem(&names, &place);

		if (!name)
			return -1;
		learn_pick(w, learn_name_keep(name, id, w->now), place);
	}
	return 0;
}

/* Writes a name into its set, if it is not there. 0 with its place in w->pick; -1 where others have changed
 * the set at the same moment. */
static __always_inline int learn_name_place(struct dns_work *w, const struct cgw_dns_name *n)
{
	struct cgw_name *name;
	__u32 place;
	__u64 id;

	if (learn_name_find(w, n->id))
		return -1;
	if (w->keep == LEARN_SAME)
		return 0;
	place = w->pick;
	name = bpf_map_lookup_elem(&names, &place);
	if (!name)
		return -1; /* every place is being written */
	id = NAMES_VOLATILE(name->id);
	if (id == CGW_NAME_WRITING || learn_name_keep(name, n->id, w->now) != w->keep ||
	    __sync_val_compare_and_swap(&name->id, id, CGW_NAME_WRITING) != id)
		return -1;
	if (w->keep & LEARN_LIVE)
		w->evicted++;
	__builtin_memcpy(name->text, n->text, sizeof(name->text));
	name->len = n->len;
	name->hits = 0;
	name->class = 0;
	name->used = 0;
	name->learned = w->now;
	name->until = w->now + NS_PER_S; /* until the addresses are written */
	name->cgroup = w->who.cgroup_id;
	name->pid = w->who.pid;
	name->uid = w->who.uid;
	__builtin_memcpy(name->path, w->who.path[PATH_EXE], sizeof(name->path));
	__sync_val_compare_and_swap(&name->id, CGW_NAME_WRITING, n->id);
	return 0;
}

/* The i-th name of the chain into w->refs. 0 or -1. */
__noinline int learn_name(struct dns_buffer *b, __u32 i)
{
	const struct cgw_dns_name *n;
	__u32 class = 0, at, place;
	struct cgw_name *name;
	struct dns_work *w;
	__u64 ref;
	int r = -1;

	if (!b || i >= CGW_DNS_NAMES)
		return -1;
	w = &b->w;
	at = b->d.chain[masked(i, CGW_DNS_NAMES - 1)];
	n = &b->d.names[masked(at, CGW_DNS_NAMES - 1)];
	CGW_ROLLED
	for (int try = 0; try < NAMES_RETRIES && r; try++)
		r = learn_name_place(w, n);
	if (r)
		return -1;
	place = w->pick;
	name = bpf_map_lookup_elem(&names, &place);
	if (!name)
		return -1;
	__sync_fetch_and_add(&name->hits, 1);
	ref = CGW_NAME_REF(place, n->id);
	if (names_class(w->word, ref, &class) != 1)
		return -1;
	w->refs[masked(i, CGW_DNS_NAMES - 1)] = ref;
	w->flags[masked(i, CGW_DNS_NAMES - 1)] =
		(i ? 0 : CGW_BINDING_ASKED) | (class ? CGW_BINDING_MENTIONED : 0);
	return 0;
}

/* ---- addresses ---- */

static __always_inline __u64 learn_way_keep(const struct cgw_bound *b, const struct dns_work *w)
{
	if (bound_is(b, w->addr, w->netns))
		return LEARN_SAME;
	if (!b->netns)
		return LEARN_FREE;
	if (b->until <= w->now)
		return b->until;
	if (b->kept <= w->now)
		return b->until;
	return (b->used > w->now ? LEARN_USED : 0) | LEARN_LIVE | b->kept;
}

static __always_inline __u64 learn_used(const struct cgw_binding *n, const struct dns_work *w)
{
	return n->used > w->now_s ? LEARN_USED : 0;
}

static __always_inline __u64 learn_binding_keep(const struct cgw_binding *n, const struct dns_work *w)
{
	if (n->name == w->ref)
		return LEARN_SAME;
	if (!n->name)
		return LEARN_FREE;
	if (n->until <= w->now)
		return n->until;
	return (n->flags & CGW_BINDING_MENTIONED ? learn_used(n, w) | LEARN_LIVE : 0) |
	       (n->flags & CGW_BINDING_ASKED ? LEARN_ASKED : 0) | n->until;
}

/* Nobody else writes to this set. Readers are told by the sequence number. */
static __always_inline void learn_write(struct cgw_bound_set *set, struct dns_work *w)
{
	struct cgw_binding *n;
	struct cgw_bound *b;
	__u64 own;

	w->keep = ~0ULL;
	w->pick = 0;
	CGW_ROLLED
	for (int i = 0; i < CGW_BOUND_WAYS; i++)
		learn_pick(w, learn_way_keep(&set->way[i], w), i);
	b = &set->way[masked(NAMES_VOLATILE(w->pick), CGW_BOUND_WAYS - 1)];
	if (w->keep != LEARN_SAME) {
		if (w->keep & LEARN_LIVE)
			w->evicted++;
		__sync_fetch_and_add(&b->seq, 1);
		CGW_ROLLED
		for (int i = 0; i < CGW_BOUND_NAMES; i++)
			b->names[i].name = b->names[i].until = 0;
		__builtin_memcpy(b->addr, w->addr, sizeof(b->addr));
		b->netns = w->netns;
		b->until = b->kept = b->used = b->asked = 0;
		__sync_fetch_and_add(&b->seq, 1);
	}
	w->keep = ~0ULL;
	w->pick = 0;
	CGW_ROLLED
	for (int i = 0; i < CGW_BOUND_NAMES; i++)
		learn_pick(w, learn_binding_keep(&b->names[i], w), i);
	n = &b->names[masked(NAMES_VOLATILE(w->pick), CGW_BOUND_NAMES - 1)];
	/* what the policy mentions gets in, whatever else is there */
	own = w->flag & CGW_BINDING_MENTIONED ? ~0ULL
					      : (w->flag & CGW_BINDING_ASKED ? LEARN_ASKED : 0) | w->until;
	if (w->keep > own)
		return; /* all the others are worth more: an alias that nobody mentions */
	if (w->keep & LEARN_LIVE)
		w->evicted++;
	if (w->keep != LEARN_SAME) {
		__sync_fetch_and_add(&b->seq, 1);
		n->name = w->ref;
		n->until = w->until;
		n->flags = w->flag;
		n->pid = w->who.pid;
		n->since = w->now_s;
		n->used = 0;
		__sync_fetch_and_add(&b->seq, 1);
	} else {
		if (n->until <= w->now)
			n->since = w->now_s;
		if (n->until < w->until)
			n->until = w->until;
		n->flags |= w->flag;
		if (w->flag & CGW_BINDING_ASKED)
			n->pid = w->who.pid;
	}
	if (b->until < w->until)
		b->until = w->until;
	if ((w->flag & CGW_BINDING_MENTIONED) && b->kept < w->until)
		b->kept = w->until;
	if (w->flag & CGW_BINDING_ASKED)
		b->asked = w->ref;
}

/* Binds w->addr to w->ref until w->until. 0 or -1. */
__noinline int learn_bind(struct dns_work *w)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_bound_set *set;
	struct bound_lock *l;
	__u32 at, lock;

	if (!c || !w)
		return -1;
	at = cgw_bound_at(w->addr, w->netns, c->seed);
	lock = at & (NAMES_LOCKS - 1);
	set = bpf_map_lookup_elem(&bound, &at);
	l = bpf_map_lookup_elem(&bound_locks, &lock);
	if (!set || !l)
		return -1;
	bpf_spin_lock(&l->lock);
	learn_write(set, w);
	bpf_spin_unlock(&l->lock);
	return 0;
}

/* Where an address leads that a public name must not be bound to. */
enum learn_place { LEARN_PUBLIC, LEARN_LOCAL, LEARN_NOWHERE };

static __always_inline enum learn_place learn_place4(__u32 a)
{
	if (!a)
		return LEARN_NOWHERE;
	if (a >> 24 == 0 || a >> 24 == 10 || a >> 24 == 127 || a >> 22 == (100 << 2 | 1) /* 100.64/10 */ ||
	    a >> 16 == (169 << 8 | 254) || a >> 20 == (172 << 4 | 1) || a >> 16 == (192 << 8 | 168) ||
	    a >> 28 >= 14)
		return LEARN_LOCAL;
	return LEARN_PUBLIC;
}

static __always_inline enum learn_place learn_place(const __u32 *a)
{
	__u32 first = bpf_ntohl(a[0]);

	if (!a[0] && !a[1]) {
		if (a[2] == bpf_htonl(0xffff))
			return learn_place4(bpf_ntohl(a[3]));
		/* ::, ::1, and IPv4 written in the oldest way */
		if (!a[2])
			return a[3] ? LEARN_LOCAL : LEARN_NOWHERE;
	}
	if (first >> 22 == 0xfe80 >> 6 || first >> 22 == 0xfec0 >> 6 || first >> 25 == 0xfc >> 1 ||
	    first >> 24 == 0xff)
		return LEARN_LOCAL;
	return LEARN_PUBLIC;
}

struct learn_loop {
	struct dns_buffer *b;
	__u32 failed;
	__u32 rebind;
	__u64 min, max; /* ns */
};

/* The i-th address of the answer. */
static int learn_step(__u32 i, struct learn_loop *l)
{
	struct dns_buffer *b = l->b;
	struct dns_work *w = &b->w;
	struct cgw_dns_addr *a = &b->d.addrs[masked(i, CGW_DNS_ADDRS - 1)];
	__u32 at = a->at, *addr = (__u32 *)w->addr;
	__u64 life = (a->ttl < b->d.ttl ? a->ttl : b->d.ttl) * NS_PER_S;
	enum learn_place place;

	if (i >= b->d.naddrs)
		return 1;
	w->addr[0] = w->addr[1] = 0;
	if (a->v6) {
		for (int k = 0; k < 16; k++)
			((__u8 *)addr)[k] = b->d.msg[masked(at + k, CGW_DNS_MAX - 1)];
	} else {
		addr[2] = bpf_htonl(0xffff);
		for (int k = 0; k < 4; k++)
			((__u8 *)addr)[12 + k] = b->d.msg[masked(at + k, CGW_DNS_MAX - 1)];
	}
	place = learn_place(addr);
	if (place == LEARN_NOWHERE) {
		count(CGW_CNT_DNS_NULL);
		return 0;
	}
	if (place == LEARN_LOCAL && !l->rebind) {
		w->local = 1;
		__builtin_memcpy(w->q.local, addr, 16); /* for the alarm */
		return 0;
	}
	w->until = w->now + (life < l->min ? l->min : life > l->max ? l->max : life);
	if (w->until > w->latest)
		w->latest = w->until;
	for (__u32 k = 0; k < CGW_DNS_NAMES; k++) {
		if (k >= b->d.nchain)
			break;
		w->ref = w->refs[k];
		w->flag = w->flags[k];
		if (learn_bind(w)) {
			l->failed = 1;
			return 1;
		}
	}
	w->learned = 1;
	return 0;
}

/* Writes down what b->d says. 0; -1 where it could not all be written, and the answer must not arrive. */
static __always_inline int learn(struct dns_buffer *b)
{
	struct learn_loop l = {.b = b};
	struct dns_work *w = &b->w;
	const struct cgw_head *h = cgw_head_of(w->word);

	if (!h)
		return -1;
	l.rebind = h->flags & CGW_H_REBIND;
	l.max = (h->ttl_max ? h->ttl_max : LEARN_TTL_MAX) * NS_PER_S;
	l.min = (h->ttl_min ? h->ttl_min : 1) * NS_PER_S; /* an answer can be used at all */
	w->now_s = w->now / NS_PER_S;
	w->learned = w->local = w->evicted = 0;
	w->latest = 0;
	for (__u32 i = 0; i < CGW_DNS_NAMES; i++) {
		if (i >= b->d.nchain)
			break;
		if (learn_name(b, i))
			return -1;
	}
	if (bpf_loop(CGW_DNS_ADDRS, learn_step, &l, 0) < 0 || l.failed)
		return -1;
	for (__u32 i = 0; i < CGW_DNS_NAMES; i++) {
		__u32 place = CGW_NAME_PLACE(w->refs[i]);
		struct cgw_name *name;

		if (i >= b->d.nchain)
			break;
		name = bpf_map_lookup_elem(&names, &place);
		if (name && CGW_NAME_TAG(name->id) == CGW_NAME_TAG(w->refs[i]) && name->until < w->latest)
			name->until = w->latest;
	}
	if (w->evicted)
		count(CGW_CNT_NAME_EVICTED);
	return 0;
}

#endif
