// SPDX-License-Identifier: GPL-2.0-only
/* Protocols with ports. Ports that no range tells apart share a class: class 0 is "no port", and the ports
 * that stand in no range share one too. Protocols that are named alike share an index; index 0 is a protocol
 * that no rule names. For every index the ports are walked through from 0 to 65,535, turning ranges on where
 * they begin and off behind their end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../policy/names.h"
#include "classes.h"

#define PORTS 65536u
#define UNKNOWN 2u /* classes of a port that is not known yet: CGW_PORT_SOME, CGW_PORT_EVERY */

struct interval {
	uint32_t lo;
	uint32_t class;
};

struct ports_build {
	struct tables *t;
	struct interval *intervals; /* by port */
	uint32_t n;
	uint64_t *by_lo, *by_hi; /* ranges of the present index: port << 32 | atom */
	uint32_t nranges;
	__u64 *some, *every; /* room for a row each */
};

static const struct atom_port *port_atom(const struct tables *t, uint32_t atom)
{
	return intern_get(&t->atoms[SPACE_PORT].in, atom);
}

/* Where something changes, and what is inside some range. False: too many classes. */
static bool build_intervals(struct ports_build *b)
{
	struct tables *t = b->t;
	int *change = arena_alloc(t->scratch, (PORTS + 1) * sizeof(*change)); /* in the number of ranges */
	uint8_t *border = arena_alloc(t->scratch, PORTS + 1);
	uint32_t outside = 0, n = 1;
	int depth = 0;

	for (uint32_t i = 0; i < t->atoms[SPACE_PORT].in.n; i++) {
		const struct atom_port *a = port_atom(t, i);

		if (!a->has_ports)
			continue;
		change[a->lo]++;
		change[a->hi + 1]--;
		border[a->lo] = border[a->hi + 1] = 1;
	}
	b->intervals = arena_alloc(t->scratch, (PORTS + 1) * sizeof(*b->intervals));
	border[0] = 1;
	for (uint32_t port = 0; port < PORTS; port++) {
		depth += change[port];
		if (border[port]) {
			struct interval *in = &b->intervals[b->n++];

			in->lo = port;
			if (depth)
				in->class = n++;
			else
				in->class = outside ? outside : (outside = n++);
		}
		t->port_class[port] = (uint16_t)b->intervals[b->n - 1].class;
	}
	b->intervals[b->n].lo = PORTS;
	t->nports = n + UNKNOWN;
	return n + UNKNOWN <= PORTS;
}

/* Gives every protocol that a rule names an index; *reps: by index one protocol that has it, -1 for index 0.
 */
static int *build_protocols(struct tables *t, uint32_t *n)
{
	const struct atoms *as = &t->atoms[SPACE_PORT];
	int *reps = arena_alloc(t->scratch, 257 * sizeof(*reps));
	uint32_t *alone = arena_alloc(t->scratch, 256 * sizeof(*alone)); /* 1 + atom of the protocol alone */
	bool named[256] = {false}, ranges[256] = {false};
	struct intern alike;

	for (uint32_t i = 0; i < as->in.n; i++) {
		const struct atom_port *a = port_atom(t, i);

		if (a->proto < 0)
			continue;
		named[a->proto] = true;
		if (!a->has_ports)
			alone[a->proto] = i + 1;
		else if (names_has_ports(a->proto))
			ranges[a->proto] = true;
	}
	intern_init(&alike, t->scratch);
	reps[0] = -1;
	for (int proto = 0; proto < 256; proto++) {
		const struct mentions *m = &as->in_clauses;
		uint32_t first = 0, end = 0, *key, id;

		if (!named[proto])
			continue;
		if (alone[proto]) {
			first = m->start[alone[proto] - 1];
			end = m->start[alone[proto]];
		}
		key = arena_alloc(t->scratch, (end - first + 1) * sizeof(*key));
		key[0] = ranges[proto] ? (uint32_t)proto + 1 : names_has_ports(proto) ? 0 : UINT32_MAX;
		memcpy(key + 1, m->of + first, (end - first) * sizeof(*key));
		id = intern_add(&alike, key, (end - first + 1) * sizeof(*key)) + 1;
		if (id == alike.n)
			reps[id] = proto;
		if (id > 255)
			return NULL;
		t->proto[proto] = (uint8_t)id;
	}
	*n = alike.n + 1;
	return reps;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The ranges that mean this protocol (-1: one that has ports, but no name in the policy), sorted by where
 * they begin and by where they end. */
static void select_ranges(struct ports_build *b, int proto)
{
	const struct intern *in = &b->t->atoms[SPACE_PORT].in;

	b->nranges = 0;
	for (uint32_t i = 0; i < in->n; i++) {
		const struct atom_port *a = port_atom(b->t, i);

		if (!a->has_ports || (a->proto != PROTO_ANY_PORTS && a->proto != proto))
			continue;
		b->by_lo[b->nranges] = (uint64_t)a->lo << 32 | i;
		b->by_hi[b->nranges++] = (uint64_t)a->hi << 32 | i;
	}
	qsort(b->by_lo, b->nranges, sizeof(*b->by_lo), compare);
	qsort(b->by_hi, b->nranges, sizeof(*b->by_hi), compare);
}

/* Walks through the ports; rows[class] for every class but 0. */
static void walk(struct ports_build *b, struct sweep *s, uint32_t *rows)
{
	uint32_t lo = 0, hi = 0;

	for (uint32_t i = 0; i < b->n; i++) {
		const struct interval *in = &b->intervals[i];

		for (; hi < b->nranges && b->by_hi[hi] >> 32 < in->lo; hi++)
			sweep_off(s, (uint32_t)b->by_hi[hi]);
		for (; lo < b->nranges && b->by_lo[lo] >> 32 <= in->lo; lo++)
			sweep_on(s, (uint32_t)b->by_lo[lo]);
		rows[in->class] = sweep_row(s);
	}
	for (; hi < b->nranges; hi++)
		sweep_off(s, (uint32_t)b->by_hi[hi]);
}

/* The protocol itself, whatever the port. */
static uint32_t alone(const struct tables *t, int proto)
{
	struct atom_port a = {.proto = (int16_t)proto};

	return proto < 0 ? INTERN_NONE : intern_find(&t->atoms[SPACE_PORT].in, &a, sizeof(a));
}

/* The last two classes of a protocol: what matches with some port, and what matches with each. */
static void unknown_port(struct ports_build *b, struct direction *d, uint32_t *rows, bool has_ports)
{
	uint32_t n = b->t->nports - UNKNOWN, nwords = rows_words(&d->rows);
	__u64 *some = b->some, *every = b->every;

	rows[n] = rows[n + 1] = rows[0];
	if (!has_ports || n == 1)
		return;
	memcpy(some, rows_bits(&d->rows, rows[1]), nwords * sizeof(*some));
	memcpy(every, some, nwords * sizeof(*every));
	for (uint32_t class = 2; class < n; class ++) {
		const __u64 *bits = rows_bits(&d->rows, rows[class]);

		for (uint32_t w = 0; w < nwords; w++) {
			some[w] |= bits[w];
			every[w] &= bits[w];
		}
	}
	rows[n] = rows_of(&d->rows, some);
	rows[n + 1] = rows_of(&d->rows, every);
}

static void build_rows(struct ports_build *b, struct direction *d, uint32_t dim, const int *reps,
		       uint32_t nreps)
{
	struct tables *t = b->t;
	struct sweep *s = &d->sweeps[dim];

	b->some = arena_alloc(t->scratch, (rows_words(&d->rows) + 1) * sizeof(*b->some));
	b->every = arena_alloc(t->scratch, (rows_words(&d->rows) + 1) * sizeof(*b->every));
	d->nclasses[dim] = nreps * t->nports;
	d->class_rows[dim] = arena_alloc(t->arena, d->nclasses[dim] * sizeof(*d->class_rows[dim]));
	for (uint32_t i = 0; i < nreps; i++) {
		uint32_t *rows = d->class_rows[dim] + (size_t)i * t->nports, atom = alone(t, reps[i]);
		bool has_ports = reps[i] < 0 || names_has_ports(reps[i]);

		if (atom != INTERN_NONE)
			sweep_on(s, atom);
		rows[0] = sweep_row(s);
		if (!has_ports) {
			for (uint32_t class = 1; class < t->nports; class ++)
				rows[class] = rows[0];
		} else if (t->nports > 1 + UNKNOWN) {
			select_ranges(b, reps[i]);
			walk(b, s, rows);
		}
		unknown_port(b, d, rows, has_ports);
		if (atom != INTERN_NONE)
			sweep_off(s, atom);
	}
}

static bool any_range(const struct tables *t)
{
	for (uint32_t i = 0; i < t->atoms[SPACE_PORT].in.n; i++)
		if (port_atom(t, i)->has_ports)
			return true;
	return false;
}

int ports_build(struct tables *t)
{
	static const uint32_t dims[] = {CGW_DIM_RPORT, CGW_DIM_LPORT};
	struct ports_build b = {.t = t};
	uint32_t nreps = 0, natoms = t->atoms[SPACE_PORT].in.n;
	int *reps;

	t->nports = 1 + UNKNOWN;
	if (any_range(t)) {
		t->port_class = arena_alloc(t->arena, PORTS * sizeof(*t->port_class));
		if (!build_intervals(&b)) {
			diag_error(t->diag, t->policy, (struct loc){0},
				   "too many different ports: a policy tells at most %u apart",
				   PORTS - 1 - UNKNOWN);
			return -E2BIG;
		}
	}
	reps = build_protocols(t, &nreps);
	if (!reps) {
		diag_error(t->diag, t->policy, (struct loc){0},
			   "too many different protocols: a policy tells at most 255 apart");
		return -E2BIG;
	}
	b.by_lo = arena_alloc(t->scratch, (natoms + 1) * sizeof(*b.by_lo));
	b.by_hi = arena_alloc(t->scratch, (natoms + 1) * sizeof(*b.by_hi));
	for (int dir = 0; dir < CGW_DIRS; dir++)
		for (size_t i = 0; i < sizeof(dims) / sizeof(dims[0]); i++)
			if (t->dir[dir].dims & (1u << dims[i]))
				build_rows(&b, &t->dir[dir], dims[i], reps, nreps);
	return 0;
}
