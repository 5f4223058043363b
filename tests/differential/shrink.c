// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "differential.h"
#include "gen.h"

static bool disagree(const char *dir, const char *policy, const char *query)
{
	struct subject s;
	int r;

	if (subject_open(&s, dir, policy, NULL))
		return false;
	r = subject_ask(&s, query, NULL);
	subject_close(&s);
	return r == 1;
}

/* text without the n pieces from `at` on, where `end` ends a piece. NULL: there is none. */
static char *without(const char *text, char end, size_t at, size_t n)
{
	const char *from = text, *to;
	char *copy;

	for (; at && *from; at--) {
		from = strchr(from, end);
		if (!from)
			return NULL;
		from++;
	}
	if (!*from)
		return NULL;
	for (to = from; n && *to; n--) {
		const char *next = strchr(to, end);

		to = next ? next + 1 : to + strlen(to);
	}
	copy = strdup(text);
	strcpy(copy + (from - text), to);
	return copy;
}

/* Drops pieces, many at once first. */
static char *reduce(char *text, char end, const char *dir, const char *policy, const char *query)
{
	for (size_t n = 1024; n; n /= 4) {
		for (size_t at = 0;;) {
			char *less = without(text, end, at, n);

			if (!less)
				break;
			if (disagree(dir, policy ? policy : less, query ? query : less)) {
				free(text);
				text = less;
			} else {
				free(less);
				at++;
			}
		}
	}
	return text;
}

static void copy_list(const char *found, const char *name, const char *dir, int i)
{
	char *from, *to, buf[4096];
	FILE *in, *out;
	size_t n;

	if (asprintf(&from, "%s/list%d.txt", dir, i) < 0 ||
	    asprintf(&to, "%s/%s-list%d.txt", found, name, i) < 0)
		abort();
	in = fopen(from, "r");
	out = in ? fopen(to, "w") : NULL;
	while (out && (n = fread(buf, 1, sizeof(buf), in)))
		fwrite(buf, 1, n, out);
	if (out)
		fclose(out);
	if (in)
		fclose(in);
	free(from);
	free(to);
}

/* The policy, its list files renamed to those that stand beside it. */
static void write_policy(FILE *out, const char *name, const char *policy)
{
	const char *at;

	while ((at = strstr(policy, "\"list"))) {
		fprintf(out, "%.*s\"%s-list", (int)(at - policy), policy, name);
		policy = at + 5;
	}
	fputs(policy, out);
}

void shrink(const char *found, const char *name, const char *dir, const char *policy, const char *query)
{
	char *text = reduce(strdup(policy), '\n', dir, NULL, query), *path;
	char *words = reduce(strdup(query), ' ', dir, text, NULL);
	FILE *out;

	text = reduce(text, '\n', dir, NULL, words);
	mkdir(found, 0755);
	if (asprintf(&path, "%s/%s.conf", found, name) < 0)
		abort();
	out = fopen(path, "w");
	if (out) {
		fprintf(out, "# query: %s\n", words);
		write_policy(out, name, text);
		fclose(out);
	}
	for (int i = 0; i < GEN_LISTS; i++) {
		char part[32];

		snprintf(part, sizeof(part), "\"list%d.txt\"", i);
		if (strstr(text, part))
			copy_list(found, name, dir, i);
	}
	printf("shrunk to %s:\n# query: %s\n%s", path, words, text);
	free(path);
	free(text);
	free(words);
}
