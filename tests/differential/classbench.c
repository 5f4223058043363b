// SPDX-License-Identifier: GPL-2.0-only
/* ClassBench filter sets: questions about the corners of randomly chosen rules. */
#include <stdlib.h>
#include <string.h>

#include "../../user/compile/judge.h"
#include "differential.h"
#include "gen.h"

/* A value at or beside one of the ends of lo..hi, or inside. */
static uint32_t near(struct rng *r, uint32_t lo, uint32_t hi, uint32_t max)
{
	switch (rng_below(r, 6)) {
	case 0:
		return lo ? lo - 1 : lo;
	case 1:
		return hi < max ? hi + 1 : hi;
	case 2:
		return hi;
	case 3:
		return lo + (hi - lo ? rng_below(r, hi - lo) : 0);
	default:
		return lo;
	}
}

static uint32_t load4(const uint8_t a[16])
{
	return (uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 | a[15];
}

static void near_hosts(struct rng *r, const struct hosts *h, uint8_t ret[16])
{
	uint32_t a = rng_below(r, UINT32_MAX);

	if (h->nitems && h->items[0].kind == ITEM_NET)
		a = near(r, load4(h->items[0].lo), load4(h->items[0].hi), UINT32_MAX);
	memset(ret, 0, 16);
	ret[10] = ret[11] = 0xff;
	for (int i = 0; i < 4; i++)
		ret[12 + i] = (uint8_t)(a >> (24 - 8 * i));
}

static uint16_t near_ports(struct rng *r, const struct ports *p)
{
	if (!p->n)
		return (uint16_t)rng_below(r, 65536);
	return (uint16_t)near(r, p->ranges[0].lo, p->ranges[0].hi, 65535);
}

/* The corners of one rule, now and then mixed with those of another. */
static void make(struct rng *r, const struct policy *p, struct query *q)
{
	const struct rule *of[4];

	memset(q, 0, sizeof(*q));
	for (int i = 0; i < 4; i++)
		of[i] = i && !rng_once(r, 6) ? of[0]
					     : p->rules[CGW_OUT][rng_below(r, (uint32_t)p->nrules[CGW_OUT])];
	q->dir = CGW_OUT;
	q->has_remote = q->has_local = q->has_proto = true;
	near_hosts(r, &of[0]->to, q->remote);
	near_hosts(r, &of[1]->from, q->local);
	q->proto = of[2]->nprotos ? of[2]->protos[0].proto : (int)rng_below(r, 256);
	q->has_rport = q->has_lport = q->proto == 6 || q->proto == 17;
	if (q->has_rport) {
		q->rport = near_ports(r, &of[3]->to_ports);
		q->lport = near_ports(r, &of[3]->from_ports);
	}
}

static size_t compare(struct subject *s, const struct query *q, struct third_judge *k)
{
	struct naive_verdict v = {.matched = s->matched};
	struct third_answer a = {.matched = s->matched3};
	struct judgement j = {0};
	struct cgw_query cq;
	bool same;

	naive_judge(s->n, q, &v);
	same = !judge(s->im, q, &j) && v.action == j.answer.entry.action && v.rule == j.answer.entry.rule &&
	       v.nmatched == j.nmatched && !memcmp(v.matched, j.matched, v.nmatched * sizeof(*v.matched));
	free(j.matched);
	if (same && k)
		same = !judge_query(s->im, q, &cq) && !k->ask(k->state, s->im, q, &cq, 0, &a) &&
		       a.action == v.action && a.rule == v.rule && a.nmatched == v.nmatched &&
		       !memcmp(v.matched, a.matched, v.nmatched * sizeof(*v.matched));
	if (!same)
		printf("disagreement: proto %d %u.%u.%u.%u:%u -> %u.%u.%u.%u:%u, naive rule %u\n", q->proto,
		       q->local[12], q->local[13], q->local[14], q->local[15], q->lport, q->remote[12],
		       q->remote[13], q->remote[14], q->remote[15], q->rport, v.rule);
	return !same;
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t len = 0, n;
	char *text = NULL;

	if (!f)
		return NULL;
	do {
		text = realloc(text, len + 65537);
		n = fread(text + len, 1, 65536, f);
		len += n;
	} while (n);
	text[len] = '\0';
	fclose(f);
	return text;
}

size_t classbench_run(const char *path, size_t nqueries, uint64_t seed, struct third_judge *k, size_t *asked)
{
	struct rng r = {.state = seed};
	char *text = read_text(path);
	struct subject s;
	size_t bad = 0;

	if (!text || subject_open(&s, ".", text, stderr)) {
		printf("%s: not a policy\n", path);
		free(text);
		return 1;
	}
	free(text);
	if (k && k->publish(k->state, s.im)) {
		subject_close(&s);
		return 1;
	}
	for (size_t i = 0; i < nqueries; i++) {
		struct query q;

		make(&r, s.p, &q);
		bad += compare(&s, &q, k);
	}
	*asked += nqueries;
	subject_close(&s);
	return bad;
}
