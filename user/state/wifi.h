/* SPDX-License-Identifier: GPL-2.0-only */
/* Which Wi-Fi networks this host is in: the associations of the interfaces in the agent's network namespace,
 * by nl80211, followed by its events, reported to the facts.
 *
 * An association stands before its keys are agreed on, and for some seconds also with a wrong key; that the
 * link carries traffic is the links' side to tell, and both have to hold (facts_counts()).
 *
 * A kernel without Wi-Fi is nothing special: there are no associations until a driver is loaded.
 */
#ifndef CGWALL_WIFI_H
#define CGWALL_WIFI_H

#include <stdbool.h>
#include <stdint.h>

#include "wifi_ie.h"

struct ev_loop;
struct facts;
struct wifi;

/* Subscribes, and reports what there is before it returns; from then on it reports from the loop. 0 or
 * -errno. */
int wifi_open(struct ev_loop *loop, struct facts *f, struct wifi **ret);
void wifi_close(struct wifi *w); /* NULL is fine */

/* How an association is protected. */
enum wifi_protection {
	WIFI_OPEN,    /* not at all */
	WIFI_WEAK,    /* by what is known to be broken: WEP, TKIP */
	WIFI_ANYBODY, /* encrypted with whoever was there (OWE), or nobody can say with whom */
	WIFI_NO_KEY,  /* it asks for a key, and none is in force (yet) */
	WIFI_UNTOLD,  /* the driver does not tell of its keys, and the agent has not seen it join */
	WIFI_SECURED, /* encrypted by AES, with a key for which both had to know a secret */
	WIFI_PROTECTIONS
};
extern const char *const wifi_protection_names[WIFI_PROTECTIONS];

/* What is known about it. */
struct wifi_evidence {
	bool privacy;		      /* the access point says that it wants encryption */
	struct wifi_ies offered;      /* what it sends to all: can be anybody's, and change at any time */
	const struct wifi_ies *asked; /* this station's own request; NULL: not seen */
	int error;		      /* of asking for the pairwise key; -ENOENT: there is none */
	uint32_t cipher;	      /* its cipher where error is 0; 0: not told */
	bool authorized;	      /* the driver lets this station's data through */
};
enum wifi_protection wifi_judge(const struct wifi_evidence *e);

#endif
