// SPDX-License-Identifier: GPL-2.0-only
/* From files to a policy: reads a file, parses and checks it statement by statement, and reads what it
 * includes where the include stands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "diag.h"
#include "source.h"
#include "texts.h"

/* A file that is being read, and those that led to it. */
struct reading {
	const struct reading *outer;
	uint32_t file;
	struct source_id id;
	unsigned depth;
};

/* "a -> b -> a", from where `id` was met first. The arena's. */
static const char *chain(struct context *ctx, const struct reading *r, const struct source_id *id,
			 const char *last)
{
	const char *path = ctx->policy->files[r->file].path, *before = "";
	bool here = r->id.dev == id->dev && r->id.ino == id->ino;
	size_t n;
	char *text;

	if (!here && r->outer)
		before = chain(ctx, r->outer, id, path);
	else
		before = path;
	n = strlen(before) + strlen(last) + 5;
	text = arena_alloc(ctx->arena, n);
	snprintf(text, n, "%s -> %s", before, last);
	return text;
}

static const struct reading *find_cycle(const struct reading *r, const struct source_id *id)
{
	for (; r; r = r->outer)
		if (r->id.dev == id->dev && r->id.ino == id->ino)
			return r;
	return NULL;
}

static struct source *add_file(struct context *ctx, const char *path, char *text, size_t len,
			       struct loc included, const struct source_id *id)
{
	struct source *f = ARENA_ADD(ctx->arena, &ctx->policy->files, &ctx->policy->nfiles);

	*ARENA_ADD(ctx->arena, &ctx->ids, &ctx->nids) = *id;

	/* a byte order mark says nothing in UTF-8 */
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	f->path = arena_strn(ctx->arena, path, strlen(path));
	f->text = text;
	f->len = len;
	f->included = included;
	return f;
}

/* Reports where the text is none. */
static bool check_text(struct context *ctx, uint32_t file)
{
	const struct source *f = &ctx->policy->files[file];
	ssize_t at = source_check(f->text, f->len);
	struct loc loc = {.file = file, .line = 1};
	const char *line = f->text;

	if (at < 0)
		return true;
	for (const char *s = line; (s = memchr(s, '\n', (size_t)(f->text + at - s))); line = ++s)
		loc.line++;
	loc.col = (uint32_t)(f->text + at - line) + 1;
	if (f->len >= 2 && (!memcmp(f->text, "\xff\xfe", 2) || !memcmp(f->text, "\xfe\xff", 2)))
		diag_error(ctx->diag, ctx->policy, loc, "this is UTF-16; a policy is written in UTF-8");
	else if (!f->text[at])
		diag_error(ctx->diag, ctx->policy, loc, "a NUL byte; a policy is text");
	else
		diag_error(ctx->diag, ctx->policy, loc, "this is not valid UTF-8");
	return false;
}

static void read_statements(struct context *ctx, const struct reading *r);

static void include_file(struct context *ctx, const struct reading *outer, const char *path, struct loc loc)
{
	struct reading r = {.outer = outer, .depth = outer->depth + 1};
	const char *error;
	size_t len = 0;
	char *text = NULL;

	error = source_read(ctx->arena, path, true, POLICY_TEXT_MAX - ctx->bytes, &text, &len, &r.id);
	if (error) {
		diag_error(ctx->diag, ctx->policy, loc, "cannot include %s: %s", path, error);
		return;
	}
	ctx->bytes += len;
	if (find_cycle(outer, &r.id)) {
		diag_error(ctx->diag, ctx->policy, loc, "this file includes itself: %s",
			   chain(ctx, outer, &r.id, path));
		return;
	}
	r.file = (uint32_t)ctx->policy->nfiles;
	add_file(ctx, path, text, len, loc, &r.id);
	if (check_text(ctx, r.file))
		read_statements(ctx, &r);
}

/* A file out of kept texts. */
static void include_text(struct context *ctx, const struct reading *outer, const struct source *kept)
{
	struct reading r = {.outer = outer, .depth = outer->depth + 1};

	r.file = (uint32_t)ctx->policy->nfiles;
	add_file(ctx, kept->path, arena_strn(ctx->arena, kept->text, kept->len), kept->len, kept->included,
		 &r.id);
	if (check_text(ctx, r.file))
		read_statements(ctx, &r);
}

/* What was included there when the texts were read. Files have the numbers that they had then, since they are
 * read in the same order. */
static void include_texts(struct context *ctx, const struct reading *r, struct loc loc)
{
	const struct texts *t = ctx->texts;

	for (size_t i = 1; i < t->n && !diag_full(ctx->diag); i++) {
		const struct loc *at = &t->files[i].included;

		if (at->line && at->file == r->file && at->line == loc.line && at->col == loc.col)
			include_text(ctx, r, &t->files[i]);
	}
}

static void include(struct context *ctx, const struct reading *r, const char *pattern, struct loc loc)
{
	const char *error;
	char **paths = NULL;
	size_t n = 0;

	if (r->depth + 1 >= POLICY_DEPTH_MAX) {
		diag_error(ctx->diag, ctx->policy, loc, "includes are nested more than %d levels deep",
			   POLICY_DEPTH_MAX);
		return;
	}
	error = source_glob(ctx->arena, ctx->policy->files[r->file].path, pattern, &paths, &n);
	if (error) {
		diag_error(ctx->diag, ctx->policy, loc, "cannot look for \"%s\": %s", pattern, error);
		return;
	}
	if (!n && !strpbrk(pattern, "*?["))
		diag_warning(ctx->diag, ctx->policy, loc, "there is no file \"%s\"", pattern);
	for (size_t i = 0; i < n && !diag_full(ctx->diag); i++) {
		if (ctx->policy->nfiles >= POLICY_FILES_MAX) {
			diag_error(ctx->diag, ctx->policy, loc, "a policy has at most %d files",
				   POLICY_FILES_MAX);
			return;
		}
		include_file(ctx, r, paths[i], loc);
	}
}

static void read_statements(struct context *ctx, const struct reading *r)
{
	char *dir = source_dir(ctx->arena, ctx->policy->files[r->file].path);
	struct parser p;

	parse_start(&p, ctx, dir, r->file);
	while (!diag_full(ctx->diag)) {
		char *pattern;
		struct stmt stmt;

		switch (parse_statement(&p, &stmt, &pattern)) {
		case PARSED_END:
			return;
		case PARSED_STMT:
			check_statement(ctx, &stmt, p.bad);
			break;
		case PARSED_INCLUDE:
			if (!p.bad && ctx->texts)
				include_texts(ctx, r, stmt.loc);
			else if (!p.bad)
				include(ctx, r, pattern, stmt.loc);
			break;
		case PARSED_NOTHING:
			break;
		}
	}
}

static struct policy *new_policy(struct arena *a)
{
	struct policy *p = arena_alloc(a, sizeof(*p));

	p->arena = a;
	for (int i = 0; i < CGW_DIRS; i++)
		p->fallback[i].act.action = CGW_PASS;
	p->settings.dns_min_ttl_ms = 60000;
	p->settings.dns_max_ttl_ms = 86400000;
	p->settings.ask_timeout_ms = 30000;
	p->settings.sockets_other = -1;
	return p;
}

/* The answers that last, behind everything else, unless the policy has included them itself. */
static void read_answers(struct context *ctx, const struct reading *r, const char *policy)
{
	char *made = texts_answers_path(policy), *path;
	struct stat st;

	if (!made) {
		diag_error(ctx->diag, ctx->policy, (struct loc){0}, "out of memory");
		return;
	}
	path = arena_strn(ctx->arena, made, strlen(made));
	free(made);
	if (stat(path, &st) && (errno == ENOENT || errno == ENOTDIR))
		return;
	for (size_t i = 0; i < ctx->nids; i++)
		if (ctx->ids[i].dev == st.st_dev && ctx->ids[i].ino == st.st_ino)
			return;
	include_file(ctx, r, path, (struct loc){0});
}

/* Where a policy is read from: texts, a text, or the file `name`. */
struct input {
	const char *name, *text;
	size_t len;
	const struct texts *texts;
};

/* Reads everything, into a new policy. */
static struct policy *read_all(struct arena *a, const struct input *in, struct diag *d)
{
	struct policy *policy = new_policy(a);
	struct context *ctx = arena_alloc(a, sizeof(*ctx));
	struct reading r = {0};
	const char *error = NULL;
	size_t len = in->len;
	char *copy = NULL;

	ctx->policy = policy;
	ctx->diag = d;
	ctx->arena = a;
	ctx->texts = in->texts;
	symbols_init(&ctx->symbols, a);
	if (!in->text)
		error = source_read(a, in->name, false, POLICY_FILE_MAX, &copy, &len, &r.id);
	else if (len > POLICY_FILE_MAX)
		error = "the text is too large";
	else
		copy = arena_strn(a, in->text, len);
	add_file(ctx, in->name, error ? NULL : copy, error ? 0 : len, (struct loc){0}, &r.id);
	ctx->bytes = len;
	if (error)
		diag_error(d, policy, (struct loc){0}, "cannot read the policy: %s", error);
	else if (check_text(ctx, 0))
		read_statements(ctx, &r);
	if (diag_full(d))
		return policy;
	if (in->texts && in->texts->n > 1 && !in->texts->files[in->texts->n - 1].included.line)
		include_text(ctx, &r, &in->texts->files[in->texts->n - 1]);
	else if (!in->text && !error)
		read_answers(ctx, &r, in->name);
	check_settings(ctx);
	return policy;
}

static struct policy *read_policy(const struct input *in, struct diag *d)
{
	size_t errors = d->errors;
	struct arena *a = arena_new();
	struct policy *policy;
	jmp_buf failure;

	if (!a || setjmp(failure)) {
		arena_free(a);
		diag_error(d, NULL, (struct loc){0}, "%s: out of memory", in->name);
		return NULL;
	}
	arena_on_failure(a, &failure);
	policy = read_all(a, in, d);
	arena_on_failure(a, NULL);
	if (d->errors == errors)
		return policy;
	arena_free(a);
	return NULL;
}

struct policy *policy_read(const char *path, struct diag *d)
{
	return read_policy(&(struct input){.name = path}, d);
}

struct policy *policy_read_text(const char *name, const char *text, size_t len, struct diag *d)
{
	return read_policy(&(struct input){.name = name, .text = text ? text : "", .len = len}, d);
}

struct policy *texts_read(const struct texts *t, struct diag *d)
{
	const struct source *f = &t->files[0];

	return read_policy(&(struct input){.name = f->path, .text = f->text, .len = f->len, .texts = t}, d);
}

void policy_free(struct policy *p)
{
	if (p)
		arena_free(p->arena);
}
