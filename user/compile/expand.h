/* SPDX-License-Identifier: GPL-2.0-only */
/* Rules to entries. What names stand for (apps, groups, services) is worked out once: apps in the order of
 * their definition, groups and services by walking what they reach, so that neither depth nor sharing of
 * definitions costs much.
 *
 * All of it reports errors to t->diag at their place.
 */
#ifndef CGWALL_COMPILE_EXPAND_H
#define CGWALL_COMPILE_EXPAND_H

#include "products.h"
#include "tables.h"

/* Sorted atoms of what a HOSTS consists of. */
struct flat_hosts {
	bool any;
	uint32_t *nets, *lists, *names;
	uint32_t nnets, nlists, nnames;
};

struct expand {
	struct tables *t;
	struct products_work work;
	struct intern apps; /* (pointer, negated) -> app_products[] */
	struct products *app_products;
	struct intern groups; /* pointer -> flat[] */
	struct flat_hosts *flat;
	struct intern services; /* pointer -> flat_services[] */
	struct flat_service {
		uint32_t *atoms, n;
	} * flat_services;
};

/* who.c */
struct products who_expand(struct expand *x, const struct expr *e, bool negated);
void who_define(struct expand *x, const struct app *app);

/* hosts.c: what `from` or `to` asks of one end. */
struct products hosts_expand(struct expand *x, const struct hosts *h, enum cgw_end end);

/* services.c: `proto`, `service` and ports. */
struct products services_expand(struct expand *x, const struct rule *r);

/* Fills both directions with entries, in text order. Number of errors. */
size_t expand_policy(struct tables *t);

/* Turns text order into order of priority: quick rules as they stand, then the others from the last to the
 * first, so that the first entry that matches is the one that decides. */
void order_direction(struct tables *t, enum cgw_dir dir);

/* Number of a user or group as the policy or a question writes it. 0, or -ENOENT. */
int who_number(const struct tables *t, bool group, const char *text, uint32_t *ret);

#endif
