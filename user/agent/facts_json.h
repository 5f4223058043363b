/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of the surroundings, as `status` shows it. Each gives a new object, NULL without memory. */
#ifndef CGWALL_AGENT_FACTS_JSON_H
#define CGWALL_AGENT_FACTS_JSON_H

#include <stddef.h>
#include <stdint.h>

struct facts;
struct json_object;

/* Addresses as in struct cgw_key, as texts. */
struct json_object *facts_json_addresses(uint8_t (*list)[16], size_t n);
/* Active interfaces, and since when. */
struct json_object *facts_json_active(const struct facts *f);
/* Associations that count. */
struct json_object *facts_json_wifi(const struct facts *f);

#endif
