/* SPDX-License-Identifier: GPL-2.0-only */
/* A verb of the command line: one file each, one descriptor, no more than that known of it elsewhere. */
#ifndef CGWALL_CMD_H
#define CGWALL_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CMD_FLAGS_MAX 12

enum cmd_exit { CMD_OK = 0, CMD_FAILED = 1, CMD_USAGE = 2 };

struct cmd_flag {
	const char *name; /* NULL ends the table */
	const char *arg;  /* what its value is called; NULL: it takes none */
	const char *help;
};

struct cmd_args;

struct cmd {
	const char *name;
	const char *usage; /* what follows the options */
	const char *brief; /* for the list of verbs */
	const char *help;  /* lines of explanation */
	const struct cmd_flag *flags;
	int (*run)(const struct cmd_args *a); /* the exit code */
};

struct cmd_args {
	const struct cmd *cmd;
	const char *value[CMD_FLAGS_MAX]; /* by place in the verb's table; NULL: not given */
	int argc;
	char **argv; /* what is left after the options */
};

/* The value of an option ("" where it takes none), NULL where it was not given. */
const char *cmd_value(const struct cmd_args *a, const char *flag);

/* Prints what is wrong and where help is. Gives CMD_USAGE. */
int cmd_usage_error(const struct cmd *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Everything `cgwall VERB --help` prints. */
void cmd_help(const struct cmd *c, FILE *out);

/* Parses what stands behind the verb and runs it. */
int cmd_execute(const struct cmd *c, int argc, char **argv);

/* May this stream be coloured? Only a terminal, and not with NO_COLOR. */
bool cmd_color(FILE *f);

#define CMD_RUN_DIR                                                                         \
	{                                                                                   \
		"run-dir", "DIR", "the agent's run directory (CGWALL_RUN_DIR, /run/cgwall)" \
	}
#define CMD_JSON                           \
	{                                  \
		"json", NULL, "print JSON" \
	}

extern const struct cmd cmd_flows, cmd_names;
extern const struct cmd cmd_check, cmd_explain, cmd_run, cmd_status, cmd_reload, cmd_rules, cmd_log,
	cmd_detach, cmd_forget, cmd_load, cmd_suggest, cmd_ask, cmd_questions, cmd_answer;

#endif
