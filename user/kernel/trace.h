/* SPDX-License-Identifier: GPL-2.0-only */
/* Which of the programs that watch the use of sockets (bpf/watch.h), or refuse what cgroup hooks do not see
 * (bpf/lsm.h), this kernel calls. */
#ifndef CGWALL_TRACE_H
#define CGWALL_TRACE_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>

enum trace_extent {
	TRACE_NOTHING, /* what leaves while somebody is at its socket tells, and nothing else */
	TRACE_SENDS,   /* and a connection is known to be used before it takes data */
	TRACE_CALLS,   /* and whatever is received or accepted */
};

/* Tries each of n programs by attaching an empty one in its place for a moment, and says in able[i] which are
 * to be used: those that watch functions, where the three calls that matter can be traced; else those at
 * tracepoints; and those that alter functions wherever that is possible.
 * NULL stands for a program that is not one of these: able[i] is false. */
enum trace_extent trace_choose(struct bpf_program *const *programs, size_t n, bool *able);

#endif
