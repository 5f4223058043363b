// SPDX-License-Identifier: GPL-2.0-only
#include "remember.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../event/show.h"
#include "questions.h"
#include "remember_file.h"

struct remember {
	struct remembered *all;
	size_t n, room;
	uint32_t next;
	char *run_dir;
	bool behind; /* the file could not be written, and has what was true before */
	remember_lives lives;
	void *arg;
};

static uint64_t boot_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void remembered_free(struct remembered *m)
{
	free(m->exe);
	free(m->unit);
	free(m->container);
	free(m->cgroup);
	free(m->name);
	free(m->by);
}

static int copy(char **to, const char *from, bool wanted)
{
	*to = wanted && from ? strdup(from) : NULL;
	return wanted && from && !*to ? -1 : 0;
}

int remembered_fill(struct remembered *m, const struct question *q, const struct choice *c, const char *by)
{
	const char *name = c->whom == CHOICE_DOMAIN ? question_domain(q) : q->domain;
	struct timespec now;

	memset(m, 0, sizeof(*m));
	clock_gettime(CLOCK_REALTIME, &now);
	m->time = now.tv_sec * 1000000000LL + now.tv_nsec;
	m->choice = *c;
	m->dir = q->key.dir;
	m->pid = q->first.pid;
	m->start = q->first.start;
	m->uid = q->key.uid;
	m->proto = q->key.proto;
	m->port = q->key.port;
	memcpy(m->addr, q->key.remote, sizeof(m->addr));
	if (copy(&m->exe, q->exe, true) || copy(&m->unit, q->unit, c->who == CHOICE_UNIT) ||
	    copy(&m->container, q->container, c->who == CHOICE_CONTAINER) ||
	    copy(&m->cgroup, q->cgroup, c->who == CHOICE_CGROUP) ||
	    copy(&m->name, name, c->whom == CHOICE_NAME || c->whom == CHOICE_DOMAIN) ||
	    copy(&m->by, by, true)) {
		remembered_free(m);
		return -ENOMEM;
	}
	return 0;
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* Is `name` the domain or below it? */
static bool below(const char *name, const char *domain)
{
	size_t n = name ? strlen(name) : 0, d = strlen(domain);

	return name && n >= d && !strcmp(name + n - d, domain) && (n == d || name[n - d - 1] == '.');
}

static bool matches_who(const struct remembered *m, const struct question *q)
{
	size_t n;

	switch (m->choice.who) {
	case CHOICE_EXE:
		if (m->exe)
			return same(m->exe, q->exe);
		return !q->exe && m->pid == q->first.pid && m->start == q->first.start;
	case CHOICE_UNIT:
		return same(m->unit, q->unit);
	case CHOICE_CONTAINER:
		return same(m->container, q->container);
	case CHOICE_USER:
		return m->uid == q->key.uid;
	case CHOICE_CGROUP:
		n = m->cgroup ? strlen(m->cgroup) : 0;
		return n && q->cgroup && !strncmp(q->cgroup, m->cgroup, n) &&
		       (!q->cgroup[n] || q->cgroup[n] == '/');
	case CHOICE_ANYBODY:
		return true;
	case CHOICE_WHOS:
		break;
	}
	return false;
}

bool remembered_matches(const struct remembered *m, const struct question *q)
{
	if (m->dir != q->key.dir || !matches_who(m, q))
		return false;
	if (m->choice.port && (m->proto != q->key.proto || m->port != q->key.port))
		return false;
	switch (m->choice.whom) {
	case CHOICE_ADDRESS:
		return !memcmp(m->addr, q->key.remote, sizeof(m->addr));
	case CHOICE_NAME:
		return same(m->name, q->domain);
	case CHOICE_DOMAIN:
		return m->name && below(q->domain, m->name);
	case CHOICE_ANY:
		return true;
	case CHOICE_WHOMS:
		break;
	}
	return false;
}

uint64_t remembered_until(const struct remembered *m)
{
	int64_t left;

	if (m->until_real) {
		left = m->until_real - time(NULL);
		return left > 0 ? boot_ns() + (uint64_t)left * 1000000000 : 1;
	}
	return m->until ? m->until : ~UINT64_C(0);
}

static bool over(const struct remember *r, const struct remembered *m)
{
	if (m->choice.life == CHOICE_PROGRAM)
		return !r->lives(r->arg, m->pid, m->start);
	return remembered_until(m) <= boot_ns();
}

static void take_out(struct remember *r, size_t i)
{
	remembered_free(&r->all[i]);
	memmove(&r->all[i], &r->all[i + 1], (r->n - i - 1) * sizeof(r->all[0]));
	r->n--;
}

static int write_all(struct remember *r)
{
	int err = remember_write(r->run_dir, r->all, r->n);

	r->behind = err;
	return err;
}

static void expire(struct remember *r)
{
	size_t before = r->n;

	for (size_t i = r->n; i-- > 0;)
		if (over(r, &r->all[i]))
			take_out(r, i);
	if (r->n != before)
		write_all(r); /* the next agent sees for itself that they are over */
}

static int room(struct remember *r)
{
	size_t n = r->room ? r->room * 2 : 16;
	struct remembered *more;

	if (r->n < r->room)
		return 0;
	more = realloc(r->all, n * sizeof(*more));
	if (!more)
		return -ENOMEM;
	r->all = more;
	r->room = n;
	return 0;
}

int remember_add(struct remember *r, const struct question *q, const struct choice *c, const char *by,
		 uint64_t until_ns, uint32_t *id)
{
	struct remembered m;
	int err;

	expire(r);
	if (r->n >= REMEMBER_MAX)
		return -ENOSPC;
	err = room(r);
	if (!err)
		err = remembered_fill(&m, q, c, by);
	if (err)
		return err;
	m.id = r->next++;
	if (c->life == CHOICE_TIME)
		m.until = until_ns;
	else if (c->life == CHOICE_TODAY)
		m.until_real = time(NULL) + (int64_t)((until_ns - boot_ns() + 500000000) / 1000000000);
	r->all[r->n++] = m;
	*id = m.id;
	return write_all(r);
}

const struct remembered *remember_find(struct remember *r, const struct question *q)
{
	/* the newest first: it was chosen knowing the others */
	for (size_t i = r->n; i-- > 0;) {
		if (!remembered_matches(&r->all[i], q) || over(r, &r->all[i]))
			continue;
		r->all[i].hits++;
		return &r->all[i];
	}
	return NULL;
}

int remember_forget(struct remember *r, uint32_t id, int *file)
{
	bool found = false;

	for (size_t i = 0; i < r->n && !found; i++) {
		found = r->all[i].id == id;
		if (found)
			take_out(r, i);
	}
	/* one that was taken back before may be asked for again, for the file's sake */
	*file = found || r->behind ? write_all(r) : 0;
	return found ? 0 : -ENOENT;
}

const struct remembered *remember_get(struct remember *r, size_t i)
{
	if (!i)
		expire(r);
	return i < r->n ? &r->all[i] : NULL;
}

int remember_open(const char *run_dir, remember_lives lives, void *arg, struct remember **ret, char **message)
{
	struct remember *r = calloc(1, sizeof(*r));

	if (!r || !(r->run_dir = strdup(run_dir))) {
		free(r);
		return -ENOMEM;
	}
	r->lives = lives;
	r->arg = arg;
	r->next = REMEMBER_ID + 1;
	remember_read(run_dir, &r->all, &r->n, message);
	r->room = r->n;
	for (size_t i = 0; i < r->n; i++)
		if (r->all[i].id >= r->next)
			r->next = r->all[i].id + 1;
	*ret = r;
	return 0;
}

void remember_close(struct remember *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		remembered_free(&r->all[i]);
	free(r->all);
	free(r->run_dir);
	free(r);
}

/* ---- as a sentence ---- */

/* A string that may hold anything. */
static void put(FILE *out, const char *before, const char *text)
{
	char quoted[1024];

	show_quote(text ? text : "?", quoted, sizeof(quoted));
	fprintf(out, " %s%s%s", before, *before ? " " : "", quoted);
}

static void put_who(const struct remembered *m, FILE *out)
{
	switch (m->choice.who) {
	case CHOICE_EXE:
		if (m->exe)
			put(out, "", m->exe);
		else
			fprintf(out, " pid %u", m->pid);
		break;
	case CHOICE_UNIT:
		put(out, "unit", m->unit);
		break;
	case CHOICE_CONTAINER:
		put(out, "container", m->container);
		break;
	case CHOICE_USER:
		fprintf(out, " uid %u", m->uid);
		break;
	case CHOICE_CGROUP:
		put(out, "cgroup", m->cgroup);
		break;
	case CHOICE_ANYBODY:
	case CHOICE_WHOS:
		break;
	}
}

static void put_life(const struct remembered *m, FILE *out)
{
	char life[CHOICE_WORD_MAX];

	if (m->choice.life == CHOICE_TIME)
		fprintf(out, ", for %s", choice_life(&m->choice, life, sizeof(life)));
	else if (m->choice.life == CHOICE_PROGRAM)
		fprintf(out, ", until process %u ends", m->pid);
	else if (m->choice.life == CHOICE_TODAY)
		fputs(", today", out);
	else if (m->choice.life == CHOICE_REBOOT)
		fputs(", until the machine restarts", out);
}

void remembered_text(const struct remembered *m, char *out, size_t size)
{
	char *text = NULL, addr[SHOW_END_MAX], proto[4];
	const char *end = m->dir == CGW_OUT ? "to" : "from";
	size_t n;
	FILE *f = open_memstream(&text, &n);

	*out = '\0';
	if (!f)
		return;
	fprintf(f, "%s %s", show_action(m->choice.verdict), show_dir(m->dir));
	put_who(m, f);
	if (m->choice.whom == CHOICE_ADDRESS) {
		show_addr(m->addr, addr, sizeof(addr));
		fprintf(f, " %s %s", end, addr);
	} else if (m->name) {
		fprintf(f, " %s", end);
		put(f, m->choice.whom == CHOICE_NAME ? "host" : "domain", m->name);
	}
	if (m->choice.port) {
		fprintf(f, " %s", show_proto(m->proto, proto));
		if (m->port)
			fprintf(f, " port %u", m->port);
	}
	put_life(m, f);
	fclose(f);
	snprintf(out, size, "%s", text);
	free(text);
}
