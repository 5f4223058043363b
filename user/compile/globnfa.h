/* SPDX-License-Identifier: GPL-2.0-only */
/* The first half of glob.c: patterns to one nondeterministic automaton. */
#ifndef CGWALL_COMPILE_GLOBNFA_H
#define CGWALL_COMPILE_GLOBNFA_H

#include "glob.h"

#define NFA_NONE UINT32_MAX

struct nfa_bytes { /* a set of bytes */
	uint64_t w[4];
};

struct nfa_edge {
	uint32_t bytes; /* index into nfa.byte_sets */
	uint32_t to;
};

struct nfa_state {
	struct nfa_edge *edges;
	uint32_t nedges;
	uint32_t *also; /* states that one is in as well when one is here */
	uint32_t nalso;
	uint32_t accept; /* an atom, or NFA_NONE */
};

struct nfa {
	struct arena *arena;
	struct nfa_state *states;
	uint32_t nstates;
	struct intern byte_sets; /* struct nfa_bytes */
	uint32_t start;		 /* state */
};

void nfa_build(struct nfa *nfa, struct arena *arena, const struct glob_pattern *patterns, size_t n);

static inline bool nfa_bytes_has(const struct nfa_bytes *b, uint8_t byte)
{
	return b->w[byte / 64] >> (byte % 64) & 1;
}

#endif
