/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of the log: a verdict, made from a kernel event with what user space knows besides; a change of
 * the surroundings, with the rules that it switched; or a place where lines are missing. */
#ifndef CGWALL_RECORD_H
#define CGWALL_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cgwall/abi.h>

#include "rules.h"

struct json_object;

/* Rules lo..hi of a direction, switched alike. */
struct record_rules {
	uint32_t lo, hi;
	uint8_t dir;
	bool on;
};

struct record {
	int64_t time; /* ns since the epoch */
	uint64_t gen;
	uint64_t lost; /* not 0: no verdict, so many lines were lost here */
	uint64_t cookie;
	uint32_t rule, line; /* line 0: unknown */
	uint32_t pid, uid, gid;
	uint8_t verdict; /* what the rule says */
	uint8_t error;	 /* enum cgw_error; not 0: refused without a rule */
	uint8_t dir, proto, known;
	bool observed; /* was let through by `set mode observe` */
	bool borrowed; /* by a socket that another program has opened */
	bool nameless; /* refused by a policy with names, and none is known for the remote address */
	uint8_t alarm; /* not 0: no verdict but enum cgw_alarm + 1: `remote` sent it, `domain` it is about,
			* `local` is the address it would bind */
	uint16_t rport, lport;
	uint8_t remote[16], local[16];
	char comm[17];
	/* NULL: unknown. All of them stand behind the struct, in the same allocation. */
	const char *file, *app, *exe, *cgroup, *domain, *iface, *note;
	/* A change of the surroundings: what changed, from what to what (NULL: nothing); NULL: it is none. */
	const char *fact, *old, *now;
	const struct record_rules *rules;
	uint32_t nrules, more; /* more: rules that are switched as well, and not among those */
	uint64_t question;     /* this is how it ended, as `note` says; 0: not about a question */
};

/* What else is known; strings are copied. */
struct record_context {
	int64_t boot_offset;	   /* ns to add to the boot clock for the time of day */
	const struct rules *rules; /* of the event's generation, or NULL */
	const char *cgroup, *iface, *note;
	const char *domain; /* the name that was asked for */
	uint64_t question;  /* 0: none */
};

/* Owned by the caller, free(). NULL where there is no memory. */
struct record *record_new(const struct cgw_event *e, const struct record_context *c);
/* A change of the surroundings; strings, which are fit to be printed (show_quote()), and rules are copied.
 * Those that are on come first, `out` before `in`, by number. */
#define RECORD_RULES_MAX 64
struct record *record_state(int64_t time, const char *fact, const char *old, const char *now,
			    const struct record_rules *rules, size_t nrules, uint32_t more);
/* A place where `lost` lines are missing. */
struct record *record_lost(uint64_t lost, int64_t time);

/* Nanoseconds to add to the boot clock to get the time of day. */
int64_t record_boot_offset(void);

/* The deciding rule's app, else the executable's name, else the thread's: what stands for the program in
 * the one-line form. */
const char *record_program(const struct record *r);

/* The one-line form, without a newline: text.c. */
void record_text(const struct record *r, char *out, size_t size);
#define RECORD_TEXT_MAX 768

/* The object that `log --json` prints: json.c. NULL where there is no memory. */
struct json_object *record_json(const struct record *r);

#endif
