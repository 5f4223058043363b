/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the user-space judge share (judge.c: the verdict; lookup.c: a question's strings to
 * classes and rows; enable.h: `if`, `unless`, `until`). */
#ifndef CGWALL_COMPILE_JUDGE_H
#define CGWALL_COMPILE_JUDGE_H

#include "enable.h"
#include "lpm.h"
#include "tables.h"

struct judge {
	struct enable *enable;
	uint32_t *atoms; /* room for all atoms of one space */
	__u64 *bits;	 /* room for a row */
	struct lpm prefixes, lists;
};

/* Called once, when the image is complete. */
void judge_begin(struct image *im);

/* How many spare rows of the direction were never used; while there is one for each dimension that a question
 * can fill (CGW_GIVENS), what judge_query() gave before stays valid. */
uint32_t judge_spare_rows(const struct image *im, enum cgw_dir dir);

/* lookup.c: everything of *ret but word. */
int lookup_query(struct image *im, const struct query *q, struct cgw_query *ret);
const struct cgw_class *lookup_key(const struct image *im, const struct cgw_key *key);
const struct cgw_class *lookup_prefix(const struct image *im, const uint8_t addr[16]);
uint32_t lookup_list(const struct image *im, const uint8_t addr[16]);

/* conditions.c: can the `if` and `unless` of a rule never hold together, whatever the facts are? False where
 * there are too many facts to tell. */
bool conditions_contradict(const struct rule *r);

#endif
