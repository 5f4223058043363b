// SPDX-License-Identifier: GPL-2.0-only
/* One table, a line for each gap; whatever learns to be enforced loses its line. */
#include "enforce.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "../event/show.h"
#include "../policy/policy.h"

static const char *const selector_gap[SELECTORS] = {
	[SEL_SHA256] = "programs by sha256",	   [SEL_PACKAGE] = "programs by package",
	[SEL_PACKAGED] = "programs by `packaged`", [SEL_CONTAINER] = "containers",
	[SEL_SCRIPT] = "programs by script",	   [SEL_ANCESTOR] = "programs by ancestor",
};

/* The first gap among the selectors of an expression, or NULL. */
static const char *expr_gap(const struct expr *e)
{
	const char *gap = NULL;

	if (!e)
		return NULL;
	if (e->op == EXPR_SELECTOR)
		return selector_gap[e->sel];
	if (e->op == EXPR_APP)
		return e->app ? expr_gap(e->app->expr) : NULL;
	for (size_t i = 0; !gap && i < e->nkids; i++)
		gap = expr_gap(e->kids[i]);
	return gap;
}

static bool gap_limit(const struct rule *r, const struct image *im)
{
	(void)im;
	return r->limit.up || r->limit.down;
}

static const struct {
	bool (*has)(const struct rule *r, const struct image *im);
	const char *what;
} rule_gap[] = {
	{gap_limit, "`limit`"},
};

/* The gaps of one rule, joined by commas; "" for none. Owned by the caller, NULL without memory. */
static char *rule_gaps(const struct rule *r, const struct image *im)
{
	const char *who = expr_gap(r->who), *comma = "";
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (!f)
		return NULL;
	if (who) {
		fprintf(f, "%s%s", comma, who);
		comma = ", ";
	}
	for (size_t i = 0; i < sizeof(rule_gap) / sizeof(rule_gap[0]); i++) {
		if (!rule_gap[i].has(r, im))
			continue;
		fprintf(f, "%s%s", comma, rule_gap[i].what);
		comma = ", ";
	}
	fclose(f);
	return text;
}

static bool check_rule(const struct policy *p, const struct rule *r, const struct image *im, struct diag *d)
{
	char *gaps = rule_gaps(r, im);
	bool good = gaps && !*gaps;

	if (!good)
		diag_error(d, p, r->loc,
			   "rule %u %s cannot be in force: this version does not enforce yet: %s", r->number,
			   show_dir(r->dir), gaps ? gaps : "it (out of memory)");
	free(gaps);
	return good;
}

size_t enforce_check(const struct policy *p, const struct image *im, struct diag *d)
{
	size_t bad = 0;

	for (size_t i = 0; i < p->nstmts; i++) {
		const struct stmt *s = &p->stmts[i];

		if (s->kind == STMT_RULE)
			bad += !check_rule(p, s->rule, im, d);
	}
	return bad;
}
