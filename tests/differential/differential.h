/* SPDX-License-Identifier: GPL-2.0-only */
/* Two judges, or three, over the same policy: the naive evaluator on the tree, decide() over the image's
 * arrays, and decide() in the kernel over its maps. */
#ifndef CGWALL_TESTS_DIFFERENTIAL_H
#define CGWALL_TESTS_DIFFERENTIAL_H

#include "../../user/compile/compile.h"
#include "naive.h"

/* The third judge; NULL functions: there is none. */
struct third_answer {
	enum cgw_action action;
	uint32_t rule;
	uint32_t *matched; /* room for all rules of the direction; the caller's */
	size_t nmatched;
	uint32_t could; /* cgw_could() of the wild dimensions that were given */
	struct cgw_answer possible;
};

struct third_judge {
	void *state;
	/* Puts the image in force. 0, or -errno with a sentence printed. */
	int (*publish)(void *state, const struct image *im);
	/* The rules that are in force with the facts of q: puts them in force, or else has the questions to
	 * come be asked as if they were. 0 or -errno. */
	int (*enable)(void *state, const struct query *q, bool in_force);
	/* Asks what is in force. `cq` is what judge_query() made of q; wild as in cgw_could(). 0 or -errno.
	 */
	int (*ask)(void *state, const struct image *im, const struct query *q, const struct cgw_query *cq,
		   uint32_t wild, struct third_answer *ret);
	void (*close)(void *state);
};

/* The kernel, guarding the cgroup directory `cgroup`. 0, or -errno with a sentence printed. */
int kernel_judge_open(const char *cgroup, struct third_judge *ret);

/* A policy that was read and compiled, with everything that the judges need. */
struct subject {
	struct policy *p;
	struct image *im;
	struct naive *n;
	struct world w;
	uint32_t *matched, *matched3; /* room */
	bool *never[CGW_DIRS];	      /* by rule number: image_warn() says that it can never decide */
	size_t warned;
	size_t decided, several; /* questions that a rule decided, that more than one matched */
	size_t could[3];	 /* by enum cgw_could: what was said of questions with unknown parts */
};

/* `text` stands for a file in `dir`, where its list files are. 0, or -1 where it is refused; then the
 * messages go to `out` (may be NULL). */
int subject_open(struct subject *s, const char *dir, const char *text, FILE *out);
void subject_close(struct subject *s);

/* Asks both judges. 0: they agree; 1: they do not, and *why (to be freed, may be NULL) says how; -1: the
 * question is refused. */
int subject_ask(struct subject *s, const char *query, char **why);

/* Holds what cgw_could() says of q without the dimensions in `wild` against the verdict on the whole of it.
 * NULL: they agree; else what is wrong. */
const char *could_agrees(uint32_t could, const struct cgw_answer *possible, uint32_t wild,
			 const struct query *q, const struct naive_verdict *v);

/* Sets of dimensions that may be unknown; the last is 0. */
extern const uint32_t could_wild[];

/* Reads `out KEY=VALUE ...`. 0 or -1. */
int query_read(const char *text, struct query *q);

/* shrink.c: drops lines of the policy and words of the question as long as the judges go on to disagree, and
 * writes what is left to FOUND/NAME.conf, its lists beside it. */
void shrink(const char *found, const char *name, const char *dir, const char *policy, const char *query);

/* third.c: holds n questions about one policy against the third judge. Those that follow each other mostly
 * share their facts: what changes there is put in force. Number of disagreements; *asked: how many were
 * asked. */
size_t third_run(struct third_judge *k, struct subject *s, char *const *queries, size_t n, size_t *asked);

/* classbench.c: a policy that scripts/classbench.py made, asked about its own borders. Number of
 * disagreements. */
size_t classbench_run(const char *path, size_t nqueries, uint64_t seed, struct third_judge *k, size_t *asked);

#endif
