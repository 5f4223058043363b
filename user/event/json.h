/* SPDX-License-Identifier: GPL-2.0-only */
/* What every JSON output needs: strings that are valid whatever bytes a path holds, and one line out. */
#ifndef CGWALL_JSON_H
#define CGWALL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

/* A string with what is not UTF-8 replaced by U+FFFD; NULL gives null (which json-c writes as NULL). */
struct json_object *json_text(const char *text);

/* Adds a member; each takes over `value` also where it fails. */
void json_put(struct json_object *o, const char *key, struct json_object *value);
void json_put_text(struct json_object *o, const char *key, const char *text);
void json_put_int(struct json_object *o, const char *key, int64_t number);
void json_put_bool(struct json_object *o, const char *key, bool value);

/* The member, or the given value where it is missing or of another kind. Borrowed. */
const char *json_get_text(const struct json_object *o, const char *key, const char *otherwise);
int64_t json_get_int(const struct json_object *o, const char *key, int64_t otherwise);
bool json_get_bool(const struct json_object *o, const char *key, bool otherwise);
struct json_object *json_get(const struct json_object *o, const char *key);

/* {"on": {"out": [...], "in": [...]}, "off": ..., "more": how many are not named}: numbers of rules, and
 * those of `more`. NULL without memory. */
struct record_rules;
struct json_object *json_rules(const struct record_rules *rules, size_t n, uint32_t more);

/* How an object is written everywhere: on one line, slashes as they are. Borrowed from o. */
const char *json_line(struct json_object *o);

/* That line and its end, where it may be read on a terminal: what show_plain() refuses is written as \uNNNN,
 * which means the same. */
void json_print(struct json_object *o, FILE *out);

#endif
