// SPDX-License-Identifier: GPL-2.0-only
#include "sighted.h"

#include <string.h>

#include "../event/json.h"
#include "../policy/addr.h"
#include "../policy/names.h"
#include "../policy/value.h"

struct sighted *sighted_new(void)
{
	struct arena *a = arena_new();
	struct sighted *s = a ? arena_alloc(a, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->arena = a;
	intern_init(&s->keys, a);
	intern_init(&s->texts, a);
	return s;
}

void sighted_free(struct sighted *s)
{
	if (s)
		arena_free(s->arena);
}

/* "192.0.2.1:443", "[2001:db8::1]:443", either without its port. False: it is none. */
static bool read_end(const char *text, uint8_t addr[16], bool *has_port, uint16_t *port)
{
	const char *end, *rest;
	uint64_t n;

	if (*text == '[') {
		end = strchr(++text, ']');
		rest = end ? end + 1 : NULL;
	} else {
		end = text + strcspn(text, ":");
		rest = end;
	}
	if (!end || addr_parse(text, (size_t)(end - text), addr))
		return false;
	*has_port = false;
	if (!*rest)
		return true;
	if (*rest != ':' || !value_number(rest + 1, strlen(rest + 1), 65535, &n))
		return false;
	*has_port = true;
	*port = (uint16_t)n;
	return true;
}

/* The bytes by which flows are the same. */
struct key {
	uint8_t dir, has, proto, reserved;
	uint16_t port;
	uint32_t uid;
	uint8_t remote[16], local[16];
	uint32_t exe, cgroup, name; /* numbers of strings, 0: none */
};

static uint32_t text_number(struct sighted *s, const char *text)
{
	return text ? intern_add(&s->texts, text, strlen(text) + 1) + 1 : 0;
}

static const char *text_of(const struct sighted *s, uint32_t number)
{
	return number ? intern_get(&s->texts, number - 1) : NULL;
}

/* Was it let through? What could not be judged says nothing about a rule. */
static bool counts(struct sighted *s, const struct json_object *r, bool refused)
{
	const char *verdict = json_get_text(r, "verdict", NULL);

	if (!verdict || json_get_text(r, "error", NULL)) {
		s->skipped++;
		return false;
	}
	if (strcmp(verdict, "pass") && !json_get_bool(r, "observed", false) && !refused) {
		s->refused++;
		return false;
	}
	return true;
}

static bool read_flow(const struct json_object *r, struct flow *f)
{
	const char *dir = json_get_text(r, "dir", ""), *proto = json_get_text(r, "proto", NULL),
		   *remote = json_get_text(r, "remote", NULL), *local = json_get_text(r, "local", NULL);
	uint16_t rport = 0, lport = 0;
	bool has_rport = false, has_lport = false;
	int64_t uid = json_get_int(r, "uid", -1);
	uint64_t n;
	int number;

	if (strcmp(dir, "in") && strcmp(dir, "out"))
		return false;
	f->dir = strcmp(dir, "in") ? CGW_OUT : CGW_IN;
	if (remote && !(f->has_remote = read_end(remote, f->remote, &has_rport, &rport)))
		return false;
	if (local && !(f->has_local = read_end(local, f->local, &has_lport, &lport)))
		return false;
	if (proto) {
		number = names_proto(proto, strlen(proto));
		if (number < 0 && !value_number(proto, strlen(proto), 255, &n))
			return false;
		f->has_proto = true;
		f->proto = (uint8_t)(number < 0 ? (int)n : number);
	}
	f->has_port = f->dir == CGW_OUT ? has_rport : has_lport;
	f->port = f->dir == CGW_OUT ? rport : lport;
	f->has_uid = uid >= 0 && uid <= UINT32_MAX;
	f->uid = f->has_uid ? (uint32_t)uid : 0;
	return true;
}

void sighted_add(struct sighted *s, const struct json_object *record, bool refused)
{
	struct flow f = {.count = 1};
	struct key key;
	uint32_t number;

	if (!counts(s, record, refused))
		return;
	if (!read_flow(record, &f)) {
		s->skipped++;
		return;
	}
	s->records++;
	memset(&key, 0, sizeof(key)); /* padding is compared as well */
	key.exe = text_number(s, json_get_text(record, "exe", NULL));
	key.cgroup = text_number(s, json_get_text(record, "cgroup", NULL));
	key.name = text_number(s, json_get_text(record, "domain", NULL));
	key.dir = (uint8_t)f.dir;
	key.has = (uint8_t)(f.has_proto | f.has_remote << 1 | f.has_local << 2 | f.has_port << 3 |
			    f.has_uid << 4);
	key.proto = f.proto;
	key.port = f.port;
	key.uid = f.uid;
	memcpy(key.remote, f.remote, 16);
	/* which of its own addresses a program used to call out is chance */
	if (f.dir == CGW_IN)
		memcpy(key.local, f.local, 16);
	number = intern_add(&s->keys, &key, sizeof(key));
	if (number < s->n) { /* keys are numbered as flows are */
		s->flows[number].count++;
		return;
	}
	f.exe = text_of(s, key.exe);
	f.cgroup = text_of(s, key.cgroup);
	f.name = text_of(s, key.name);
	*ARENA_ADD(s->arena, &s->flows, &s->n) = f;
}
