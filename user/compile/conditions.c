// SPDX-License-Identifier: GPL-2.0-only
/* When: facts to truth. Named conditions are worked out in the order of their definition, so that each is
 * looked at once however often it is used. */
#include <string.h>
#include <time.h>

#include "judge.h"

/* Local time of a question, worked out once. */
struct now {
	const struct query *q;
	const struct judge *j;
	unsigned minute; /* of the day */
	unsigned day;	 /* 0: Monday */
};

/* All that is asked holds of one and the same association. */
static bool fact_ssid(const struct expr *e, const struct query *q)
{
	for (size_t i = 0; i < q->nwifi; i++) {
		const struct query_wifi *w = &q->wifi[i];

		if (strlen(e->text) != w->len || memcmp(e->text, w->ssid, w->len))
			continue;
		if (e->secured && !w->secured)
			continue;
		if (e->has_bssid && (!w->has_bssid || memcmp(e->bssid, w->bssid, sizeof(e->bssid))))
			continue;
		return true;
	}
	return false;
}

static bool fact_active(const struct expr *e, const struct query *q)
{
	for (size_t i = 0; i < q->nactive; i++)
		if (policy_glob(e->text, q->active[i]))
			return true;
	return false;
}

/* From and to the same: all day. */
static bool fact_time(const struct expr *e, unsigned minute)
{
	if (e->from < e->to)
		return minute >= e->from && minute < e->to;
	return minute >= e->from || minute < e->to;
}

static bool fact(const struct expr *e, const struct now *now)
{
	switch (e->fact) {
	case FACT_SSID:
		return fact_ssid(e, now->q);
	case FACT_ACTIVE:
		return fact_active(e, now->q);
	case FACT_TIME:
		return fact_time(e, now->minute);
	case FACT_DAYS:
		return e->days >> now->day & 1;
	case FACTS:
		break;
	}
	return false;
}

static bool holds(const struct expr *e, const struct now *now)
{
	uint32_t id;

	switch (e->op) {
	case EXPR_NOT:
		return !holds(e->kids[0], now);
	case EXPR_AND:
		for (size_t i = 0; i < e->nkids; i++)
			if (!holds(e->kids[i], now))
				return false;
		return true;
	case EXPR_OR:
		for (size_t i = 0; i < e->nkids; i++)
			if (holds(e->kids[i], now))
				return true;
		return false;
	case EXPR_CONDITION:
		id = intern_find(&now->j->conditions, &e->condition, sizeof(e->condition));
		return id == INTERN_NONE ? holds(e->condition->expr, now) : now->j->holds[id];
	case EXPR_FACT:
		return fact(e, now);
	default:
		return false;
	}
}

static struct now now_of(const struct image *im, const struct query *q)
{
	struct now now = {.q = q, .j = im->tables->judge};
	time_t at = (time_t)q->time;
	struct tm tm = {0};

	localtime_r(&at, &tm);
	now.minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min);
	now.day = (unsigned)(tm.tm_wday + 6) % 7;
	return now;
}

void conditions_begin(struct image *im)
{
	const struct policy *p = im->tables->policy;
	struct judge *j = im->tables->judge;

	intern_init(&j->conditions, im->tables->arena);
	for (size_t i = 0; i < p->nstmts; i++)
		if (p->stmts[i].kind == STMT_CONDITION)
			intern_add(&j->conditions, &p->stmts[i].condition, sizeof(p->stmts[i].condition));
	j->holds = arena_alloc(im->tables->arena, (j->conditions.n + 1) * sizeof(*j->holds));
}

void conditions_evaluate(struct image *im, const struct query *q)
{
	struct judge *j = im->tables->judge;
	struct now now = now_of(im, q);

	for (uint32_t i = 0; i < j->conditions.n; i++) {
		const struct condition *c;

		memcpy(&c, intern_get(&j->conditions, i), sizeof(c));
		j->holds[i] = holds(c->expr, &now);
	}
}

/* ---- can a rule ever be in force? ---- */

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

bool conditions_in_force(const struct image *im, const struct rule *r, const struct query *q)
{
	struct now now;

	if (r->has_until && q->time >= r->until)
		return false;
	if (!r->when && !r->unless)
		return true;
	now = now_of(im, q);
	return (!r->when || holds(r->when, &now)) && (!r->unless || !holds(r->unless, &now));
}
