/* SPDX-License-Identifier: GPL-2.0-only */
/* One line of the log, made from a kernel event with what user space knows besides. */
#ifndef CGWALL_RECORD_H
#define CGWALL_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cgwall/abi.h>

#include "rules.h"

struct json_object;

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
	uint16_t rport, lport;
	uint8_t remote[16], local[16];
	char comm[17];
	/* NULL: unknown. All of them stand behind the struct, in the same allocation. */
	const char *file, *app, *exe, *cgroup, *domain, *iface;
};

/* What else is known; strings are copied. */
struct record_context {
	int64_t boot_offset;	   /* ns to add to the boot clock for the time of day */
	const struct rules *rules; /* of the event's generation, or NULL */
	const char *cgroup, *iface;
};

/* Owned by the caller, free(). NULL where there is no memory. */
struct record *record_new(const struct cgw_event *e, const struct record_context *c);
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
