/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers that hold for a while and answer equal questions by themselves. They live in the agent, and in a
 * file of the run directory that only the agent's user reads, for the next agent. What lasts for ever is not
 * among them.
 */
#ifndef CGWALL_REMEMBER_H
#define CGWALL_REMEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "choice.h"

struct json_object;
struct question;
struct remember;

#define REMEMBER_FILE "answers"
#define REMEMBER_ID 1000000 /* their numbers are above; those of lasting answers are below */
#define REMEMBER_MAX 4096

/* Is this process the one it was? */
typedef bool (*remember_lives)(void *arg, uint32_t pid, uint64_t start);

/* Reads what an earlier agent of this boot left in the run directory. 0 or -errno; a file that cannot be read
 * is as if it were not there, and *message says so (may stay NULL; owned by the caller). */
int remember_open(const char *run_dir, remember_lives lives, void *arg, struct remember **ret,
		  char **message);
void remember_close(struct remember *r);

/* Keeps an answer to q. until_ns: boot clock; 0 for those that hold until a process ends or the machine
 * restarts. *id its number. 0, -ENOSPC where there are REMEMBER_MAX, or -errno of writing the file (it holds
 * all the same, for this agent). */
int remember_add(struct remember *r, const struct question *q, const struct choice *c, const char *by,
		 uint64_t until_ns, uint32_t *id);

/* Which one answers q? Counts it. NULL: none. */
const struct remembered *remember_find(struct remember *r, const struct question *q);

struct remembered {
	uint32_t id;
	struct choice choice;
	enum cgw_dir dir;
	int64_t time;	    /* ns since the epoch */
	uint64_t until;	    /* boot clock, ns; 0: see choice.life */
	int64_t until_real; /* seconds since the epoch, of CHOICE_TODAY; else 0 */
	uint32_t pid, uid;
	uint64_t start; /* of the process */
	uint8_t addr[16], proto;
	uint16_t port;
	uint64_t hits;
	char *exe, *unit, *container, *cgroup, *name, *by; /* NULL: none */
};

/* An answer to q as it would be kept, without number and end. Its strings are the caller's:
 * remembered_free(). 0 or -ENOMEM. */
int remembered_fill(struct remembered *m, const struct question *q, const struct choice *c, const char *by);
void remembered_free(struct remembered *m);

/* Does it say anything about q? */
bool remembered_matches(const struct remembered *m, const struct question *q);

/* When it ends by the boot clock, in ns; ~0: not by the clock. */
uint64_t remembered_until(const struct remembered *m);

/* What it says, as a sentence: "pass out /usr/bin/curl to 192.0.2.1 port 443 for 2h". */
void remembered_text(const struct remembered *m, char *out, size_t size);
#define REMEMBERED_TEXT_MAX 1536

/* Takes one back. 0 or -ENOENT. *file: 0, or -errno of writing the file: the next agent would have it again.
 */
int remember_forget(struct remember *r, uint32_t id, int *file);

/* The i-th that still holds, or NULL. Valid until something is added or forgotten. */
const struct remembered *remember_get(struct remember *r, size_t i);

#endif
