/* SPDX-License-Identifier: GPL-2.0-only */
/* The first judge: a deliberately naive evaluator that walks the tree and does what the language page says,
 * rule by rule and item by item. It shares nothing with the compiler but the tree and policy_glob(). */
#ifndef CGWALL_TESTS_NAIVE_H
#define CGWALL_TESTS_NAIVE_H

#include "../../user/compile/compile.h"

struct naive;

/* Reads the list files that p names; NULL where one cannot be read. p and w must outlive it. Times are taken
 * as UTC. */
struct naive *naive_new(const struct policy *p, const struct world *w);
void naive_free(struct naive *n);

struct naive_verdict {
	enum cgw_action action;
	uint32_t rule;	   /* 0: the default */
	uint32_t *matched; /* room for all rules of the direction; the caller's */
	size_t nmatched;
};

void naive_judge(const struct naive *n, const struct query *q, struct naive_verdict *ret);

#endif
