// SPDX-License-Identifier: GPL-2.0-only
/* The classes of listed addresses: which set of files holds an address, literally or by a prefix. As with
 * literal nets (nets.c) everything is sorted and walked from the outside in; what has the class of the prefix
 * around it is not written. */
#include <stdlib.h>
#include <string.h>

#include "lists.h"
#include "lpm.h"

struct level {
	ip_t ip;
	uint32_t len, set;
};

struct walk {
	struct listset *set;
	struct image_lists *lists;
	struct level stack[130];
	uint32_t depth;
	uint32_t around4; /* set of the deepest IPv6 prefix around ::ffff:0:0/96 */
};

/* By address, 11 bits at a time; files stay in order. Gives the sorted array, one of the two. */
static struct list_addr4 *sort4(struct list_addr4 *a, struct list_addr4 *b, size_t n)
{
	for (int shift = 0; shift < 33; shift += 11) {
		size_t start[2049] = {0};
		struct list_addr4 *swap = a;

		for (size_t i = 0; i < n; i++)
			start[((a[i].addr >> shift) & 2047) + 1]++;
		for (int i = 0; i < 2048; i++)
			start[i + 1] += start[i];
		for (size_t i = 0; i < n; i++)
			b[start[(a[i].addr >> shift) & 2047]++] = a[i];
		a = b;
		b = swap;
	}
	return a;
}

static int compare_nets(const void *a, const void *b)
{
	const struct list_net *x = a, *y = b;

	if (x->ip != y->ip)
		return x->ip < y->ip ? -1 : 1;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return (x->file > y->file) - (x->file < y->file);
}

/* The digit of a net that pass number `pass` sorts by, the least important first. */
static uint32_t digit(const struct list_net *n, unsigned pass)
{
	return pass ? (uint32_t)(n->ip >> (pass - 1) * 16) & 0xffff : n->len;
}

/* By address and length, 16 bits at a time; files stay in order. Digits that are the same everywhere cost one
 * look. Gives the sorted array, one of the two. */
static struct list_net *sort_nets(struct tables *t, struct list_net *a, size_t n)
{
	struct list_net *b, *swap;
	size_t *start;

	if (n < 65536) {
		if (n)
			qsort(a, n, sizeof(*a), compare_nets);
		return a;
	}
	b = arena_alloc(t->scratch, n * sizeof(*b));
	start = arena_alloc(t->scratch, 65537 * sizeof(*start));
	for (unsigned pass = 0; pass <= 8; pass++) {
		memset(start, 0, 65537 * sizeof(*start));
		for (size_t i = 0; i < n; i++)
			start[digit(&a[i], pass) + 1]++;
		if (start[digit(&a[0], pass) + 1] == n)
			continue;
		for (uint32_t i = 0; i < 65536; i++)
			start[i + 1] += start[i];
		for (size_t i = 0; i < n; i++)
			b[start[digit(&a[i], pass)]++] = a[i];
		swap = a;
		a = b;
		b = swap;
	}
	return a;
}

static void emit(struct image_lists *l, ip_t ip, uint32_t len, uint32_t class)
{
	if (len < 128) {
		struct listp *p = ARENA_ADD(l->arena, &l->prefixes, &l->nprefixes);

		p->key.len = len;
		ip_store(ip, p->key.addr);
		p->class = class;
	} else if (ip_is_v4(ip)) {
		uint32_t addr = __builtin_bswap32((uint32_t)ip);
		struct list4 *v4 = ARENA_ADD(l->arena, &l->v4, &l->n4);

		memcpy(v4->addr, &addr, 4);
		v4->class = class;
	} else {
		struct list6 *v6 = ARENA_ADD(l->arena, &l->v6, &l->n6);

		ip_store(ip, v6->addr);
		v6->class = class;
	}
}

static void leave(struct walk *w, ip_t ip, uint32_t len)
{
	while (w->depth && (w->stack[w->depth - 1].len > len ||
			    !ip_in(ip, w->stack[w->depth - 1].ip, w->stack[w->depth - 1].len)))
		w->depth--;
}

/* Goes to a prefix or address that stands in this file. */
static void enter(struct walk *w, ip_t ip, uint32_t len, uint32_t file)
{
	struct level *top;
	uint32_t set;

	leave(w, ip, len);
	top = w->depth ? &w->stack[w->depth - 1] : NULL;
	if (top && top->len == len) { /* the same in another file */
		top->set = sets_add(&w->set->sets, top->set, file);
		return;
	}
	set = top ? top->set : 0;
	w->stack[w->depth++] =
		(struct level){.ip = ip, .len = len, .set = sets_add(&w->set->sets, set, file)};
}

/* To be called when all files of the place on top of the stack were seen. `around`: what a search gives that
 * finds none of the places walked through. */
static void settle(struct walk *w, uint32_t around)
{
	const struct level *top = &w->stack[w->depth - 1];
	uint32_t up = w->depth > 1 ? top[-1].set : around;

	if (top->set != up)
		emit(w->lists, top->ip, top->len, top->set);
	if (top->len < 96 && ip_in(IP_V4, top->ip, top->len))
		w->around4 = top->set;
}

/* The nets from *i on up to the place `ip`/`len`; those of IPv4 or the others. */
static void nets_before(struct walk *w, size_t *i, bool v4, ip_t ip, uint32_t len, uint32_t around)
{
	const struct list_net *n = w->set->nets;

	for (; *i < w->set->nnets; (*i)++) {
		size_t next = *i + 1;

		if (n[*i].ip > ip || (n[*i].ip == ip && n[*i].len > len))
			break;
		if ((n[*i].len >= 96 && ip_is_v4(n[*i].ip)) != v4)
			continue;
		enter(w, n[*i].ip, n[*i].len, n[*i].file);
		if (next == w->set->nnets || n[next].ip != n[*i].ip || n[next].len != n[*i].len)
			settle(w, around);
	}
}

static bool has_all4(const struct listset *set)
{
	for (size_t i = 0; i < set->nnets; i++)
		if (set->nets[i].len == 96 && set->nets[i].ip == IP_V4)
			return true;
	return false;
}

static void walk4(struct walk *w, uint32_t around)
{
	struct listset *set = w->set;
	size_t at = 0;

	w->depth = 0;
	for (size_t i = 0; i < set->n4; i++) {
		ip_t ip = IP_V4 | set->v4[i].addr;

		nets_before(w, &at, true, ip, 128, around);
		enter(w, ip, 128, set->v4[i].file);
		if (i + 1 == set->n4 || set->v4[i + 1].addr != set->v4[i].addr)
			settle(w, around);
	}
	nets_before(w, &at, true, ~(ip_t)0, 128, around);
}

void lists_classify(struct tables *t)
{
	struct listset *set = t->listset;
	struct walk *w;
	struct arena *a;
	size_t at = 0;

	if (!set->n4 && !set->nnets)
		return;
	a = arena_new();
	if (!a)
		longjmp(*t->failure, 1);
	t->lists = arena_alloc(a, sizeof(*t->lists));
	t->lists->arena = a;
	arena_on_failure(a, t->failure);
	t->lists->digest = set->digest;
	w = arena_alloc(t->scratch, sizeof(*w));
	w->set = set;
	w->lists = t->lists;
	set->v4 = sort4(set->v4, arena_alloc(t->scratch, (set->n4 + 1) * sizeof(*set->v4)), set->n4);
	set->nets = sort_nets(t, set->nets, set->nnets);
	nets_before(w, &at, false, ~(ip_t)0, 128, 0);
	if (w->around4 && !has_all4(set))
		emit(t->lists, IP_V4, 96, 0);
	walk4(w, w->around4 && has_all4(set) ? w->around4 : 0);
	if (t->lists->nprefixes)
		qsort(t->lists->prefixes, t->lists->nprefixes, sizeof(*t->lists->prefixes), lpm_compare);
	t->lists->nclasses = set->sets.in.n;
	arena_on_failure(a, NULL);
}
