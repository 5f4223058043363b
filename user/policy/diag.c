// SPDX-License-Identifier: GPL-2.0-only
/* Messages with their place: FILE:LINE:COL: error: MESSAGE, the source line, a caret. Whatever comes from a
 * policy is made safe for a terminal before it is printed. */
#include "diag.h"

#include <stdlib.h>
#include <string.h>

#define EXCERPT 100 /* of a line longer than this only so many bytes around the caret are shown */

void diag_free(struct diag *d)
{
	for (size_t i = 0; i < d->nlines; i++) {
		free(d->lines[i].file);
		free(d->lines[i].message);
	}
	free(d->lines);
	d->lines = NULL;
	d->nlines = 0;
}

bool diag_full(const struct diag *d)
{
	return d->errors > DIAG_MAX;
}

/* Length of the UTF-8 character at s and the columns it takes. The text is valid where it was checked, and a
 * wrong byte counts as a character where it was not. */
static size_t character(const unsigned char *s, const unsigned char *end, unsigned *columns)
{
	size_t n = s[0] < 0xc0 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c;

	*columns = 1;
	if ((size_t)(end - s) < n || n == 1)
		return 1;
	c = s[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* overlong forms, surrogates, beyond Unicode */
	if (c < (n == 2 ? 0x80u : n == 3 ? 0x800u : 0x10000u) || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 1;
	if (c >= 0x300 && c <= 0x36f) /* combining */
		*columns = 0;
	else if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
		 (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
		 (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
		 (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd))
		*columns = 2;
	return n;
}

/* Would a terminal take these n bytes, one character, as a command? */
static bool unsafe(const unsigned char *s, size_t n)
{
	if (n == 1)
		return (s[0] < 0x20 && s[0] != '\t') || s[0] >= 0x7f;
	return n == 2 && s[0] == 0xc2 && s[1] < 0xa0;
}

/* Prints text; where `blank`, spaces of the same width instead. */
static void put(FILE *out, const char *text, size_t len, bool blank)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;
	unsigned columns;
	size_t n;

	for (; s < end; s += n) {
		n = character(s, end, &columns);
		if (blank && *s != '\t')
			fprintf(out, "%*s", (int)columns, "");
		else if (unsafe(s, n))
			fputc('?', out);
		else
			fwrite(s, 1, n, out);
	}
}

static bool starts_character(const char *s)
{
	return ((unsigned char)*s & 0xc0) != 0x80;
}

static void excerpt(const struct diag *d, const struct source *f, struct loc loc)
{
	const char *line = f->text, *end = f->text + f->len, *from, *to, *caret;
	bool cut_left, cut_right;

	for (uint32_t i = 1; i < loc.line; i++) {
		line = memchr(line, '\n', (size_t)(end - line));
		if (!line)
			return;
		line++;
	}
	to = memchr(line, '\n', (size_t)(end - line));
	if (to)
		end = to;
	if (end > line && end[-1] == '\r')
		end--;
	caret = (size_t)(end - line) < loc.col - 1 ? end : line + (loc.col - 1);
	from = line;
	to = end;
	if (to - from > EXCERPT) {
		if (caret - from > EXCERPT / 2)
			from = caret - EXCERPT / 2;
		if (to - from > EXCERPT)
			to = from + EXCERPT;
		while (from < caret && !starts_character(from))
			from++;
		while (to < end && to > caret && !starts_character(to))
			to--;
	}
	cut_left = from > line;
	cut_right = to < end;
	fputs(cut_left ? "..." : "", d->out);
	put(d->out, from, (size_t)(to - from), false);
	fprintf(d->out, "%s\n%s", cut_right ? "..." : "", cut_left ? "   " : "");
	put(d->out, from, (size_t)(caret - from), true);
	fprintf(d->out, "%s^%s\n", d->color ? "\033[1;32m" : "", d->color ? "\033[0m" : "");
}

static void print(const struct diag *d, const struct policy *p, struct loc loc, bool error,
		  const char *message)
{
	const struct source *f = p && loc.file < p->nfiles ? &p->files[loc.file] : NULL;

	fputs(d->color ? "\033[1m" : "", d->out);
	if (f)
		put(d->out, f->path, strlen(f->path), false);
	if (f && loc.line)
		fprintf(d->out, ":%u:%u", loc.line, loc.col);
	fprintf(d->out, "%s%s%s: %s", f ? ": " : "", d->color ? (error ? "\033[31m" : "\033[35m") : "",
		error ? "error" : "warning", d->color ? "\033[0;1m" : "");
	put(d->out, message, strlen(message), false);
	fprintf(d->out, "%s\n", d->color ? "\033[0m" : "");
	if (f && loc.line && f->text)
		excerpt(d, f, loc);
}

/* Where memory runs out the message is printed but not kept. */
static void keep(struct diag *d, const struct policy *p, struct loc loc, bool error, const char *message)
{
	struct diag_line *lines = realloc(d->lines, (d->nlines + 1) * sizeof(*lines)), *l;

	if (!lines)
		return;
	d->lines = lines;
	l = &lines[d->nlines];
	*l = (struct diag_line){.line = loc.line, .col = loc.col, .error = error};
	l->file = strdup(p && loc.file < p->nfiles ? p->files[loc.file].path : "");
	l->message = strdup(message);
	if (!l->file || !l->message) {
		free(l->file);
		free(l->message);
		return;
	}
	d->nlines++;
}

static __attribute__((format(printf, 5, 0))) void
report(struct diag *d, const struct policy *p, struct loc loc, bool error, const char *format, va_list args)
{
	size_t count = error ? ++d->errors : ++d->warnings;
	char *message;

	if (count > DIAG_MAX) {
		if (d->out && count == DIAG_MAX + 1)
			fprintf(d->out, "further %s are not shown\n", error ? "errors" : "warnings");
		return;
	}
	if (vasprintf(&message, format, args) < 0)
		return;
	if (d->out)
		print(d, p, loc, error, message);
	keep(d, p, loc, error, message);
	free(message);
}

void diag_verror(struct diag *d, const struct policy *p, struct loc loc, const char *format, va_list args)
{
	report(d, p, loc, true, format, args);
}

void diag_error(struct diag *d, const struct policy *p, struct loc loc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(d, p, loc, true, format, args);
	va_end(args);
}

void diag_warning(struct diag *d, const struct policy *p, struct loc loc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(d, p, loc, false, format, args);
	va_end(args);
}
