// SPDX-License-Identifier: GPL-2.0-only
#include "suggest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../event/show.h"
#include "../policy/names.h"
#include "../policy/print.h"

#define LIST_MAX 4 /* ends in a rule; more get a group of their own */

const char *suggest_text(struct sighted *s, const char *format, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	text = arena_alloc(s->arena, (size_t)(n > 0 ? n : 0) + 1);
	va_start(ap, format);
	vsnprintf(text, (size_t)(n > 0 ? n : 0) + 1, format, ap);
	va_end(ap);
	return text;
}

const char *suggest_quoted(struct sighted *s, const char *text, bool glob)
{
	char *quoted = arena_alloc(s->arena, 4 * strlen(text) + 3), *at = quoted;

	*at++ = '"';
	for (; *text; text++) {
		if (glob && strchr("*?[\\", *text)) {
			*at++ = '\\';
			*at++ = '\\';
		}
		if (*text == '"' || *text == '\\')
			*at++ = '\\';
		*at++ = *text;
	}
	*at = '"';
	return quoted;
}

static void print_apps(const struct subjects *subjects, FILE *out)
{
	for (size_t i = 1; i < subjects->n; i++) {
		const struct subject *a = &subjects->all[i];

		fprintf(out, "app %s = %s # %llu flow%s\n", a->name, a->expr, (unsigned long long)a->flows,
			a->flows == 1 ? "" : "s");
	}
	if (subjects->n > 1)
		fputc('\n', out);
}

static void print_list(const char *word, const char *list, size_t n, FILE *out)
{
	fprintf(out, n > 1 ? " %s { %s }" : " %s %s", word, list);
}

/* The group that stands for a list of ends; made where it is the first time. */
static const char *group_of(struct sighted *s, struct intern *groups, const struct rule_row *r, FILE *out)
{
	uint32_t before = groups->n, number = intern_add(groups, r->ends, strlen(r->ends) + 1);
	const char *name = suggest_text(s, "peers-%u", number + 1);

	if (number != before)
		return name;
	fprintf(out, "group %s = {\n", name);
	for (const char *at = r->ends; *at;) {
		size_t n = strcspn(at, ",");

		fprintf(out, "\t%.*s\n", (int)n, at);
		at += n + (at[n] ? 2 : 0);
	}
	fputs("}\n", out);
	return name;
}

static void print_rule(const struct rule_row *r, const char *group, FILE *out)
{
	bool any = !strcmp(r->ends, "any");

	fprintf(out, "pass %-3s", show_dir(r->dir));
	if (r->apps)
		print_list("app", r->apps, r->napps, out);
	if (!any && group)
		fprintf(out, " %s %s", r->dir == CGW_OUT ? "to" : "from", group);
	else if (!any)
		print_list(r->dir == CGW_OUT ? "to" : "from", r->ends, r->nends, out);
	if (*r->services == '=')
		print_list("proto", r->services + 1, r->nservices, out);
	else if (*r->services)
		print_list("service", r->services, r->nservices, out);
	fputc('\n', out);
}

/* Which directions were seen at all. */
static void print_defaults(const struct sighted *s, const struct suggest_options *o, FILE *out)
{
	bool has[CGW_DIRS] = {false, o->closed_in};

	if (o->settings && o->settings->resolvers_given) {
		fputs("set resolvers ", out);
		print_setting(o->settings, SET_RESOLVERS, out);
		fputs("\n", out);
	}
	for (size_t i = 0; i < s->n; i++)
		has[s->flows[i].dir] = true;
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		if (has[dir])
			fprintf(out, "default %-3s block log\n", show_dir((unsigned)dir));
		else
			fprintf(out, "# nothing was seen to %s: with `default %s block log` nothing may\n",
				dir == CGW_OUT ? "go out" : "come in", show_dir((unsigned)dir));
	}
	fputc('\n', out);
}

static size_t print_policy(struct sighted *s, const struct suggest_options *o, FILE *out, size_t *napps)
{
	struct want *wants = NULL;
	struct subjects subjects = {0};
	struct intern groups;
	struct rule_row *rules;
	size_t n = 0, nrules;

	for (size_t i = 0; i < s->n; i++) {
		const struct flow *f = &s->flows[i];
		struct want *w;
		uint32_t app = subject_of(s, &subjects, f, o->by);

		w = ARENA_ADD(s->arena, &wants, &n);
		w->dir = f->dir;
		w->app = app;
		w->svc = service_of(s, f);
		whom_of(s, f, o, w);
	}
	if (!wants)
		return 0;
	rules = rules_from(s, &subjects, wants, n, &nrules);
	print_defaults(s, o, out);
	print_apps(&subjects, out);
	intern_init(&groups, s->arena);
	for (size_t i = 0; i < nrules; i++)
		if (rules[i].nends > LIST_MAX)
			rules[i].group = group_of(s, &groups, &rules[i], out);
	if (groups.n)
		fputc('\n', out);
	for (size_t i = 0; i < nrules; i++) {
		if (i && rules[i].dir != rules[i - 1].dir)
			fputc('\n', out);
		print_rule(&rules[i], rules[i].group, out);
	}
	*napps = subjects.n ? subjects.n - 1 : 0;
	return nrules;
}

int suggest_make(struct sighted *s, const struct suggest_options *o, struct suggestion *ret)
{
	struct suggestion made = {0};
	jmp_buf failure;
	size_t len;
	FILE *out = open_memstream(&made.text, &len);
	int err;

	if (!out)
		return -ENOMEM;
	if (setjmp(failure)) {
		arena_on_failure(s->arena, NULL);
		fclose(out);
		free(made.text);
		return -ENOMEM;
	}
	arena_on_failure(s->arena, &failure);
	made.rules = print_policy(s, o, out, &made.apps);
	arena_on_failure(s->arena, NULL);
	err = fclose(out) ? -ENOMEM : suggest_prove(s, o, &made);
	if (err && err != -EINVAL) {
		free(made.text);
		return err;
	}
	*ret = made;
	return err;
}
