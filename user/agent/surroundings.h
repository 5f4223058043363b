/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent and its surroundings: follows them (state/), works out what they mean to the policy in force, and
 * puts that in force. What a policy stands for under the surroundings of the moment is a `standing`; it is
 * made with the image, and comes into force with it. */
#ifndef CGWALL_SURROUNDINGS_H
#define CGWALL_SURROUNDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "../kernel/kernel.h"

struct agent;
struct json_object;
struct load;
struct query;
struct standing;
struct surroundings;

/* Begins to follow them; what there is, is known when this returns. 0, or -errno with a sentence in *message,
 * owned by the caller. */
int surroundings_open(struct agent *a, struct surroundings **ret, char **message);
void surroundings_close(struct surroundings *s); /* NULL is fine */

/* Completes an image that is about to be published: enabled rows, interfaces. 0 or -errno. */
int surroundings_prepare(struct surroundings *s, const struct load *l, struct standing **ret);
/* It has been published. Takes the standing over. */
void surroundings_adopt(struct surroundings *s, struct standing *st);
void surroundings_discard(struct standing *st); /* NULL is fine */

/* From now on changes are put in force as they come; the kernel side is there. And no more. */
void surroundings_follow(struct surroundings *s);
void surroundings_rest(struct surroundings *s);

/* Fills in the facts that the question does not give, and the rows of rules that would be in force then: *row
 * stays NULL where it gives none, and is valid until the next call otherwise. 0 or -errno. */
int surroundings_query(struct surroundings *s, struct query *q, const struct cgw_chunk *const **row);

/* Rows as they would be if of the rules with conditions exactly those were in force in that direction whose
 * entries `open` says so of, and in the other those that are; valid until the next call. NULL where no rule
 * of that direction has a condition: all are in force then. */
const struct cgw_chunk *const *surroundings_wish(struct surroundings *s, enum cgw_dir dir,
						 bool (*open)(const void *arg, uint32_t entry),
						 const void *arg);

/* The row (CGW_GIVEN_IFACE) of the interface of that name for a question. 0 or -errno. */
int surroundings_iface(struct surroundings *s, enum cgw_dir dir, const char *name, uint32_t *ret);

/* Is the rule in force? */
bool surroundings_holds(const struct surroundings *s, enum cgw_dir dir, uint32_t number);

/* Adds what `status` tells of them: "surroundings", "facts", "conditions", and to the list of `reasons`. */
void surroundings_status(const struct surroundings *s, struct json_object *o, struct json_object *reasons);

#endif
