// SPDX-License-Identifier: GPL-2.0-only
#include "answers.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../event/show.h"
#include "../policy/texts.h"
#include "answertext.h"
#include "inside.h"
#include "load.h"
#include "whole.h"

#define ANSWERS_MAX (4u << 20) /* bytes of the file */

/* The file as it is now: *text is "" where there is none, owned by the caller. */
static int read_file(const char *path, char **text, char **message)
{
	size_t len;
	int err = whole_read(path, ANSWERS_MAX, text, &len, message);

	if (err == -ENOENT) {
		*text = strdup("");
		return *text ? 0 : whole_fail(message, -ENOMEM, "out of memory");
	}
	return err;
}

/* Whoever may read the policy may read these. */
static mode_t mode_of(const char *policy)
{
	struct stat st;

	return stat(policy, &st) ? 0600 : (st.st_mode & 0444) | 0600;
}

/* The file that is meant, where the name leads to it by a link. Owned by the caller. */
static char *answers_path(const struct agent *a)
{
	char *path = texts_answers_path(a->o->policy), *real = path ? realpath(path, NULL) : NULL;

	if (!real)
		return path;
	free(path);
	return real;
}

/* The policy in force with another text of answers. */
static int with_answers(const struct agent *a, const char *path, const char *text, struct texts *ret)
{
	struct texts t;
	int err = texts_copy(&a->texts, &t);

	if (!err)
		err = texts_put_answers(&t, path, text, strlen(text));
	if (err)
		texts_free(&t);
	else
		*ret = t;
	return err;
}

/* The rule of p with the answer's number; *n (may be NULL): how many there are. */
static const struct rule *find(const struct policy *p, uint32_t id, size_t *n)
{
	const struct rule *found = NULL;
	size_t count = 0;

	for (int dir = 0; dir < CGW_DIRS; dir++) {
		for (size_t i = 0; i < p->nrules[dir]; i++) {
			const struct rule *r = p->rules[dir][i];

			if (!id || texts_answer(p, r) != id)
				continue;
			found = r;
			count++;
		}
	}
	if (n)
		*n = count;
	return found;
}

static uint32_t next_id(const struct policy *p)
{
	uint32_t most = 0;

	for (int dir = 0; dir < CGW_DIRS; dir++) {
		for (size_t i = 0; i < p->nrules[dir]; i++) {
			const struct rule *r = p->rules[dir][i];
			uint32_t id = texts_answer(p, r);

			if (id > most)
				most = id;
		}
	}
	return most + 1;
}

/* An earlier answer about the same as r. */
static const struct rule *superseded(const struct policy *p, const struct rule *r)
{
	char *match = answertext_match(r);
	const struct rule *found = NULL;

	for (size_t i = 0; match && !found && i < p->nrules[r->dir]; i++) {
		const struct rule *other = p->rules[r->dir][i];
		char *its;

		if (other == r || !texts_answer(p, other))
			continue;
		its = answertext_match(other);
		if (its && !strcmp(its, match))
			found = other;
		free(its);
	}
	free(match);
	return found;
}

/* Does the rule decide what was asked about? */
static int has_effect(struct load *l, const struct answer *n, const struct rule *r, char **message)
{
	struct judgement j = {0};
	int err = n->flow ? judge(l->image, n->flow, &j) : 0;

	if (err)
		return whole_fail(message, err, "the answer cannot be tried: %s", strerror(-err));
	if (n->flow && j.rule != r) {
		const char *file = j.rule ? l->policy->files[j.rule->loc.file].path : NULL;

		if (!j.rule)
			err = whole_fail(
				message, -EEXIST,
				"the answer does not match what was asked about, and would have no effect");
		else
			err = whole_fail(
				message, -EEXIST,
				"the answer would have no effect: rule %u %s (%s:%u)%s decides before it",
				j.rule->number, show_dir(r->dir), file, j.rule->loc.line,
				j.rule->quick ? " is `quick` and" : "");
	}
	free(j.matched);
	return err;
}

/* Compiles the policy in force with the text; errors become the message. */
static int compile(struct agent *a, const char *path, const char *text, struct load *l, char **message)
{
	struct diag d = {0};
	struct texts t;
	int err = with_answers(a, path, text, &t);

	if (err)
		return whole_fail(message, err, "out of memory");
	err = load_texts(l, &t, &a->kept_lists, &d);
	texts_free(&t);
	for (size_t i = 0; err && i < d.nlines; i++) {
		if (!d.lines[i].error)
			continue;
		whole_fail(message, err, "the policy does not take the answer: %s:%u: %s", d.lines[i].file,
			   d.lines[i].line, d.lines[i].message);
		break;
	}
	diag_free(&d);
	return err;
}

/* The policy that was in force before: what is in force must be what is written down. */
static void go_back(struct agent *a, const struct texts *before)
{
	struct timespec now;
	struct diag d = {0};
	char *said = NULL;
	struct load l;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!load_texts(&l, before, &a->kept_lists, &d)) {
		agent_take(a, &l, &now, &said);
		load_free(&l);
	}
	free(said);
	diag_free(&d);
}

/* Writes the text down and puts l, which was made with it, in force. In this order nothing that was said to
 * be kept gets lost, and nothing is kept that could not be put in force. */
static int commit(struct agent *a, const char *path, const char *text, const struct load *l, char **message)
{
	struct timespec now;
	struct texts before;
	char *fresh;
	int err = texts_copy(&a->texts, &before);

	if (err)
		return err;
	err = whole_write(path, text, strlen(text), mode_of(a->o->policy), &fresh, message);
	if (err) {
		texts_free(&before);
		return err;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	err = agent_take(a, l, &now, message);
	if (err) {
		unlink(fresh);
	} else {
		err = whole_replace(fresh, path, message);
		if (err)
			go_back(a, &before);
	}
	texts_free(&before);
	free(fresh);
	return err;
}

/* Parses only: what is asked of the result is names and numbers. */
static struct policy *parse(const struct agent *a, const char *path, const char *text, char **message)
{
	struct diag d = {0};
	struct policy *p = NULL;
	struct texts t;

	if (with_answers(a, path, text, &t)) {
		whole_fail(message, 0, "out of memory");
		return NULL;
	}
	p = texts_read(&t, &d);
	if (!p && d.nlines)
		whole_fail(message, 0, "%s:%u: %s", d.lines[0].file, d.lines[0].line, d.lines[0].message);
	texts_free(&t);
	diag_free(&d);
	return p;
}

/* `old` with the answer and without those that it replaces. */
static int compose(const struct agent *a, const char *path, const char *old, const struct answer *n,
		   char **ret, uint32_t *id, char **message)
{
	struct policy *p = parse(a, path, old, message);
	char *comment, *rule, *text;
	const struct rule *r, *other;

	if (!p)
		return -EINVAL;
	*id = next_id(p);
	policy_free(p);
	comment = answertext_comment(n, time(NULL));
	rule = answertext_rule(n, *id);
	text = comment && rule ? answertext_add(old, comment, rule) : NULL;
	free(comment);
	free(rule);
	for (;;) {
		char *without;

		p = text ? parse(a, path, text, message) : NULL;
		r = p ? find(p, *id, NULL) : NULL;
		other = r ? superseded(p, r) : NULL;
		without = other ? answertext_remove(text, other->loc.line) : NULL;
		policy_free(p);
		if (!r || (other && !without)) {
			free(text);
			return -EINVAL;
		}
		if (!other)
			break;
		free(text);
		text = without;
	}
	*ret = text;
	return 0;
}

int answers_add(struct agent *a, const struct answer *n, struct answer_done *ret, char **message)
{
	char *path = answers_path(a), *old = NULL, *text = NULL;
	const struct rule *r;
	struct answer_done done;
	struct load l;
	int err = path ? read_file(path, &old, message) : -ENOMEM;

	if (!err)
		err = compose(a, path, old, n, &text, &done.id, message);
	if (!err)
		err = text ? compile(a, path, text, &l, message) : -ENOMEM;
	if (!err && text) {
		r = find(l.policy, done.id, NULL);
		err = r ? has_effect(&l, n, r, message) : -EINVAL;
		if (!err) {
			done.rule = r->number;
			err = commit(a, path, text, &l, message);
		}
		load_free(&l);
	}
	if (!err)
		*ret = done;
	else if (!*message)
		whole_fail(message, err, "the answer cannot be kept: %s", strerror(-err));
	free(path);
	free(old);
	free(text);
	return err;
}

/* The text without the answer, if nothing else goes with it. */
static int take_out(const struct agent *a, const char *path, const char *old, uint32_t id, char **ret,
		    char **message)
{
	struct policy *p = parse(a, path, old, message), *after;
	const struct rule *r;
	size_t rules, same;
	char *text = NULL;
	int err = 0;

	if (!p)
		return -EINVAL;
	rules = p->nrules[CGW_OUT] + p->nrules[CGW_IN];
	r = find(p, id, &same);
	if (!r)
		err = whole_fail(message, -ENOENT, "there is no answer %u", id);
	else
		text = answertext_remove(old, r->loc.line);
	policy_free(p);
	if (err)
		return err;
	after = text ? parse(a, path, text, message) : NULL;
	if (!after || after->nrules[CGW_OUT] + after->nrules[CGW_IN] + 1 != rules) {
		err = whole_fail(message, -EINVAL, "answer %u was edited by hand: take it out of %s there",
				 id, path);
		free(text);
		text = NULL;
	}
	policy_free(after);
	*ret = text;
	return err;
}

int answers_forget(struct agent *a, uint32_t id, char **message)
{
	char *path = answers_path(a), *old = NULL, *text = NULL;
	struct load l;
	int err = path ? read_file(path, &old, message) : -ENOMEM;

	if (!err)
		err = take_out(a, path, old, id, &text, message);
	if (!err)
		err = text ? compile(a, path, text, &l, message) : -ENOMEM;
	if (!err && text) {
		err = commit(a, path, text, &l, message);
		load_free(&l);
	}
	if (err && !*message)
		whole_fail(message, err, "the answer cannot be taken out: %s", strerror(-err));
	free(path);
	free(old);
	free(text);
	return err;
}
