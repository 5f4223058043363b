/* SPDX-License-Identifier: GPL-2.0-only */
/* Information elements of 802.11 frames: the network's name, and what protection is offered or was asked for.
 * They come from the air: whoever is near can send any bytes. */
#ifndef CGWALL_WIFI_IE_H
#define CGWALL_WIFI_IE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIFI_SSID_MAX 32

struct wifi_ies {
	uint8_t ssid[WIFI_SSID_MAX]; /* any bytes */
	uint8_t ssid_len;	     /* 0: there is none, or it is hidden */
	bool protection;    /* there is an RSN or WPA element; the others tell of all of them, and are false
			       without */
	bool strong;	    /* every pairwise cipher that is named is AES (CCMP, GCMP): not WEP, not TKIP */
	bool authenticated; /* every key management that is named asks for a secret: not OWE, not OSEN */
};

/* Reads a list of elements. What is malformed counts for nothing: never as protection. */
void wifi_ie_read(const uint8_t *data, size_t len, struct wifi_ies *ret);

/* Is it AES? By the number that nl80211 uses, OUI << 8 | type. */
bool wifi_ie_strong(uint32_t cipher);
/* Does it protect frames of management, and no data? */
bool wifi_ie_integrity(uint32_t cipher);

#endif
