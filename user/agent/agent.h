/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent: reads the policy, puts it in force, answers at the control socket, writes the log. One thread,
 * one loop, nothing to do while nothing happens; beside it threads for what takes long (kernel/worker.h). */
#ifndef CGWALL_AGENT_H
#define CGWALL_AGENT_H

#include <stdbool.h>

struct agent_options {
	const char *policy;
	const char *run_dir;	     /* resolved (rundir.h) */
	const char *state_dir;	     /* where the last good policy is kept; NULL: nowhere */
	const char *cgroup, *attach; /* as in struct kernel_options */
	const char *group; /* whose members may answer questions; NULL: AGENT_GROUP, if there is one */
	bool last_good; /* where the policy cannot be put in force: the last good one, else close everything
			 */
	bool once;	/* end when the policy is in force */
	bool stay;	/* after `detach` do nothing, instead of ending, until a signal comes */
	bool watch;	/* read the policy again when one of its files changes */
	bool verbose;
	bool color; /* of diagnostics on standard error */
};

#define AGENT_GROUP "cgwall"

enum agent_exit {
	AGENT_OK = 0,
	AGENT_FAILED = 1,   /* it could not start, and nothing in the kernel was changed; or not detach */
	AGENT_CLOSED = 3,   /* it could not start, and everything but loopback is blocked */
	AGENT_LAST = 4,	    /* `once`: the last good policy is in force, not the one that was given */
	AGENT_DETACHED = 5, /* ended by `detach`: not to be started again by itself */
};

/* Runs until a signal or `detach` ends it. Gives the exit code, an enum agent_exit. */
int agent_run(const struct agent_options *o);

#endif
