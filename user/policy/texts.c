// SPDX-License-Identifier: GPL-2.0-only
#include "texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "value.h"

#define SUFFIX ".conf"
#define ANSWERS ".answers.conf"

static char *copy_text(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

int texts_add(struct texts *t, const char *path, const char *text, size_t len, struct loc included)
{
	struct source f = {
		.path = strdup(path), .text = copy_text(text, len), .len = len, .included = included};
	struct source *files = realloc(t->files, (t->n + 1) * sizeof(*files));

	if (files)
		t->files = files;
	if (!files || !f.path || !f.text) {
		free(f.path);
		free(f.text);
		return -ENOMEM;
	}
	t->files[t->n++] = f;
	return 0;
}

static int copy_files(const struct source *files, size_t n, struct texts *ret)
{
	struct texts t = {0};

	for (size_t i = 0; i < n; i++) {
		if (texts_add(&t, files[i].path, files[i].text, files[i].len, files[i].included)) {
			texts_free(&t);
			return -ENOMEM;
		}
	}
	*ret = t;
	return 0;
}

int texts_keep(const struct policy *p, struct texts *ret)
{
	return copy_files(p->files, p->nfiles, ret);
}

int texts_copy(const struct texts *t, struct texts *ret)
{
	return copy_files(t->files, t->n, ret);
}

void texts_free(struct texts *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->files[i].path);
		free(t->files[i].text);
	}
	free(t->files);
	memset(t, 0, sizeof(*t));
}

char *texts_answers_path(const char *policy)
{
	size_t n = strlen(policy), cut = strlen(SUFFIX);
	char *path;

	if (n > cut && policy[n - cut - 1] != '/' && !strcmp(policy + n - cut, SUFFIX))
		n -= cut;
	path = malloc(n + sizeof(ANSWERS));
	if (!path)
		return NULL;
	memcpy(path, policy, n);
	memcpy(path + n, ANSWERS, sizeof(ANSWERS));
	return path;
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (!strcmp(a, b))
		return true;
	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool texts_are_answers(const struct policy *p, uint32_t file)
{
	char *path;
	bool are;

	if (!file)
		return false;
	if (!p->files[file].included.line)
		return true; /* nothing else comes without being asked for */
	path = texts_answers_path(p->files[0].path);
	are = path && same_file(path, p->files[file].path);
	free(path);
	return are;
}

uint32_t texts_answer(const struct policy *p, const struct rule *r)
{
	size_t n = strlen(TEXTS_LABEL);
	uint64_t id;

	if (!r->label || strncmp(r->label, TEXTS_LABEL, n) ||
	    !value_number(r->label + n, strlen(r->label + n), UINT32_MAX, &id) ||
	    !texts_are_answers(p, r->loc.file))
		return 0;
	return (uint32_t)id;
}

int texts_put_answers(struct texts *t, const char *path, const char *text, size_t len)
{
	for (size_t i = 1; i < t->n; i++) {
		char *copy;

		if (!same_file(t->files[i].path, path))
			continue;
		copy = copy_text(text, len);
		if (!copy)
			return -ENOMEM;
		free(t->files[i].text);
		t->files[i].text = copy;
		t->files[i].len = len;
		return 0;
	}
	return texts_add(t, path, text, len, (struct loc){0});
}
