/* SPDX-License-Identifier: GPL-2.0-only */
/* The wall clock as far as a policy asks for it: tells (FACTS_CLOCK) when a `time`, `days` or `until` may
 * change its value, when the clock or the time zone was set, and after a suspend. */
#ifndef CGWALL_CLOCK_H
#define CGWALL_CLOCK_H

#include <stdint.h>

struct clock;
struct enable;
struct ev_loop;
struct facts;

#define CLOCK_NEVER INT64_MAX

/* The first second after `now` at which a fact may change its value, by the C library's local time; not later
 * than the first one does. CLOCK_NEVER where no fact asks for time. Seconds since the epoch. */
int64_t clock_next(const struct enable *e, int64_t now);

/* 0 or -errno. */
int clock_open(struct ev_loop *loop, struct facts *f, struct clock **ret);
void clock_close(struct clock *c); /* NULL is fine */

/* Why the time zone's file is only looked at now and then, as follow_error(). c may be NULL. */
int clock_error(const struct clock *c);

/* Waits for what comes next for these facts, which were evaluated for the second `at`; due after each
 * evaluation. e may be freed afterwards. 0; -ECANCELED where the clock was set since the last time, and it
 * waits, but they may be out of date; or another -errno. */
int clock_wait(struct clock *c, const struct enable *e, int64_t at);

#endif
