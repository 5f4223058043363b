/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of the surroundings: one model, which links.c, wifi.c and clock.c report to and everything
 * else reads. Nothing here asks the host.
 *
 *   rtnetlink ── links.c ──┐
 *   nl80211 ──── wifi.c ───┼─▶ struct facts ── changed() ──▶ agent: facts_query() ─▶ judge ─▶ enabled row
 *   timerfd ──── clock.c ──┘
 *
 * A reporter tells what is, not what happened: the same thing told twice is no change. Interfaces are known
 * by their index, since names change; links.c alone says how an index is called. An association counts only
 * while its link is running, so wifi.c need not know of carrier, DORMANT or removal: links.c tells. It hears
 * of links that begin to run by `ran`, since nl80211 has no word for a key that was put in place.
 *
 * A reporter brackets what belongs together (all messages of one read, a whole dump) with facts_begin() and
 * facts_end(); the listener is called at most once, at the end of the outermost pair.
 *
 * Where wifi.c plugs in: user/state/wifi.[ch] has
 *
 *   int wifi_open(struct ev_loop *loop, struct facts *f, struct wifi **ret);   0 or -errno
 *   void wifi_close(struct wifi *w);                                           NULL is fine
 *
 * It subscribes, reads a first dump before it returns (so that the first policy is judged by what is true),
 * and reports from the loop with facts_wifi() and facts_unwifi(); on an overflow it dumps anew and reports
 * that. Where there is no nl80211 there is nothing to report, until a driver is loaded.
 * Any program may send to a netlink socket: what does not come from the kernel (nl_pid 0) is not read.
 */
#ifndef CGWALL_FACTS_H
#define CGWALL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct query;

#define FACTS_NAME_MAX 16 /* of an interface, with NUL */
#define FACTS_SSID_MAX 32

struct facts_link {
	uint32_t index;
	char name[FACTS_NAME_MAX];
	bool running;  /* up, with carrier, not dormant (a Wi-Fi link that waits for its keys is) */
	bool active;   /* running, and holding an address that is no IPv6 link-local one */
	int64_t since; /* when `active` became what it is, ns since the epoch; filled by facts_link() */
};

struct facts_wifi {
	uint32_t index; /* the interface's */
	uint8_t ssid[FACTS_SSID_MAX];
	uint8_t len;  /* bytes of ssid */
	bool secured; /* the link is encrypted: never true where that is not certain */
	uint8_t bssid[6];
	const char *how; /* how it is protected, in a word that lives for ever; NULL: not told */
	int64_t since;	 /* filled by facts_wifi() */
};

/* What the listener is told of. */
#define FACTS_ACTIVE 1	 /* an interface became active, or ceased to be; or an active one changed its name */
#define FACTS_WIFI 2	 /* associations that count */
#define FACTS_CLOCK 4	 /* a time came, the clock or the time zone was set */
#define FACTS_LINKS 8	 /* which interfaces there are, and how they are called */
#define FACTS_ADDRESS 16 /* the host's addresses */
#define FACTS_RESOLVERS 32 /* which resolvers the host is configured to use */
#define FACTS_ZONE 64	   /* the time zone was set */

struct facts {
	struct facts_link *links; /* by index, ascending */
	size_t nlinks;
	struct facts_wifi *wifi; /* by index, ascending; also those that do not count */
	size_t nwifi;
	/* Of who wants to know (may be NULL): a link runs now that did not. May report. */
	void (*ran)(void *arg, uint32_t index);
	void *ran_arg;
	/* facts.c's own */
	void (*changed)(void *arg, unsigned what);
	void *arg;
	unsigned depth, pending;
};

/* `changed` is called from within facts_end() or a report; it may read, but not report. */
void facts_init(struct facts *f, void (*changed)(void *arg, unsigned what), void *arg);
void facts_free(struct facts *f);

void facts_begin(struct facts *f);
void facts_end(struct facts *f);

/* This is how the link with that index is now; `since` is not read. 0 or -ENOMEM. */
int facts_link(struct facts *f, const struct facts_link *link);
/* There is none (any more), nor an association of it. */
void facts_unlink(struct facts *f, uint32_t index);

/* This is the association of that interface now; `since` is not read. One for each interface. 0 or -ENOMEM.
 */
int facts_wifi(struct facts *f, const struct facts_wifi *w);
/* It is not associated. */
void facts_unwifi(struct facts *f, uint32_t index);

/* Something else changed: FACTS_CLOCK, FACTS_ZONE, FACTS_ADDRESS, FACTS_RESOLVERS. */
void facts_tell(struct facts *f, unsigned what);

/* NULL: there is none. Valid until the next report. */
const struct facts_link *facts_find(const struct facts *f, uint32_t index);

/* Does this association count: is its link known, and running? */
bool facts_counts(const struct facts *f, const struct facts_wifi *w);

/* Fills in the facts of a question that it does not give itself (has_active, has_wifi, has_time): active
 * interfaces, associations that count, the present time. To be freed with the rest by query_free(); a
 * question about nothing but facts is `struct query q = {0}`. 0 or -ENOMEM (query_free() is due all the
 * same). */
int facts_query(const struct facts *f, struct query *q);

#endif
