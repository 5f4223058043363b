// SPDX-License-Identifier: GPL-2.0-only
/* The one-line form of a record:
 *   block in rule 18 sharingd pid 445 uid 501 tcp [fe80::1]:50392 -> [fe80::2]:8770
 * The arrow points the way the flow goes: from the local end for `out`, from the remote one for `in`.
 * Where no rule decided, `error NAME` stands in place of `rule N`.
 *
 * A change of the surroundings:
 *   state active wg0 up: rules in 18,20-25 on, out 4 off */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "show.h"
#include "record.h"

static void add(char *out, size_t size, size_t *at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void add(char *out, size_t size, size_t *at, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out + *at, size - *at, format, args);
	va_end(args);
	*at = n < 0 || (size_t)n >= size - *at ? size - 1 : *at + (size_t)n;
}

#define ROOM 96 /* of the line's end, for what is always said */

static void state_text(const struct record *r, char *out, size_t size)
{
	const struct record_rules *last = NULL;
	uint32_t more = r->more;
	size_t at = 0;

	add(out, size, &at, "state %.300s %.300s%s", r->fact, r->now ? r->now : "none",
	    r->nrules || more ? ": " : "");
	for (uint32_t i = 0; i < r->nrules; i++) {
		const struct record_rules *run = &r->rules[i];

		if (at + ROOM > size) {
			more += run->hi - run->lo + 1;
			continue;
		}
		if (last && last->on == run->on && last->dir == run->dir)
			add(out, size, &at, ",");
		else if (last)
			add(out, size, &at, "%s%s ",
			    last->on == run->on ? " and "
			    : last->on		? " on, "
						: " off, ",
			    show_dir(run->dir));
		else
			add(out, size, &at, "rules %s ", show_dir(run->dir));
		last = run;
		add(out, size, &at, run->lo == run->hi ? "%" PRIu32 : "%" PRIu32 "-%" PRIu32, run->lo,
		    run->hi);
	}
	if (last)
		add(out, size, &at, last->on ? " on" : " off");
	if (more)
		add(out, size, &at, "%s%" PRIu32 " more rules switched", last ? ", " : "", more);
}

/* alarm dns-rebind from 192.0.2.53:53: rebind.example would be 127.0.0.1 (an answer binds ...) */
static void alarm_text(const struct record *r, char *out, size_t size)
{
	char from[SHOW_END_MAX], to[SHOW_END_MAX] = "", name[CGW_NAME_MAX] = "";
	bool bound = r->known & CGW_Q_LOCAL;

	show_end(r->remote, r->known & CGW_Q_REMOTE, r->rport, r->known & CGW_Q_RPORT, from, sizeof(from));
	if (bound)
		show_addr(r->local, to, sizeof(to));
	if (r->domain)
		show_quote(r->domain, name, sizeof(name));
	snprintf(out, size, "alarm %s from %s%s%s%s%s: %s", show_alarm(r->alarm - 1u), from,
		 r->domain ? " name " : "", name, bound ? " address " : "", to,
		 show_alarm_meaning(r->alarm - 1u));
}

void record_text(const struct record *r, char *out, size_t size)
{
	char local[SHOW_END_MAX], remote[SHOW_END_MAX], program[256], why[32], number[4], uid[12] = "*";
	char question[320] = "";
	bool ports = r->known & CGW_Q_PROTO && show_proto_has_ports(r->proto);
	char name[CGW_NAME_MAX], about[CGW_NAME_MAX + 8] = "";
	bool in = r->dir == CGW_IN;

	if (r->lost) {
		snprintf(out, size, "cgwall: %" PRIu64 " log line%s lost here: the event buffer was full",
			 r->lost, r->lost == 1 ? " was" : "s were");
		return;
	}
	if (r->fact) {
		state_text(r, out, size);
		return;
	}
	if (r->alarm) {
		alarm_text(r, out, size);
		return;
	}
	show_end(r->local, r->known & CGW_Q_LOCAL, r->lport, ports && r->known & CGW_Q_LPORT, local,
		 sizeof(local));
	show_end(r->remote, r->known & CGW_Q_REMOTE, r->rport, ports && r->known & CGW_Q_RPORT, remote,
		 sizeof(remote));
	show_quote(record_program(r), program, sizeof(program));
	if (r->error)
		snprintf(why, sizeof(why), "error %s", show_error(r->error));
	else
		snprintf(why, sizeof(why), "rule %" PRIu32, r->rule);
	if (r->known & CGW_Q_UID)
		snprintf(uid, sizeof(uid), "%" PRIu32, r->uid);
	if (r->question)
		snprintf(question, sizeof(question), " question %" PRIu64 " %s", r->question,
			 r->note ? r->note : "");
	if (r->domain) {
		show_quote(r->domain, name, sizeof(name));
		snprintf(about, sizeof(about), " name %s", name);
	} else if (r->nameless) {
		snprintf(about, sizeof(about), " (no name known for this address)");
	}
	snprintf(out, size, "%s %s %s %s pid %" PRIu32 " uid %s %s %s -> %s%s%s%s%s", show_action(r->verdict),
		 show_dir(r->dir), why, program, r->pid, uid,
		 r->known & CGW_Q_PROTO ? show_proto(r->proto, number) : "*", in ? remote : local,
		 in ? local : remote, about, r->borrowed ? " by another program's socket" : "",
		 r->observed ? " observed" : "", question);
}
