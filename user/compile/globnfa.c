// SPDX-License-Identifier: GPL-2.0-only
#include "globnfa.h"

#include <string.h>

/* ---- sets of bytes ---- */

static const struct nfa_bytes all_bytes = {{~0ULL, ~0ULL, ~0ULL, ~0ULL}};

static void bytes_add(struct nfa_bytes *b, unsigned lo, unsigned hi)
{
	for (unsigned i = lo; i <= hi; i++)
		b->w[i / 64] |= 1ULL << (i % 64);
}

static void bytes_remove(struct nfa_bytes *b, uint8_t byte)
{
	b->w[byte / 64] &= ~(1ULL << (byte % 64));
}

static struct nfa_bytes one_byte(uint8_t byte)
{
	struct nfa_bytes b = {{0}};

	bytes_add(&b, byte, byte);
	return b;
}

static struct nfa_bytes no_slash(void)
{
	struct nfa_bytes b = all_bytes;

	bytes_remove(&b, '/');
	return b;
}

static uint8_t class_byte(const char **s)
{
	if (**s == '\\' && (*s)[1])
		(*s)++;
	return (uint8_t) * (*s)++;
}

/* `[a-z]` at *s, which is moved behind it. A class without its end matches nothing. */
static struct nfa_bytes read_class(const char **s)
{
	const char *p = *s + 1, *first;
	bool negated = *p == '!';
	struct nfa_bytes b = {{0}};

	p += negated;
	for (first = p; *p && (*p != ']' || p == first);) {
		uint8_t lo = class_byte(&p), hi = lo;

		if (*p == '-' && p[1] && p[1] != ']') {
			p++;
			hi = class_byte(&p);
		}
		bytes_add(&b, lo, hi);
	}
	if (!*p) {
		*s = p;
		return (struct nfa_bytes){{0}};
	}
	for (int i = 0; negated && i < 4; i++)
		b.w[i] = ~b.w[i];
	bytes_remove(&b, '/');
	*s = p + 1;
	return b;
}

/* ---- states ---- */

static uint32_t add_state(struct nfa *nfa)
{
	ARENA_ADD(nfa->arena, &nfa->states, &nfa->nstates)->accept = NFA_NONE;
	return nfa->nstates - 1;
}

static void add_edge(struct nfa *nfa, uint32_t from, struct nfa_bytes bytes, uint32_t to)
{
	uint32_t set = intern_add(&nfa->byte_sets, &bytes, sizeof(bytes));
	struct nfa_state *s = &nfa->states[from];

	*ARENA_ADD(nfa->arena, &s->edges, &s->nedges) = (struct nfa_edge){.bytes = set, .to = to};
}

static void add_also(struct nfa *nfa, uint32_t from, uint32_t to)
{
	struct nfa_state *s = &nfa->states[from];

	*ARENA_ADD(nfa->arena, &s->also, &s->nalso) = to;
}

/* The pattern's text from state `at` on; gives the state behind it. A unit's name without wildcards stands
 * for itself, since backslashes are part of such names (`dev-disk\x2d1.device`). */
static uint32_t add_text(struct nfa *nfa, uint32_t at, const char *s, bool in_component)
{
	bool plain = in_component && !strpbrk(s, "*?[");

	while (*s) {
		struct nfa_bytes b;
		uint32_t next;

		if (*s == '*') {
			bool crosses = s[1] == '*' && !in_component;

			next = add_state(nfa);
			add_also(nfa, at, next);
			add_edge(nfa, next, crosses ? all_bytes : no_slash(), next);
			s += strspn(s, "*");
			at = next;
			continue;
		}
		if (*s == '[') {
			b = read_class(&s);
		} else if (*s == '?') {
			b = no_slash();
			s++;
		} else {
			s += *s == '\\' && s[1] && !plain;
			b = one_byte((uint8_t)*s++);
		}
		if (in_component)
			bytes_remove(&b, '/');
		next = add_state(nfa);
		add_edge(nfa, at, b, next);
		at = next;
	}
	return at;
}

/* What is below an accepted path is accepted too. */
static void accept_below(struct nfa *nfa, uint32_t at)
{
	uint32_t below = add_state(nfa);

	add_edge(nfa, at, one_byte('/'), below);
	add_edge(nfa, below, all_bytes, below);
	nfa->states[below].accept = nfa->states[at].accept;
}

/* ---- units ---- */

/* What matters of a component that was read in part: does it begin with `user@`, and which piece of
 * `.service` or `.scope` does it end with? */
struct part {
	char head[8]; /* while it is a piece of `user@`, that; "!" when it is not, "user@" when it is */
	char tail[16];
};

static const char manager[] = "user@", service[] = ".service", scope[] = ".scope";

static bool begins(const char *text, const char *piece)
{
	return !strncmp(text, piece, strlen(piece));
}

static struct part part_next(const struct part *p, char c)
{
	struct part next = *p;
	size_t n = strlen(p->head);
	const char *tail = next.tail;

	if (strcmp(p->head, manager) && *p->head != '!') {
		next.head[n] = c;
		next.head[n + 1] = '\0';
		if (!begins(manager, next.head))
			strcpy(next.head, "!");
	}
	n = strlen(next.tail);
	next.tail[n] = c;
	next.tail[n + 1] = '\0';
	while (!begins(service, tail) && !begins(scope, tail))
		tail++;
	memmove(next.tail, tail, strlen(tail) + 1);
	return next;
}

/* Is this component, being complete, a service or scope whose children are its own affair? */
static bool part_is_final(const struct part *p)
{
	if (!strcmp(p->tail, scope))
		return true;
	return !strcmp(p->tail, service) && strcmp(p->head, manager);
}

/* From `unit` over any component that is not final, and its slash, back to `unit`. */
static void add_skip(struct nfa *nfa, uint32_t unit)
{
	static const char known[] = "user@.servicescope";
	uint32_t base = nfa->nstates;
	struct part empty = {0};
	struct intern parts;

	intern_init(&parts, nfa->arena);
	intern_add(&parts, &empty, sizeof(empty));
	add_also(nfa, unit, add_state(nfa));
	for (uint32_t i = 0; i < parts.n; i++) {
		struct part p = *(const struct part *)intern_get(&parts, i);
		struct nfa_bytes other = no_slash();

		for (size_t k = 0; k < sizeof(known); k++) { /* the NUL at the end stands for all others */
			struct part next = part_next(&p, known[k] ? known[k] : '-');
			struct part clean = {0};
			uint32_t to;

			if (known[k] && !nfa_bytes_has(&other, (uint8_t)known[k]))
				continue; /* twice in the text */
			strcpy(clean.head, next.head);
			strcpy(clean.tail, next.tail);
			to = base + intern_add(&parts, &clean, sizeof(clean));
			if (to == nfa->nstates)
				add_state(nfa);
			add_edge(nfa, base + i, known[k] ? one_byte((uint8_t)known[k]) : other, to);
			bytes_remove(&other, (uint8_t)known[k]);
		}
		if (!part_is_final(&p))
			add_edge(nfa, base + i, one_byte('/'), unit);
	}
}

void nfa_build(struct nfa *nfa, struct arena *arena, const struct glob_pattern *patterns, size_t n)
{
	uint32_t unit = NFA_NONE;

	*nfa = (struct nfa){.arena = arena};
	intern_init(&nfa->byte_sets, arena);
	nfa->start = add_state(nfa);
	for (size_t i = 0; i < n; i++) {
		uint32_t at = add_state(nfa);

		if (patterns[i].mode == GLOB_UNIT && unit == NFA_NONE) {
			unit = add_state(nfa);
			add_also(nfa, nfa->start, unit);
			add_skip(nfa, unit);
		}
		add_also(nfa, patterns[i].mode == GLOB_UNIT ? unit : nfa->start, at);
		at = add_text(nfa, at, patterns[i].text, patterns[i].mode == GLOB_UNIT);
		nfa->states[at].accept = patterns[i].atom;
		if (patterns[i].mode != GLOB_WHOLE)
			accept_below(nfa, at);
	}
}
