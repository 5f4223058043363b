// SPDX-License-Identifier: GPL-2.0-only
/* Reading what keep.c wrote. It was written by us, but maybe not to its end. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "keepfile.h"
#include "whole.h"

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
uint64_t keep_hash(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	while (n--)
		h = (h ^ (unsigned char)*s++) * 0x100000001b3;
	return h;
}

struct reader {
	const char *at, *end;
};

/* A number and the character behind it. */
static bool take_number(struct reader *r, uint64_t max, char behind, uint64_t *ret)
{
	uint64_t n = 0;

	if (r->at == r->end || *r->at < '0' || *r->at > '9')
		return false;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
		n = n * 10 + (uint64_t)(*r->at - '0');
		if (n > max)
			return false;
	}
	if (r->at == r->end || *r->at++ != behind)
		return false;
	*ret = n;
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n))
		return false;
	r->at += n;
	return true;
}

/* n bytes and a newline; *ret points into the text. */
static bool take_bytes(struct reader *r, size_t n, const char **ret)
{
	if ((size_t)(r->end - r->at) <= n || r->at[n] != '\n')
		return false;
	*ret = r->at;
	r->at += n + 1;
	return true;
}

static int take_file(struct reader *r, struct texts *t)
{
	uint64_t npath, n, file, line, col;
	const char *path, *text;
	char *copy;
	int err;

	if (!take_number(r, PATH_MAX, ' ', &npath) || !take_number(r, POLICY_TEXT_MAX, ' ', &n) ||
	    !take_number(r, POLICY_FILES_MAX, ' ', &file) || !take_number(r, UINT32_MAX, ' ', &line) ||
	    !take_number(r, UINT32_MAX, '\n', &col) || !take_bytes(r, npath, &path) ||
	    !take_bytes(r, n, &text))
		return -EBADMSG;
	copy = strndup(path, npath);
	err = copy ? texts_add(t, copy, text, n,
			       (struct loc){
				       .file = (uint32_t)file, .line = (uint32_t)line, .col = (uint32_t)col})
		   : -ENOMEM;
	free(copy);
	return err;
}

static int take_list(struct reader *r, const char *dir, struct keep_lists *lists)
{
	const char *path, *name = NULL, *newline;
	char *(*pairs)[2];
	uint64_t npath;
	size_t nname;

	if (!take_number(r, PATH_MAX, ' ', &npath))
		return -EBADMSG;
	name = r->at;
	newline = memchr(name, '\n', (size_t)(r->end - name));
	nname = newline ? (size_t)(newline - name) : 0;
	if (!nname || nname >= KEEP_COPY_MAX || memchr(name, '/', nname) || !take_bytes(r, nname, &name) ||
	    !take_bytes(r, npath, &path))
		return -EBADMSG;
	pairs = realloc(lists->pairs, (lists->n + 1) * sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	lists->pairs = pairs;
	pairs[lists->n][0] = strndup(path, npath);
	if (asprintf(&pairs[lists->n][1], "%s/" KEEP_LISTS "/%.*s", dir, (int)nname, name) < 0)
		pairs[lists->n][1] = NULL;
	lists->n++;
	return pairs[lists->n - 1][0] && pairs[lists->n - 1][1] ? 0 : -ENOMEM;
}

static int parse(const char *text, size_t len, const char *dir, struct texts *t, struct keep_lists *lists)
{
	struct reader r = {.at = text, .end = text + len};
	char sum[32];
	int err = 0;

	if (!take_word(&r, KEEP_MAGIC))
		return -EBADMSG;
	while (!err) {
		const char *line = r.at;

		if (take_word(&r, "file ")) {
			err = take_file(&r, t);
		} else if (take_word(&r, "list ")) {
			err = take_list(&r, dir, lists);
		} else {
			snprintf(sum, sizeof(sum), "end %016" PRIx64 "\n",
				 keep_hash(text, (size_t)(line - text)));
			return take_word(&r, sum) && r.at == r.end && t->n ? 0 : -EBADMSG;
		}
	}
	return err;
}

int keep_load(const char *dir, struct texts *t, struct keep_lists *lists, char **message)
{
	struct keep_lists l = {0};
	struct texts kept = {0};
	char path[PATH_MAX], *text = NULL;
	size_t len = 0;
	int err = snprintf(path, sizeof(path), "%s/" KEEP_FILE, dir) < (int)sizeof(path) ? 0 : -ENAMETOOLONG;

	if (!err)
		err = whole_read(path, KEEP_MAX, &text, &len, message);
	if (!err)
		err = parse(text, len, dir, &kept, &l);
	free(text);
	if (err) {
		texts_free(&kept);
		keep_lists_free(&l);
		if (err == -ENOENT)
			whole_fail(message, err, "there is no last good policy in %s", dir);
		else if (err == -EBADMSG)
			whole_fail(message, err, "the last good policy, %s, is damaged", path);
		else if (!*message)
			whole_fail(message, err, "%s: %s", path, strerror(-err));
		return err;
	}
	*t = kept;
	*lists = l;
	return 0;
}

void keep_lists_free(struct keep_lists *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->pairs[i][0]);
		free(l->pairs[i][1]);
	}
	free(l->pairs);
	memset(l, 0, sizeof(*l));
}

const char *keep_list_file(void *arg, const char *path)
{
	const struct keep_lists *l = arg;

	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->pairs[i][0], path))
			return l->pairs[i][1];
	return path;
}
