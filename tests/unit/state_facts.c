// SPDX-License-Identifier: GPL-2.0-only
/* The model of the surroundings: what counts as a change, and what of it a question gets to see. */
#include <stdlib.h>

#include "test.h"

#include "../../user/policy/query.h"
#include "../../user/state/facts.h"

static unsigned told, times;

static void changed(void *arg, unsigned what)
{
	CHECK_STR(arg, "arg");
	told |= what;
	times++;
}

/* What was told since the last call. */
static unsigned news(void)
{
	unsigned what = told;

	told = times = 0;
	return what;
}

static void link_is(struct facts *f, uint32_t index, const char *name, bool running, bool active)
{
	struct facts_link l = {.index = index, .running = running, .active = active};

	snprintf(l.name, sizeof(l.name), "%s", name);
	CHECK_INT(facts_link(f, &l), 0);
}

static void joined(struct facts *f, uint32_t index, const char *ssid, bool secured, uint8_t last)
{
	struct facts_wifi w = {.index = index, .len = (uint8_t)strlen(ssid), .secured = secured};

	memcpy(w.ssid, ssid, w.len);
	w.bssid[5] = last;
	CHECK_INT(facts_wifi(f, &w), 0);
}

/* The active interfaces and the associations that count, in one line. */
static const char *seen(const struct facts *f)
{
	static char text[256];
	struct query q = {0};
	size_t at = 0;

	text[0] = '\0';
	CHECK_INT(facts_query(f, &q), 0);
	for (size_t i = 0; i < q.nactive; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s ", q.active[i]);
	for (size_t i = 0; i < q.nwifi; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%.*s/%d/%d ", q.wifi[i].len,
				       (const char *)q.wifi[i].ssid, q.wifi[i].secured, q.wifi[i].bssid[5]);
	query_free(&q);
	return text;
}

static void links(void)
{
	struct facts f;

	facts_init(&f, changed, "arg");
	CHECK_STR(seen(&f), "");
	link_is(&f, 7, "wg0", true, true);
	CHECK_INT(news(), FACTS_LINKS | FACTS_ACTIVE);
	CHECK(facts_find(&f, 7)->since > 0);
	link_is(&f, 7, "wg0", true, true);
	CHECK_INT(news(), 0);
	link_is(&f, 2, "eth0", false, false);
	CHECK_INT(news(), FACTS_LINKS);
	link_is(&f, 2, "eth0", true, false); /* a link without an address is nobody's news */
	CHECK_INT(news(), 0);
	link_is(&f, 2, "eth0", true, true);
	CHECK_INT(news(), FACTS_ACTIVE);
	CHECK_STR(seen(&f), "eth0 wg0 ");
	link_is(&f, 2, "en5", true, true);
	CHECK_INT(news(), FACTS_LINKS | FACTS_ACTIVE);
	CHECK_STR(seen(&f), "en5 wg0 ");
	facts_unlink(&f, 3);
	CHECK_INT(news(), 0);
	facts_unlink(&f, 7);
	CHECK_INT(news(), FACTS_LINKS | FACTS_ACTIVE);
	CHECK(!facts_find(&f, 7));
	link_is(&f, 2, "en5", false, false);
	news();
	facts_unlink(&f, 2);
	CHECK_INT(news(), FACTS_LINKS);
	CHECK_STR(seen(&f), "");
	facts_free(&f);
}

static void wifi(void)
{
	struct facts f;

	facts_init(&f, changed, "arg");
	joined(&f, 5, "home", true, 1); /* of a link that is not known yet */
	CHECK_INT(news(), 0);
	CHECK_STR(seen(&f), "");
	link_is(&f, 5, "wlan0", false, false);
	CHECK_INT(news(), FACTS_LINKS);
	CHECK_STR(seen(&f), "");
	link_is(&f, 5, "wlan0", true, false); /* the keys are there */
	CHECK_INT(news(), FACTS_WIFI);
	CHECK_STR(seen(&f), "home/1/1 ");
	joined(&f, 5, "home", true, 1);
	CHECK_INT(news(), 0);
	joined(&f, 5, "home", true, 2); /* roamed */
	CHECK_INT(news(), FACTS_WIFI);
	joined(&f, 5, "home", false, 2);
	CHECK_INT(news(), FACTS_WIFI);
	link_is(&f, 3, "wlan1", true, true);
	joined(&f, 3, "cafe", true, 9);
	news();
	CHECK_STR(seen(&f), "wlan1 cafe/1/9 home/0/2 ");
	facts_unwifi(&f, 5);
	CHECK_INT(news(), FACTS_WIFI);
	facts_unwifi(&f, 5);
	CHECK_INT(news(), 0);
	facts_unlink(&f, 3);
	CHECK_INT(news(), FACTS_LINKS | FACTS_ACTIVE | FACTS_WIFI);
	CHECK_STR(seen(&f), "");
	CHECK_INT(f.nwifi, 0);
	facts_free(&f);
}

/* What belongs together is told once. */
static void batches(void)
{
	struct facts f;

	facts_init(&f, changed, "arg");
	news();
	facts_begin(&f);
	link_is(&f, 1, "a", true, true);
	facts_begin(&f);
	link_is(&f, 2, "b", true, true);
	facts_tell(&f, FACTS_CLOCK);
	facts_end(&f);
	CHECK_INT(times, 0);
	facts_end(&f);
	CHECK_INT(times, 1);
	CHECK_INT(news(), FACTS_LINKS | FACTS_ACTIVE | FACTS_CLOCK);
	facts_begin(&f);
	facts_end(&f);
	CHECK_INT(times, 0);
	facts_free(&f);
}

/* What a question gives itself stays. */
static void given(void)
{
	struct query q = {.has_active = true, .has_time = true, .time = 5};
	struct facts_wifi w = {.index = 1, .len = FACTS_SSID_MAX + 1};
	struct facts f;

	facts_init(&f, NULL, NULL);
	link_is(&f, 1, "a", true, true);
	CHECK(facts_wifi(&f, &w) < 0);
	w.len = 3;
	memcpy(w.ssid, "a\0b", 3); /* any bytes */
	CHECK_INT(facts_wifi(&f, &w), 0);
	CHECK_INT(facts_query(&f, &q), 0);
	CHECK(!q.nactive && q.time == 5 && q.nwifi == 1 && q.wifi[0].len == 3);
	query_free(&q);
	q = (struct query){.has_wifi = true};
	CHECK_INT(facts_query(&f, &q), 0);
	CHECK(q.nactive == 1 && q.time > 5 && !q.nwifi);
	query_free(&q);
	facts_free(&f);
}

int main(void)
{
	RUN(links);
	RUN(wifi);
	RUN(batches);
	RUN(given);
	return test_done();
}
