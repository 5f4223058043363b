// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: elements as they come from the air. What is malformed is never more than what is
 * well-formed before it, and nothing that follows makes protection better than it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/state/wifi_ie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_part(const uint8_t *data, size_t size, struct wifi_ies *ret)
{
	uint8_t *copy = malloc(size ? size : 1); /* a step beyond its end is seen */

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	memset(ret, 0xa5, sizeof(*ret));
	wifi_ie_read(copy, size, ret);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wifi_ies all, part;

	read_part(data, size, &all);
	if (all.ssid_len > WIFI_SSID_MAX || (!all.protection && (all.strong || all.authenticated)))
		abort();
	for (size_t at = 0; at + 2 <= size && at + 2 + data[at + 1] <= size; at += 2u + data[at + 1]) {
		read_part(data, at + 2 + data[at + 1], &part);
		if (part.ssid_len &&
		    (part.ssid_len != all.ssid_len || memcmp(part.ssid, all.ssid, part.ssid_len)))
			abort();
		if (part.protection &&
		    (!all.protection || all.strong > part.strong || all.authenticated > part.authenticated))
			abort();
	}
	return 0;
}
