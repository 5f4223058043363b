/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows that are held, and the questions about them: what the rest of the agent calls. */
#ifndef CGWALL_AGENT_HOLD_H
#define CGWALL_AGENT_HOLD_H

#include <stddef.h>
#include <stdint.h>

#include "questions.h"
#include "remember.h"

struct agent;
struct hold;
struct json_object;
struct record;
struct server_peer;

/* Begins to ask, also about what an earlier agent left open. The kernel side is open and the policy in force.
 * 0 or -errno. */
int hold_start(struct agent *a);

/* Ends it; what is held stays held. */
void hold_stop(struct agent *a);

/* NULL before hold_start() and after hold_stop(). */
struct questions *hold_questions(const struct agent *a);
struct remember *hold_remembered(const struct agent *a);

/* To be called after every change of policy or state: what the rules in force do not ask any more is over. */
void hold_recheck(struct agent *a);

/* Takes back an answer that is remembered (their numbers are above REMEMBER_ID). 0, -ENOENT, or -errno with a
 * sentence in *message: this agent has forgotten it, but it is still somewhere. */
int hold_forget(struct agent *a, uint32_t id, char **message);

/* Why this client may not answer q (NULL: any question), or NULL where he may. Whether he may ask the agent
 * at all is the server's business. */
const char *hold_barred(struct agent *a, const struct server_peer *peer, const struct question *q);

/* What is not as it should be, a sentence for `status` in ret; NULL: nothing. */
const char *hold_note(const struct agent *a, char *ret, size_t size);

/* ---- question_json.c ---- */

/* The line of the stream about q. NULL without memory. */
struct json_object *question_event_json(struct agent *a, const struct question *q,
					const struct question_event *e);

/* The log's record about it, owned by the caller. NULL without memory. */
struct record *question_record(struct agent *a, const struct question *q, const struct question_event *e);

/* One remembered answer. NULL without memory. */
struct json_object *remembered_json(const struct remembered *m);

#endif
