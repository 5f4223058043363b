// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../agent/agent.h"
#include "../agent/rundir.h"
#include "cmd.h"

static int run(const struct cmd_args *a)
{
	char *run_dir;
	struct agent_options o = {
		.policy = cmd_value(a, "policy"),
		.cgroup = cmd_value(a, "cgroup"),
		.attach = cmd_value(a, "attach"),
		.watch = cmd_value(a, "watch"),
		.verbose = cmd_value(a, "verbose"),
		.color = cmd_color(stderr),
	};
	int status;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	if (!o.policy)
		return cmd_usage_error(a->cmd, "--policy FILE is missing");
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	if (!run_dir) {
		fprintf(stderr, "cgwall: out of memory\n");
		return CMD_FAILED;
	}
	o.run_dir = run_dir;
	status = agent_run(&o);
	free(run_dir);
	return status;
}

static const struct cmd_flag flags[] = {
	{"policy", "FILE", "the policy to put in force"},
	{"cgroup", "DIR", "the cgroup v2 directory to guard (the root)"},
	{"attach", "DIR", "where programs are attached: that directory or one above it (the root)"},
	CMD_RUN_DIR,
	{"watch", NULL, "read the policy again when one of its files changes"},
	{"verbose", NULL, "print what the kernel says while programs are loaded"},
	{NULL, NULL, NULL},
};

const struct cmd cmd_run = {
	.name = "run",
	.usage = "--policy FILE",
	.brief = "the agent: puts a policy in force and looks after it, in the foreground",
	.help = "Puts the policy in force for all programs below the guarded cgroup, and stays to answer the "
		"other verbs,\n"
		"to write the log and to read the policy again. SIGHUP reads the policy again; SIGTERM and "
		"SIGINT end the\n"
		"agent and leave the policy in force; 'cgwall detach' takes it out of force.\n"
		"Exit code: 0 stopped by a signal or by detach, 1 not started (nothing was changed then).",
	.flags = flags,
	.run = run,
};
