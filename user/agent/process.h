/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent as a process of the host: how soon it runs, what it may open, when it ends. */
#ifndef CGWALL_PROCESS_H
#define CGWALL_PROCESS_H

/* Before others, unless whoever started it chose something else. Where that is denied it stays as it is. */
void process_prefer(void);

/* As many descriptors as it may need, or as many as there may be. */
void process_widen(void);

/* SIGTERM, SIGINT wait for process_stay() from now on; SIGHUP is nothing any more. */
void process_hold_signals(void);

/* Says that nothing is done any more; returns when one of those signals comes. */
void process_stay(void);

#endif
