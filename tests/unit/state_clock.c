// SPDX-License-Identifier: GPL-2.0-only
/* When does a fact about time change next? Held against a plain walk through every second. */
#include <stdlib.h>
#include <time.h>

#include "compile_util.h"

#include "../../user/compile/enable.h"
#include "../../user/state/clock.h"

static void zone(const char *tz)
{
	if (tz)
		setenv("TZ", tz, 1);
	else
		unsetenv("TZ");
	tzset();
}

/* The facts of this policy, which has rules alone. */
static bool open_facts(const char *text, struct enable **ret)
{
	struct compiled c = {0};
	bool good = CHECK_MSG(compile_in(&c, "/tmp", text), "%s", text) && !enable_new(c.im, ret);

	compiled_free(&c);
	return good;
}

static int64_t at(const char *local)
{
	struct tm tm = {.tm_isdst = -1};

	if (!CHECK_MSG(strptime(local, "%Y-%m-%d %H:%M:%S", &tm), "%s", local))
		return 0;
	return mktime(&tm);
}

static const char *shown(int64_t t)
{
	static char text[64];
	time_t when = (time_t)t;
	struct tm tm;

	if (t == CLOCK_NEVER)
		return "never";
	localtime_r(&when, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %Z", &tm);
	return text;
}

static void next(const char *policy, const char *now, const char *want)
{
	struct enable *e;

	if (!open_facts(policy, &e))
		return;
	CHECK_STR(shown(clock_next(e, at(now))), want);
	enable_free(e);
}

static void simple(void)
{
	zone("UTC0");
	next("pass out", "2026-11-22 12:00:00", "never");
	next("pass out if active \"x\"", "2026-11-22 12:00:00", "never");
	next("pass out if time 08:00-18:00", "2026-11-22 07:59:59", "2026-11-22 08:00:00 UTC");
	next("pass out if time 08:00-18:00", "2026-11-22 08:00:00", "2026-11-22 18:00:00 UTC");
	next("pass out if time 08:00-18:00", "2026-11-22 18:00:01", "2026-11-23 08:00:00 UTC");
	next("pass out if time 22:00-24:00", "2026-11-22 23:00:30", "2026-11-23 00:00:00 UTC");
	next("pass out if days mon-fri", "2026-11-22 12:00:00", "2026-11-23 00:00:00 UTC");
	next("pass out until 2026-11-22T13:00", "2026-11-22 12:00:00", "2026-11-22 13:00:00 UTC");
	next("pass out until 2026-11-22T13:00", "2026-11-22 13:00:00", "never");
	next("pass out until 2026-11-22T13:00 if time 12:30-14:00", "2026-11-22 12:00:00",
	     "2026-11-22 12:30:00 UTC");
	next("pass out until 2026-11-22T13:00 if time 12:30-14:00", "2026-11-22 12:30:00",
	     "2026-11-22 13:00:00 UTC");
}

/* Clocks go forward at 2:00 to 3:00 on 2026-03-29, back at 3:00 to 2:00 on 2026-10-25. */
static void summer_time(void)
{
	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	next("pass out if time 01:30-04:00", "2026-03-29 00:00:00", "2026-03-29 01:30:00 CET");
	next("pass out if time 02:30-04:00", "2026-03-29 01:45:00", "2026-03-29 03:00:00 CEST");
	next("pass out if time 02:30-04:00", "2026-03-29 03:00:00", "2026-03-29 04:00:00 CEST");
	next("pass out if time 08:00-18:00", "2026-03-29 03:00:00", "2026-03-29 08:00:00 CEST");
	next("pass out if time 02:30-02:45", "2026-10-25 01:00:00", "2026-10-25 02:30:00 CEST");
	next("pass out if days sun", "2026-10-25 03:00:00", "2026-10-26 00:00:00 CET");
	/* where clocks skip midnight, the day begins later */
	zone("AAA3BBB,M9.1.6/24:00,M4.1.6/24:00");
	next("pass out if days sun", "2026-09-05 23:00:00", "2026-09-06 01:00:00 BBB");
}

/* Nothing changes between now and the next instant: all seconds are tried. */
static void walked(void)
{
	static const char *const zones[] = {"CET-1CEST,M3.5.0,M10.5.0/3", "AAA3BBB,M9.1.6/24:00,M4.1.6/24:00",
					    "XXX-5:45", "YYY3:07:12", "LHST-10:30LHDT-11,M10.1.0,M4.1.0"};
	static const char *const policies[] = {
		"pass out if time 02:30-02:45", "pass out if time 23:50-00:10 and days sun",
		"pass out if days sun or time 01:59-03:01\npass out until 2026-10-25T02:30:30"};
	static const char *const starts[] = {"2026-03-28 22:00:00", "2026-10-24 23:00:00",
					     "2026-09-05 22:00:00", "2026-04-04 20:00:00",
					     "2026-10-03 20:00:00"};

	for (size_t z = 0; z < sizeof(zones) / sizeof(*zones); z++) {
		zone(zones[z]);
		for (size_t p = 0; p < sizeof(policies) / sizeof(*policies); p++) {
			struct enable *e;

			if (!open_facts(policies[p], &e))
				continue;
			for (size_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
				struct query q = {.time = at(starts[s])};
				int64_t wake = clock_next(e, q.time), end = q.time + 12 * 3600;
				bool was[4] = {false}, early = false;

				enable_evaluate(e, &q);
				for (uint32_t i = 0; i < e->nfacts; i++)
					was[i] = e->facts[i].holds;
				for (q.time++; q.time < end; q.time++) {
					bool changed = false;

					enable_evaluate(e, &q);
					for (uint32_t i = 0; i < e->nfacts; i++) {
						changed |= was[i] != e->facts[i].holds;
						was[i] = e->facts[i].holds;
					}
					if (q.time == wake)
						wake = clock_next(e, wake);
					else
						early |= changed;
				}
				CHECK_MSG(!early, "%s: %s from %s", zones[z], policies[p], starts[s]);
			}
			enable_free(e);
		}
	}
}

int main(void)
{
	RUN(simple);
	RUN(summer_time);
	RUN(walked);
	zone(NULL);
	return test_done();
}
