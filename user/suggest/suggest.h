/* SPDX-License-Identifier: GPL-2.0-only */
/* From what was seen to a policy that allows it and nothing else: a rule for each program or unit, services
 * by name, ends by group and name where that is no wider than what was seen or where there are many of them.
 *
 *   sighted  records -> flows, equal ones once
 *   subject  who: the program, or the unit where the program is an interpreter, and an app's name for it
 *   whom     the remote end as a policy writes it; many of a kind become their group
 *   rules    flows with the same who and the same ends become one rule, then the same rules of several apps
 *   prove    every flow is judged under the policy that came out
 */
#ifndef CGWALL_SUGGEST_H
#define CGWALL_SUGGEST_H

#include <stdio.h>

#include "sighted.h"

struct world;

enum suggest_by {
	SUGGEST_AUTO, /* by program; by unit where the program is an interpreter or not known */
	SUGGEST_PROGRAM,
	SUGGEST_UNIT,
};

struct suggest_options {
	enum suggest_by by;
	bool closed_in; /* nothing else may come in, also where nothing was seen to */
	/* What the host's resolvers and own addresses are. */
	const struct world *world;
	/* What the policy that saw it says instead (`set resolvers`): the suggestion says the same, since
	 * names are learned from them. NULL: nothing. */
	const struct settings *settings;
};

struct suggestion {
	char *text; /* the policy */
	size_t apps, rules;
	size_t failed; /* flows that it would not let through; the first of them: */
	char *example;
};

/* Makes a policy of what was seen (at least one flow). It has been compiled and every flow has been judged
 * under it. 0, -ENOMEM, or -EINVAL where the policy that came out is none (then `example` says why). Both
 * texts are owned by the caller. */
int suggest_make(struct sighted *s, const struct suggest_options *o, struct suggestion *ret);

/* ---- its parts ---- */

/* What a flow wants: each is a text of the policy's. They stand in the arena of the sighted. */
struct want {
	enum cgw_dir dir;
	uint32_t app;	 /* number of its subject; 0: anybody */
	const char *svc; /* "https", "tcp/8080", "icmp"; "" for any; "=47": by `proto` */
	uint8_t kind;	 /* enum whom_kind */
	const char *whom;
};

enum whom_kind { WHOM_ANY, WHOM_GROUP, WHOM_LOCAL, WHOM_ADDR, WHOM_NAME };

struct subject {
	const char *name; /* of the app */
	const char *expr; /* what it is */
	const char *what; /* as people call it, for a comment */
	uint64_t flows;
};

struct subjects {
	struct intern known; /* of expr */
	struct subject *all; /* by number; 0 is anybody */
	size_t n;
};

/* The number of a flow's subject: subject.c. */
uint32_t subject_of(struct sighted *s, struct subjects *all, const struct flow *f, enum suggest_by by);

/* The remote end: whom.c. */
void whom_of(struct sighted *s, const struct flow *f, const struct suggest_options *o, struct want *ret);

/* Where there are many of a kind (within one direction, subject and service) they become one that covers
 * them. wants: n of them, changed in place; gives how many are left. */
size_t whom_collapse(struct sighted *s, struct want *wants, size_t n);

/* The service: service.c. */
const char *service_of(struct sighted *s, const struct flow *f);
/* The same for the ports of one direction, subject and end. */
size_t service_collapse(struct sighted *s, struct want *wants, size_t n);

/* A copy in the arena of the sighted. */
const char *suggest_text(struct sighted *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* In quotes, with what means something in patterns and strings escaped where `glob`. */
const char *suggest_quoted(struct sighted *s, const char *text, bool glob);

/* A rule to be: lists are texts with commas. */
struct rule_row {
	enum cgw_dir dir;
	uint32_t app;	  /* while there is only one */
	const char *apps; /* NULL: anybody */
	const char *services, *ends;
	const char *group; /* that stands for the ends, NULL: they are written out */
	size_t napps, nservices, nends;
};

/* The rules that the wants (sorted in no way, changed) come to: rules.c. */
struct rule_row *rules_from(struct sighted *s, const struct subjects *subjects, struct want *wants, size_t n,
			    size_t *ret);

/* prove.c: judges every flow. */
int suggest_prove(struct sighted *s, const struct suggest_options *o, struct suggestion *ret);

#endif
