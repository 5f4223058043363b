// SPDX-License-Identifier: GPL-2.0-only
/* Nets and ranges become prefixes; sorted by address and length they are a walk through the tree of who
 * contains whom, parents first. On the way down a prefix's atoms are turned on, on the way up off: the row at
 * each place is that of all nets around it.
 *
 * The longest match must know everything. So a full-length address has what covers it in its own row, and
 * IPv6 nets, which never cover IPv4 addresses, are cut off at ::ffff:0:0/96: where one lies around that, it
 * gets a prefix of its own. Example: `::/0` gives ::/0 {it} and ::ffff:0:0/96 {}.
 */
#include "nets.h"

#include <stdlib.h>

#include "ip.h"

struct net {
	ip_t ip;
	uint32_t atom;
	uint32_t len;
};

struct level {
	ip_t ip;
	uint32_t len;
	uint32_t first, end; /* its atoms: nets[first..end-1] */
	struct cgw_class class;
};

struct walk {
	struct tables *t;
	struct net *nets;
	uint32_t n;
	struct sweep *sweeps[CGW_DIRS][CGW_ENDS]; /* NULL: dimension not used */
	struct level stack[130];
	uint32_t depth;
	struct cgw_class around4; /* of the deepest IPv6 net around ::ffff:0:0/96 */
	bool has_around4;
};

static void add_atom(struct walk *w, uint32_t atom, bool want6)
{
	const struct atom_net *a = intern_get(&w->t->atoms[SPACE_NET].in, atom);
	ip_t lo = ip_load(a->lo), hi = ip_load(a->hi);

	if (!!a->v6 != want6)
		return;
	for (;;) {
		unsigned len = ip_fit(lo, hi);
		ip_t last = lo | ~ip_mask(len);

		/* an IPv6 net says nothing of what lies inside the IPv4 part */
		if (!want6 || len < 96 || !ip_is_v4(lo))
			*ARENA_ADD(w->t->scratch, &w->nets, &w->n) =
				(struct net){.ip = lo, .len = len, .atom = atom};
		if (last >= hi)
			break;
		lo = last + 1;
	}
}

static int compare(const void *a, const void *b)
{
	const struct net *x = a, *y = b;

	if (x->ip != y->ip)
		return x->ip < y->ip ? -1 : 1;
	return (x->len > y->len) - (x->len < y->len);
}

static void turn(struct walk *w, const struct level *l, bool on)
{
	for (uint32_t i = l->first; i < l->end; i++) {
		for (int k = 0; k < CGW_DIRS * CGW_ENDS; k++) {
			struct sweep *s = w->sweeps[k / CGW_ENDS][k % CGW_ENDS];

			if (s && on)
				sweep_on(s, w->nets[i].atom);
			else if (s)
				sweep_off(s, w->nets[i].atom);
		}
	}
}

static struct cgw_class rows_here(struct walk *w)
{
	struct cgw_class c = {0};

	for (int k = 0; k < CGW_DIRS * CGW_ENDS; k++) {
		struct sweep *s = w->sweeps[k / CGW_ENDS][k % CGW_ENDS];

		if (s)
			c.row[k / CGW_ENDS][k % CGW_ENDS] = sweep_row(s);
	}
	return c;
}

static bool same(const struct cgw_class *a, const struct cgw_class *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void emit(struct walk *w, const struct level *l)
{
	struct tables *t = w->t;

	if (l->len == 128) {
		struct image_key *k = ARENA_ADD(t->arena, &t->keys, &t->nkeys);

		k->key.kind = CGW_KEY_ADDR;
		ip_store(l->ip, k->key.data);
		k->class = l->class;
	} else {
		struct image_prefix *p = ARENA_ADD(t->arena, &t->prefixes, &t->nprefixes);

		p->key.len = l->len;
		ip_store(l->ip, p->key.addr);
		p->class = l->class;
	}
}

/* Leaves what does not contain the address. */
static void leave(struct walk *w, ip_t ip, uint32_t len)
{
	while (w->depth) {
		const struct level *top = &w->stack[w->depth - 1];

		if (top->len <= len && ip_in(ip, top->ip, top->len))
			break;
		turn(w, top, false);
		w->depth--;
	}
}

/* All prefixes in w->nets. `around`: the rows of what lies around all of them. */
static void walk(struct walk *w, const struct cgw_class *around)
{
	if (w->n)
		qsort(w->nets, w->n, sizeof(*w->nets), compare);
	for (uint32_t i = 0, end; i < w->n; i = end) {
		const struct cgw_class *up;
		struct level l = {.ip = w->nets[i].ip, .len = w->nets[i].len, .first = i};

		for (end = i; end < w->n && !compare(&w->nets[i], &w->nets[end]); end++)
			;
		l.end = end;
		leave(w, l.ip, l.len);
		up = w->depth ? &w->stack[w->depth - 1].class : around;
		turn(w, &l, true);
		l.class = rows_here(w);
		if (!same(&l.class, up))
			emit(w, &l);
		if (l.len < 96 && ip_in(IP_V4, l.ip, l.len)) {
			w->around4 = l.class;
			w->has_around4 = true;
		}
		w->stack[w->depth++] = l;
	}
	leave(w, 0, 0);
	if (w->depth) /* a net of length 0 */
		turn(w, &w->stack[--w->depth], false);
}

static void collect(struct walk *w, bool want6)
{
	w->n = 0;
	w->nets = NULL;
	for (uint32_t i = 0; i < w->t->atoms[SPACE_NET].in.n; i++)
		add_atom(w, i, want6);
}

/* Is 0.0.0.0/0 among them? */
static bool has_all4(const struct walk *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		if (w->nets[i].len == 96)
			return true;
	return false;
}

void nets_build(struct tables *t)
{
	static const int of_end[CGW_ENDS] = {CGW_DIM_REMOTE, CGW_DIM_LOCAL};
	struct walk *w = arena_alloc(t->scratch, sizeof(*w));
	struct cgw_class none;

	w->t = t;
	for (int k = 0; k < CGW_DIRS * CGW_ENDS; k++) {
		struct direction *d = &t->dir[k / CGW_ENDS];
		int dim = of_end[k % CGW_ENDS];

		if (d->dims & (1u << dim))
			w->sweeps[k / CGW_ENDS][k % CGW_ENDS] = &d->sweeps[dim];
	}
	none = rows_here(w);
	collect(w, true);
	walk(w, &none);
	collect(w, false);
	if (!w->has_around4 || same(&w->around4, &none)) {
		walk(w, &none);
	} else if (has_all4(w)) {
		walk(w, &w->around4);
	} else {
		emit(w, &(struct level){.ip = IP_V4, .len = 96, .class = none});
		walk(w, &none);
	}
}
