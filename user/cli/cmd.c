// SPDX-License-Identifier: GPL-2.0-only
#include "cmd.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../policy/policy.h"

static size_t count_flags(const struct cmd *c)
{
	size_t n = 0;

	while (c->flags && c->flags[n].name && n < CMD_FLAGS_MAX)
		n++;
	return n;
}

const char *cmd_value(const struct cmd_args *a, const char *flag)
{
	for (size_t i = 0; i < count_flags(a->cmd); i++)
		if (!strcmp(a->cmd->flags[i].name, flag))
			return a->value[i];
	return NULL;
}

bool cmd_color(FILE *f)
{
	const char *no = getenv("NO_COLOR");

	return !(no && *no) && isatty(fileno(f));
}

int cmd_usage_error(const struct cmd *c, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "cgwall %s: ", c->name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nUsage: cgwall %s [OPTION]... %s\n'cgwall %s --help' tells more.\n", c->name,
		c->usage, c->name);
	return CMD_USAGE;
}

void cmd_help(const struct cmd *c, FILE *out)
{
	fprintf(out, "Usage: cgwall %s [OPTION]...%s%s\n\n%s\n\nOptions:\n", c->name, *c->usage ? " " : "",
		c->usage, c->help);
	for (size_t i = 0; i < count_flags(c); i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", c->flags[i].name, c->flags[i].arg ? "=" : "",
			 c->flags[i].arg ? c->flags[i].arg : "");
		fprintf(out, "  %-22s %s\n", left, c->flags[i].help);
	}
	fprintf(out, "  %-22s %s\n", "-h, --help", "this text");
}

static int unknown_option(const struct cmd *c, const char *word)
{
	const char *names[CMD_FLAGS_MAX + 1] = {"help"}, *close;
	size_t n = count_flags(c);
	char name[64];

	for (size_t i = 0; i < n; i++)
		names[i + 1] = c->flags[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	close = strncmp(name, "--", 2) ? NULL : diag_closest(name + 2, names, n + 1);
	if (close)
		return cmd_usage_error(c, "there is no option %s; did you mean --%s?", name, close);
	return cmd_usage_error(c, "there is no option %s", name);
}

/* getopt_long() has found something wrong. */
static int bad_option(const struct cmd *c, int what, char **argv)
{
	char name[3] = {'-', (char)optopt, '\0'};

	if (what == ':')
		return cmd_usage_error(c, "option %s needs a value", argv[optind - 1]);
	if (optopt >= CMD_FLAGS_MAX + 256 || optopt == 0)
		return unknown_option(c, argv[optind - 1]);
	if (optopt >= 256)
		return cmd_usage_error(c, "option --%s takes no value", c->flags[optopt - 256].name);
	return unknown_option(c, name);
}

int cmd_execute(const struct cmd *c, int argc, char **argv)
{
	struct option options[CMD_FLAGS_MAX + 2] = {{0}};
	struct cmd_args a = {.cmd = c};
	size_t n = count_flags(c);
	int which;

	for (size_t i = 0; i < n; i++)
		options[i] =
			(struct option){c->flags[i].name, c->flags[i].arg ? required_argument : no_argument,
					NULL, 256 + (int)i};
	options[n] = (struct option){"help", no_argument, NULL, 'h'};
	opterr = 0;
	optind = 1;
	while ((which = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		if (which == 'h') {
			cmd_help(c, stdout);
			return CMD_OK;
		}
		if (which == '?' || which == ':')
			return bad_option(c, which, argv);
		a.value[which - 256] = optarg ? optarg : "";
	}
	a.argc = argc - optind;
	a.argv = argv + optind;
	return c->run(&a);
}
