// SPDX-License-Identifier: GPL-2.0-only
#include "wifi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ev.h>
#include <linux/nl80211.h>

#include "facts.h"
#include "genl.h"

/* Linux 6.0 (802.11be); older headers do not have them */
#define BSS_MLO_LINK_ID 21
#define BSS_MLD_ADDR 22

#define CAPABILITY_PRIVACY (1 << 4)
#define EVENTS_AT_ONCE 256 /* datagrams, before something else of the loop has its turn */
#define DUMP_TRIES 5
#define LIST_AGAIN 1.  /* seconds, where the kernel did not tell of its interfaces */
#define WAIT_FIRST .02 /* seconds until it is asked again whether a key is there; doubled each time */
#define WAIT_TRIES 11  /* 40 s in all */

static const char *const group_names[] = {NL80211_MULTICAST_GROUP_CONFIG, NL80211_MULTICAST_GROUP_MLME};
#define GROUPS (sizeof(group_names) / sizeof(group_names[0]))

/* An interface of nl80211's. */
struct station {
	uint32_t ifindex;
	bool dirty;	/* to be asked about */
	bool waiting;	/* for its key, or for a better answer */
	unsigned tries; /* how often it was asked about for that */
	/* What this station asked for when it joined, by the event that told so. */
	bool asked_known;
	uint8_t asked_of[6];
	struct wifi_ies asked;
};

struct wifi {
	struct ev_loop *loop;
	struct facts *facts;
	int ask, events; /* sockets */
	uint16_t family; /* 0: the kernel has none now */
	bool find_family, find_all;
	struct station *stations;
	size_t nstations;
	ev_io io;
	ev_timer timer;
};

const char *const wifi_protection_names[WIFI_PROTECTIONS] = {
	[WIFI_OPEN] = "open",	  [WIFI_WEAK] = "weak",	    [WIFI_ANYBODY] = "unauthenticated",
	[WIFI_NO_KEY] = "no-key", [WIFI_UNTOLD] = "untold", [WIFI_SECURED] = "secured",
};

enum wifi_protection wifi_judge(const struct wifi_evidence *e)
{
	const struct wifi_ies *said = e->asked ? e->asked : &e->offered;

	/* some drivers give back what protects frames of management, whether there is a key or not */
	if (!e->error && e->cipher && !wifi_ie_integrity(e->cipher)) {
		if (!wifi_ie_strong(e->cipher))
			return WIFI_WEAK;
		return said->protection && said->authenticated ? WIFI_SECURED : WIFI_ANYBODY;
	}
	/* WEP has no pairwise key, and is announced by the privacy bit alone */
	if (!said->protection)
		return e->privacy ? WIFI_WEAK : WIFI_OPEN;
	if (e->error == -ENOENT)
		return WIFI_NO_KEY;
	/* What the access point sends proves nothing here: it can begin to claim protection at any time. */
	if (!e->asked)
		return WIFI_UNTOLD;
	if (!e->authorized)
		return WIFI_NO_KEY;
	if (!said->authenticated)
		return WIFI_ANYBODY;
	return said->strong ? WIFI_SECURED : WIFI_WEAK;
}

/* ---- interfaces ---- */

static struct station *station_find(const struct wifi *w, uint32_t ifindex)
{
	for (size_t i = 0; i < w->nstations; i++)
		if (w->stations[i].ifindex == ifindex)
			return &w->stations[i];
	return NULL;
}

/* It is to be asked about. NULL without memory; then everything is looked for again later. */
static struct station *station_dirty(struct wifi *w, uint32_t ifindex)
{
	struct station *s = station_find(w, ifindex), *more;

	if (!s) {
		more = realloc(w->stations, (w->nstations + 1) * sizeof(*more));
		if (!more) {
			w->find_all = true;
			return NULL;
		}
		w->stations = more;
		s = &more[w->nstations++];
		memset(s, 0, sizeof(*s));
		s->ifindex = ifindex;
	}
	s->dirty = true;
	s->waiting = false;
	s->tries = 0;
	return s;
}

static void station_gone(struct wifi *w, uint32_t ifindex)
{
	struct station *s = station_find(w, ifindex);

	facts_unwifi(w->facts, ifindex);
	if (s)
		*s = w->stations[--w->nstations];
}

/* ---- questions ---- */

/* The association of one interface, as a dump of what its radio has heard tells it. */
struct association {
	bool found;
	uint8_t link; /* of several, the first one is told */
	uint8_t bssid[6], peer[6];
	bool privacy;
	struct wifi_ies ies;
};

static bool copy_address(struct genl_attrs bss, uint16_t type, uint8_t ret[6])
{
	struct genl_attrs a;

	if (!genl_find(bss, type, &a) || a.len != 6)
		return false;
	memcpy(ret, a.data, 6);
	return true;
}

static void look_at_bss(void *arg, const struct genl_message *m)
{
	struct genl_attrs bss, a;
	struct association *to = arg, one = {.found = true};

	if (!genl_find(m->attrs, NL80211_ATTR_BSS, &bss) ||
	    genl_u32(bss, NL80211_BSS_STATUS, ~0u) != NL80211_BSS_STATUS_ASSOCIATED ||
	    !copy_address(bss, NL80211_BSS_BSSID, one.bssid))
		return;
	if (genl_find(bss, BSS_MLO_LINK_ID, &a) && a.len == 1)
		one.link = a.data[0];
	if (to->found && to->link <= one.link)
		return;
	/* keys are agreed on with the device that has the links, where there are several */
	if (!copy_address(bss, BSS_MLD_ADDR, one.peer))
		memcpy(one.peer, one.bssid, sizeof(one.peer));
	one.privacy = genl_u16(bss, NL80211_BSS_CAPABILITY, 0) & CAPABILITY_PRIVACY;
	if (genl_find(bss, NL80211_BSS_INFORMATION_ELEMENTS, &a))
		wifi_ie_read(a.data, a.len, &one.ies);
	*to = one;
}

static int ask_association(struct wifi *w, uint32_t ifindex, struct association *ret)
{
	struct genl_request r;
	int err = -EAGAIN;

	/* a dump that was overtaken by what the radio heard meanwhile may lack what it is about */
	for (int i = 0; i < DUMP_TRIES && err == -EAGAIN; i++) {
		memset(ret, 0, sizeof(*ret));
		genl_begin(&r, w->family, NL80211_CMD_GET_SCAN, NLM_F_DUMP);
		genl_put_u32(&r, NL80211_ATTR_IFINDEX, ifindex);
		err = genl_call(w->ask, &r, look_at_bss, ret);
		if (err == -EAGAIN && ret->found)
			err = 0;
	}
	return err;
}

static void look_at_key(void *arg, const struct genl_message *m)
{
	struct genl_attrs key;
	uint32_t *cipher = arg;

	*cipher = genl_u32(m->attrs, NL80211_ATTR_KEY_CIPHER, 0);
	if (genl_find(m->attrs, NL80211_ATTR_KEY, &key))
		*cipher = genl_u32(key, NL80211_KEY_CIPHER, *cipher);
}

/* The cipher of the key for that peer into *cipher. 0; -ENOENT: there is none; others: it cannot be told. */
static int ask_key(struct wifi *w, uint32_t ifindex, const uint8_t peer[6], uint32_t *cipher)
{
	struct genl_request r;
	int err = -ENOENT;

	/* there are two in turn where keys are renewed without a pause */
	for (uint8_t index = 0; index < 2 && err == -ENOENT; index++) {
		*cipher = 0;
		genl_begin(&r, w->family, NL80211_CMD_GET_KEY, 0);
		genl_put_u32(&r, NL80211_ATTR_IFINDEX, ifindex);
		genl_put(&r, NL80211_ATTR_KEY_IDX, &index, sizeof(index));
		genl_put_u32(&r, NL80211_ATTR_KEY_TYPE, NL80211_KEYTYPE_PAIRWISE);
		genl_put(&r, NL80211_ATTR_MAC, peer, 6);
		err = genl_call(w->ask, &r, look_at_key, cipher);
	}
	return err;
}

static void look_at_station(void *arg, const struct genl_message *m)
{
	struct genl_attrs info, flags;
	struct nl80211_sta_flag_update f;
	bool *authorized = arg;

	if (!genl_find(m->attrs, NL80211_ATTR_STA_INFO, &info) ||
	    !genl_find(info, NL80211_STA_INFO_STA_FLAGS, &flags) || flags.len < sizeof(f))
		return;
	memcpy(&f, flags.data, sizeof(f));
	*authorized = f.mask & f.set & 1 << NL80211_STA_FLAG_AUTHORIZED;
}

static bool ask_authorized(struct wifi *w, uint32_t ifindex, const uint8_t peer[6])
{
	struct genl_request r;
	bool authorized = false;

	genl_begin(&r, w->family, NL80211_CMD_GET_STATION, 0);
	genl_put_u32(&r, NL80211_ATTR_IFINDEX, ifindex);
	genl_put(&r, NL80211_ATTR_MAC, peer, 6);
	return !genl_call(w->ask, &r, look_at_station, &authorized) && authorized;
}

/* Asks about a station and reports it. */
static void station_look(struct wifi *w, struct station *s)
{
	struct facts_wifi report = {.index = s->ifindex};
	struct association a;
	struct wifi_evidence e = {0};
	const struct wifi_ies *named;
	enum wifi_protection p;
	int err = ask_association(w, s->ifindex, &a);

	s->dirty = s->waiting = false;
	if (err && err != -ENODEV && err != -ENOENT && s->tries < WAIT_TRIES) {
		s->waiting = true; /* what is known stays for that long */
		return;
	}
	if (err || !a.found) {
		facts_unwifi(w->facts, s->ifindex);
		return;
	}
	e.privacy = a.privacy;
	e.offered = a.ies;
	if (s->asked_known && (!memcmp(s->asked_of, a.bssid, 6) || !memcmp(s->asked_of, a.peer, 6)))
		e.asked = &s->asked;
	e.error = ask_key(w, s->ifindex, a.peer, &e.cipher);
	if ((e.error && e.error != -ENOENT) || !e.cipher || wifi_ie_integrity(e.cipher))
		e.authorized = ask_authorized(w, s->ifindex, a.peer);
	p = wifi_judge(&e);
	s->waiting = p == WIFI_NO_KEY && s->tries < WAIT_TRIES;

	named = a.ies.ssid_len || !e.asked ? &a.ies : e.asked;
	memcpy(report.ssid, named->ssid, named->ssid_len);
	report.len = named->ssid_len;
	memcpy(report.bssid, a.bssid, sizeof(report.bssid));
	report.secured = p == WIFI_SECURED;
	report.how = wifi_protection_names[p];
	if (!report.len || facts_wifi(w->facts, &report))
		facts_unwifi(w->facts, s->ifindex);
}

static void look_at_interface(void *arg, const struct genl_message *m)
{
	uint32_t ifindex = genl_u32(m->attrs, NL80211_ATTR_IFINDEX, 0);

	if (ifindex)
		station_dirty(arg, ifindex);
}

/* Lists the interfaces anew: those that are there are to be asked about, the others are gone. lost: so may be
 * the news that they joined another network. 0 or -errno. */
static int list_stations(struct wifi *w, bool lost)
{
	struct genl_request r;
	int err = w->family ? -EAGAIN : 0;

	for (size_t i = 0; i < w->nstations; i++) {
		w->stations[i].dirty = false;
		if (lost)
			w->stations[i].asked_known = false;
	}
	for (int i = 0; i < DUMP_TRIES && err == -EAGAIN; i++) {
		genl_begin(&r, w->family, NL80211_CMD_GET_INTERFACE, NLM_F_DUMP);
		err = genl_call(w->ask, &r, look_at_interface, w);
	}
	for (size_t i = w->nstations; i-- > 0;) {
		if (err)
			w->stations[i].dirty = true;
		else if (!w->stations[i].dirty)
			station_gone(w, w->stations[i].ifindex);
	}
	return err;
}

/* Asks about everything that may have changed. */
static void look(struct wifi *w)
{
	uint32_t groups[GROUPS];
	bool lost = w->find_family;
	int err;

	if (w->find_family) {
		w->find_all = true;
		w->family = 0;
		err = genl_family(w->ask, NL80211_GENL_NAME, &w->family, group_names, groups, GROUPS);
		for (size_t i = 0; !err && i < GROUPS; i++)
			err = genl_join(w->events, groups[i]);
		w->find_family = err && err != -ENOENT;
	}
	if (w->find_all)
		w->find_all = list_stations(w, lost) != 0;
	for (size_t i = 0; i < w->nstations; i++)
		if (w->stations[i].dirty)
			station_look(w, &w->stations[i]);
}

/* ---- events ---- */

/* What a station asked for, out of the event that tells of its success. */
static void note_request(struct station *s, const struct genl_message *m)
{
	struct genl_attrs a;

	s->asked_known = false;
	if (genl_u16(m->attrs, NL80211_ATTR_STATUS_CODE, 0) ||
	    !copy_address(m->attrs, NL80211_ATTR_MAC, s->asked_of) ||
	    !genl_find(m->attrs, NL80211_ATTR_REQ_IE, &a))
		return;
	wifi_ie_read(a.data, a.len, &s->asked);
	s->asked_known = true;
}

static void on_message(void *arg, const struct genl_message *m)
{
	uint32_t ifindex = genl_u32(m->attrs, NL80211_ATTR_IFINDEX, 0);
	struct genl_attrs name;
	struct wifi *w = arg;
	struct station *s;

	if (m->family == GENL_ID_CTRL) {
		if (genl_find(m->attrs, CTRL_ATTR_FAMILY_NAME, &name) &&
		    name.len == sizeof(NL80211_GENL_NAME) && !memcmp(name.data, NL80211_GENL_NAME, name.len))
			w->find_family = true;
		return;
	}
	if (!w->family || m->family != w->family)
		return;
	switch (m->command) {
	case NL80211_CMD_NEW_WIPHY:
	case NL80211_CMD_DEL_WIPHY:
		w->find_all = true;
		return;
	case NL80211_CMD_DEL_INTERFACE:
		station_gone(w, ifindex);
		return;
	case NL80211_CMD_CONNECT:
	case NL80211_CMD_ROAM:
	case NL80211_CMD_DISCONNECT:
	case NL80211_CMD_PORT_AUTHORIZED:
	case NL80211_CMD_NEW_INTERFACE:
	case NL80211_CMD_SET_INTERFACE:
		break;
	default:
		return;
	}
	s = ifindex ? station_dirty(w, ifindex) : NULL;
	if (!s)
		return;
	if (m->command == NL80211_CMD_CONNECT || m->command == NL80211_CMD_ROAM)
		note_request(s, m);
	else if (m->command == NL80211_CMD_DISCONNECT)
		s->asked_known = false;
}

/* Sets the timer for what waits. */
static void arm(struct wifi *w)
{
	double least = w->find_family || w->find_all ? LIST_AGAIN : 0;

	for (size_t i = 0; i < w->nstations; i++) {
		double after = WAIT_FIRST * (1 << w->stations[i].tries);

		if (w->stations[i].waiting && (!least || after < least))
			least = after;
	}
	ev_timer_stop(w->loop, &w->timer);
	if (!least)
		return;
	ev_timer_set(&w->timer, least, 0);
	ev_timer_start(w->loop, &w->timer);
}

static void refresh(struct wifi *w)
{
	look(w);
	arm(w);
}

static void on_events(struct ev_loop *loop, ev_io *io, int revents)
{
	struct wifi *w = io->data;
	int r = 1;

	(void)loop;
	(void)revents;
	facts_begin(w->facts);
	for (int i = 0; i < EVENTS_AT_ONCE && r; i++) {
		r = genl_event(w->events, on_message, w);
		if (r < 0)
			w->find_family = true; /* what was lost may have been anything */
		if (r < 0 && r != -ENOBUFS)
			break;
	}
	refresh(w);
	facts_end(w->facts);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents)
{
	struct wifi *w = t->data;

	(void)loop;
	(void)revents;
	facts_begin(w->facts);
	for (size_t i = 0; i < w->nstations; i++) {
		if (!w->stations[i].waiting)
			continue;
		w->stations[i].tries++;
		w->stations[i].dirty = true;
	}
	refresh(w);
	facts_end(w->facts);
}

/* A link runs that did not: its keys are in place now, if it has any. */
static void on_ran(void *arg, uint32_t ifindex)
{
	struct wifi *w = arg;

	if (!station_find(w, ifindex))
		return;
	facts_begin(w->facts);
	station_dirty(w, ifindex);
	refresh(w);
	facts_end(w->facts);
}

/* ---- beginning and end ---- */

int wifi_open(struct ev_loop *loop, struct facts *f, struct wifi **ret)
{
	static const char *const notify = "notify"; /* of the families themselves */
	struct wifi *w = calloc(1, sizeof(*w));
	uint32_t group = 0;
	uint16_t id;
	int r;

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	w->facts = f;
	w->events = -1;
	r = w->ask = genl_open(false);
	if (r >= 0)
		r = w->events = genl_open(true);
	if (r >= 0)
		r = genl_family(w->ask, "nlctrl", &id, &notify, &group, 1);
	if (!r && group)
		r = genl_join(w->events, group);
	if (r < 0) {
		wifi_close(w);
		return r;
	}
	ev_timer_init(&w->timer, on_timer, 0, 0);
	ev_io_init(&w->io, on_events, w->events, EV_READ);
	w->timer.data = w->io.data = w;
	ev_io_start(loop, &w->io);
	w->find_family = true;
	f->ran = on_ran;
	f->ran_arg = w;
	facts_begin(f);
	refresh(w);
	facts_end(f);
	*ret = w;
	return 0;
}

void wifi_close(struct wifi *w)
{
	if (!w)
		return;
	if (w->events >= 0) {
		ev_io_stop(w->loop, &w->io);
		ev_timer_stop(w->loop, &w->timer);
		close(w->events);
	}
	if (w->ask >= 0)
		close(w->ask);
	if (w->facts->ran_arg == w)
		w->facts->ran = NULL;
	free(w->stations);
	free(w);
}
