// SPDX-License-Identifier: GPL-2.0-only
/* What the log tells of changes: each with the rules that it switched, and no other's. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../../user/agent/load.h"
#include "../../user/agent/changes.h"
#include "../../user/event/json.h"
#include "../../user/policy/query.h"
#include "test.h"

static char told[4096];

static void tell(void *arg, struct record *r)
{
	char text[RECORD_TEXT_MAX];

	(void)arg;
	if (!CHECK(r))
		return;
	record_text(r, text, sizeof(text));
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n", text + strlen("state "));
	free(r);
}

struct scene {
	struct load l;
	struct standing *st;
	struct facts f;
	struct seen seen;
};

static bool begin(struct scene *s, const char *policy)
{
	struct diag d = {0};
	FILE *f = fopen("policy.conf", "w");

	memset(s, 0, sizeof(*s));
	if (!CHECK(f))
		return false;
	fputs(policy, f);
	fclose(f);
	facts_init(&s->f, NULL, NULL);
	return CHECK(!load_compile(&s->l, "policy.conf", false, &d)) && CHECK(!standing_new(&s->l, &s->st)) &&
	       CHECK(!seen_take(&s->f, &s->seen));
}

static void end(struct scene *s)
{
	seen_free(&s->seen);
	facts_free(&s->f);
	standing_free(s->st);
	load_free(&s->l);
	unlink("policy.conf");
}

/* What is told of everything since the last time. */
static const char *news(struct scene *s, int64_t time)
{
	struct query q = {.has_time = time != 0, .time = time};
	struct seen now;

	told[0] = '\0';
	if (!CHECK(!facts_query(&s->f, &q)) || !CHECK(!seen_take(&s->f, &now)))
		return "";
	enable_evaluate(s->st->enable, &q);
	changes_tell(s->st, &s->seen, &now, tell, NULL);
	standing_settle(s->st);
	seen_free(&s->seen);
	s->seen = now;
	query_free(&q);
	return told;
}

static void set_link(struct scene *s, uint32_t index, const char *name, bool active)
{
	struct facts_link l = {.index = index, .running = true, .active = active};

	snprintf(l.name, sizeof(l.name), "%s", name);
	CHECK(!facts_link(&s->f, &l));
}

static void join(struct scene *s, uint32_t index, const char *ssid, size_t len, bool secured, uint8_t last)
{
	struct facts_wifi w = {.index = index, .len = (uint8_t)len, .secured = secured, .bssid = {2}};

	memcpy(w.ssid, ssid, len);
	w.bssid[5] = last;
	CHECK(!facts_wifi(&s->f, &w));
}

static void interfaces(void)
{
	struct scene s;

	if (begin(&s,
		  "condition wired = active \"en*\"\n"
		  "pass out if wired\npass out if active \"wg0\"\npass out unless wired and active \"wg0\"\n"
		  "pass out\npass out if wired\npass out if wired\npass in unless wired\n")) {
		news(&s, 0);
		set_link(&s, 1, "lo", true);
		CHECK_STR(news(&s, 0), ""); /* nobody asks for it */
		set_link(&s, 2, "en0", true);
		CHECK_STR(news(&s, 0), "active en0 up: rules out 1,5-6 on, in 1 off\n");
		set_link(&s, 3, "en1", true);
		CHECK_STR(news(&s, 0), "active en1 up\n");
		/* two at once: one takes nothing away, the other switches two */
		set_link(&s, 2, "en0", false);
		set_link(&s, 4, "wg0", true);
		CHECK_STR(news(&s, 0), "active en0 down\nactive wg0 up: rules out 2 on, out 3 off\n");
		/* another name for the same one */
		set_link(&s, 3, "eth1", true);
		CHECK_STR(news(&s, 0), "active en1 down: rules out 3 and in 1 on, out 1,5-6 off\n");
		set_link(&s, 3, "en7", true);
		facts_unlink(&s.f, 4);
		CHECK_STR(news(&s, 0),
			  "active en7 up: rules out 1,5-6 on, in 1 off\nactive wg0 down: rules out 2 off\n");
		CHECK_STR(news(&s, 0), "");
		/* there and away again between two looks */
		set_link(&s, 3, "en7", false);
		set_link(&s, 3, "en7", true);
		CHECK_STR(news(&s, 0), "");
	}
	end(&s);
}

static void networks(void)
{
	struct scene s;

	if (begin(&s, "condition home = ssid \"home\" secured\npass out if home\n"
		      "pass out if ssid \"home\"\npass out if ssid \"cafe\" or active \"wlan0\"\n")) {
		news(&s, 0);
		set_link(&s, 5, "wlan0", false);
		join(&s, 5, "home", 4, true, 1);
		CHECK_STR(news(&s, 0), "ssid wlan0 \"home\" secured 02:00:00:00:00:01: rules out 1-2 on\n");
		join(&s, 5, "home", 4, true, 2);
		CHECK_STR(news(&s, 0), "ssid wlan0 \"home\" secured 02:00:00:00:00:02\n");
		join(&s, 5, "home", 4, false, 3); /* an evil twin */
		CHECK_STR(news(&s, 0),
			  "ssid wlan0 \"home\" not secured 02:00:00:00:00:03: rules out 1 off\n");
		/* a name that wants to be something else */
		join(&s, 5, "x\" up\n\x1b[1m\\\0\xc3\xa4\xff", 15, false, 4);
		CHECK_STR(news(&s, 0), "ssid wlan0 \"x\\x22 up\\x0a\\x1b[1m\\x5c\\x00\xc3\xa4\\xff\" "
				       "not secured 02:00:00:00:00:04: rules out 2 off\n");
		facts_unlink(&s.f, 5);
		CHECK_STR(news(&s, 0), "ssid wlan0 none\n");
	}
	end(&s);
}

static void times(void)
{
	struct scene s;

	setenv("TZ", "UTC0", 1);
	tzset();
	if (begin(&s, "pass out if time 08:00-18:00\npass out if days thu\npass out until 2026-01-01T12:00\n"
		      "pass out until 2026-01-01T12:00 if time 08:00-18:00\n")) {
		news(&s, 1767225599); /* Wednesday 2025-12-31 23:59:59 */
		CHECK_STR(news(&s, 1767225600), "days thu true: rules out 2 on\n");
		CHECK_STR(news(&s, 1767225600 + 8 * 3600), "time 08:00-18:00 true: rules out 1,4 on\n");
		CHECK_STR(news(&s, 1767225600 + 12 * 3600),
			  "until 2026-01-01T12:00 passed: rules out 3-4 off\n");
		CHECK_STR(news(&s, 1767225600 + 9 * 3600),
			  "until 2026-01-01T12:00 ahead: rules out 3-4 on\n");
	}
	end(&s);
	unsetenv("TZ");
	tzset();
}

/* Since when: taken over from the policy before, as long as it is the same. */
static void inherited(void)
{
	struct scene s, t;

	if (begin(&s, "pass out if active \"a\"\npass out if active \"b\"\n")) {
		news(&s, 0);
		s.st->facts_since[0] = 100;
		s.st->facts_since[1] = 200;
		if (begin(&t, "pass out if active \"b\"\npass out if active \"c\"\n")) {
			struct query q = {0};

			enable_evaluate(t.st->enable, &q);
			standing_inherit(t.st, s.st);
			standing_settle(t.st);
			CHECK_INT(t.st->facts_since[0], 200);
			CHECK(t.st->facts_since[1] > 200);
			CHECK(standing_holds(t.st, CGW_OUT, 7) && !standing_holds(t.st, CGW_OUT, 1));
		}
		end(&t);
	}
	end(&s);
}

/* What a policy has compiled in of the host. */
static void addresses(void)
{
	struct scene s, t;

	if (begin(&s, "group g = { self, 192.0.2.1 }\npass out to g\n")) {
		CHECK(s.st->wants_self && !s.st->wants_resolvers);
		if (begin(&t, "pass out from not self to resolvers\n")) {
			CHECK(t.st->wants_self && t.st->wants_resolvers);
			t.st->self.n = 0;
			told[0] = '\0';
			s.st->self.n = 1;
			memset(s.st->self.list[0], 0, 15);
			s.st->self.list[0][15] = 1;
			s.st->resolvers.n = t.st->resolvers.n;
			changes_tell_addresses(t.st, s.st, tell, NULL);
			CHECK_STR(told, "self ::1\n");
		}
		end(&t);
		if (begin(&t, "set resolvers { 192.0.2.53 }\npass out to resolvers\ngroup g = { self }\npass "
			      "out\n"))
			CHECK(!t.st->wants_self && !t.st->wants_resolvers);
		end(&t);
	}
	end(&s);
}

int main(void)
{
	char dir[] = "/tmp/cgwall-unit.XXXXXX";

	if (!CHECK(mkdtemp(dir)) || !CHECK(!chdir(dir)))
		return test_done();
	RUN(interfaces);
	RUN(networks);
	RUN(times);
	RUN(inherited);
	RUN(addresses);
	CHECK(!rmdir(dir));
	return test_done();
}
