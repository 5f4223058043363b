/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers that last: ordinary rules in a file of their own, beside the policy (policy/texts.h).
 *
 * They stand behind everything else in the policy, so that they decide: the last rule that matches does. A
 * rule with `quick` decides before them all the same; an answer that it would leave without effect is
 * refused. What is put in force with an answer is the policy in force and the answers' file, not what has
 * become of the policy's other files since they were read.
 */
#ifndef CGWALL_ANSWERS_H
#define CGWALL_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include <cgwall/abi.h>

struct agent;
struct query;

struct answer {
	enum cgw_action verdict; /* pass, block, or reject (out only) */
	enum cgw_dir dir;
	/* Who: what is given is joined by `and`; nothing: anybody. Literal, no patterns. */
	const char *exe, *unit, *container, *cgroup;
	bool has_uid;
	uint32_t uid;
	/* Whom. */
	bool has_proto;
	uint8_t proto;
	uint16_t port; /* the remote one of `out`, the local one of `in`; 0: any */
	bool has_addr;
	uint8_t addr[16];	   /* the remote end's */
	const char *domain, *host; /* the remote end by name; one of addr, domain and host at most */
	int64_t until;		   /* seconds since the epoch; 0: for ever */
	const char *by, *why;	   /* for the comment; NULL: not told */
	const struct query *flow; /* what was asked about: the answer has to decide it. NULL: not looked at */
};

struct answer_done {
	uint32_t id;   /* for answers_forget() */
	uint32_t rule; /* its number in its direction */
};

/* Writes an answer down and puts it in force. An older one about the same is replaced. Takes as long as a
 * reload. 0; -EEXIST: another rule decides before it; or another -errno. On failure nothing is written or
 * changed, and *message is a sentence, owned by the caller. */
int answers_add(struct agent *a, const struct answer *n, struct answer_done *ret, char **message);

/* Takes an answer out of the file and out of force. 0; -ENOENT: there is no such answer; or another -errno.
 * *message as above. */
int answers_forget(struct agent *a, uint32_t id, char **message);

#endif
