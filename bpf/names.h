/* SPDX-License-Identifier: GPL-2.0-only */
/* Names that were learned: the tables of <cgwall/names.h>, the class that the policy in force gives a name,
 * and the class of an address that has several.
 *
 * A name's class is worked out from its text the first time that somebody asks under a generation: its
 * suffixes, from the right, are looked up in the slot's keys, and the deepest hit decides. An address with
 * names of several classes has the union of them. The compiler cannot know which names will meet at an
 * address, so the union's row is written here, once for each pair of classes, into the image's spare rows:
 * what asks for a name holds where either has it, what asks for a name *not* to be bound holds where both
 * lack it.
 */
#ifndef CGWALL_BPF_NAMES_H
#define CGWALL_BPF_NAMES_H

#include <cgwall/namehash.h>

#define NAMES_RETRIES 3
#define NAMES_LOCKS 256 /* power of two */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGW_NAMES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgw_name);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGW_BOUND_SETS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgw_bound_set);
} bound SEC(".maps");

/* The sequence number of an address's names. Readers take no lock; where the machine may reorder loads, an
 * atomic operation keeps them in order. */
static __always_inline __u32 names_seq(struct cgw_bound *b)
{
#ifdef __TARGET_ARCH_x86
	__u32 seq = *(volatile __u32 *)&b->seq;

	asm volatile("" ::: "memory");
	return seq;
#else
	return __sync_fetch_and_add(&b->seq, 0);
#endif
}

/* ---- the class of a name ---- */

/* A name on its way to its class, in a buffer's `classify`: `state` counts labels, `lit` is the class. */
struct names_loop {
	const struct cgw_name *name;
	struct classify *c;
	__u32 labels;
	__u32 reserved;
};

/* What the policy says of the suffix that was read up to here: `whole`, or of what is below it. Always 0. */
__noinline int names_suffix(struct classify *c, __u32 whole)
{
	struct cgw_key key = {.kind = CGW_KEY_NAME};
	const struct cgw_class *class;

	if (!c)
		return 0;
	cgw_hash_value_in(&c->hash, c->work, key.data);
	class = cgw_class_of(c->word, &key);
	if (class)
		c->lit = class->row[0][whole ? 0 : 1];
	return 0;
}

/* One byte more, from the right. */
static int names_step(__u32 i, struct names_loop *l)
{
	const struct cgw_name *name = l->name;
	struct classify *c = l->c;
	__u32 len = name->len;
	__u8 b;

	if (i >= len)
		return 1;
	b = name->text[masked(len - 1 - i, CGW_NAME_MAX - 1)];
	if (b == '.') {
		names_suffix(c, 0);
		if (++c->state >= l->labels)
			return 1; /* no name of the policy has more */
	}
	cgw_name_byte(&c->hash, b);
	if (i + 1 == len)
		names_suffix(c, 1);
	return 0;
}

/* Works out a name's class under `word`. 0 or -1. */
__noinline int names_classify(__u64 word, const struct cgw_name *name, __u32 *ret)
{
	struct names_loop l = {.name = name};
	const struct cgw_head *h = cgw_head_of(word);
	struct scratch *s;
	int r = -1;

	if (!h || !name || !ret)
		return -1;
	*ret = 0;
	l.labels = h->name_labels;
	if (!l.labels)
		return 0;
	s = scratch_get();
	if (!s)
		return -1;
	l.c = &s->classify;
	s->classify.word = word;
	s->classify.state = s->zero;
	s->classify.lit = s->zero;
	cgw_name_start(&s->classify.hash, h->seed);
	if (bpf_loop(CGW_NAME_MAX, names_step, &l, 0) >= 0) {
		*ret = s->classify.lit;
		r = 0;
	}
	scratch_put(s);
	return r;
}

/* The class of a learned name. 1 with *ret; 0 where the place has another name by now, and the binding is
 * gone with it; -1. */
__noinline int names_class(__u64 word, __u64 ref, __u32 *ret)
{
	__u32 place = CGW_NAME_PLACE(ref), class = 0;
	struct cgw_name *name = bpf_map_lookup_elem(&names, &place);
	__u64 id, cached, fresh;

	if (!name || !ret)
		return -1;
	id = *(volatile __u64 *)&name->id;
	if (CGW_NAME_TAG(id) != CGW_NAME_TAG(ref))
		return 0;
	cached = *(volatile __u64 *)&name->class;
	fresh = CGW_NAME_WORD(CGW_WORD_GEN(word), id, 0);
	if (CGW_NAME_WORD_KEY(cached) == CGW_NAME_WORD_KEY(fresh)) {
		*ret = CGW_NAME_WORD_CLASS(cached);
		return 1;
	}
	if (names_classify(word, name, &class) || class >= CGW_NAME_CLASSES_MAX)
		return -1;
	if (*(volatile __u64 *)&name->id != id)
		return 0; /* it was written while it was read */
	/* not over what somebody else has put there since, for another name or another generation */
	__sync_val_compare_and_swap(&name->class, cached, fresh | class);
	*ret = class;
	return 1;
}

/* ---- the class of several names ---- */

struct names_union {
	__u64 word;
	__u32 a, b, lack, to; /* chunks of the rows; lack: of what asks for names not to be bound, 0: none */
	__u16 stride, nchunks;
	__u32 broken;
}; /* 32 bytes: 6.1 rounds every frame of a call chain up to a multiple of that, and this chain is the longest
    */

/* One chunk out of two: what either name lets match, and what asks for names not to be bound (lack, or NULL)
 * only where both do. Gives a bit for each word that is not empty. Called by many, and as a function of its
 * own it is verified once. */
__noinline int names_union_chunk(struct cgw_chunk *to, const struct cgw_chunk *a, const struct cgw_chunk *b,
				 const struct cgw_chunk *lack)
{
	__u64 bits = 0;

	if (!to || !a || !b)
		return 0;
	CGW_ROLLED
	for (int i = 0; i < CGW_CHUNK_WORDS; i++) {
		__u64 n = lack ? lack->w[i] : 0;
		__u64 w = ((a->w[i] | b->w[i]) & ~n) | (a->w[i] & b->w[i] & n), some;

		to->w[i] = w;
		/* w != 0 without a branch, which a verifier would follow both ways, sixteen times over */
		asm("%0 = %1; %0 = -%0; %0 |= %1; %0 >>= 63" : "=&r"(some) : "r"(w));
		bits |= some << i;
	}
	return (int)bits;
}

/* Chunk `at` of the new row. Where there is a summary it is chunk 0, and made from the others. */
static int names_union_step(__u32 at, struct names_union *u)
{
	const struct cgw_chunk *a, *b, *lack = NULL;
	struct cgw_chunk *to, *sum = NULL;
	__u32 first = u->stride - u->nchunks;
	__u64 bits;

	if (at >= u->nchunks)
		return 1;
	u->broken = 1;
	to = chunk_get(u->word, u->to + first + at);
	a = chunk_get(u->word, u->a + first + at);
	b = chunk_get(u->word, u->b + first + at);
	if (u->lack)
		lack = chunk_get(u->word, u->lack + first + at);
	if (first)
		sum = chunk_get(u->word, u->to);
	if (!to || !a || !b || (u->lack && !lack) || (first && !sum))
		return 1;
	bits = (__u16)names_union_chunk(to, a, b, lack);
	/* a quarter of a word of the summary */
	if (sum)
		sum->w[masked(at / 4, CGW_CHUNK_WORDS - 1)] |= bits << (at & 3) * CGW_CHUNK_WORDS;
	u->broken = 0;
	return 0;
}

/* Writes the row of class `to` in one direction. 0 or -1. */
__noinline int names_union_row(__u64 word, __u32 dir, __u64 pair, __u32 to)
{
	const struct cgw_head *h = cgw_head_of(word);
	struct names_union u = {.word = word};
	const struct cgw_dirhead *d;

	if (!h)
		return -1;
	d = &h->dir[dir & 1];
	if (!(d->dims & (1u << CGW_DIM_NAME)))
		return 0;
	if (d->nchunks > CGW_CHUNKS_MAX || d->stride > CGW_CHUNKS_MAX + 1)
		return -1;
	u.stride = d->stride;
	u.nchunks = d->nchunks;
	u.a = d->rows + (d->name_rows + (__u32)pair) * d->stride;
	u.b = d->rows + (d->name_rows + (__u32)(pair >> 32)) * d->stride;
	u.lack = d->name_not ? d->rows + d->name_not * d->stride : 0;
	u.to = d->rows + (d->name_rows + to) * d->stride;
	if (bpf_loop(CGW_CHUNKS_MAX, names_union_step, &u, 0) < 0 || u.broken)
		return -1;
	return 0;
}

/* Tells the agent that the image has no room for one more class. */
static __noinline int names_full(void)
{
	struct cgw_event *e;

	count(CGW_CNT_NAME_FULL);
	e = bpf_ringbuf_reserve(&events, offsetof(struct cgw_event, path), 0);
	if (!e)
		return 0;
	e->kind = CGW_EV_NAMES_FULL;
	e->size = offsetof(struct cgw_event, path);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* The class of an address that has names of class a and of class b. Two CPUs may make the same one at the
 * same time: both rows are right, and one of the two is found from then on. 0 or -1. */
__noinline int names_unite(__u64 word, __u32 a, __u32 b, __u32 *ret)
{
	__u32 low = a < b ? a : b, high = a < b ? b : a, slot = CGW_WORD_SLOT(word), to;
	struct cgw_key key = {.kind = CGW_KEY_UNION};
	const struct cgw_head *h = cgw_head_of(word);
	const struct cgw_class *class;
	struct cgw_ctl *c = ctl_get();
	__u64 pair = (__u64)high << 32 | low;
	struct cgw_class fresh = {};
	void *inner;

	if (!c || !h || !ret)
		return -1;
	if (!low || low == high) {
		*ret = high; /* class 0 adds nothing: what it has of its own asks for no name at all */
		return 0;
	}
	__builtin_memcpy(key.data, &low, 4);
	__builtin_memcpy(key.data + 4, &high, 4);
	class = cgw_class_of(word, &key);
	if (class) {
		*ret = class->row[0][0];
		return 0;
	}
	to = *(volatile __u32 *)&c->name_classes[slot];
	if (to >= h->names + CGW_NAME_SPARE)
		goto full;
	to = __sync_fetch_and_add(&c->name_classes[slot], 1);
	if (to < h->names || to >= h->names + CGW_NAME_SPARE)
		goto full;
	if (names_union_row(word, CGW_OUT, pair, to) || names_union_row(word, CGW_IN, pair, to))
		return -1;
	fresh.row[0][0] = to;
	inner = bpf_map_lookup_elem(&keys, &slot);
	if (!inner)
		return -1;
	if (bpf_map_update_elem(inner, &key, &fresh, BPF_NOEXIST)) {
		class = bpf_map_lookup_elem(inner, &key);
		if (!class)
			goto full;
		to = class->row[0][0];
	} else {
		count(CGW_CNT_NAME_UNIONS);
	}
	*ret = to;
	return 0;
full:
	names_full();
	return -1;
}

/* ---- the names of an address ---- */

struct names_of {
	__u64 ref[CGW_BOUND_NAMES]; /* CGW_NAME_REF of what is in force; 0: none */
	__u64 best;		    /* that to be shown; 0: none */
	__u64 score;		    /* while it is filled: of best */
};

/* Choices are kept in memory while a loop runs: what a verifier knows of a value that it has seen written
 * multiplies what it has to look at. */
#define NAMES_VOLATILE(x) (*(volatile __typeof__(x) *)&(x))

#define NAMES_SCORE_ANY 1  /* somebody asked for it */
#define NAMES_SCORE_LAST 2 /* it is what was asked for last */
#define NAMES_SCORE_MINE 4 /* this program asked for it */

static __always_inline bool bound_is(const struct cgw_bound *b, const __u64 *addr, __u64 netns)
{
	const __u64 *a = (const __u64 *)b->addr;

	return !((a[0] ^ addr[0]) | (a[1] ^ addr[1]) | (b->netns ^ netns));
}

/* Where an address is in its set; CGW_BOUND_WAYS: nowhere. addr: its two words. */
__noinline __u32 names_way(const struct cgw_bound_set *set, __u64 addr0, __u64 addr1, __u64 netns)
{
	const __u64 addr[2] = {addr0, addr1};

	if (!set)
		return CGW_BOUND_WAYS;
	CGW_ROLLED
	for (__u32 i = 0; i < CGW_BOUND_WAYS; i++)
		if (bound_is(&set->way[masked(i, CGW_BOUND_WAYS - 1)], addr, netns))
			return i;
	return CGW_BOUND_WAYS;
}

/* A copy of the names that were in force at `since`, or were learned later. */
__noinline int names_copy(struct cgw_bound *b, __u64 since, __u32 pid, struct names_of *ret)
{
	__u64 asked;

	if (!b || !ret)
		return -1;
	asked = b->asked;
	ret->best = ret->score = 0;
	CGW_ROLLED
	for (int i = 0; i < CGW_BOUND_NAMES; i++) {
		struct cgw_binding *n = &b->names[i];
		__u64 ref = n->until > since ? n->name : 0, score;

		ret->ref[i] = ref;
		score = ref && (n->flags & CGW_BINDING_ASKED) ? NAMES_SCORE_ANY : 0;
		if (score)
			score += (ref == asked ? NAMES_SCORE_LAST : 0) +
				 (n->pid == pid ? NAMES_SCORE_MINE : 0);
		if (score > NAMES_VOLATILE(ret->score)) {
			NAMES_VOLATILE(ret->score) = score;
			NAMES_VOLATILE(ret->best) = ref;
		}
	}
	return 0;
}

/* The names of q->remote in the network namespace of w's socket that count for a flow that began at `since`.
 * 1; 0 where it has none; -1 where that cannot be told. */
__noinline int names_read(const struct cgw_query *q, const struct cgw_who *w, __u64 since,
			  struct names_of *ret)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_bound_set *set;
	__u64 addr[2];
	__u32 at;

	if (!q || !w || !ret || !c)
		return -1;
	__builtin_memcpy(addr, q->remote, sizeof(addr));
	at = cgw_bound_at(addr, w->netns, c->seed);
	set = bpf_map_lookup_elem(&bound, &at);
	if (!set)
		return -1;
	CGW_ROLLED
	for (int try = 0; try < NAMES_RETRIES; try++) {
		struct cgw_bound *b;
		__u32 seq;

		at = names_way(set, addr[0], addr[1], w->netns);
		if (at >= CGW_BOUND_WAYS)
			return 0;
		b = &set->way[masked(at, CGW_BOUND_WAYS - 1)];
		seq = names_seq(b);
		if (names_copy(b, since, w->pid, ret))
			return -1;
		asm volatile("" ::: "memory");
		if (!(seq & 1) && bound_is(b, addr, w->netns) && names_seq(b) == seq)
			return 1;
	}
	return -1;
}

/* The row of the remote end's names for q->dir, into q: given[CGW_GIVEN_NAME] and name. since: when the flow
 * began, boot clock; 0: now. Always 0: what cannot be told is CGW_ROW_BROKEN, and decides nothing. */
__noinline int names_given(struct cgw_query *q, const struct cgw_who *w, __u64 since)
{
	const struct cgw_dirhead *d;
	const struct cgw_head *h;
	struct names_of n;
	__u32 sum = 0;
	int r;

	if (!q || !w)
		return 0;
	q->given[CGW_GIVEN_NAME] = 0;
	q->name = 0;
	h = cgw_head_of(q->word);
	if (!h)
		return 0;
	d = &h->dir[q->dir & 1];
	if (!(d->dims & (1u << CGW_DIM_NAME)) || !(q->known & CGW_Q_REMOTE))
		return 0;
	r = names_read(q, w, since ? since : bpf_ktime_get_boot_ns(), &n);
	if (r < 0)
		goto broken;
	if (!r)
		return 0;
	for (int i = 0; i < CGW_BOUND_NAMES; i++) {
		__u32 class = 0;

		if (!n.ref[i])
			continue;
		r = names_class(q->word, n.ref[i], &class);
		if (r < 0 || (r && names_unite(q->word, sum, class, &sum)))
			goto broken;
	}
	if (n.best)
		q->name = CGW_NAME_PLACE(n.best) + 1;
	if (sum)
		q->given[CGW_GIVEN_NAME] = d->name_rows + sum;
	return 0;
broken:
	q->given[CGW_GIVEN_NAME] = CGW_ROW_BROKEN;
	return 0;
}

/* ---- what live flows use ---- */

/* A moment is put off to `to`. Of two who do that at the same time the other may win; both look again. */
static __always_inline void names_put_off(__u64 *moment, __u64 to)
{
	__u64 before = NAMES_VOLATILE(*moment);

	if (before < to)
		__sync_val_compare_and_swap(moment, before, to);
}

/* Name k of an address, for a flow that began at `since`. A place that is given to another name meanwhile
 * has another `until`, and is left alone but for its worth to whoever looks for room. Always 0. */
__noinline int names_use_one(struct cgw_bound *b, __u32 k, __u64 since, __u64 to, __u32 up)
{
	struct cgw_binding *n;
	struct cgw_name *name;
	__u64 ref, until;
	__u32 place;

	if (!b)
		return 0;
	n = &b->names[masked(k, CGW_BOUND_NAMES - 1)];
	ref = NAMES_VOLATILE(n->name);
	until = NAMES_VOLATILE(n->until);
	place = CGW_NAME_PLACE(ref);
	if (!ref || until <= since || n->since > since / CGW_NAME_NS_PER_S)
		return 0;
	name = bpf_map_lookup_elem(&names, &place);
	if (!name || CGW_NAME_TAG(NAMES_VOLATILE(name->id)) != CGW_NAME_TAG(ref))
		return 0;
	names_put_off(&name->until, to);
	if (n->flags & CGW_BINDING_MENTIONED)
		names_put_off(&b->kept, to);
	names_put_off(&b->until, to);
	if (until < to)
		__sync_val_compare_and_swap(&n->until, until, to);
	if (!up)
		return 0;
	names_put_off(&name->used, to);
	names_put_off(&b->used, to);
	n->used = to / CGW_NAME_NS_PER_S;
	return 0;
}

/* A flow to this address (q: its remote end), in the network namespace with that cookie, that began at
 * `since`, is let through: the names that the address had then hold on for CGW_NAME_USE_NS. up: it was found
 * to be up later, so that they are worth more than others; what begins may end at once, and there may be a
 * great many of it. Always 0. */
__noinline int names_use(const struct cgw_query *q, __u64 netns, __u64 since, __u32 up)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_bound_set *set;
	struct cgw_bound *b;
	__u64 addr[2], to = bpf_ktime_get_boot_ns() + CGW_NAME_USE_NS;
	__u32 at;

	if (!q || !c || !netns)
		return 0;
	__builtin_memcpy(addr, q->remote, sizeof(addr));
	at = cgw_bound_at(addr, netns, c->seed);
	set = bpf_map_lookup_elem(&bound, &at);
	if (!set)
		return 0;
	at = names_way(set, addr[0], addr[1], netns);
	if (at >= CGW_BOUND_WAYS)
		return 0;
	b = &set->way[masked(at, CGW_BOUND_WAYS - 1)];
	CGW_ROLLED
	for (__u32 k = 0; k < CGW_BOUND_NAMES; k++)
		names_use_one(b, k, since, to, up);
	names_put_off(&c->names_used, to);
	return 0;
}

/* What the log calls the remote end, where somebody has looked: CGW_NAME_REF, or 0. */
static __always_inline __u64 names_shown(const struct cgw_query *q)
{
	__u32 place = q->name - 1;
	struct cgw_name *name = q->name ? bpf_map_lookup_elem(&names, &place) : NULL;

	return name ? CGW_NAME_REF(place, *(volatile __u64 *)&name->id) : 0;
}

#endif
