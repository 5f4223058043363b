// SPDX-License-Identifier: GPL-2.0-only
#include "answertext.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../event/show.h"
#include "../policy/addr.h"
#include "../policy/print.h"
#include "../policy/texts.h"
#include "../policy/value.h"

#define REASON_MAX 600 /* bytes of a comment */

static const char header[] =
	"# Answers to questions, as rules. cgwall writes this file, and reads it after the policy's own "
	"text:\n"
	"# the last rule that matches decides, so these do, but for rules with `quick`.\n"
	"# `cgwall forget N` takes answer N out again.\n";

/* Text as a pattern that matches nothing else. */
static void print_literal(const char *word, const char *text, FILE *out)
{
	char *glob = malloc(2 * strlen(text) + 1), *at = glob;

	if (!glob) {
		fputs(" ?", out); /* no policy: it is refused */
		return;
	}
	for (; *text; text++) {
		if (strchr("*?[\\", *text))
			*at++ = '\\';
		*at++ = *text;
	}
	*at = '\0';
	fprintf(out, " %s ", word);
	print_string(glob, out);
	free(glob);
}

static void print_named(const char *word, const char *text, FILE *out)
{
	fprintf(out, " %s ", word);
	print_string(text, out);
}

static void print_who(const struct answer *n, FILE *out)
{
	if (n->exe)
		print_literal("exe", n->exe, out);
	if (n->cgroup)
		print_literal("cgroup", n->cgroup, out);
	if (n->unit)
		print_literal("unit", n->unit, out);
	if (n->container)
		print_named("container", n->container, out);
	if (n->has_uid)
		fprintf(out, " user %u", n->uid);
}

static void print_remote(const struct answer *n, FILE *out)
{
	char addr[ADDR_TEXT];

	fputs(n->dir == CGW_OUT ? " to" : " from", out);
	if (n->domain) {
		print_named("domain", n->domain, out);
	} else if (n->host) {
		print_named("host", n->host, out);
	} else if (n->has_addr) {
		addr_format(n->addr, addr);
		fprintf(out, " %s", addr);
	} else {
		fputs(" any", out);
	}
}

char *answertext_rule(const struct answer *n, uint32_t id)
{
	bool remote = n->domain || n->host || n->has_addr;
	char proto[4], *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fprintf(out, "%s %s", show_action(n->verdict), show_dir(n->dir));
	print_who(n, out);
	if (n->has_proto)
		fprintf(out, " proto %s", show_proto(n->proto, proto));
	if (remote || (n->port && n->dir == CGW_OUT))
		print_remote(n, out);
	if (n->port && n->dir == CGW_IN)
		fputs(" to any", out);
	if (n->port)
		fprintf(out, " port %u", n->port);
	if (n->until) {
		fputs(" until ", out);
		value_print_time(n->until, false, out);
	}
	fprintf(out, " label \"" TEXTS_LABEL "%u\"", id);
	return fclose(out) ? free(text), NULL : text;
}

/* Text of one line: what is none is written as `?`. */
static void print_clean(const char *text, size_t max, FILE *out)
{
	while (*text && max) {
		size_t n = show_plain(text);

		if (!n) {
			fputc('?', out);
			n = 1;
		} else if (n > max) {
			return;
		} else {
			fwrite(text, 1, n, out);
		}
		text += n;
		max -= n;
	}
}

char *answertext_comment(const struct answer *n, int64_t at)
{
	time_t seconds = (time_t)at;
	char *text = NULL, date[32];
	struct tm tm;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(out, "# %s", date);
	if (n->by) {
		fputc(' ', out);
		print_clean(n->by, 100, out);
	}
	if (n->why) {
		fputs(": ", out);
		print_clean(n->why, REASON_MAX, out);
	}
	return fclose(out) ? free(text), NULL : text;
}

char *answertext_add(const char *old, const char *comment, const char *rule)
{
	size_t n = strlen(old);
	const char *end = n && old[n - 1] != '\n' ? "\n" : "";
	char *text;

	if (asprintf(&text, "%s%s%s\n%s\n%s\n", n ? "" : header, old, end, comment, rule) < 0)
		return NULL;
	return text;
}

/* Where line `line` begins; the end of the text where there is none. */
static const char *line_at(const char *text, uint32_t line)
{
	while (line > 1 && *text) {
		text += strcspn(text, "\n");
		text += *text == '\n';
		line--;
	}
	return text;
}

static bool is_comment(const char *line)
{
	return line[strspn(line, " \t")] == '#';
}

static bool is_blank(const char *line)
{
	char c = line[strspn(line, " \t\r")];

	return c == '\n' || !c;
}

char *answertext_remove(const char *old, uint32_t line)
{
	const char *from, *to = line_at(old, line + 1);
	uint32_t first = line;
	char *text;

	while (first > 1 && is_comment(line_at(old, first - 1)))
		first--;
	/* the empty line before it goes as well, but a comment on top of the file is the file's */
	if (first > 1 && is_blank(line_at(old, first - 1)))
		first--;
	else if (first == 1)
		first = line;
	from = line_at(old, first);
	if (asprintf(&text, "%.*s%s", (int)(from - old), old, to) < 0)
		return NULL;
	return text;
}

char *answertext_match(const struct rule *r)
{
	struct rule x = *r;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	x.act = (struct act){.action = CGW_PASS};
	x.log = x.has_until = false;
	x.label = NULL;
	policy_print_rule(&x, out);
	return fclose(out) ? free(text), NULL : text;
}
