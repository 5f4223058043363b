// SPDX-License-Identifier: GPL-2.0-only
#include "record.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t record_boot_offset(void)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (real.tv_sec - boot.tv_sec) * 1000000000LL + (real.tv_nsec - boot.tv_nsec);
}

static size_t room(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *keep(char **at, const char *text)
{
	char *start = *at;

	if (!text)
		return NULL;
	*at = stpcpy(start, text) + 1;
	return start;
}

/* An event is as long as it says, and its path ends there or at a NUL before. */
static size_t path_len(const struct cgw_event *e)
{
	size_t room =
		e->size > offsetof(struct cgw_event, path) ? e->size - offsetof(struct cgw_event, path) : 0;

	return strnlen(e->path.c, room < sizeof(e->path.c) ? room : sizeof(e->path.c) - 1);
}

struct record *record_new(const struct cgw_event *e, const struct record_context *c)
{
	enum cgw_dir dir = e->dir == CGW_IN ? CGW_IN : CGW_OUT;
	const struct cgw_entry *entry = &e->answer.entry;
	bool alarm = e->kind == CGW_EV_ALARM;
	const char *file = NULL, *app = NULL, *domain = alarm ? NULL : c->domain;
	size_t exe_len = path_len(e);
	struct record *r;
	char *at;

	if (!alarm && !e->answer.error && c->rules) {
		app = rules_app(c->rules, rules_get(c->rules, dir, entry->rule));
		if (entry->line)
			file = rules_file(c->rules, entry->file);
	}
	r = calloc(1, sizeof(*r) + room(file) + room(app) + room(c->cgroup) + room(c->iface) + room(domain) +
			      room(c->note) + exe_len + 1);
	if (!r)
		return NULL;
	r->time = (int64_t)e->time + c->boot_offset;
	r->gen = e->gen;
	r->cookie = e->cookie;
	r->error = (uint8_t)e->answer.error;
	r->verdict = r->error ? e->verdict : entry->action;
	r->observed = e->verdict == CGW_PASS && r->verdict != CGW_PASS;
	if (!r->error) {
		r->rule = entry->rule;
		r->line = entry->line;
	}
	r->dir = (uint8_t)dir;
	r->proto = e->proto;
	r->known = e->known;
	r->pid = e->pid;
	r->uid = e->uid;
	r->gid = e->gid;
	r->borrowed = !alarm && e->user;
	r->rport = e->rport;
	r->lport = e->lport;
	memcpy(r->remote, e->remote, sizeof(r->remote));
	memcpy(r->local, e->local, sizeof(r->local));
	memcpy(r->comm, e->comm, sizeof(e->comm));
	at = (char *)(r + 1);
	r->file = keep(&at, file);
	r->app = keep(&at, app);
	r->cgroup = keep(&at, c->cgroup);
	r->iface = keep(&at, c->iface);
	r->domain = keep(&at, domain);
	if (alarm)
		r->alarm = (uint8_t)(e->alarm + 1);
	else
		r->nameless = !domain && e->verdict != CGW_PASS && e->known & CGW_Q_REMOTE && c->rules &&
			      c->rules->by_name[dir];
	r->note = keep(&at, c->note);
	r->question = c->question;
	if (exe_len) {
		memcpy(at, e->path.c, exe_len);
		*(alarm ? &r->domain : &r->exe) = at;
	}
	return r;
}

struct record *record_state(int64_t time, const char *fact, const char *old, const char *now,
			    const struct record_rules *rules, size_t nrules, uint32_t more)
{
	struct record *r =
		calloc(1, sizeof(*r) + nrules * sizeof(*rules) + room(fact) + room(old) + room(now));
	char *at;

	if (!r)
		return NULL;
	r->time = time;
	if (nrules)
		memcpy(r + 1, rules, nrules * sizeof(*rules));
	r->rules = (const struct record_rules *)(r + 1);
	r->nrules = (uint32_t)nrules;
	r->more = more;
	at = (char *)(r + 1) + nrules * sizeof(*rules);
	r->fact = keep(&at, fact);
	r->old = keep(&at, old);
	r->now = keep(&at, now);
	return r;
}

struct record *record_lost(uint64_t lost, int64_t time)
{
	struct record *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->lost = lost;
	r->time = time;
	return r;
}

const char *record_program(const struct record *r)
{
	const char *slash;

	if (r->app)
		return r->app;
	if (r->exe) {
		slash = strrchr(r->exe, '/');
		if (slash && slash[1])
			return slash + 1;
		return r->exe;
	}
	return r->comm[0] ? r->comm : "?";
}
