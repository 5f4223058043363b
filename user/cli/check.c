// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/load.h"
#include "../event/json.h"
#include "cmd.h"

struct counts {
	size_t out, in, apps, groups, services, conditions, expects;
	size_t lists;
	uint64_t addresses, names; /* in them */
};

static int print_policy(const struct load *l, FILE *out)
{
	return policy_print(l->policy, out);
}

static int print_ast(const struct load *l, FILE *out)
{
	return policy_print_ast(l->policy, out);
}

static int print_rules(const struct load *l, FILE *out)
{
	return image_print_rules(l->image, out);
}

static int print_order(const struct load *l, FILE *out)
{
	return image_print_order(l->image, out);
}

static int print_classes(const struct load *l, FILE *out)
{
	return image_print_classes(l->image, out);
}

static int print_image(const struct load *l, FILE *out)
{
	return image_print_image(l->image, out);
}

static const struct stage {
	const char *name;
	int (*print)(const struct load *l, FILE *out);
} stages[] = {
	{"ast", print_ast},	    {"rules", print_rules}, {"order", print_order},
	{"classes", print_classes}, {"image", print_image}, {"policy", print_policy},
};
#define STAGES (sizeof(stages) / sizeof(stages[0]))

static const struct stage *find_stage(const char *name)
{
	for (size_t i = 0; i < STAGES; i++)
		if (!strcmp(stages[i].name, name))
			return &stages[i];
	return NULL;
}

/* Paths of list files, each once. */
struct paths {
	const char **path;
	size_t n, size;
};

static void add_lists(struct paths *s, const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		if (items[i].kind != ITEM_FILE)
			continue;
		while (k < s->n && strcmp(s->path[k], items[i].text))
			k++;
		if (k < s->n)
			continue;
		if (s->n == s->size) {
			const char **path = realloc(s->path, (s->size + 16) * sizeof(*path));

			if (!path)
				return;
			s->path = path;
			s->size += 16;
		}
		s->path[s->n++] = items[i].text;
	}
}

static struct counts count(const struct load *l)
{
	const struct policy *p = l->policy;
	const struct image_lists *lists = l->image->lists;
	struct counts c = {.out = p->nrules[CGW_OUT], .in = p->nrules[CGW_IN], .expects = p->nexpects};
	struct paths s = {0};

	for (size_t i = 0; i < p->nstmts; i++) {
		const struct stmt *st = &p->stmts[i];

		c.apps += st->kind == STMT_APP;
		c.groups += st->kind == STMT_GROUP;
		c.services += st->kind == STMT_SERVICE;
		c.conditions += st->kind == STMT_CONDITION;
		if (st->kind == STMT_GROUP)
			add_lists(&s, st->group->items, st->group->nitems);
		if (st->kind == STMT_RULE) {
			add_lists(&s, st->rule->to.items, st->rule->to.nitems);
			add_lists(&s, st->rule->from.items, st->rule->from.nitems);
		}
	}
	c.lists = s.n;
	free(s.path);
	if (lists)
		c.addresses = lists->n4 + lists->n6 + lists->nprefixes;
	c.names = l->image->nlisted;
	return c;
}

/* 840000 as 840,000. */
static const char *grouped(uint64_t n, char buf[32])
{
	char plain[24], *at = buf;
	int len = snprintf(plain, sizeof(plain), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			*at++ = ',';
		*at++ = plain[i];
	}
	*at = '\0';
	return buf;
}

static void print_count(const char *before, size_t n, const char *what)
{
	if (n)
		printf("%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

static void print_summary(const char *file, const struct counts *c, double ms)
{
	char buf[32];

	printf("%s: %zu rule%s out, %zu in", file, c->out, c->out == 1 ? "" : "s", c->in);
	print_count(", ", c->apps, "app");
	print_count(", ", c->groups, "group");
	print_count(", ", c->services, "service");
	print_count(", ", c->conditions, "condition");
	print_count(", ", c->lists, "list");
	if (c->lists && (c->addresses || !c->names))
		printf(" with %s address%s", grouped(c->addresses, buf), c->addresses == 1 ? "" : "es");
	if (c->lists && c->names)
		printf(" %s %s name%s", c->addresses ? "and" : "with", grouped(c->names, buf),
		       c->names == 1 ? "" : "s");
	print_count(", ", c->expects, "expectation");
	printf("; %.0f ms\n", ms);
}

static void print_json(const char *file, const struct counts *c, double ms, const struct diag *d, bool good)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array(),
			   *rules = json_object_new_object();

	for (size_t i = 0; i < d->nlines; i++) {
		struct json_object *line = json_object_new_object();

		json_put_text(line, "file", d->lines[i].file);
		json_put_int(line, "line", d->lines[i].line);
		json_put_int(line, "col", d->lines[i].col);
		json_put_text(line, "severity", d->lines[i].error ? "error" : "warning");
		json_put_text(line, "message", d->lines[i].message);
		json_object_array_add(list, line);
	}
	json_put_text(o, "file", file);
	json_put_bool(o, "ok", good);
	json_put_int(o, "errors", (int64_t)d->errors);
	json_put_int(o, "warnings", (int64_t)d->warnings);
	if (good) {
		json_put_int(rules, "out", (int64_t)c->out);
		json_put_int(rules, "in", (int64_t)c->in);
		json_put(o, "rules", rules);
		json_put_int(o, "apps", (int64_t)c->apps);
		json_put_int(o, "groups", (int64_t)c->groups);
		json_put_int(o, "services", (int64_t)c->services);
		json_put_int(o, "conditions", (int64_t)c->conditions);
		json_put_int(o, "expectations", (int64_t)c->expects);
		json_put_int(o, "lists", (int64_t)c->lists);
		json_put_int(o, "addresses", (int64_t)c->addresses);
		json_put_int(o, "names", (int64_t)c->names);
		json_put(o, "ms", json_object_new_double(ms));
	} else {
		json_object_put(rules);
	}
	json_put(o, "diagnostics", list);
	json_print(o, stdout);
	json_object_put(o);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int check(const struct cmd_args *a)
{
	struct diag d = {.out = stderr, .color = cmd_color(stderr)};
	const char *print = cmd_value(a, "print");
	const struct stage *stage = print ? find_stage(print) : NULL;
	bool json = cmd_value(a, "json"), good;
	double start = now_ms(), ms;
	struct counts c = {0};
	struct load l;
	int status;

	if (a->argc != 1)
		return cmd_usage_error(a->cmd, a->argc ? "one policy file is checked at a time"
						       : "which policy file?");
	if (print && !stage) {
		const char *names[STAGES], *close;

		for (size_t i = 0; i < STAGES; i++)
			names[i] = stages[i].name;
		close = diag_closest(print, names, STAGES);
		return cmd_usage_error(a->cmd, "there is no stage '%s'%s%s%s", print,
				       close ? "; did you mean '" : "", close ? close : "",
				       close ? "'?" : "");
	}
	good = !load_compile(&l, a->argv[0], false, &d);
	if (good) {
		ms = now_ms() - start;
		/* Asked for on its own, a stage is printed also where an expectation fails: it helps to see
		 * why. */
		good = !judge_expects(l.image, &d);
		image_warn(l.image, &d);
		c = count(&l);
	} else {
		ms = 0;
	}
	status = good ? CMD_OK : CMD_FAILED;
	if (l.image && stage) {
		if (stage->print(&l, stdout) || fflush(stdout)) {
			fprintf(stderr, "cgwall: cannot write to standard output\n");
			status = CMD_FAILED;
		}
	} else if (json) {
		print_json(a->argv[0], &c, ms, &d, good);
	} else if (good) {
		print_summary(a->argv[0], &c, ms);
	}
	load_free(&l);
	diag_free(&d);
	return status;
}

static const struct cmd_flag flags[] = {
	CMD_JSON,
	{"print", "STAGE", "print a stage of compiling: ast, rules, order, classes, image, policy"},
	{NULL, NULL, NULL},
};

const struct cmd cmd_check = {
	.name = "check",
	.usage = "FILE",
	.brief = "reads and compiles a policy, and says what is wrong with it",
	.help = "Reads and compiles the policy FILE with everything it includes, holds its expectations "
		"against it, and\n"
		"prints one line about it. Errors and warnings go to standard error. Nothing is put in "
		"force.\n"
		"Exit code: 0 good, 1 errors.",
	.flags = flags,
	.run = check,
};
