/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread for one kind of work that takes longer than the loop may stand still. Work that is asked for while
 * it is being done is done once more afterwards, however often it was asked for. */
#ifndef CGWALL_WORKER_H
#define CGWALL_WORKER_H

#include <stdbool.h>
#include <stdint.h>

struct worker;

/* 0: done; else it is tried again a little later. */
typedef int worker_fn(void *arg);

/* Nothing is started before the first worker_ask(): the thread then has the caller's capabilities, or none
 * where the work needs none (`bare`). 0 or -errno. */
int worker_open(worker_fn *fn, void *arg, bool bare, struct worker **ret);
void worker_close(struct worker *w); /* waits for what is being done; NULL is fine */

/* Asks for the work. The ticket is never 0. Where no thread can be had it is done before this returns. */
uint64_t worker_ask(struct worker *w);

/* Has the work been done that began after the ticket was given? Ticket 0: yes. */
bool worker_done(struct worker *w, uint64_t ticket);

/* Readable when something was done; then call the other. */
int worker_fd(const struct worker *w);
void worker_read(struct worker *w);

#endif
