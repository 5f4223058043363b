/* SPDX-License-Identifier: GPL-2.0-only */
/* The files that a policy was read from, kept to read it again as it was then, whatever has become of them;
 * and the file beside a policy that holds the answers which last.
 *
 * The answers of /etc/cgwall/policy.conf are in /etc/cgwall/policy.answers.conf. They are read after the
 * policy's own text, as if it included them at its end, unless it includes them itself somewhere.
 */
#ifndef CGWALL_TEXTS_H
#define CGWALL_TEXTS_H

#include "policy.h"

/* As policy.files; all owned by this. */
struct texts {
	struct source *files;
	size_t n;
};

/* Copies what p was read from. 0 or -ENOMEM. */
int texts_keep(const struct policy *p, struct texts *ret);
/* A copy of t. 0 or -ENOMEM. */
int texts_copy(const struct texts *t, struct texts *ret);
void texts_free(struct texts *t);

/* Appends a file; everything is copied. 0 or -ENOMEM. */
int texts_add(struct texts *t, const char *path, const char *text, size_t len, struct loc included);

/* As policy_read(), from these texts; t->files[0] is the policy, the others are what it included, in the
 * order in which they were read. List files are read as ever. */
struct policy *texts_read(const struct texts *t, struct diag *d);

/* The path of a policy's answers, owned by the caller. NULL without memory. */
char *texts_answers_path(const char *policy);

/* Is this file of p the one with the answers? */
bool texts_are_answers(const struct policy *p, uint32_t file);

/* The number of the answer that r, of p, is, by its label ("answer 7"); 0: it is none. */
#define TEXTS_LABEL "answer "
uint32_t texts_answer(const struct policy *p, const struct rule *r);

/* Puts a text in the place of the answers, or at the end where there were none. 0 or -ENOMEM. */
int texts_put_answers(struct texts *t, const char *path, const char *text, size_t len);

#endif
