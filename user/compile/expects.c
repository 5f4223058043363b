// SPDX-License-Identifier: GPL-2.0-only
/* `expect` statements, held against the finished image. */
#include <stdlib.h>
#include <string.h>

#include "../policy/names.h"
#include "compile.h"
#include "tables.h"

/* Says which rule gave another verdict than was expected. */
static void report(const struct policy *p, const struct expect *e, const struct judgement *j, struct diag *d)
{
	const char *dir = names_dir[e->dir], *got = names_action[j->answer.entry.action];
	const char *want = names_action[e->verdict];
	const struct loc *loc = j->rule ? &j->rule->loc : &j->fallback->loc;
	const char *file = loc->line ? p->files[loc->file].path : "";

	if (j->rule)
		diag_error(d, p, e->loc, "%s is expected, but %s rule %u (%s:%u) gives %s", want, dir,
			   j->rule->number, file, loc->line, got);
	else if (loc->line)
		diag_error(d, p, e->loc,
			   "%s is expected, but no rule matches and `default %s` (%s:%u) gives %s", want, dir,
			   file, loc->line, got);
	else
		diag_error(d, p, e->loc,
			   "%s is expected, but no rule matches and `default %s`, which is not written, "
			   "gives %s",
			   want, dir, got);
}

static bool holds(struct image *im, const struct expect *e, struct diag *d)
{
	const struct policy *p = im->tables->policy;
	struct judgement j = {0};
	char *message = NULL;
	size_t bad = e->nkeys;
	struct query q;
	bool good;
	int error;

	if (query_parse(&q, e->dir, e->keys, e->nkeys, &message, &bad)) {
		diag_error(d, p, bad < e->nkeys ? e->keys[bad].loc : e->loc, "%s",
			   message ? message : "this question is not understood");
		free(message);
		return false;
	}
	error = judge(im, &q, &j);
	query_free(&q);
	if (error) {
		diag_error(d, p, e->loc, "this expectation could not be judged: %s", strerror(-error));
		return false;
	}
	good = j.answer.entry.action == e->verdict;
	if (!good)
		report(p, e, &j, d);
	free(j.matched);
	return good;
}

size_t judge_expects(struct image *im, struct diag *d)
{
	const struct policy *p = im->tables->policy;
	size_t failures = 0;

	for (size_t i = 0; i < p->nexpects; i++)
		failures += !holds(im, p->expects[i], d);
	return failures;
}
