// SPDX-License-Identifier: GPL-2.0-only
/* The third judge gets a whole image at once. What user space works out for a question (the rows of names,
 * properties and interfaces) lies in the image's spare rows, so all questions are prepared before it is
 * published, and there are only so many of them as those rows hold. */
#include <stdlib.h>
#include <string.h>

#include "../../user/compile/judge.h"
#include "differential.h"

struct prepared {
	const char *text;
	struct query q;
	struct cgw_query cq;
};

static bool same_facts(const struct query *a, const struct query *b)
{
	bool same = a->time == b->time && a->nwifi == b->nwifi && a->nactive == b->nactive;

	for (size_t i = 0; same && i < a->nwifi; i++)
		same = !memcmp(&a->wifi[i], &b->wifi[i], sizeof(a->wifi[i]));
	for (size_t i = 0; same && i < a->nactive; i++)
		same = !strcmp(a->active[i], b->active[i]);
	return same;
}

static bool full(const struct image *im)
{
	for (int dir = 0; dir < CGW_DIRS; dir++)
		if (judge_spare_rows(im, dir) < CGW_GIVENS)
			return true;
	return false;
}

static size_t compare(struct third_judge *k, struct subject *s, const struct prepared *p)
{
	struct naive_verdict v = {.matched = s->matched};
	struct third_answer a = {.matched = s->matched3};
	uint32_t wild = could_wild[p->cq.rport % 4];
	const char *wrong;
	int error;

	naive_judge(s->n, &p->q, &v);
	error = k->ask(k->state, s->im, &p->q, &p->cq, wild, &a);
	wrong = error ? NULL : could_agrees(a.could, &a.possible, wild, &p->q, &v);
	if (wrong)
		printf("third judge, with unknown parts: %s\n", wrong);
	if (!error && !wrong && v.action == a.action && v.rule == a.rule && v.nmatched == a.nmatched &&
	    !memcmp(v.matched, a.matched, v.nmatched * sizeof(*v.matched)))
		return 0;
	printf("third judge disagrees about: %s\n", p->text);
	if (error)
		printf("  error: %s\n", strerror(-error));
	else
		printf("  naive: action %d rule %u of %zu; third: action %d rule %u of %zu\n", v.action,
		       v.rule, v.nmatched, a.action, a.rule, a.nmatched);
	return 1;
}

/* Asks as if the facts of p held, then puts them in force. */
static size_t change_facts(struct third_judge *k, struct subject *s, const struct prepared *p)
{
	size_t bad = k->enable(k->state, &p->q, false) != 0;

	bad += compare(k, s, p);
	if (k->enable(k->state, &p->q, true)) {
		printf("third judge: the facts of '%s' cannot be put in force\n", p->text);
		bad++;
	}
	return bad;
}

size_t third_run(struct third_judge *k, struct subject *s, char *const *queries, size_t n, size_t *asked)
{
	struct prepared *list = calloc(n + 1, sizeof(*list));
	size_t count = 0, bad = 0;

	for (size_t i = 0; i < n && !full(s->im); i++) {
		struct prepared *p = &list[count];

		if (query_read(queries[i], &p->q))
			continue;
		p->text = queries[i];
		if (judge_query(s->im, &p->q, &p->cq)) {
			query_free(&p->q);
			bad++;
			continue;
		}
		count++;
	}
	if (count)
		judge_enable(s->im, &list[0].q, 0);
	if (k->publish(k->state, s->im)) {
		bad++;
	} else {
		for (size_t i = 0; i < count; i++) {
			if (i && !same_facts(&list[i - 1].q, &list[i].q))
				bad += change_facts(k, s, &list[i]);
			bad += compare(k, s, &list[i]);
		}
		*asked += count;
	}
	for (size_t i = 0; i < count; i++)
		query_free(&list[i].q);
	free(list);
	return bad;
}
