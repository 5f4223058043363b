// SPDX-License-Identifier: GPL-2.0-only
#include "rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../compile/compile.h"
#include "../policy/policy.h"
#include "../policy/texts.h"
#include "../policy/value.h"
#include "show.h"

/* The app that a rule names, if it names exactly one and not by `not`. */
static const char *one_app(const struct expr *e)
{
	const char *found = NULL;

	if (!e)
		return NULL;
	if (e->op == EXPR_APP)
		return e->app ? e->app->name : e->text;
	if (e->op != EXPR_AND)
		return NULL;
	for (size_t i = 0; i < e->nkids; i++) {
		if (e->kids[i]->op != EXPR_APP)
			continue;
		if (found)
			return NULL;
		found = one_app(e->kids[i]);
	}
	return found;
}

static void print_default(FILE *out, enum cgw_dir dir, const struct fallback *f)
{
	fprintf(out, "default %s %s", show_dir(dir), f->loc.line ? show_action(f->act.action) : "pass");
	if (!f->loc.line)
		return;
	if (f->act.action == CGW_ASK) {
		if (f->act.timeout_ms) {
			fputs(" timeout ", out);
			value_print_duration(f->act.timeout_ms, out);
		}
		if (f->act.has_else)
			fprintf(out, " else %s", show_action(f->act.otherwise));
		if (f->act.has_else && f->act.else_for_ms) {
			fputs(" for ", out);
			value_print_duration(f->act.else_for_ms, out);
		}
	}
	if (f->has_background)
		fprintf(out, " background %s", show_action(f->background));
	if (f->log)
		fputs(" log", out);
}

/* Where the next string of a pool will stand; strings are separated by NUL. */
static uint32_t pool_at(FILE *pool)
{
	return (uint32_t)ftello(pool);
}

static uint32_t pool_add(FILE *pool, const char *text)
{
	uint32_t at = pool_at(pool);

	fputs(text, pool);
	fputc('\0', pool);
	return at;
}

static void fill_ask(struct rules_entry *e, const struct policy *p, const struct act *act)
{
	if (e->action != CGW_ASK)
		return;
	e->timeout_ms = act->timeout_ms ? act->timeout_ms : p->settings.ask_timeout_ms;
	e->otherwise = (uint8_t)(act->has_else ? act->otherwise : CGW_BLOCK);
	e->else_for_ms = act->has_else ? act->else_for_ms : 0;
}

/* by_answer: by number of the file. */
static int fill_dir(struct rules *r, const struct policy *p, enum cgw_dir dir, const bool *by_answer,
		    FILE *names, FILE *texts)
{
	const struct fallback *f = &p->fallback[dir];
	struct rules_entry *e;

	r->nrules[dir] = p->nrules[dir] + 1;
	e = r->rule[dir] = calloc(r->nrules[dir], sizeof(*e));
	if (!e)
		return -ENOMEM;
	*e = (struct rules_entry){
		.line = f->loc.line,
		.file = (uint16_t)f->loc.file,
		.action = (uint8_t)(f->loc.line ? f->act.action : CGW_PASS),
		.log = f->loc.line && f->log,
		.text = pool_at(texts),
	};
	fill_ask(e, p, &f->act);
	print_default(texts, dir, f);
	fputc('\0', texts);
	for (size_t i = 0; i < p->nrules[dir]; i++) {
		const struct rule *rule = p->rules[dir][i];
		const char *app = one_app(rule->who);

		e++;
		*e = (struct rules_entry){
			.line = rule->loc.line,
			.file = (uint16_t)rule->loc.file,
			.action = (uint8_t)rule->act.action,
			.quick = rule->quick,
			.log = rule->log,
			.answer = texts_answer(p, rule),
			.by_answer = by_answer[rule->loc.file],
			.app = app ? pool_add(names, app) : 0,
			.text = pool_at(texts),
		};
		fill_ask(e, p, &rule->act);
		policy_print_rule(rule, texts);
		fputc('\0', texts);
	}
	return 0;
}

static int fill_prio(struct rules *r, const struct image *im, enum cgw_dir dir)
{
	const struct cgw_dirhead *d = &im->head.dir[dir];

	r->rule[dir][0].ask = d->fallback.ask;
	if (!d->nentries)
		return 0;
	r->by_prio[dir] = malloc(d->nentries * sizeof(uint32_t));
	if (!r->by_prio[dir])
		return -ENOMEM;
	r->nprio[dir] = d->nentries;
	for (uint32_t i = 0; i < d->nentries; i++) {
		const struct cgw_chunk *c = &im->chunks[d->entries + i / CGW_ENTRIES_PER_CHUNK];
		struct cgw_entry e;

		memcpy(&e, &c->w[i % CGW_ENTRIES_PER_CHUNK * (sizeof(e) / sizeof(c->w[0]))], sizeof(e));
		r->by_prio[dir][i] = e.rule;
		if (e.rule < r->nrules[dir])
			r->rule[dir][e.rule].ask = e.ask;
	}
	return 0;
}

int rules_new(const struct policy *p, const struct image *im, struct rules **ret)
{
	struct rules *r = calloc(1, sizeof(*r));
	bool *by_answer = calloc(p->nfiles + 1, sizeof(*by_answer));
	FILE *names = NULL, *texts = NULL;
	size_t n;
	int err = -ENOMEM;

	if (!r) {
		free(by_answer);
		return -ENOMEM;
	}
	names = open_memstream(&r->names, &n);
	texts = open_memstream(&r->texts, &n);
	r->files = calloc(p->nfiles ? p->nfiles : 1, sizeof(*r->files));
	if (!names || !texts || !r->files || !by_answer)
		goto out;
	fputc('\0', names);
	r->nfiles = p->nfiles;
	for (size_t i = 0; i < p->nfiles; i++) {
		r->files[i] = pool_add(names, p->files[i].path);
		by_answer[i] = texts_are_answers(p, (uint32_t)i);
	}
	err = 0;
	for (int dir = 0; !err && dir < CGW_DIRS; dir++) {
		r->by_name[dir] = im->head.dir[dir].dims & (1u << CGW_DIM_NAME);
		err = fill_dir(r, p, (enum cgw_dir)dir, by_answer, names, texts);
		if (!err)
			err = fill_prio(r, im, (enum cgw_dir)dir);
	}
out:
	if (names && fclose(names))
		err = -ENOMEM;
	if (texts && fclose(texts))
		err = -ENOMEM;
	free(by_answer);
	if (err)
		rules_free(r);
	else
		*ret = r;
	return err;
}

void rules_retire(struct rules *r)
{
	free(r->texts);
	r->texts = NULL;
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		free(r->by_prio[dir]);
		r->by_prio[dir] = NULL;
		r->nprio[dir] = 0;
	}
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	rules_retire(r);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		free(r->rule[dir]);
	free(r->names);
	free(r->files);
	free(r);
}

const struct rules_entry *rules_get(const struct rules *r, enum cgw_dir dir, uint32_t number)
{
	return r && number < r->nrules[dir] ? &r->rule[dir][number] : NULL;
}

const char *rules_file(const struct rules *r, uint32_t file)
{
	return r && file < r->nfiles ? r->names + r->files[file] : NULL;
}

const char *rules_app(const struct rules *r, const struct rules_entry *e)
{
	return r && e && e->app ? r->names + e->app : NULL;
}

const char *rules_text(const struct rules *r, const struct rules_entry *e)
{
	return r && e && r->texts ? r->texts + e->text : NULL;
}

const struct rules_entry *rules_asks(const struct rules *r, enum cgw_dir dir, uint32_t ask, uint32_t *number)
{
	for (size_t i = 0; r && ask && i < r->nrules[dir]; i++) {
		if (r->rule[dir][i].ask != ask)
			continue;
		*number = (uint32_t)i;
		return &r->rule[dir][i];
	}
	return NULL;
}

int rules_matched(const struct rules *r, enum cgw_dir dir, const struct cgw_chunk *bits, size_t nchunks,
		  uint32_t **ret, size_t *n)
{
	uint8_t *seen = calloc(1, r->nrules[dir]);
	uint32_t *list = NULL;
	size_t count = 0, at = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < r->nprio[dir] && i / CGW_CHUNK_BITS < nchunks; i++) {
		const struct cgw_chunk *c = &bits[i / CGW_CHUNK_BITS];
		uint32_t rule = r->by_prio[dir][i];

		if (!(c->w[i % CGW_CHUNK_BITS / 64] >> (i % 64) & 1) || rule >= r->nrules[dir] || seen[rule])
			continue;
		seen[rule] = 1;
		count++;
	}
	list = malloc((count ? count : 1) * sizeof(*list));
	if (!list) {
		free(seen);
		return -ENOMEM;
	}
	for (size_t i = 0; i < r->nrules[dir]; i++)
		if (seen[i])
			list[at++] = (uint32_t)i;
	free(seen);
	*ret = list;
	*n = count;
	return 0;
}
