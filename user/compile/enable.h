/* SPDX-License-Identifier: GPL-2.0-only */
/* Which rules are in force: `if`, `unless` and `until` of a policy, on their own. Made from a policy and its
 * image, it needs neither of them afterwards: a change of the surroundings costs one evaluation and one row
 * for each direction, whatever else the policy holds.
 *
 *   facts       what the policy asks of the surroundings, each kept once however often it is written
 *   conditions  named ones, in the order of their definition
 *   gates       different combinations of `if`, `unless` and `until`; a rule has one or none
 *   row         bit per entry of the priority list: its rule has no gate, or an open one
 */
#ifndef CGWALL_COMPILE_ENABLE_H
#define CGWALL_COMPILE_ENABLE_H

#include "compile.h"

struct arena;

struct enable_fact {
	enum fact kind;	  /* FACTS: an `until`, which holds until it has passed */
	const char *text; /* as the policy writes it: `active "wg*"`, `until 2026-12-01` */
	const char *name; /* SSID or interface glob */
	bool secured, has_bssid;
	uint8_t bssid[6];
	uint16_t from, to; /* as in struct expr */
	uint8_t days;
	int64_t until; /* seconds since the epoch */
	bool holds;
};

struct enable_condition {
	const char *name;
	const uint32_t *code;
	bool holds;
};

struct enable_gate {
	const uint32_t *when, *unless; /* NULL: not given */
	uint32_t until;		       /* fact + 1; 0: not given */
	bool open;
};

struct enable_dir {
	/* rules that have a gate, by number */
	struct enable_rule {
		uint32_t number, gate;
	} * rules;
	uint32_t nrules;
	/* entries of such rules */
	struct enable_entry {
		uint32_t entry, gate;
	} * entries;
	uint32_t nentries;
	uint32_t nbits, nchunks, stride; /* of the row, as in struct rows */
	struct cgw_chunk *row; /* stride chunks, as the image stores it; NULL: no entry has a gate */
};

struct enable {
	struct enable_fact *facts;
	uint32_t nfacts;
	struct enable_condition *conditions;
	uint32_t nconditions;
	struct enable_gate *gates;
	uint32_t ngates;
	struct enable_dir dir[CGW_DIRS];
	struct arena *arena; /* owns this */
};

/* Works with an arena of its own. 0 or -ENOMEM. */
int enable_new(const struct image *im, struct enable **ret);
void enable_free(struct enable *e); /* NULL is fine */

/* The same in the caller's arena, whose failure jump is taken where memory runs out; not to be freed. */
struct enable *enable_make(struct arena *a, const struct image *im);

/* Works out everything for the facts in q, the rows too. */
void enable_evaluate(struct enable *e, const struct query *q);

/* The row of one direction alone, as if of the entries that have a gate exactly those were open for which
 * `open` says so, whatever holds. */
void enable_wish(struct enable *e, enum cgw_dir dir, bool (*open)(const void *arg, uint32_t entry),
		 const void *arg);

/* The rule's gate, if it has one; else NULL. */
const struct enable_rule *enable_rule(const struct enable *e, enum cgw_dir dir, uint32_t number);

/* Sets the flags of all facts and conditions that the gate (the condition) depends on, by itself or by what
 * it refers to; whether they decide at present is not asked. Flags that are set already are taken for done.
 */
void enable_gate_reach(const struct enable *e, uint32_t gate, bool *facts, bool *conditions);
void enable_condition_reach(const struct enable *e, uint32_t condition, bool *facts, bool *conditions);

#endif
