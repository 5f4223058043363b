/* SPDX-License-Identifier: GPL-2.0-only */
/* What the policy in force stands for at present: which facts hold, since when, which rules are in force;
 * and how that has changed. */
#ifndef CGWALL_STANDING_H
#define CGWALL_STANDING_H

#include "../compile/enable.h"
#include "../compile/iface.h"
#include "../event/record.h"
#include "../state/facts.h"

struct load;

/* What is known of the surroundings, as of the last evaluation: what changes are told against. */
struct seen {
	struct facts_link *active;
	size_t nactive;
	struct facts_wifi *wifi; /* those that count */
	size_t nwifi;
	char (*wifi_names)[FACTS_NAME_MAX]; /* of their interfaces */
};

int seen_take(const struct facts *f, struct seen *ret); /* 0 or -ENOMEM */
void seen_free(struct seen *s);

struct addresses {
	uint8_t (*list)[16]; /* sorted */
	size_t n;
};

struct standing {
	struct enable *enable; /* as of the last evaluation */
	/* as they are in force: facts, conditions, gates of `enable`; since when, ns since the epoch */
	bool *facts, *conditions, *gates;
	int64_t *facts_since, *conditions_since;
	struct ifaces *ifaces; /* NULL: no rule names an interface */
	struct standing_key {
		struct cgw_key key;
		struct cgw_class class;
	} * keys; /* of interfaces */
	size_t nkeys;
	bool wants_self, wants_resolvers;
	struct addresses self, resolvers; /* that the tables were made with */
	char *resolvers_set; /* what `set resolvers` says in their place, as it is written; NULL: auto */
};

/* For a compiled policy. Nothing is evaluated yet. 0 or -ENOMEM. */
int standing_new(const struct load *l, struct standing **ret);
void standing_free(struct standing *st); /* NULL is fine */

/* Takes over since when what the former policy asked for, too, is as it is. */
void standing_inherit(struct standing *st, const struct standing *former);

/* The last evaluation is in force from now on. */
void standing_settle(struct standing *st);

/* Is the rule in force? */
bool standing_holds(const struct standing *st, enum cgw_dir dir, uint32_t number);

/* Rules, as runs; those that are on first. */
struct standing_runs {
	struct record_rules runs[RECORD_RULES_MAX];
	size_t n;
	uint32_t more; /* that found no room */
};

/* The rules whose gate is marked; `open`: by gate, are they on? */
void standing_rules(const struct enable *e, const bool *marked, const bool *open, struct standing_runs *ret);

struct json_object;

/* Adds "facts" and "conditions" to the object. */
void standing_status(const struct standing *st, struct json_object *o);

#endif
