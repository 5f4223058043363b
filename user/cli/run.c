// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "../agent/agent.h"
#include "../agent/rundir.h"
#include "cmd.h"

static int start(const struct cmd_args *a, bool once)
{
	char *run_dir, *state_dir = NULL;
	struct agent_options o = {
		.policy = cmd_value(a, "policy"),
		.cgroup = cmd_value(a, "cgroup"),
		.attach = cmd_value(a, "attach"),
		.group = cmd_value(a, "group"),
		.watch = !once && cmd_value(a, "watch"),
		.stay = !once && cmd_value(a, "stay"),
		.verbose = cmd_value(a, "verbose"),
		.last_good = cmd_value(a, "last-good"),
		.once = once,
		.color = cmd_color(stderr),
	};
	int status = CMD_FAILED;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	if (!o.policy)
		return cmd_usage_error(a->cmd, "--policy FILE is missing");
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	if (!run_dir || rundir_state(run_dir, cmd_value(a, "state-dir"), &state_dir)) {
		fprintf(stderr, "cgwall: out of memory\n");
	} else if (o.last_good && !state_dir) {
		status = cmd_usage_error(a->cmd,
					 "--last-good needs a folder where it is kept: --state-dir DIR");
	} else {
		o.run_dir = run_dir;
		o.state_dir = state_dir;
		status = agent_run(&o);
	}
	free(state_dir);
	free(run_dir);
	return status;
}

static int run(const struct cmd_args *a)
{
	return start(a, false);
}

static int load(const struct cmd_args *a)
{
	return start(a, true);
}

#define POLICY                                                 \
	{                                                      \
		"policy", "FILE", "the policy to put in force" \
	}
#define CGROUP                                                                 \
	{                                                                      \
		"cgroup", "DIR", "the cgroup v2 directory to guard (the root)" \
	}
#define ATTACH                                                                                            \
	{                                                                                                 \
		"attach", "DIR", "where programs are attached: that directory or one above it (the root)" \
	}
#define STATE                                                                                       \
	{                                                                                           \
		"state-dir", "DIR",                                                                 \
			"keep what is in force there for the next start (/var/lib/cgwall), or none" \
	}
#define LAST_GOOD                                                                                    \
	{                                                                                            \
		"last-good", NULL,                                                                   \
			"where the policy has an error: the last good one, or else block everything" \
	}
#define VERBOSE                                                                         \
	{                                                                               \
		"verbose", NULL, "print what the kernel says while programs are loaded" \
	}

static const struct cmd_flag flags[] = {
	POLICY,
	CGROUP,
	ATTACH,
	CMD_RUN_DIR,
	STATE,
	LAST_GOOD,
	{"group", "NAME", "whose members may answer questions (cgwall, where there is such a group)"},
	{"stay", NULL, "after 'detach' do nothing instead of ending, for supervisors that start it again"},
	{"watch", NULL, "read the policy again when one of its files changes"},
	VERBOSE,
	{NULL, NULL, NULL},
};

static const struct cmd_flag load_flags[] = {
	POLICY, CGROUP, ATTACH, CMD_RUN_DIR, STATE, LAST_GOOD, VERBOSE, {NULL, NULL, NULL},
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
		"Where the kernel does not take the programs, everything but loopback is blocked until a "
		"policy "
		"can be put in\n"
		"force, unless the policy says 'set on-failure pass'.\n"
		"Exit code: 0 stopped by a signal, 1 not started (nothing was changed then), 3 not started "
		"and "
		"everything\n"
		"but loopback is blocked, 5 ended by detach.",
	.flags = flags,
	.run = run,
};

const struct cmd cmd_load = {
	.name = "load",
	.usage = "--policy FILE",
	.brief = "puts a policy in force without an agent, as when the machine starts",
	.help = "Puts the policy in force as 'run' does, and ends. The kernel enforces it; an agent that "
		"starts "
		"later takes it\n"
		"over. Until then there is nobody who logs or can be asked: 'background' decides what asks.\n"
		"Exit code: 0 it is in force; 1 not (nothing was changed then); 3 everything but loopback is "
		"blocked; 4 the last\n"
		"good policy is in force instead.",
	.flags = load_flags,
	.run = load,
};
