// SPDX-License-Identifier: GPL-2.0-only
#include "differential.h"

#include <stdlib.h>
#include <string.h>

#include "../../user/policy/names.h"

static const char *const aliases[][2] = {
	{"/bin/a", "/usr/bin/a"}, {"/bin/b", "/opt/a/ab"}, {"/bin/*", "/usr/bin/*"}, {"/a/b/a", "/a/ab"}};
static uint8_t self[][16] = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1},
			     {0x20, 1, 0x0d, 0xb8, [15] = 2}};
static uint8_t resolvers[][16] = {{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 4},
				  {0x20, 1, 0x0d, 0xb8, [15] = 3}};

int query_read(const char *text, struct query *q)
{
	char *copy = strdup(text), *words[64], *rest = copy, *word, *message = NULL;
	enum cgw_dir dir = CGW_OUT;
	size_t n = 0;
	int r;

	while ((word = strsep(&rest, " "))) {
		if (!strcmp(word, "in"))
			dir = CGW_IN;
		else if (*word && strcmp(word, "out") && n < 64)
			words[n++] = word;
	}
	r = query_parse_words(q, dir, words, n, &message);
	free(message);
	free(copy);
	return r ? -1 : 0;
}

/* The rules that the compiler warns of. */
static void find_warned(struct subject *s)
{
	struct diag d = {0};

	image_warn(s->im, &d);
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		s->never[dir] = calloc(s->p->nrules[dir] + 1, sizeof(bool));
		for (size_t i = 0; i < s->p->nrules[dir]; i++)
			for (size_t k = 0; k < d.nlines; k++)
				if (d.lines[k].line == s->p->rules[dir][i]->loc.line)
					s->never[dir][i + 1] = true;
	}
	s->warned = d.nlines;
	diag_free(&d);
}

int subject_open(struct subject *s, const char *dir, const char *text, FILE *out)
{
	struct diag d = {.out = out};
	size_t nrules = 0;
	char *name;

	memset(s, 0, sizeof(*s));
	s->w.self = self;
	s->w.nself = sizeof(self) / sizeof(self[0]);
	s->w.resolvers = resolvers;
	s->w.nresolvers = sizeof(resolvers) / sizeof(resolvers[0]);
	s->w.aliases = aliases;
	s->w.naliases = sizeof(aliases) / sizeof(aliases[0]);
	if (asprintf(&name, "%s/policy.conf", dir) < 0)
		abort();
	s->p = policy_read_text(name, text, strlen(text), &d);
	free(name);
	if (s->p)
		s->im = image_compile(s->p, &s->w, &d);
	if (s->im)
		s->n = naive_new(s->p, &s->w);
	diag_free(&d);
	if (!s->p || !s->n) {
		subject_close(s);
		return -1;
	}
	for (int i = 0; i < CGW_DIRS; i++)
		nrules = s->p->nrules[i] > nrules ? s->p->nrules[i] : nrules;
	find_warned(s);
	s->matched = calloc(nrules + 1, sizeof(*s->matched));
	s->matched3 = calloc(nrules + 1, sizeof(*s->matched3));
	return 0;
}

void subject_close(struct subject *s)
{
	if (s->n)
		naive_free(s->n);
	image_free(s->im);
	if (s->p)
		policy_free(s->p);
	free(s->matched);
	free(s->matched3);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		free(s->never[dir]);
	memset(s, 0, sizeof(*s));
}

static void print_verdict(FILE *out, const char *who, unsigned action, uint32_t rule, const uint32_t *matched,
			  size_t n)
{
	fprintf(out, "%s: action %u, rule %u, matched", who, action, rule);
	for (size_t i = 0; i < n && i < 20; i++)
		fprintf(out, " %u", matched[i]);
	fputc('\n', out);
}

enum { LATE = CGW_DIMS_LATE, CALLER = CGW_DIMS_CALLER }; /* they have a dimension in common */
const uint32_t could_wild[] = {LATE, LATE | CGW_WILD_ASK, CALLER, CALLER | LATE | CGW_WILD_ASK, 0};

const char *could_agrees(uint32_t could, const struct cgw_answer *possible, uint32_t wild,
			 const struct query *q, const struct naive_verdict *v)
{
	if (possible->error)
		return "an error";
	/* a flow of a protocol with ports has two of them */
	if (!q->has_proto || (names_has_ports(q->proto) && !(q->has_rport && q->has_lport)))
		return NULL;
	if (could == CGW_COULD_SETTLED &&
	    (possible->entry.rule != v->rule || possible->entry.action != v->action))
		return "called settled, and decided otherwise";
	if (could == CGW_COULD_NEVER &&
	    (v->action == CGW_PASS || (v->action == CGW_ASK && (wild & CGW_WILD_ASK))))
		return "called impossible, and let through";
	return NULL;
}

/* What is said of the question when parts of it are not known yet must hold for the whole of it. */
static const char *ask_could(struct subject *s, const struct query *q, const struct naive_verdict *v)
{
	struct cgw_query cq;
	const char *wrong = judge_query(s->im, q, &cq) ? "no query" : NULL;

	for (size_t i = 0; !wrong && could_wild[i]; i++) {
		struct cgw_answer a;
		int could = judge_could(s->im, &cq, could_wild[i], &a);

		wrong = could_agrees((uint32_t)could, &a, could_wild[i], q, v);
		s->could[could]++;
	}
	return wrong;
}

int subject_ask(struct subject *s, const char *text, char **why)
{
	const char *wrong;
	struct naive_verdict v = {.matched = s->matched};
	struct judgement j = {0};
	struct query q;
	bool same, never;
	int error;

	if (query_read(text, &q))
		return -1;
	naive_judge(s->n, &q, &v);
	error = judge(s->im, &q, &j);
	never = s->never[q.dir][v.rule];
	wrong = error ? NULL : ask_could(s, &q, &v);
	query_free(&q);
	same = !error && !wrong && !never && v.action == j.answer.entry.action &&
	       v.rule == j.answer.entry.rule && v.nmatched == j.nmatched &&
	       !memcmp(v.matched, j.matched, v.nmatched * sizeof(*v.matched));
	if (!same && why) {
		size_t len;
		FILE *out = open_memstream(why, &len);

		print_verdict(out, "naive", v.action, v.rule, v.matched, v.nmatched);
		if (never)
			fputs("the compiler warns that this rule can never decide\n", out);
		if (wrong)
			fprintf(out, "with unknown parts: %s\n", wrong);
		if (error)
			fprintf(out, "judge: %s\n", strerror(-error));
		else
			print_verdict(out, "judge", j.answer.entry.action, j.answer.entry.rule, j.matched,
				      j.nmatched);
		fclose(out);
	}
	s->decided += v.rule != 0;
	s->several += v.nmatched > 1;
	free(j.matched);
	return !same;
}
