// SPDX-License-Identifier: GPL-2.0-only
/* What is put in force where the policy cannot be: the last good one, or the minimal program that closes
 * everything; and the keeping of the last good one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../kernel/closed.h"
#include "../policy/lex.h"
#include "../policy/source.h"
#include "failure.h"
#include "inside.h"
#include "keep.h"
#include "load.h"
#include "output.h"
#include "whole.h"

/* ---- keeping ---- */

void fallback_keep(struct agent *a, const struct load *l)
{
	char *message = NULL;
	int err;

	free(a->not_kept);
	a->not_kept = NULL;
	if (!a->o->state_dir)
		return;
	err = a->last_good ? keep_save_again(a->o->state_dir, &a->texts, &a->kept_lists, &message)
			   : keep_save(a->o->state_dir, &a->texts, l->image, &message);
	if (!err)
		return;
	a->not_kept = message ? message : strdup(strerror(-err));
	output_line(STDERR_FILENO, "cgwall: this policy is not kept for the next start: %s",
		    a->not_kept ? a->not_kept : "out of memory");
}

/* ---- the last good one ---- */

static int load_last(struct agent *a, char **message)
{
	struct diag d = {0};
	struct timespec now;
	struct texts t;
	struct load l;
	int err = keep_load(a->o->state_dir, &t, &a->kept_lists, message);

	if (err)
		return err;
	clock_gettime(CLOCK_REALTIME, &now);
	err = load_texts(&l, &t, &a->kept_lists, &d);
	for (size_t i = 0; err && i < d.nlines; i++) {
		if (!d.lines[i].error)
			continue;
		whole_fail(message, err, "the last good policy, of %s: %s:%u: %s", a->o->state_dir,
			   d.lines[i].file, d.lines[i].line, d.lines[i].message);
		break;
	}
	if (!err) {
		a->on_failure_pass = l.policy->settings.on_failure_pass;
		err = agent_take(a, &l, &now, message);
		load_free(&l);
	}
	diag_free(&d);
	texts_free(&t);
	return err;
}

int fallback_last(struct agent *a)
{
	char *message = NULL, *why = NULL;
	int err;

	if (!a->o->last_good || !a->o->state_dir)
		return -ENOENT;
	if (asprintf(&why, "%s cannot be put in force", a->o->policy) < 0)
		return -ENOMEM;
	a->last_good = why;
	err = load_last(a, &message);
	if (err) {
		output_line(STDERR_FILENO, "cgwall: %s", message ? message : strerror(-err));
		free(a->last_good);
		a->last_good = NULL;
		keep_lists_free(&a->kept_lists);
	} else {
		output_line(STDERR_FILENO,
			    "cgwall: %s: the last good policy, kept in %s, is in force instead; repair it, "
			    "then `cgwall reload`",
			    why, a->o->state_dir);
	}
	free(message);
	return err;
}

/* ---- nothing can be put in force ---- */

/* Does the policy's own file say `set on-failure pass`? What else is wrong with it does not matter. */
static bool says_pass(const char *path)
{
	static const char *const words[] = {"set", "on-failure", "pass"};
	char *text = NULL, *message = NULL;
	size_t len, at = 0;
	struct lexer lx;
	struct token t;
	bool says = false;

	if (!whole_read(path, POLICY_FILE_MAX, &text, &len, &message) && source_check(text, len) < 0) {
		lex_start(&lx, 0, text, len);
		do {
			lex_next(&lx, &t);
			if (at == 3 && (t.kind == TOK_NEWLINE || t.kind == TOK_END))
				says = true;
			else if (at < 3 && t.kind == TOK_WORD && (at || t.first) &&
				 t.len == strlen(words[at]) && !memcmp(t.s, words[at], t.len))
				at++;
			else
				at = 0;
			if (t.kind == TOK_NEWLINE)
				at = 0;
		} while (t.kind != TOK_END);
	}
	free(text);
	free(message);
	return says;
}

bool fallback_close(struct agent *a, const char *reason)
{
	struct kernel_options o = {.run_dir = a->o->run_dir,
				   .cgroup = a->o->cgroup,
				   .attach = a->o->attach,
				   .verbose = a->o->verbose};
	struct kernel_peek peek = {0};
	char *message = NULL;
	int err;

	if (!a->refused && !a->o->last_good)
		return false; /* nobody asked for more than this policy */
	kernel_peek(a->o->run_dir, &peek);
	if (peek.enforcing || peek.other)
		return false;
	if (!a->compiled && !a->last_good)
		a->on_failure_pass = says_pass(a->o->policy);
	if (a->on_failure_pass) {
		output_line(STDERR_FILENO,
			    "cgwall: EVERYTHING PASSES: no policy is in force (set on-failure pass)");
		failure_note(a->o->run_dir, false, reason);
		return false;
	}
	err = closed_put(&o, &message);
	if (err) {
		output_line(STDERR_FILENO, "cgwall: nor can everything be blocked: %s",
			    message ? message : strerror(-err));
		failure_note(a->o->run_dir, false, reason);
	} else {
		output_line(
			STDERR_FILENO,
			"cgwall: EVERYTHING BUT LOOPBACK IS BLOCKED until a policy can be put in force (set "
			"on-failure block); `cgwall detach` ends that");
		failure_note(a->o->run_dir, true, reason);
	}
	free(message);
	return !err;
}
