/* SPDX-License-Identifier: GPL-2.0-only */
/* What was seen: records of the log (`log --json`), equal flows joined. */
#ifndef CGWALL_SIGHTED_H
#define CGWALL_SIGHTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cgwall/abi.h>

#include "../compile/intern.h"

struct json_object;

/* Everything in network order, addresses as 16 bytes, IPv4 as ::ffff:a.b.c.d; ports in host order. Strings
 * belong to it; NULL: not known. */
struct flow {
	enum cgw_dir dir;
	const char *exe, *cgroup;
	const char *name; /* of the remote end */
	uint32_t uid;
	bool has_uid, has_proto, has_remote, has_local, has_port;
	uint8_t proto;
	uint8_t remote[16], local[16];
	uint16_t port; /* the service's: the remote one of `out`, the local one of `in` */
	uint64_t count;
};

struct sighted {
	struct arena *arena; /* owns everything */
	struct intern keys;  /* of flows: equal ones have equal numbers */
	struct intern texts;
	struct flow *flows;
	size_t n;
	uint64_t records; /* that counted */
	uint64_t refused; /* that were refused, and left out for that */
	uint64_t skipped; /* that say nothing about a flow */
};

/* NULL: out of memory. */
struct sighted *sighted_new(void);
void sighted_free(struct sighted *s);

/* Takes one record. refused: also what was not let through. Where memory runs out the arena's failure jump is
 * taken. */
void sighted_add(struct sighted *s, const struct json_object *record, bool refused);

#endif
