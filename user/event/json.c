// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"

#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "record.h"

struct json_object *json_text(const char *text)
{
	struct json_object *o;
	char *fixed, *at;
	size_t n;

	if (!text)
		return NULL;
	for (const char *s = text;; s += n) {
		n = show_utf8(s);
		if (n)
			continue;
		if (!*s)
			return json_object_new_string(text);
		break;
	}
	fixed = at = malloc(3 * strlen(text) + 1);
	if (!fixed)
		return NULL;
	while (*text) {
		n = show_utf8(text);
		if (n) {
			memcpy(at, text, n);
			at += n;
			text += n;
		} else {
			at = stpcpy(at, "\xef\xbf\xbd");
			text++;
		}
	}
	*at = '\0';
	o = json_object_new_string(fixed);
	free(fixed);
	return o;
}

void json_put(struct json_object *o, const char *key, struct json_object *value)
{
	if (json_object_object_add(o, key, value))
		json_object_put(value);
}

void json_put_text(struct json_object *o, const char *key, const char *text)
{
	json_put(o, key, json_text(text));
}

void json_put_int(struct json_object *o, const char *key, int64_t number)
{
	json_put(o, key, json_object_new_int64(number));
}

void json_put_bool(struct json_object *o, const char *key, bool value)
{
	json_put(o, key, json_object_new_boolean(value));
}

struct json_object *json_get(const struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(o, key, &value);
	return value;
}

const char *json_get_text(const struct json_object *o, const char *key, const char *otherwise)
{
	struct json_object *value = json_get(o, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : otherwise;
}

int64_t json_get_int(const struct json_object *o, const char *key, int64_t otherwise)
{
	struct json_object *value = json_get(o, key);

	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : otherwise;
}

bool json_get_bool(const struct json_object *o, const char *key, bool otherwise)
{
	struct json_object *value = json_get(o, key);

	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value) : otherwise;
}

const char *json_line(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

void json_print(struct json_object *o, FILE *out)
{
	const char *line = json_line(o);
	size_t n;

	while (*line) {
		const unsigned char *u;
		const char *end = line;

		while ((n = show_plain(end)))
			end += n;
		fwrite(line, 1, (size_t)(end - line), out);
		if (!*end)
			break;
		line = end;
		u = (const unsigned char *)line;
		n = show_utf8(line);
		/* json-c has written the control characters of one byte but DEL so already */
		fprintf(out, "\\u%04x",
			n == 1	 ? u[0]
			: n == 2 ? (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu)
			: n == 3 ? (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu)
				 : 0xfffdu);
		line += n ? n : 1;
	}
	putc('\n', out);
}

static void put_end(struct json_object *o, const char *key, const struct record *r, bool remote)
{
	bool has_addr = r->known & (remote ? CGW_Q_REMOTE : CGW_Q_LOCAL);
	bool has_port = r->known & (remote ? CGW_Q_RPORT : CGW_Q_LPORT);
	char text[SHOW_END_MAX];

	if (r->lost || r->fact || !has_addr) {
		json_put(o, key, NULL);
		return;
	}
	has_port = has_port && r->known & CGW_Q_PROTO && show_proto_has_ports(r->proto);
	show_end(remote ? r->remote : r->local, true, remote ? r->rport : r->lport, has_port, text,
		 sizeof(text));
	json_put_text(o, key, text);
}

static struct json_object *number(bool known, int64_t n)
{
	return known ? json_object_new_int64(n) : NULL;
}

#define NUMBERS_MAX 1000 /* rules that are named one by one */

static void add_numbers(struct json_object *list, const struct record_rules *run, uint32_t *left,
			uint32_t *more)
{
	for (uint32_t k = run->lo; k <= run->hi; k++) {
		if (*left)
			json_object_array_add(list, json_object_new_int64(k));
		*more += !*left;
		*left -= *left != 0;
	}
}

struct json_object *json_rules(const struct record_rules *rules, size_t n, uint32_t more)
{
	struct json_object *o = json_object_new_object();
	uint32_t left = NUMBERS_MAX;

	for (int on = 1; o && on >= 0; on--) {
		struct json_object *dirs = json_object_new_object();

		json_put(o, on ? "on" : "off", dirs);
		for (int dir = 0; dirs && dir < CGW_DIRS; dir++) {
			struct json_object *list = json_object_new_array();

			json_put(dirs, show_dir((unsigned)dir), list);
			for (size_t i = 0; list && i < n; i++)
				if (rules[i].on == on && rules[i].dir == dir)
					add_numbers(list, &rules[i], &left, &more);
		}
	}
	if (o)
		json_put_int(o, "more", more);
	return o;
}

struct json_object *record_json(const struct record *r)
{
	struct json_object *o = json_object_new_object();
	char text[SHOW_TIME_MAX], proto[4];
	bool v = !r->lost && !r->fact && !r->alarm;

	if (!o)
		return NULL;
	show_time(r->time, text, sizeof(text));
	json_put_text(o, "time", text);
	json_put_text(o, "kind", v ? "verdict" : r->fact ? "state" : r->alarm ? "alarm" : "lost");
	json_put_text(o, "verdict", v ? show_action(r->verdict) : NULL);
	json_put_text(o, "dir", v ? show_dir(r->dir) : NULL);
	json_put(o, "rule", number(v && !r->error, r->rule));
	json_put_text(o, "file", r->file);
	json_put(o, "line", number(r->line, r->line));
	json_put_text(o, "app", r->app);
	json_put_text(o, "exe", r->exe);
	json_put(o, "pid", number(v, r->pid));
	json_put(o, "uid", number(v && r->known & CGW_Q_UID, r->uid));
	json_put(o, "gid", number(v && r->known & CGW_Q_GID, r->gid));
	json_put_text(o, "comm", v && r->comm[0] ? r->comm : NULL);
	json_put_text(o, "cgroup", r->cgroup);
	json_put_text(o, "proto", v && r->known & CGW_Q_PROTO ? show_proto(r->proto, proto) : NULL);
	put_end(o, "local", r, false);
	put_end(o, "remote", r, true);
	json_put_text(o, "domain", r->domain);
	json_put_text(o, "iface", r->iface);
	json_put(o, "generation", number(v, (int64_t)r->gen));
	json_put_text(o, "error", v ? show_error(r->error) : NULL);
	json_put_bool(o, "observed", r->observed);
	json_put(o, "question", number(r->question, (int64_t)r->question));
	json_put_text(o, "note",
		      r->note	    ? r->note
		      : r->borrowed ? "by another program's socket"
		      : r->nameless ? "no name known for this address"
				    : NULL);
	if (r->alarm) {
		json_put_text(o, "alarm", show_alarm(r->alarm - 1u));
		json_put_text(o, "meaning", show_alarm_meaning(r->alarm - 1u));
	}
	if (r->lost)
		json_put_int(o, "lost", (int64_t)r->lost);
	if (r->fact) {
		json_put_text(o, "fact", r->fact);
		json_put_text(o, "old", r->old);
		json_put_text(o, "new", r->now);
		json_put(o, "rules", json_rules(r->rules, r->nrules, r->more));
	}
	return o;
}
