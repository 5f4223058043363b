/* SPDX-License-Identifier: GPL-2.0-only */
/* Patterns to one automaton that reads a path once, byte by byte, and ends in a state that says which of
 * all patterns match. Patterns mean what policy_glob() says. */
#ifndef CGWALL_COMPILE_GLOB_H
#define CGWALL_COMPILE_GLOB_H

#include "tables.h"

enum glob_mode {
	GLOB_WHOLE, /* the path */
	GLOB_BELOW, /* the path, or a directory above it */
	/* One component of the path is the unit. Below a service or scope there are no more units but a
	 * cgroup's own children, whatever they are called, except below user@UID.service, which is a service
	 * manager itself. */
	GLOB_UNIT,
};

struct glob_pattern {
	const char *text;
	uint32_t atom; /* what an accepting state gives; several patterns may share one */
	enum glob_mode mode;
};

struct glob_dfa {
	uint8_t bytes[256]; /* byte -> byte class */
	uint16_t *trans;    /* [state * classes + byte class] */
	uint16_t *accept;   /* by state: number of the set in `sets`. The empty path matches nothing */
	uint32_t classes;   /* 0: no patterns */
	uint32_t states;
};

/* Builds the automaton of n patterns. ret lives in `arena`; accepted sets of atoms go to `sets`. 0, or -E2BIG
 * where it would have more than CGW_DFA_STATES_MAX states or accept more than CGW_GLOB_CLASSES_MAX sets;
 * *bad is the index of the pattern that went over then. */
int glob_build(struct glob_dfa *ret, struct arena *arena, struct sets *sets,
	       const struct glob_pattern *patterns, size_t n, size_t *bad);

/* The accepted set of a path. */
uint32_t glob_run(const struct glob_dfa *dfa, const char *path);

#endif
