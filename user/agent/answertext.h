/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers that last, as text: a rule on one line with a comment above it that says when, who and why.
 *
 *   # 2026-11-22T14:03:11Z alice: curl (pid 812) to deb.debian.org:443, asked by rule 3 out
 *   pass out exe "/usr/bin/curl" proto tcp to domain "deb.debian.org" port 443 label "answer 7"
 *
 * Functions give text that the caller owns, or NULL where there is no memory.
 */
#ifndef CGWALL_ANSWERTEXT_H
#define CGWALL_ANSWERTEXT_H

#include "../policy/policy.h"
#include "answers.h"

/* The rule, without a newline. */
char *answertext_rule(const struct answer *n, uint32_t id);

/* The comment's line, without a newline. at: seconds since the epoch. Whatever `by` and `why` hold, it is one
 * line of valid text. */
char *answertext_comment(const struct answer *n, int64_t at);

/* `old` ("" for a file that is not there yet) with a comment and a rule at its end. */
char *answertext_add(const char *old, const char *comment, const char *rule);

/* `old` without line `line` (from 1) and the comment right above it. */
char *answertext_remove(const char *old, uint32_t line);

/* What a rule matches, whatever it does with that, until when and under which label: rules of which this is
 * the same are about the same. */
char *answertext_match(const struct rule *r);

#endif
