/* SPDX-License-Identifier: GPL-2.0-only */
/* From policy text to a verdict, for the tests of the compiler. */
#ifndef CGWALL_TESTS_COMPILE_UTIL_H
#define CGWALL_TESTS_COMPILE_UTIL_H

#include <stdlib.h>
#include <string.h>

#include "test.h"

#include "../../user/compile/compile.h"

struct compiled {
	struct policy *p;
	struct image *im; /* NULL: it was refused */
	struct world w;
	struct diag d; /* nothing is printed; what was said is in its lines */
};

/* Compiles text as if it stood in DIR/policy.conf. */
static TEST_UNUSED bool compile_in(struct compiled *c, const char *dir, const char *text)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/policy.conf", dir);
	memset(&c->d, 0, sizeof(c->d));
	c->im = NULL;
	c->p = policy_read_text(name, text, strlen(text), &c->d);
	if (c->p)
		c->im = image_compile(c->p, &c->w, &c->d);
	return c->im;
}

static TEST_UNUSED void compiled_free(struct compiled *c)
{
	image_free(c->im);
	if (c->p)
		policy_free(c->p);
	diag_free(&c->d);
	memset(c, 0, sizeof(*c));
}

/* Asks `out KEY=VALUE ...`; gives the number of the rule that decides, -1 where it cannot be judged. *matched
 * (may be NULL): the numbers of the rules that match, as `1 2 5`. */
static TEST_UNUSED int asked(struct compiled *c, const char *question, char matched[256])
{
	char copy[512], *words[32], *rest = copy, *word, *message = NULL;
	enum cgw_dir dir = CGW_OUT;
	struct judgement j = {0};
	struct query q;
	size_t n = 0;
	int rule;

	snprintf(copy, sizeof(copy), "%s", question);
	while ((word = strsep(&rest, " "))) {
		if (!strcmp(word, "in"))
			dir = CGW_IN;
		else if (*word && strcmp(word, "out") && n < 32)
			words[n++] = word;
	}
	if (query_parse_words(&q, dir, words, n, &message)) {
		fprintf(stderr, "%s: %s\n", question, message);
		free(message);
		return -1;
	}
	rule = judge(c->im, &q, &j) ? -1 : (int)j.answer.entry.rule;
	query_free(&q);
	if (matched) {
		*matched = '\0';
		for (size_t i = 0; i < j.nmatched; i++)
			snprintf(matched + strlen(matched), 256 - strlen(matched), "%s%u", i ? " " : "",
				 j.matched[i]);
	}
	free(j.matched);
	return rule;
}

/* Was something said that contains this text, at this line (0: anywhere)? */
static TEST_UNUSED bool said(const struct compiled *c, unsigned line, const char *text)
{
	for (size_t i = 0; i < c->d.nlines; i++)
		if ((!line || c->d.lines[i].line == line) && strstr(c->d.lines[i].message, text))
			return true;
	return false;
}

#endif
