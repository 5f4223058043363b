// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "../policy/policy.h"
#include "cmd.h"

#ifndef CGWALL_VERSION
#define CGWALL_VERSION "0.1.0"
#endif

static const struct cmd *const cmds[] = {
	&cmd_check,  &cmd_explain, &cmd_run,	 &cmd_load,   &cmd_status, &cmd_reload,
	&cmd_rules,  &cmd_log,	   &cmd_flows,	 &cmd_names,  &cmd_ask,	   &cmd_questions,
	&cmd_answer, &cmd_forget,  &cmd_suggest, &cmd_detach,
};
#define CMDS (sizeof(cmds) / sizeof(cmds[0]))

static void print_help(FILE *out)
{
	fputs("Usage: cgwall VERB [OPTION]... [ARGUMENT]...\n\n"
	      "An application firewall: a policy says which program may talk to whom, the kernel "
	      "decides.\n\n",
	      out);
	for (size_t i = 0; i < CMDS; i++)
		fprintf(out, "  %-9s %s\n", cmds[i]->name, cmds[i]->brief);
	fputs("\n'cgwall VERB --help' tells about one of them, cgwall(8) about all, cgwall-policy(5) about "
	      "policies.\n",
	      out);
}

static int unknown_verb(const char *name)
{
	const char *names[CMDS + 1] = {"help"}, *close;

	for (size_t i = 0; i < CMDS; i++)
		names[i + 1] = cmds[i]->name;
	close = diag_closest(name, names, CMDS + 1);
	fprintf(stderr, "cgwall: there is no verb '%s'%s%s%s\n'cgwall --help' lists them.\n", name,
		close ? "; did you mean '" : "", close ? close : "", close ? "'?" : "");
	return CMD_USAGE;
}

static const struct cmd *find(const char *name)
{
	for (size_t i = 0; i < CMDS; i++)
		if (!strcmp(cmds[i]->name, name))
			return cmds[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct cmd *c;

	if (argc < 2) {
		print_help(stderr);
		return CMD_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("cgwall " CGWALL_VERSION);
		return CMD_OK;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		if (argc < 3) {
			print_help(stdout);
			return CMD_OK;
		}
		c = find(argv[2]);
		if (!c)
			return unknown_verb(argv[2]);
		cmd_help(c, stdout);
		return CMD_OK;
	}
	c = find(argv[1]);
	if (!c)
		return unknown_verb(argv[1]);
	return cmd_execute(c, argc - 1, argv + 1);
}
