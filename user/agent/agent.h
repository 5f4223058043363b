/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent: reads the policy, puts it in force, answers at the control socket, writes the log. One thread,
 * one loop, nothing to do while nothing happens. */
#ifndef CGWALL_AGENT_H
#define CGWALL_AGENT_H

#include <stdbool.h>

struct agent_options {
	const char *policy;
	const char *run_dir;	     /* resolved (rundir.h) */
	const char *cgroup, *attach; /* as in struct kernel_options */
	bool watch;		     /* read the policy again when one of its files changes */
	bool verbose;
	bool color; /* of diagnostics on standard error */
};

/* Runs until a signal or `detach` ends it. The exit code: 0, or 1 where it could not start, and then nothing
 * in the kernel was changed. */
int agent_run(const struct agent_options *o);

#endif
