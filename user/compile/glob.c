// SPDX-License-Identifier: GPL-2.0-only
/* Subset construction: a state of the automaton is the set of all states of the nondeterministic one that
 * the bytes read so far can have led to. Bytes that no pattern tells apart share a class. Then states that
 * nothing can tell apart are merged, which matters where many patterns end alike (`.service`). */
#include "glob.h"

#include <errno.h>
#include <string.h>

#include "globnfa.h"

#define WORK_MAX (128u << 20) /* steps until patterns count as too many */
#define HUB_MIN 4
#define CELLS_MAX (16u << 20)			/* members of all state sets */
#define RAW_STATES_MAX (3 * CGW_DFA_STATES_MAX) /* before merging */

struct build {
	struct arena *arena; /* scratch */
	struct nfa nfa;
	uint8_t bytes[256];
	uint32_t classes;
	struct sets states; /* of nfa states */
	uint32_t *trans;    /* numbers of sets */
	uint32_t *accept;
	uint32_t *stamp, stamp_now; /* by nfa state: is it in `set` already? */
	uint32_t *set, nset;
	size_t work, cells;
	struct mentions set_classes; /* byte set -> byte classes */
	struct bucket {
		uint32_t *to, n, room;
	} * buckets; /* by byte class: where the present state leads to */
};

/* Bytes with the same membership in every byte set of the patterns. */
static void byte_classes(struct build *b)
{
	uint32_t n = b->nfa.byte_sets.n, *from, *to;
	uint8_t *row = arena_alloc(b->arena, n + 1), sample[256];
	struct intern rows;
	size_t npairs = 0;

	intern_init(&rows, b->arena);
	for (unsigned byte = 0; byte < 256; byte++) {
		for (uint32_t i = 0; i < n; i++)
			row[i] = nfa_bytes_has(intern_get(&b->nfa.byte_sets, i), (uint8_t)byte);
		b->bytes[byte] = (uint8_t)intern_add(&rows, row, n);
		sample[b->bytes[byte]] = (uint8_t)byte;
	}
	b->classes = rows.n;
	b->buckets = arena_alloc(b->arena, b->classes * sizeof(*b->buckets));
	from = arena_alloc(b->arena, ((size_t)n * b->classes + 1) * sizeof(*from));
	to = arena_alloc(b->arena, ((size_t)n * b->classes + 1) * sizeof(*to));
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t c = 0; c < b->classes; c++) {
			if (!nfa_bytes_has(intern_get(&b->nfa.byte_sets, i), sample[c]))
				continue;
			from[npairs] = i;
			to[npairs++] = c;
		}
	}
	mentions_build(&b->set_classes, b->arena, n, from, to, npairs);
}

/* Where many patterns begin. What comes with such a state is not written into the sets, which would all be as
 * long as there are patterns, but looked up when needed. */
static bool is_hub(const struct nfa_state *s)
{
	return s->nalso > HUB_MIN;
}

/* Adds a state of the nfa, and what comes with it, to b->set. */
static void reach(struct build *b, uint32_t state)
{
	uint32_t done = b->nset;

	if (b->stamp[state] == b->stamp_now)
		return;
	b->stamp[state] = b->stamp_now;
	b->set[b->nset++] = state;
	for (; done < b->nset; done++) {
		const struct nfa_state *s = &b->nfa.states[b->set[done]];

		if (is_hub(s))
			continue;
		for (uint32_t i = 0; i < s->nalso; i++) {
			if (b->stamp[s->also[i]] == b->stamp_now)
				continue;
			b->stamp[s->also[i]] = b->stamp_now;
			b->set[b->nset++] = s->also[i];
		}
	}
}

static uint32_t settle(struct build *b)
{
	uint32_t n = (uint32_t)sets_sort(b->set, b->nset), known = b->states.in.n, id;

	b->work += b->nset + 16;
	b->nset = 0;
	b->stamp_now++;
	id = sets_of(&b->states, b->set, n);
	if (id == known)
		b->cells += n;
	return id;
}

static void fill_buckets(struct build *b, const struct nfa_edge *edge)
{
	const struct mentions *m = &b->set_classes;

	for (uint32_t i = m->start[edge->bytes]; i < m->start[edge->bytes + 1]; i++) {
		struct bucket *to = &b->buckets[m->of[i]];

		if (to->n == to->room) {
			uint32_t room = to->room ? 2 * to->room : 16;

			to->to = arena_grow(b->arena, to->to, to->room * sizeof(*to->to),
					    room * sizeof(*to->to));
			to->room = room;
		}
		to->to[to->n++] = edge->to;
	}
	b->work += m->start[edge->bytes + 1] - m->start[edge->bytes];
}

/* One state of the set that is left; `whole`: with what comes with it. */
static void leave(struct build *b, uint32_t state, bool whole)
{
	const struct nfa_state *s = &b->nfa.states[state];

	for (uint32_t k = 0; k < s->nedges; k++)
		fill_buckets(b, &s->edges[k]);
	if (whole || is_hub(s))
		for (uint32_t k = 0; k < s->nalso; k++)
			leave(b, s->also[k], true);
}

/* The states that `from` leads to, by byte class. */
static void step(struct build *b, uint32_t from, uint32_t *ret)
{
	size_t n;
	const uint32_t *states = sets_get(&b->states, from, &n);

	for (uint32_t c = 0; c < b->classes; c++)
		b->buckets[c].n = 0;
	for (size_t i = 0; i < n; i++)
		leave(b, states[i], false);
	for (uint32_t c = 0; c < b->classes; c++) {
		for (uint32_t i = 0; i < b->buckets[c].n; i++)
			reach(b, b->buckets[c].to[i]);
		ret[c] = settle(b);
	}
}

static void accept(struct build *b, uint32_t state, bool whole)
{
	const struct nfa_state *s = &b->nfa.states[state];

	if (s->accept != NFA_NONE)
		b->set[b->nset++] = s->accept;
	if (whole || is_hub(s))
		for (uint32_t k = 0; k < s->nalso; k++)
			accept(b, s->also[k], true);
}

static uint32_t accepted(struct build *b, struct sets *sets, uint32_t state)
{
	size_t n;
	const uint32_t *states = sets_get(&b->states, state, &n);

	for (size_t i = 0; i < n; i++)
		accept(b, states[i], false);
	n = sets_sort(b->set, b->nset);
	b->nset = 0;
	return sets_of(sets, b->set, n);
}

/* All states that can be reached. State numbers are those of b->states, whose number 0 is the empty set: the
 * state from which nothing can match any more. *start is where reading begins. */
static int construct(struct build *b, struct sets *sets, uint32_t *start)
{
	b->set = arena_alloc(b->arena, (2 * (size_t)b->nfa.nstates + 1) * sizeof(*b->set));
	b->stamp = arena_alloc(b->arena, (b->nfa.nstates + 1) * sizeof(*b->stamp));
	b->stamp_now = 1;
	sets_init(&b->states, b->arena);
	reach(b, b->nfa.start);
	*start = settle(b);
	for (uint32_t i = 0; i < b->states.in.n; i++) {
		if (i >= RAW_STATES_MAX || b->work > WORK_MAX || b->cells > CELLS_MAX ||
		    sets->in.n > CGW_GLOB_CLASSES_MAX)
			return -E2BIG;
		b->accept = arena_room(b->arena, b->accept, i, sizeof(*b->accept));
		b->accept[i] = accepted(b, sets, i);
		b->trans = arena_room(b->arena, b->trans, i, b->classes * sizeof(*b->trans));
		step(b, i, b->trans + (size_t)i * b->classes);
	}
	return 0;
}

/* Moore's refinement: states stay together as long as they accept the same and lead to states that stay
 * together. Gives the group of each state and their number. */
static uint32_t *minimise(struct build *b, uint32_t *ret_groups)
{
	uint32_t n = b->states.in.n, groups = 0, before;
	uint32_t *group = arena_alloc(b->arena, (n + 1) * sizeof(*group));
	uint32_t *next = arena_alloc(b->arena, (n + 1) * sizeof(*next));
	uint32_t *row = arena_alloc(b->arena, (b->classes + 1) * sizeof(*row));

	memcpy(group, b->accept, n * sizeof(*group));
	do {
		struct intern rows;
		uint32_t *swap = group;
		struct arena *temporary = arena_new();

		if (!temporary)
			return NULL;
		intern_init(&rows, temporary);
		before = groups;
		for (uint32_t i = 0; i < n; i++) {
			row[0] = group[i];
			for (uint32_t c = 0; c < b->classes; c++)
				row[c + 1] = group[b->trans[(size_t)i * b->classes + c]];
			next[i] = intern_add(&rows, row, (b->classes + 1) * sizeof(*row));
		}
		groups = rows.n;
		group = next;
		next = swap;
		arena_free(temporary);
	} while (groups != before);
	*ret_groups = groups;
	return group;
}

/* Numbers the groups in the order in which they are reached, state 0 first: a copy of the start that accepts
 * nothing, since an empty path is no path. */
static int number(struct build *b, const uint32_t *group, uint32_t groups, uint32_t start,
		  struct glob_dfa *ret, struct arena *arena)
{
	uint32_t *order = arena_alloc(b->arena, (groups + 2) * sizeof(*order)); /* new number -> a state */
	uint32_t *number_of = arena_alloc(b->arena, (groups + 1) * sizeof(*number_of));
	uint32_t n = 1;

	order[0] = start;
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t c = 0; c < b->classes; c++) {
			uint32_t to = b->trans[(size_t)order[i] * b->classes + c];

			if (!number_of[group[to]]) {
				number_of[group[to]] = n;
				order[n++] = to;
			}
		}
	}
	if (n > CGW_DFA_STATES_MAX)
		return -E2BIG;
	ret->states = n;
	ret->classes = b->classes;
	memcpy(ret->bytes, b->bytes, sizeof(ret->bytes));
	ret->trans = arena_alloc(arena, (size_t)n * b->classes * sizeof(*ret->trans));
	ret->accept = arena_alloc(arena, n * sizeof(*ret->accept));
	for (uint32_t i = 0; i < n; i++) {
		ret->accept[i] = i ? (uint16_t)b->accept[order[i]] : 0;
		for (uint32_t c = 0; c < b->classes; c++)
			ret->trans[(size_t)i * b->classes + c] =
				(uint16_t)number_of[group[b->trans[(size_t)order[i] * b->classes + c]]];
	}
	return 0;
}

static int build_in(struct build *b, struct glob_dfa *ret, struct arena *arena, struct sets *sets,
		    const struct glob_pattern *patterns, size_t n)
{
	uint32_t start, groups, *group;
	int error;

	nfa_build(&b->nfa, b->arena, patterns, n);
	byte_classes(b);
	error = construct(b, sets, &start);
	if (error)
		return error;
	if (sets->in.n > CGW_GLOB_CLASSES_MAX)
		return -E2BIG;
	group = minimise(b, &groups);
	return group ? number(b, group, groups, start, ret, arena) : -ENOMEM;
}

static int build(struct glob_dfa *ret, struct arena *arena, struct sets *sets,
		 const struct glob_pattern *patterns, size_t n)
{
	struct arena *own = arena_new();
	struct build *b;
	jmp_buf failure;
	int error;

	if (!own)
		return -ENOMEM;
	if (setjmp(failure)) {
		arena_free(own);
		return -ENOMEM;
	}
	arena_on_failure(own, &failure);
	b = arena_alloc(own, sizeof(*b));
	b->arena = own;
	error = build_in(b, ret, arena, sets, patterns, n);
	arena_free(own);
	return error;
}

int glob_build(struct glob_dfa *ret, struct arena *arena, struct sets *sets,
	       const struct glob_pattern *patterns, size_t n, size_t *bad)
{
	struct glob_dfa dfa = {0};
	size_t fits = 0, over = n;
	int error;

	if (!n) {
		*ret = dfa;
		return 0;
	}
	error = build(&dfa, arena, sets, patterns, n);
	if (error != -E2BIG) {
		if (!error)
			*ret = dfa;
		return error;
	}
	while (over - fits > 1) { /* the first `fits` patterns fit, the first `over` do not */
		size_t mid = fits + (over - fits) / 2;
		struct sets trial;
		struct arena *a = arena_new();

		if (!a)
			return -ENOMEM;
		sets_init(&trial, a);
		error = build(&dfa, a, &trial, patterns, mid);
		if (error)
			over = mid;
		else
			fits = mid;
		arena_free(a);
	}
	*bad = over - 1;
	return -E2BIG;
}

uint32_t glob_run(const struct glob_dfa *dfa, const char *path)
{
	uint32_t state = 0;

	if (!dfa->classes)
		return 0;
	for (; *path; path++)
		state = dfa->trans[(size_t)state * dfa->classes + dfa->bytes[(uint8_t)*path]];
	return dfa->accept[state];
}
