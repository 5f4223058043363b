/* SPDX-License-Identifier: GPL-2.0-only */
/* The rules of one generation, as far as they have to be known once policy and image are freed: where each
 * stands, what it says, and which place of the priority list is which rule. Small: about 100 bytes a rule.
 */
#ifndef CGWALL_RULES_H
#define CGWALL_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cgwall/abi.h>

struct policy;
struct image;

struct rules_entry {
	uint32_t line; /* 0: not written (a default) */
	uint32_t text; /* places in the pools below */
	uint32_t app;  /* 0: none */
	uint32_t ask;  /* of an `ask`: cgw_entry.ask; 0: none, or no flow can come to it */
	uint16_t file;
	uint32_t answer; /* number of the answer that it is; 0: none */
	uint8_t action;
	bool quick, log;
	bool by_answer;			  /* stands in the file of answers */
	uint8_t otherwise;		  /* of an `ask`: what holds without an answer, enum cgw_action */
	uint64_t timeout_ms, else_for_ms; /* of an `ask`; the latter 0: for that flow alone */
};

struct rules {
	uint64_t gen;
	char *names;	 /* apps and file names; place 0 is the empty string */
	char *texts;	 /* canonical text; NULL once retired */
	uint32_t *files; /* into names */
	size_t nfiles;
	struct rules_entry *rule[CGW_DIRS]; /* by number; 0 is the default */
	size_t nrules[CGW_DIRS];	    /* with the default */
	bool by_name[CGW_DIRS];		    /* some rule asks for names */
	uint32_t *by_prio[CGW_DIRS];	    /* rule numbers; NULL once retired */
	size_t nprio[CGW_DIRS];
};

/* Takes down what is needed of p and im, which may be freed afterwards. gen is left 0. 0 or -errno. */
int rules_new(const struct policy *p, const struct image *im, struct rules **ret);
void rules_free(struct rules *r);

/* Frees what only the generation in force needs; file, line and app stay, for events that come late. */
void rules_retire(struct rules *r);

/* NULL where there is no such rule, file, app or text. Valid as long as r (texts: until it is retired). */
const struct rules_entry *rules_get(const struct rules *r, enum cgw_dir dir, uint32_t number);
const char *rules_file(const struct rules *r, uint32_t file);
const char *rules_app(const struct rules *r, const struct rules_entry *e);
const char *rules_text(const struct rules *r, const struct rules_entry *e);

/* The rule that is known by this digest (struct cgw_entry), its number in *number; NULL where r has none. */
const struct rules_entry *rules_asks(const struct rules *r, enum cgw_dir dir, uint32_t ask, uint32_t *number);

/* Numbers of the rules whose entries' bits are set, ascending, each once. `bits` holds `nchunks` chunks.
 * *ret is owned by the caller. 0 or -ENOMEM. */
int rules_matched(const struct rules *r, enum cgw_dir dir, const struct cgw_chunk *bits, size_t nchunks,
		  uint32_t **ret, size_t *n);

#endif
