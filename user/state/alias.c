// SPDX-License-Identifier: GPL-2.0-only
#include "alias.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../policy/policy.h"

struct aliases {
	char *(*pair)[2];
	size_t n, size;
	const char **globs; /* all that the policy has, before they are looked at; borrowed */
	size_t nglobs, globs_size;
};

static bool is_special(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* Takes the quoting out of the first n bytes of a pattern. */
static char *unquote(const char *glob, size_t n)
{
	char *out = malloc(n + 1), *at = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (glob[i] == '\\' && i + 1 < n)
			i++;
		*at++ = glob[i];
	}
	*at = '\0';
	return out;
}

/* `path` quoted, so that it matches itself only, and `rest` behind it. */
static char *quote(const char *path, const char *rest)
{
	char *out = malloc(2 * strlen(path) + strlen(rest) + 1), *at = out;

	if (!out)
		return NULL;
	for (; *path; path++) {
		if (is_special(*path))
			*at++ = '\\';
		*at++ = *path;
	}
	strcpy(at, rest);
	return out;
}

/* Bytes of the leading part that holds no pattern: all of it, or up to the slash before the first one. */
static size_t literal_part(const char *glob)
{
	size_t slash = 0;

	for (size_t i = 0; glob[i]; i++) {
		if (glob[i] == '/')
			slash = i;
		if (glob[i] == '\\' && glob[i + 1])
			i++;
		else if (is_special(glob[i]))
			return slash;
	}
	return strlen(glob);
}

char *alias_of(const char *glob)
{
	size_t n = literal_part(glob);
	char *path, *found = NULL, *real, *plain;

	if (glob[0] != '/' || !n)
		return NULL;
	path = unquote(glob, n);
	real = path ? realpath(path, NULL) : NULL;
	if (real && strcmp(real, path))
		found = quote(strcmp(real, "/") ? real : "", glob + n);
	free(real);
	/* A program that is not there yet may still stand in a directory that is. */
	if (path && !real && !glob[n] && strrchr(path, '/') != path) {
		plain = strrchr(path, '/');
		*plain = '\0';
		real = realpath(path, NULL);
		if (real && strcmp(real, path))
			found = quote(strcmp(real, "/") ? real : "", strrchr(glob, '/'));
		free(real);
	}
	free(path);
	return found;
}

static int add(struct aliases *a, const char *glob)
{
	char *real = alias_of(glob);

	if (!real)
		return 0;
	if (a->n == a->size) {
		size_t size = a->size ? 2 * a->size : 16;
		char *(*pair)[2] = realloc(a->pair, size * sizeof(*pair));

		if (!pair) {
			free(real);
			return -ENOMEM;
		}
		a->pair = pair;
		a->size = size;
	}
	a->pair[a->n][0] = strdup(glob);
	a->pair[a->n][1] = real;
	if (!a->pair[a->n][0]) {
		free(real);
		return -ENOMEM;
	}
	a->n++;
	return 0;
}

static int collect(struct aliases *a, const char *glob)
{
	if (a->nglobs == a->globs_size) {
		size_t size = a->globs_size ? 2 * a->globs_size : 64;
		const char **more = realloc(a->globs, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		a->globs = more;
		a->globs_size = size;
	}
	a->globs[a->nglobs++] = glob;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Apps are visited where they are defined, not where they are used. */
static int walk(struct aliases *a, const struct expr *e)
{
	int err = 0;

	if (!e)
		return 0;
	if (e->op == EXPR_SELECTOR && e->sel == SEL_EXE && e->text)
		return collect(a, e->text);
	for (size_t i = 0; !err && i < e->nkids; i++)
		err = walk(a, e->kids[i]);
	return err;
}

int alias_all(const struct policy *p, char *(**ret)[2], size_t *n)
{
	struct aliases a = {0};
	int err = 0;

	for (size_t i = 0; !err && i < p->nstmts; i++) {
		const struct stmt *s = &p->stmts[i];

		if (s->kind == STMT_APP)
			err = walk(&a, s->app->expr);
		else if (s->kind == STMT_RULE)
			err = walk(&a, s->rule->who);
	}
	/* many rules name the same program: the file system is asked once for each */
	if (a.nglobs)
		qsort(a.globs, a.nglobs, sizeof(*a.globs), compare);
	for (size_t i = 0; !err && i < a.nglobs; i++)
		if (!i || strcmp(a.globs[i], a.globs[i - 1]))
			err = add(&a, a.globs[i]);
	free(a.globs);
	if (err) {
		alias_free(a.pair, a.n);
		return err;
	}
	*ret = a.pair;
	*n = a.n;
	return 0;
}

void alias_free(char *(*aliases)[2], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(aliases[i][0]);
		free(aliases[i][1]);
	}
	free(aliases);
}
