/* SPDX-License-Identifier: GPL-2.0-only */
/* When has every BPF program that runs now ended? The kernel answers that only to whoever waits, some ten
 * milliseconds; here a thread of its own waits, and the loop goes on. The thread holds no capability and does
 * nothing else; it is started with the first ticket. */
#ifndef CGWALL_GRACE_H
#define CGWALL_GRACE_H

#include <stdbool.h>
#include <stdint.h>

struct grace;

/* 0 or -errno. */
int grace_open(struct grace **ret);
void grace_close(struct grace *g); /* waits for the thread; NULL is fine */

/* Begins a grace period, after the one that is under way if there is one. The ticket is never 0. */
uint64_t grace_ticket(struct grace *g);

/* Have the programs ended that ran when the ticket was given? Ticket 0: yes. */
bool grace_passed(struct grace *g, uint64_t ticket);

/* Readable when a period has ended; then call the other. */
int grace_fd(const struct grace *g);
void grace_read(struct grace *g);

/* Waits for a period in the caller's thread. 0 or -errno. */
int grace_wait(void);

#endif
