// SPDX-License-Identifier: GPL-2.0-only
#include "facts_json.h"

#include <stdio.h>
#include <string.h>

#include "../event/json.h"
#include "../event/show.h"
#include "changes.h"

struct json_object *facts_json_addresses(uint8_t (*list)[16], size_t n)
{
	struct json_object *o = json_object_new_array();
	char text[SHOW_END_MAX];

	for (size_t i = 0; o && i < n; i++) {
		show_addr(list[i], text, sizeof(text));
		json_object_array_add(o, json_text(text));
	}
	return o;
}

struct json_object *facts_json_active(const struct facts *f)
{
	struct json_object *list = json_object_new_array();
	char time[SHOW_TIME_MAX];

	for (size_t i = 0; list && i < f->nlinks; i++) {
		struct json_object *o;

		if (!f->links[i].active)
			continue;
		o = json_object_new_object();
		if (!o)
			break;
		show_time(f->links[i].since, time, sizeof(time));
		json_put_text(o, "iface", f->links[i].name);
		json_put_text(o, "since", time);
		json_object_array_add(list, o);
	}
	return list;
}

struct json_object *facts_json_wifi(const struct facts *f)
{
	struct json_object *list = json_object_new_array();
	char text[CHANGES_WIFI_MAX], time[SHOW_TIME_MAX], ssid[FACTS_SSID_MAX + 1];

	for (size_t i = 0; list && i < f->nwifi; i++) {
		const struct facts_wifi *w = &f->wifi[i];
		const uint8_t *b = w->bssid;
		struct json_object *o;

		if (!facts_counts(f, w))
			continue;
		o = json_object_new_object();
		if (!o)
			break;
		memcpy(ssid, w->ssid, w->len);
		ssid[w->len] = '\0';
		show_time(w->since, time, sizeof(time));
		json_put_text(o, "iface", facts_find(f, w->index)->name);
		/* a zero byte has no place in a text: "text" shows it */
		json_put(o, "ssid", memchr(w->ssid, 0, w->len) ? NULL : json_text(ssid));
		json_put_bool(o, "secured", w->secured);
		json_put_text(o, "protection", w->how);
		snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
			 b[5]);
		json_put_text(o, "bssid", text);
		changes_wifi_text(w, text, sizeof(text));
		json_put_text(o, "text", text);
		json_put_text(o, "since", time);
		json_object_array_add(list, o);
	}
	return list;
}
