// SPDX-License-Identifier: GPL-2.0-only
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../agent/rundir.h"
#include "../event/json.h"
#include "../event/show.h"
#include "client.h"
#include "cmd.h"

#define CELL_MAX 4096
#define COLUMN_MIN 8 /* what is left of a column that is cut */

void table_init(struct table *t, const struct table_column *columns)
{
	*t = (struct table){.columns = columns};
	while (columns[t->ncolumns].title)
		t->ncolumns++;
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->ncells; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->ncells = 0;
}

void table_add_plain(struct table *t, const char *text)
{
	char **more = realloc(t->cells, (t->ncells + 1) * sizeof(*more));

	if (!more)
		return;
	t->cells = more;
	more[t->ncells] = strdup(text);
	if (more[t->ncells])
		t->ncells++;
}

void table_add(struct table *t, const char *text)
{
	char quoted[CELL_MAX];

	show_quote(text ? text : "-", quoted, sizeof(quoted));
	table_add_plain(t, quoted);
}

void table_add_number(struct table *t, long long number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", number);
	table_add(t, text);
}

/* Characters, not bytes: what is printed is valid UTF-8. */
static size_t length(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void measure(const struct table *t, size_t *widths)
{
	for (size_t c = 0; c < t->ncolumns; c++)
		widths[c] = length(t->columns[c].title);
	for (size_t i = 0; t->ncolumns && i < t->ncells; i++) {
		size_t n = length(t->cells[i]), *w = &widths[i % t->ncolumns];

		*w = n > *w ? n : *w;
	}
}

/* Takes from the widest column, as long as there is one to take from. */
static void fit(const struct table *t, size_t *widths, size_t width)
{
	size_t sum = 2 * (t->ncolumns - 1);

	for (size_t c = 0; c < t->ncolumns; c++)
		sum += widths[c];
	while (width && sum > width) {
		size_t widest = t->ncolumns;

		for (size_t c = 0; c < t->ncolumns; c++)
			if (t->columns[c].shrinks && widths[c] > COLUMN_MIN &&
			    (widest == t->ncolumns || widths[c] > widths[widest]))
				widest = c;
		if (widest == t->ncolumns)
			return;
		widths[widest]--;
		sum--;
	}
}

/* At most `width` characters, the end cut off with a mark. */
static void put_cell(const char *text, size_t width, bool right, bool last, FILE *out)
{
	size_t n = length(text), kept = n > width ? width - 1 : n, bytes = 0, pad = n < width ? width - n : 0;

	for (size_t i = 0; i < kept; i++) {
		bytes++;
		while (((unsigned char)text[bytes] & 0xc0) == 0x80)
			bytes++;
	}
	fprintf(out, "%*s%.*s%s%*s", right ? (int)pad : 0, "", (int)bytes, text, n > width ? "~" : "",
		right || last ? 0 : (int)pad, "");
	fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *t, size_t width, FILE *out)
{
	size_t widths[TABLE_COLUMNS_MAX];

	measure(t, widths);
	fit(t, widths, width);
	for (size_t c = 0; c < t->ncolumns; c++)
		put_cell(t->columns[c].title, widths[c], t->columns[c].right, c + 1 == t->ncolumns, out);
	for (size_t i = 0; t->ncolumns && i < t->ncells / t->ncolumns * t->ncolumns; i++) {
		size_t c = i % t->ncolumns;

		put_cell(t->cells[i], widths[c], t->columns[c].right, c + 1 == t->ncolumns, out);
	}
}

size_t table_width(void)
{
	struct winsize w;

	return isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) ? w.ws_col : 0;
}

/* 0, 1 where the agent says why not, or -errno. */
static int receive(struct client *c, struct json_object *list)
{
	struct json_object *o;
	int err;

	while (!(err = client_recv(c, -1, &o)) && json_get_bool(o, "more", false)) {
		json_object_object_del(o, "more");
		json_object_object_del(o, "ok");
		json_object_array_add(list, o);
	}
	if (err)
		return err;
	err = json_get_bool(o, "ok", false) ? 0 : 1;
	if (err)
		fprintf(stderr, "cgwall: %s\n", json_get_text(o, "error", "the agent gave no reason"));
	json_object_put(o);
	return err;
}

static void print(struct json_object *list, const struct table_column *columns,
		  void (*add)(struct table *t, struct json_object *o))
{
	struct table t;

	table_init(&t, columns);
	for (size_t i = 0; i < json_object_array_length(list); i++)
		add(&t, json_object_array_get_idx(list, i));
	table_print(&t, table_width(), stdout);
	table_free(&t);
}

int table_list(const struct cmd_args *a, const char *verb, const struct table_column *columns,
	       void (*add)(struct table *t, struct json_object *o))
{
	struct json_object *list;
	struct client *c;
	char *run_dir;
	int err;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	list = json_object_new_array();
	err = client_start(run_dir, verb, NULL, &c);
	if (!err) {
		err = receive(c, list);
		if (err < 0)
			client_explain_failure(run_dir, err);
		client_close(c);
	}
	if (!err && cmd_value(a, "json"))
		json_print(list, stdout);
	else if (!err)
		print(list, columns, add);
	json_object_put(list);
	free(run_dir);
	return err ? CMD_FAILED : CMD_OK;
}
