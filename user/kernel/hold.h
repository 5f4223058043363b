/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows that the kernel holds while somebody is asked: reading about them, answering, letting go.
 *
 * The kernel keeps a question for each set of equal flows, the first packets of the flows, and what was
 * answered (abi.h). It outlives the agent; kernel_hold_each() tells the next one what is open.
 * Functions return 0 or -errno.
 */
#ifndef CGWALL_KERNEL_HOLD_H
#define CGWALL_KERNEL_HOLD_H

#include "kernel.h"

/* fn is called by kernel_read_events() for each flow that begins to wait; e is valid only inside. */
void kernel_on_asked(struct kernel *k, void (*fn)(void *arg, const struct cgw_asked *e), void *arg);

/* The same for each flow that waits already, held for an earlier agent. */
int kernel_hold_each(struct kernel *k, void (*fn)(void *arg, const struct cgw_asked *e), void *arg);

/* What the kernel has of a question. -ENOENT where it is over. */
int kernel_hold_question(struct kernel *k, const struct cgw_question_key *key, struct cgw_question *ret);

/* A question is over: whoever comes next is asked about anew. */
int kernel_hold_close(struct kernel *k, const struct cgw_question_key *key);

/* Answers every flow with that key. until: boot clock, ns; 0: always. */
int kernel_hold_answer(struct kernel *k, const struct cgw_question_key *key, enum cgw_action verdict,
		       uint64_t until);

/* Takes all such answers back. */
int kernel_hold_unanswer(struct kernel *k);

/* One flow that waits, as the question's key and its own event tell it. */
struct kernel_held_flow {
	const struct cgw_question_key *key;
	uint64_t cookie, netns, packet; /* as in struct cgw_asked */
	const uint8_t *local;		/* 16 bytes */
	uint16_t lport, rport;
	uint32_t ifindex;
	uint32_t pid; /* where its network namespace may be found */
};

/* Finds the network namespace of a flow while the process that began it lives; it is held open until
 * kernel_hold_leave() was called as often as this: it could not end otherwise. Where it cannot be found
 * (-ENETUNREACH), or as many are held open as may be (-EMFILE), what follows may still find it; -ENOMEM:
 * nothing was done. */
int kernel_hold_place(struct kernel *k, const struct kernel_held_flow *f);
void kernel_hold_leave(struct kernel *k, const struct kernel_held_flow *f);

/* How often there were too many. */
uint64_t kernel_hold_refused(const struct kernel *k);

/* Answers that flow alone, before anything else is done with it. */
int kernel_hold_grant(struct kernel *k, const struct kernel_held_flow *f, enum cgw_action verdict);

/* Does the program still wait for its connection? Only of TCP that begins here. 1, 0, or -errno where that
 * cannot be told (-ENETUNREACH: its network namespace was not found). */
int kernel_hold_waits(struct kernel *k, const struct kernel_held_flow *f);

/* Sends the held packet on, unless it is a connection's that nobody waits for any more, and forgets it. 0
 * also where nothing is held. -ENETUNREACH: its network namespace cannot be found any more. */
int kernel_hold_send(struct kernel *k, const struct kernel_held_flow *f);

/* Forgets the held packet. */
int kernel_hold_drop(struct kernel *k, const struct kernel_held_flow *f);

/* Ends a connection that waits: its program sees ECONNABORTED at once. */
int kernel_hold_end(struct kernel *k, const struct kernel_held_flow *f);

/* Connections that are held get as many tries as they need, those that were let through after a long wait
 * their own number again: what connect() could not do yet, or cannot do any more. */
int kernel_hold_patience(struct kernel *k);

/* The path that a question's key names, into ret (CGW_PATH_MAX); -ENOENT where there is none. */
int kernel_hold_path(struct kernel *k, const struct cgw_question_key *key, char *ret);

/* A process: does it live and is it the one that started then; is it one of the guarded? -ENOENT: no. */
struct kernel_process {
	uint64_t start;
	bool guarded;
};
int kernel_process(struct kernel *k, uint32_t pid, struct kernel_process *ret);

#endif
