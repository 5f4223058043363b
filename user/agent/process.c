// SPDX-License-Identifier: GPL-2.0-only
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "output.h"

#define PROCESS_NICE (-10) /* where it was 0 */

/* Between the kernel's message that something has changed and the row of rules that is right from then on no
 * other program's work should stand. Who starts the agent may have chosen something else. */
void process_prefer(void)
{
	errno = 0;
	if (!getpriority(PRIO_PROCESS, 0) && !errno)
		setpriority(PRIO_PROCESS, 0, PROCESS_NICE); /* where that is denied it stays as it is */
}

/* Who starts again whatever ends would end the detaching. */
void process_stay(void)
{
	sigset_t ends;
	int got;

	output_line(STDOUT_FILENO, "cgwall: the agent does nothing any more, until it is started anew");
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigwait(&ends, &got);
}

/* Signals of which the loop, that is about to go, is not to be told any more. */
void process_hold_signals(void)
{
	sigset_t set;

	signal(SIGHUP, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

#define PROCESS_FILES 16384

/* Each client takes a descriptor, and each network namespace that a question comes from takes some. */
void process_widen(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= PROCESS_FILES)
		return;
	l.rlim_cur = l.rlim_max < PROCESS_FILES ? l.rlim_max : PROCESS_FILES;
	setrlimit(RLIMIT_NOFILE, &l); /* where that is denied it stays as it is */
}
