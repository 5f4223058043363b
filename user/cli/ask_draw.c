// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "../event/json.h"
#include "ask.h"
#include "term.h"

#define LINE_MAX_ 1024

struct screen {
	FILE *out;
	unsigned rows, cols, at; /* at: the next row, from 1 */
	bool color;
};

/* One row of text, the rest of it empty; style: an SGR number, 0 none. Nothing below the last row. */
static void row(struct screen *s, int style, const char *text)
{
	if (s->at > s->rows)
		return;
	fprintf(s->out, "\033[%u;1H", s->at++);
	if (style && (s->color || style == 7))
		fprintf(s->out, "\033[%dm", style);
	term_text(text, s->cols, s->out);
	fputs("\033[K\033[0m", s->out);
}

/* Seconds until the question decides itself; -1: it does not. */
static long left(struct json_object *q)
{
	const char *deadline = json_get_text(q, "deadline", NULL);
	struct tm tm = {0};
	long seconds;

	if (!deadline || !strptime(deadline, "%Y-%m-%dT%H:%M:%S", &tm))
		return -1;
	seconds = (long)(timegm(&tm) - time(NULL));
	return seconds < 0 ? 0 : seconds;
}

static const char *whom(struct json_object *q)
{
	return json_get_text(q, "domain", NULL) ? json_get_text(q, "domain", "?")
						: json_get_text(q, "address", "?");
}

static void question_row(struct screen *s, struct json_object *q, bool selected)
{
	int64_t flows = json_get_int(q, "flows", 1), port = json_get_int(q, "port", -1);
	char line[LINE_MAX_], where[24] = "", many[32] = "", time_left[32] = "";
	long seconds = left(q);

	if (port >= 0)
		snprintf(where, sizeof(where), " %" PRId64, port);
	if (flows > 1)
		snprintf(many, sizeof(many), " x%" PRId64, flows);
	if (seconds >= 0)
		snprintf(time_left, sizeof(time_left), " %lds", seconds);
	snprintf(line, sizeof(line), "%s%4" PRId64 " %s %s %s %s%s%s%s", selected ? ">" : " ",
		 json_get_int(q, "id", 0), json_get_text(q, "program", "?"), json_get_text(q, "dir", "?"),
		 json_get_text(q, "proto", "?"), whom(q), where, many, time_left);
	row(s, selected ? 7 : 0, line);
}

static void detail(struct screen *s, const char *name, const char *value)
{
	char line[LINE_MAX_ + 16];

	if (!value || !*value)
		return;
	snprintf(line, sizeof(line), "  %-9s %s", name, value);
	row(s, 0, line);
}

static void details(struct screen *s, struct json_object *q)
{
	struct json_object *lately = json_get(q, "lately");
	char line[LINE_MAX_];

	snprintf(line, sizeof(line), "%s (pid %" PRId64 ", %s)",
		 json_get_text(q, "exe", "a program that is not known"), json_get_int(q, "pid", 0),
		 json_get_text(q, "user", "?"));
	detail(s, "program", line);
	detail(s, "unit", json_get_text(q, "unit", NULL));
	detail(s, "container", json_get_text(q, "container", NULL));
	if (!json_get_text(q, "unit", NULL) && !json_get_text(q, "container", NULL))
		detail(s, "cgroup", json_get_text(q, "cgroup", NULL));
	snprintf(line, sizeof(line), "%s %s", json_get_text(q, "proto", "?"),
		 json_get_text(q, "remote", "?"));
	detail(s, "remote", line);
	detail(s, "name", json_get_text(q, "domain", NULL));
	detail(s, "local", json_get_text(q, "local", NULL));
	if (json_get_text(q, "file", NULL)) {
		snprintf(line, sizeof(line), "%s:%" PRId64 ": %s", json_get_text(q, "file", "?"),
			 json_get_int(q, "line", 0), json_get_text(q, "text", ""));
		detail(s, "asked by", line);
	} else {
		detail(s, "asked by", json_get_text(q, "text", NULL));
	}
	snprintf(line, sizeof(line), "%s", json_get_text(q, "else", "block"));
	detail(s, "else", line);
	if (!json_object_is_type(lately, json_type_array))
		return;
	for (size_t i = json_object_array_length(lately); i-- > 0;) {
		struct json_object *l = json_object_array_get_idx(lately, i);

		snprintf(line, sizeof(line), "%s %s %s %s %s", json_get_text(l, "verdict", "?"),
			 json_get_text(l, "dir", "?"), json_get_text(l, "proto", "?"),
			 json_get_text(l, "remote", "?"), json_get_text(l, "domain", ""));
		detail(s, i + 1 == json_object_array_length(lately) ? "lately" : "", line);
	}
}

static void answer_rows(struct screen *s, const struct ask *a, struct json_object *q)
{
	char line[LINE_MAX_];

	if (q) {
		snprintf(line, sizeof(line), "f for: %s   s scope: %s   w who: %s", ask_lives[a->choice.life],
			 ask_scope(q, a->choice.scope), ask_who(q, a->choice.who));
		row(s, 1, line);
	}
	row(s, 0, q ? "y pass  n block  up/down another  q quit" : "q quit");
}

void ask_draw(const struct ask *a, unsigned rows, unsigned cols, FILE *out)
{
	struct screen s = {.out = out, .rows = rows, .cols = cols, .at = 1, .color = a->color};
	struct json_object *q = a->n ? a->questions[a->selected] : NULL;
	unsigned foot = q ? 2 : 1, room, list, first = 0;
	char line[LINE_MAX_];

	if (a->message[0] && rows > foot + 2)
		foot++;
	snprintf(line, sizeof(line), "cgwall: %zu open question%s%s", a->n, a->n == 1 ? "" : "s",
		 a->listed ? "" : " ...");
	if (rows > foot + 1)
		row(&s, 1, line);
	/* the list may have half of what is left, and all of it where that is little */
	room = rows >= s.at + foot ? rows - foot - s.at + 1 : 0;
	list = room < 8 ? room : (room + 1) / 2;
	if (list > a->n)
		list = (unsigned)a->n;
	if (list && a->selected >= list)
		first = (unsigned)(a->selected - list + 1);
	for (unsigned i = 0; i < list; i++)
		question_row(&s, a->questions[first + i], first + i == a->selected);
	s.rows = rows - foot;
	if (q && room > list + 1) {
		row(&s, 0, "");
		details(&s, q);
	}
	while (s.at <= s.rows)
		row(&s, 0, "");
	s.rows = rows;
	if (foot > (q ? 2u : 1u))
		row(&s, 0, a->message);
	answer_rows(&s, a, q);
}
