/* SPDX-License-Identifier: GPL-2.0-only */
/* Columns of text that fit the terminal; and what verbs share that print what the agent lists. */
#ifndef CGWALL_TABLE_H
#define CGWALL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct cmd_args;
struct json_object;

#define TABLE_COLUMNS_MAX 12

struct table_column {
	const char *title; /* NULL ends the list */
	bool right;	   /* numbers */
	bool shrinks;	   /* may be cut where the terminal is too narrow, those that are widest first */
};

struct table {
	const struct table_column *columns;
	size_t ncolumns;
	char **cells; /* row by row */
	size_t ncells;
};

void table_init(struct table *t, const struct table_column *columns);
void table_free(struct table *t);

/* The next cell, from left to right; bytes that could forge or command are quoted. text NULL: `-`. */
void table_add(struct table *t, const char *text);
/* The same for text that is known to be harmless, blanks and all. */
void table_add_plain(struct table *t, const char *text);
void table_add_number(struct table *t, long long number);

/* Prints it. width: of the terminal in columns, 0: whatever it takes. */
void table_print(const struct table *t, size_t width, FILE *out);

/* The width to print for: of the terminal on standard output, or 0 where that is none. */
size_t table_width(void);

/* Asks the agent for what `verb` lists, and prints it: with --json as one array, else as a table whose rows
 * `add` makes of each object. The exit code. */
int table_list(const struct cmd_args *a, const char *verb, const struct table_column *columns,
	       void (*add)(struct table *t, struct json_object *o));

#endif
