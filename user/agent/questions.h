/* SPDX-License-Identifier: GPL-2.0-only */
/* The open questions: flows that the kernel holds while somebody is asked, equal ones joined. Any number at
 * once; each ends by an answer, by its time-out, because nobody waits any more, or because the policy does
 * not ask any more.
 *
 * The table knows neither the kernel nor the control socket: what has to be done comes in as functions, so
 * that it can be tested without either.
 */
#ifndef CGWALL_QUESTIONS_H
#define CGWALL_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ev.h>

#include <cgwall/abi.h>

#include "choice.h"

struct questions;
struct remember;

/* One flow that waits, or one datagram of it. */
struct question_flow {
	uint64_t cookie, netns;
	uint64_t packet; /* its number among the held ones, 0: none */
	uint8_t local[16];
	uint16_t lport, rport;
	uint32_t ifindex;
};

struct question {
	uint64_t id;
	struct cgw_question_key key;
	struct cgw_question first; /* as the kernel wrote it */
	int64_t time, deadline;	   /* ns since the epoch */
	/* Of the rule that asks. */
	uint32_t rule;
	uint8_t otherwise;
	uint64_t timeout_ms, else_for_ms;
	/* NULL: not known, or there is none. */
	char *exe, *cgroup, *unit, *container, *user, *domain;
	struct question_flow *flows;
	size_t nflows, room;
	/* The table's own. */
	size_t gone; /* so many of the first flows nobody waits for any more */
	struct questions *in;
	struct question *next, **at;	      /* of the same bucket */
	struct question *newer, **from_older; /* of all */
	ev_timer timer;
};

enum question_how {
	QUESTION_OPEN,
	QUESTION_CHANGE, /* another flow joined */
	QUESTION_ANSWERED,
	QUESTION_TIMEOUT,
	QUESTION_WITHDRAWN, /* whoever waited does not any more */
	QUESTION_POLICY,    /* the policy decides it now */
};

/* What happened to a question. */
struct question_event {
	enum question_how how;
	enum cgw_action verdict;     /* of ANSWERED and TIMEOUT */
	const struct choice *choice; /* of ANSWERED */
	const char *by; /* of ANSWERED: "uid 1000 (alice) pid 4711", or "answer 1000001" for a remembered one
			 */
};

/* What the table has others do. Each takes `arg`. */
struct questions_ops {
	void *arg;
	/* Fills what the kernel does not say: rule, timeout, strings. false: no rule asks that any more. */
	bool (*describe)(void *arg, struct question *q);
	/* Puts a verdict in force: for the flows that wait, where `until` is not 0 also for equal ones until
	 * then (boot clock, ns; ~0: always), and lets go of what is held; then the question is over. */
	void (*settle)(void *arg, struct question *q, enum cgw_action verdict, uint64_t until);
	/* Forgets the question and what is held, without a verdict. */
	void (*drop)(void *arg, struct question *q);
	/* Does the program of a flow still wait? Asked only of TCP connections that begin here. */
	bool (*waits)(void *arg, const struct question *q, const struct question_flow *f);
	/* Would the policy still ask? */
	bool (*asked)(void *arg, const struct question *q);
	/* Is this process the one it was? */
	bool (*lives)(void *arg, uint32_t pid, uint64_t start);
	/* Tells the log. */
	void (*log)(void *arg, const struct question *q, const struct question_event *e);
	/* Writes an answer that lasts as a rule. 0 with *ret its id, or -errno with *message. */
	int (*lasting)(void *arg, const struct question *q, const struct choice *c, const char *by,
		       uint32_t *ret, char **message);
	/* There is something new for those who follow. */
	void (*wake)(void *arg);
	/* A line of JSON for those who follow, owned by the caller. NULL without memory. */
	char *(*line)(void *arg, const struct question *q, const struct question_event *e);
};

/* `remembered` (may be NULL) is asked first; it must outlive the table. 0 or -errno. */
int questions_open(struct ev_loop *loop, const struct questions_ops *ops, struct remember *remembered,
		   struct questions **ret);

/* Lets go of the table; what the kernel holds stays held, for the next agent. q may be NULL. */
void questions_close(struct questions *qs);

/* A flow waits: opens its question, or joins it. `first`: what the kernel has of the question. 0 or -errno;
 * on failure the flow is not told of. */
int questions_asked(struct questions *qs, const struct cgw_asked *e, const struct cgw_question *first);

/* Is it open? NULL where not. Valid until the loop goes on. */
const struct question *questions_find(const struct questions *qs, uint64_t id);

/* Answers. *text gets a sentence (also on failure), owned by the caller; *answer the number under which it
 * can be forgotten, 0 where nothing stays; *nflows how many flows went. 0, or -errno: -ENOENT there is no
 * such question, -EINVAL that choice cannot be had for it. -EIO: the flow was answered, but it could not be
 * kept. */
int questions_answer(struct questions *qs, uint64_t id, const struct choice *c, const char *by, char **text,
		     uint32_t *answer, size_t *nflows);

/* The policy or the state has changed: what is not asked any more is over. */
void questions_recheck(struct questions *qs);

/* Number of open ones. */
size_t questions_count(const struct questions *qs);

/* All open ones, oldest first; owned by the caller, and each valid until the loop goes on. 0 or -ENOMEM. */
int questions_list(const struct questions *qs, const struct question ***ret, size_t *n);

/* ---- those who follow ---- */

/* Begins to take notes, and stops when as many have ended as have begun. Gives the number of the next note.
 */
uint64_t questions_follow(struct questions *qs);
void questions_unfollow(struct questions *qs);

/* The line of note *at, counting *at on; NULL where there is none yet. *lost: notes that were missed before
 * it. Owned by the caller. */
char *questions_note(struct questions *qs, uint64_t *at, uint64_t *lost);

/* ---- what can be chosen ---- */

/* May this be the answer? NULL, or why not. */
const char *question_choosable(const struct question *q, const struct choice *c);

/* The domain that CHOICE_DOMAIN means for q, a place in q->domain; NULL without a name. */
const char *question_domain(const struct question *q);

#endif
