// SPDX-License-Identifier: GPL-2.0-only
/* Can a rule ever be in force? */
#include <string.h>

#include "judge.h"

#define FACTS_MAX 12 /* different ones of a rule: all their combinations are tried */

struct trial {
	const struct expr *facts[FACTS_MAX];
	size_t n;
	uint32_t truth; /* bit per fact */
	size_t steps;
	bool too_many;
};

static bool same_fact(const struct expr *a, const struct expr *b)
{
	if (a->fact != b->fact || !a->text != !b->text || (a->text && strcmp(a->text, b->text)))
		return false;
	return a->secured == b->secured && a->has_bssid == b->has_bssid &&
	       !memcmp(a->bssid, b->bssid, sizeof(a->bssid)) && a->from == b->from && a->to == b->to &&
	       a->days == b->days;
}

static bool try_fact(const struct expr *e, struct trial *t)
{
	size_t i = 0;

	while (i < t->n && !same_fact(t->facts[i], e))
		i++;
	if (i == FACTS_MAX) {
		t->too_many = true;
		return false;
	}
	if (i == t->n)
		t->facts[t->n++] = e;
	return t->truth >> i & 1;
}

/* Looks at every operand, so that all facts are found. */
static bool try_expr(const struct expr *e, struct trial *t)
{
	bool all = true, any = false;

	if (!e || t->too_many || ++t->steps > 65536) {
		t->too_many |= e != NULL;
		return true;
	}
	if (e->op == EXPR_CONDITION)
		return try_expr(e->condition->expr, t);
	if (e->op == EXPR_FACT)
		return try_fact(e, t);
	for (size_t i = 0; i < e->nkids; i++) {
		bool kid = try_expr(e->kids[i], t);

		all &= kid;
		any |= kid;
	}
	return e->op == EXPR_NOT ? !any : e->op == EXPR_AND ? all : any;
}

bool conditions_contradict(const struct rule *r)
{
	struct trial t = {0};

	if (!r->when && !r->unless)
		return false;
	do {
		bool when = try_expr(r->when, &t), unless = r->unless && try_expr(r->unless, &t);

		if (t.too_many || (when && !unless))
			return false;
		t.truth++;
	} while (t.truth < 1u << t.n);
	return true;
}
