/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports that are open for nobody. */
#ifndef CGWALL_LISTENING_H
#define CGWALL_LISTENING_H

struct agent;
struct json_object;

/* The sockets of guarded programs that listen, or are bound to a port, though no `in` rule of the policy in
 * force could let anybody through, whoever he is and whatever facts hold: an array of objects with proto,
 * local, rule (the one that refuses in the end), exe, pid, uid and cgroup. Empty where nothing is enforced.
 * Owned by the caller; NULL where memory runs out. What cannot be told is left out. */
struct json_object *listening_json(struct agent *a);

#endif
