// SPDX-License-Identifier: GPL-2.0-only
/* Wants to rules. Each step sorts, so that what belongs together stands together, and joins one column:
 *
 *   (dir, app, service, end)   ends of one service      curl  https  a.example
 *   (dir, app, ends, service)  services with the        curl  https  b.example     ends: { a, b }
 *                              same ends                curl  http   a, b          services: { http, https }
 *   (dir, services, ends, app) the same rule of         wget  http, https  a, b    apps: { curl, wget }
 *                              several apps
 */
#include <stdlib.h>
#include <string.h>

#include "suggest.h"

#define PEERS_MAX 32 /* addresses of one app, whatever the service: more are written as any */

static int by_app(const struct want *x, const struct want *y)
{
	if (x->dir != y->dir)
		return x->dir < y->dir ? -1 : 1;
	return (x->app > y->app) - (x->app < y->app);
}

static int by_whom(const void *a, const void *b)
{
	const struct want *x = a, *y = b;
	int r = by_app(x, y);

	if (!r)
		r = (x->kind > y->kind) - (x->kind < y->kind);
	return r ? r : strcmp(x->whom, y->whom);
}

static int by_service(const void *a, const void *b)
{
	const struct want *x = a, *y = b;
	int r = by_app(x, y);

	return r ? r : strcmp(x->svc, y->svc);
}

/* How many from `at` on are the same by what `compare` looks at. */
static size_t run_of(const struct want *wants, size_t at, size_t n,
		     int (*compare)(const void *, const void *))
{
	size_t end = at + 1;

	while (end < n && !compare(&wants[at], &wants[end]))
		end++;
	return end - at;
}

static int by_app_alone(const void *a, const void *b)
{
	return by_app(a, b);
}

/* Each run through a function that may leave fewer. */
static size_t each_run(struct sighted *s, struct want *wants, size_t n,
		       int (*compare)(const void *, const void *),
		       size_t (*change)(struct sighted *s, struct want *wants, size_t n))
{
	size_t kept = 0;

	qsort(wants, n, sizeof(*wants), compare);
	for (size_t at = 0, run; at < n; at += run) {
		size_t left;

		run = run_of(wants, at, n, compare);
		left = change(s, wants + at, run);
		memmove(wants + kept, wants + at, left * sizeof(*wants));
		kept += left;
	}
	return kept;
}

/* Somebody who talks to strangers everywhere, each at another port. */
static size_t strangers(struct sighted *s, struct want *wants, size_t n)
{
	size_t distinct = 0;

	(void)s;
	qsort(wants, n, sizeof(*wants), by_whom);
	for (size_t i = 0; i < n; i++)
		distinct += wants[i].kind == WHOM_ADDR && (!i || by_whom(&wants[i - 1], &wants[i]));
	for (size_t i = 0; i < n && distinct > PEERS_MAX; i++) {
		if (wants[i].kind != WHOM_ADDR)
			continue;
		wants[i].kind = WHOM_ANY;
		wants[i].whom = "any";
	}
	return n;
}

/* What is written by `proto` is no service, and no service is every one. */
static int service_class(const char *svc)
{
	return !*svc ? 0 : *svc == '=' ? 2 : 1;
}

static int compare_rows(const void *a, const void *b)
{
	const struct rule_row *x = a, *y = b;
	int r = (x->dir > y->dir) - (x->dir < y->dir);

	if (!r)
		r = (x->app > y->app) - (x->app < y->app);
	if (!r)
		r = service_class(x->services) - service_class(y->services);
	if (!r)
		r = strcmp(x->ends, y->ends);
	return r ? r : strcmp(x->services, y->services);
}

static int compare_rules(const void *a, const void *b)
{
	const struct rule_row *x = a, *y = b;
	int r = (x->dir > y->dir) - (x->dir < y->dir);

	if (!r)
		r = !x->app - !y->app;
	if (!r)
		r = strcmp(x->services, y->services);
	if (!r)
		r = strcmp(x->ends, y->ends);
	return r ? r : (x->app > y->app) - (x->app < y->app);
}

/* One row for each service of each app, with all of its ends. */
static struct rule_row *join_ends(struct sighted *s, const struct want *wants, size_t n, size_t *ret)
{
	struct rule_row *rows = NULL;
	size_t nrows = 0;

	for (size_t at = 0, run; at < n; at += run) {
		const char *ends = wants[at].whom;
		struct rule_row *r;

		run = run_of(wants, at, n, by_service);
		for (size_t i = 1; i < run; i++)
			ends = suggest_text(s, "%s, %s", ends, wants[at + i].whom);
		r = ARENA_ADD(s->arena, &rows, &nrows);
		*r = (struct rule_row){.dir = wants[at].dir,
				       .app = wants[at].app,
				       .services = wants[at].svc,
				       .ends = ends,
				       .nends = run,
				       .nservices = 1};
	}
	*ret = nrows;
	return rows;
}

static size_t join_services(struct sighted *s, struct rule_row *rows, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(rows, n, sizeof(*rows), compare_rows);
	for (size_t i = 0; i < n; i++) {
		struct rule_row *last = kept ? &rows[kept - 1] : NULL;

		if (last && service_class(rows[i].services) == 1 && service_class(last->services) == 1 &&
		    last->dir == rows[i].dir && last->app == rows[i].app &&
		    !strcmp(last->ends, rows[i].ends)) {
			last->services = suggest_text(s, "%s, %s", last->services, rows[i].services);
			last->nservices++;
		} else {
			rows[kept++] = rows[i];
		}
	}
	return kept;
}

static size_t join_apps(struct sighted *s, const struct subjects *subjects, struct rule_row *rows, size_t n)
{
	size_t kept = 0;

	if (n)
		qsort(rows, n, sizeof(*rows), compare_rules);
	for (size_t i = 0; i < n; i++) {
		struct rule_row *last = kept ? &rows[kept - 1] : NULL;
		const char *name = rows[i].app ? subjects->all[rows[i].app].name : NULL;

		if (last && last->apps && name && last->dir == rows[i].dir &&
		    !strcmp(last->services, rows[i].services) && !strcmp(last->ends, rows[i].ends)) {
			last->apps = suggest_text(s, "%s, %s", last->apps, name);
			last->napps++;
		} else {
			rows[kept] = rows[i];
			rows[kept].apps = name;
			rows[kept++].napps = 1;
		}
	}
	return kept;
}

static int compare_order(const void *a, const void *b)
{
	const struct rule_row *x = a, *y = b;
	int r = (x->dir > y->dir) - (x->dir < y->dir);

	if (!r)
		r = !x->apps - !y->apps;
	if (!r && x->apps)
		r = strcmp(x->apps, y->apps);
	if (!r)
		r = strcmp(x->services, y->services);
	return r ? r : strcmp(x->ends, y->ends);
}

struct rule_row *rules_from(struct sighted *s, const struct subjects *subjects, struct want *wants, size_t n,
			    size_t *ret)
{
	struct rule_row *rows;

	n = each_run(s, wants, n, by_app_alone, strangers);
	n = each_run(s, wants, n, by_whom, service_collapse);
	n = each_run(s, wants, n, by_service, whom_collapse);
	rows = join_ends(s, wants, n, &n);
	n = join_services(s, rows, n);
	n = join_apps(s, subjects, rows, n);
	if (n)
		qsort(rows, n, sizeof(*rows), compare_order);
	*ret = n;
	return rows;
}
