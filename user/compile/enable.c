// SPDX-License-Identifier: GPL-2.0-only
/* Expressions are kept in prefix form, one word for each operator or operand: `a and not b` is AND 2, a, NOT,
 * b. Nothing of them points into the policy. */
#include "enable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../policy/print.h"
#include "../policy/value.h"
#include "tables.h"

enum op { OP_FACT, OP_CONDITION, OP_NOT, OP_AND, OP_OR, OP_BITS = 3 };
#define CODE(op, arg) ((uint32_t)(op) | (uint32_t)(arg) << OP_BITS)
#define CODE_OP(c) ((enum op)((c) & ((1u << OP_BITS) - 1)))
#define CODE_ARG(c) ((c) >> OP_BITS)

/* ---- making ---- */

struct make {
	struct enable *e;
	struct arena *arena;
	struct intern facts;	  /* texts, which are canonical */
	struct intern conditions; /* pointers to struct condition */
	struct intern gates;	  /* code: when, a separator, unless, a separator, until */
	uint32_t *code;		  /* of the expression at hand */
	uint32_t ncode;
};

#define SEPARATOR CODE(OP_NOT, 1)

static void emit(struct make *m, uint32_t word)
{
	*ARENA_ADD(m->arena, &m->code, &m->ncode) = word;
}

/* The number of the fact that print_operand(), or for a rule's `until` this, writes in the same words; *fresh
 * is to be filled where it is a new one, else NULL. */
static uint32_t fact_number(struct make *m, const struct expr *e, const struct rule *until,
			    struct enable_fact **fresh)
{
	uint32_t known = m->facts.n, id;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (f && e) {
		print_operand(e, f);
	} else if (f) {
		fputs("until ", f);
		value_print_time(until->until, until->until_dated, f);
	}
	if (f)
		fclose(f);
	if (!text)
		arena_give_up(m->arena);
	id = intern_add(&m->facts, text, len + 1);
	free(text);
	*fresh = NULL;
	if (id == known) {
		*fresh = ARENA_ADD(m->arena, &m->e->facts, &m->e->nfacts);
		(*fresh)->text = intern_get(&m->facts, id);
	}
	return id;
}

static uint32_t add_fact(struct make *m, const struct expr *e)
{
	struct enable_fact *f;
	uint32_t id = fact_number(m, e, NULL, &f);

	if (!f)
		return id;
	f->kind = e->fact;
	if (e->text)
		f->name = arena_strn(m->arena, e->text, strlen(e->text));
	f->secured = e->secured;
	f->has_bssid = e->has_bssid;
	memcpy(f->bssid, e->bssid, sizeof(f->bssid));
	f->from = e->from;
	f->to = e->to;
	f->days = e->days;
	return id;
}

static uint32_t add_until(struct make *m, const struct rule *r)
{
	struct enable_fact *f;
	uint32_t id = fact_number(m, NULL, r, &f);

	if (!f)
		return id;
	f->kind = FACTS;
	f->until = r->until;
	return id;
}

static void compile(struct make *m, const struct expr *e)
{
	switch (e->op) {
	case EXPR_FACT:
		emit(m, CODE(OP_FACT, add_fact(m, e)));
		return;
	case EXPR_CONDITION:
		emit(m, CODE(OP_CONDITION, intern_find(&m->conditions, &e->condition, sizeof(e->condition))));
		return;
	case EXPR_NOT:
		emit(m, CODE(OP_NOT, 0));
		break;
	case EXPR_AND:
	default:
		emit(m, CODE(e->op == EXPR_OR ? OP_OR : OP_AND, e->nkids));
		break;
	}
	for (size_t i = 0; i < e->nkids; i++)
		compile(m, e->kids[i]);
}

static const uint32_t *kept_code(struct make *m)
{
	uint32_t *code = arena_alloc(m->arena, m->ncode * sizeof(*code));

	memcpy(code, m->code, m->ncode * sizeof(*code));
	return code;
}

static void add_condition(struct make *m, const struct condition *c)
{
	struct enable_condition *to;

	m->ncode = 0;
	m->code = NULL;
	compile(m, c->expr);
	intern_add(&m->conditions, &c, sizeof(c));
	to = ARENA_ADD(m->arena, &m->e->conditions, &m->e->nconditions);
	to->name = arena_strn(m->arena, c->name, strlen(c->name));
	to->code = kept_code(m);
}

static uint32_t add_gate(struct make *m, const struct rule *r)
{
	uint32_t known = m->gates.n, id, unless, until = 0;
	struct enable_gate *g;
	const uint32_t *code;

	m->ncode = 0;
	m->code = NULL;
	if (r->when)
		compile(m, r->when);
	emit(m, SEPARATOR);
	unless = m->ncode;
	if (r->unless)
		compile(m, r->unless);
	emit(m, SEPARATOR);
	if (r->has_until)
		emit(m, until = add_until(m, r) + 1);
	id = intern_add(&m->gates, m->code, m->ncode * sizeof(*m->code));
	if (id < known)
		return id;
	code = intern_get(&m->gates, id);
	g = ARENA_ADD(m->arena, &m->e->gates, &m->e->ngates);
	g->when = r->when ? code : NULL;
	g->unless = r->unless ? code + unless : NULL;
	g->until = until;
	return id;
}

static void add_direction(struct make *m, const struct image *im, enum cgw_dir dir)
{
	const struct direction *d = &im->tables->dir[dir];
	const struct policy *p = im->tables->policy;
	struct enable_dir *to = &m->e->dir[dir];

	to->nbits = d->nentries;
	to->nchunks = d->rows.nchunks;
	to->stride = d->rows.stride;
	for (size_t i = 0; i < p->nrules[dir]; i++) {
		const struct rule *r = p->rules[dir][i];
		const struct span *s = &d->spans[i];
		struct enable_rule *rule;

		if (!r->when && !r->unless && !r->has_until)
			continue;
		rule = ARENA_ADD(m->arena, &to->rules, &to->nrules);
		rule->number = r->number;
		rule->gate = add_gate(m, r);
		for (uint32_t k = 0; k < s->n; k++)
			*ARENA_ADD(m->arena, &to->entries, &to->nentries) =
				(struct enable_entry){s->first + k, rule->gate};
	}
	if (to->nentries)
		to->row = arena_alloc(m->arena, to->stride * sizeof(*to->row));
}

struct enable *enable_make(struct arena *a, const struct image *im)
{
	struct make m = {.arena = a, .e = arena_alloc(a, sizeof(*m.e))};
	const struct policy *p = im->tables->policy;

	m.e->arena = a;
	intern_init(&m.facts, a);
	intern_init(&m.conditions, a);
	intern_init(&m.gates, a);
	for (size_t i = 0; i < p->nstmts; i++)
		if (p->stmts[i].kind == STMT_CONDITION)
			add_condition(&m, p->stmts[i].condition);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		add_direction(&m, im, (enum cgw_dir)dir);
	return m.e;
}

int enable_new(const struct image *im, struct enable **ret)
{
	struct arena *arena = arena_new();
	jmp_buf failure;

	if (!arena)
		return -ENOMEM;
	if (setjmp(failure)) {
		arena_free(arena);
		return -ENOMEM;
	}
	arena_on_failure(arena, &failure);
	*ret = enable_make(arena, im);
	arena_on_failure(arena, NULL);
	return 0;
}

void enable_free(struct enable *e)
{
	if (e)
		arena_free(e->arena);
}

/* ---- evaluating ---- */

/* All that is asked holds of one and the same association. */
static bool fact_ssid(const struct enable_fact *f, const struct query *q)
{
	for (size_t i = 0; i < q->nwifi; i++) {
		const struct query_wifi *w = &q->wifi[i];

		if (strlen(f->name) != w->len || memcmp(f->name, w->ssid, w->len))
			continue;
		if (f->secured && !w->secured)
			continue;
		if (f->has_bssid && (!w->has_bssid || memcmp(f->bssid, w->bssid, sizeof(f->bssid))))
			continue;
		return true;
	}
	return false;
}

static bool fact_active(const struct enable_fact *f, const struct query *q)
{
	for (size_t i = 0; i < q->nactive; i++)
		if (policy_glob(f->name, q->active[i]))
			return true;
	return false;
}

/* From and to the same: all day. */
static bool fact_time(const struct enable_fact *f, const struct tm *now)
{
	int minute = now->tm_hour * 60 + now->tm_min;

	if (f->from < f->to)
		return minute >= f->from && minute < f->to;
	return minute >= f->from || minute < f->to;
}

static bool fact(const struct enable_fact *f, const struct query *q, const struct tm *now)
{
	switch (f->kind) {
	case FACT_SSID:
		return fact_ssid(f, q);
	case FACT_ACTIVE:
		return fact_active(f, q);
	case FACT_TIME:
		return fact_time(f, now);
	case FACT_DAYS:
		return f->days >> (now->tm_wday + 6) % 7 & 1;
	case FACTS:
		return q->time < f->until;
	}
	return false;
}

/* The value of the expression at *code, which is moved behind it. */
static bool holds(const struct enable *e, const uint32_t **code)
{
	uint32_t word = *(*code)++, n = CODE_ARG(word);
	bool all = true, any = false;

	switch (CODE_OP(word)) {
	case OP_FACT:
		return e->facts[n].holds;
	case OP_CONDITION:
		return e->conditions[n].holds;
	case OP_NOT:
		return !holds(e, code);
	default:
		break;
	}
	for (uint32_t i = 0; i < n; i++) {
		bool kid = holds(e, code);

		all &= kid;
		any |= kid;
	}
	return CODE_OP(word) == OP_AND ? all : any;
}

static bool gate_open(const struct enable *e, const struct enable_gate *g)
{
	const uint32_t *when = g->when, *unless = g->unless;

	return (!g->until || e->facts[g->until - 1].holds) && (!when || holds(e, &when)) &&
	       (!unless || !holds(e, &unless));
}

/* Everything in force but those gated entries that are not open: by their gates, or where `open` is given, by
 * it. */
static void fill_row(const struct enable *e, const struct enable_dir *d,
		     bool (*open)(const void *arg, uint32_t entry), const void *arg)
{
	struct rows geometry = {.nchunks = d->nchunks, .stride = d->stride};
	__u64 *bits;

	if (!d->row)
		return;
	bits = d->row[d->stride - d->nchunks].w;
	memset(bits, 0, d->nchunks * sizeof(*d->row));
	memset(bits, 0xff, d->nbits / 64 * sizeof(*bits));
	if (d->nbits % 64)
		bits[d->nbits / 64] = (1ULL << (d->nbits % 64)) - 1;
	for (uint32_t i = 0; i < d->nentries; i++) {
		uint32_t entry = d->entries[i].entry;

		if (!(open ? open(arg, entry) : e->gates[d->entries[i].gate].open))
			bits[entry / 64] &= ~(1ULL << (entry % 64));
	}
	rows_summary(&geometry, d->row);
}

void enable_wish(struct enable *e, enum cgw_dir dir, bool (*open)(const void *arg, uint32_t entry),
		 const void *arg)
{
	fill_row(e, &e->dir[dir], open, arg);
}

void enable_evaluate(struct enable *e, const struct query *q)
{
	time_t at = (time_t)q->time;
	struct tm now = {0};

	localtime_r(&at, &now);
	for (uint32_t i = 0; i < e->nfacts; i++)
		e->facts[i].holds = fact(&e->facts[i], q, &now);
	for (uint32_t i = 0; i < e->nconditions; i++) {
		const uint32_t *code = e->conditions[i].code;

		e->conditions[i].holds = holds(e, &code);
	}
	for (uint32_t i = 0; i < e->ngates; i++)
		e->gates[i].open = gate_open(e, &e->gates[i]);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		fill_row(e, &e->dir[dir], NULL, NULL);
}

const struct enable_rule *enable_rule(const struct enable *e, enum cgw_dir dir, uint32_t number)
{
	const struct enable_dir *d = &e->dir[dir];
	uint32_t lo = 0, hi = d->nrules;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (d->rules[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < d->nrules && d->rules[lo].number == number ? &d->rules[lo] : NULL;
}

/* ---- what depends on what ---- */

/* Follows the expression at *code, which is moved behind it. */
static void reach(const struct enable *e, const uint32_t **code, bool *facts, bool *conditions)
{
	uint32_t word = *(*code)++, n = CODE_ARG(word);

	switch (CODE_OP(word)) {
	case OP_FACT:
		facts[n] = true;
		return;
	case OP_CONDITION:
		enable_condition_reach(e, n, facts, conditions);
		return;
	case OP_NOT:
		n = 1;
		break;
	default:
		break;
	}
	for (uint32_t i = 0; i < n; i++)
		reach(e, code, facts, conditions);
}

void enable_condition_reach(const struct enable *e, uint32_t condition, bool *facts, bool *conditions)
{
	const uint32_t *code = e->conditions[condition].code;

	if (conditions[condition])
		return;
	conditions[condition] = true;
	reach(e, &code, facts, conditions);
}

void enable_gate_reach(const struct enable *e, uint32_t gate, bool *facts, bool *conditions)
{
	const struct enable_gate *g = &e->gates[gate];
	const uint32_t *when = g->when, *unless = g->unless;

	if (g->until)
		facts[g->until - 1] = true;
	if (when)
		reach(e, &when, facts, conditions);
	if (unless)
		reach(e, &unless, facts, conditions);
}
