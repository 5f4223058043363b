// SPDX-License-Identifier: GPL-2.0-only
#include "wifi_ie.h"

#include <string.h>

#define ID_SSID 0
#define ID_RSN 48
#define ID_VENDOR 221

#define OUI_80211 0x000fac00u
#define OUI_WPA 0x0050f200u
#define OUI_CISCO 0x00409600u
#define OUI_WFA 0x506f9a00u

bool wifi_ie_strong(uint32_t cipher)
{
	switch (cipher) {
	case OUI_80211 | 4:  /* CCMP */
	case OUI_80211 | 8:  /* GCMP */
	case OUI_80211 | 9:  /* GCMP-256 */
	case OUI_80211 | 10: /* CCMP-256 */
	case OUI_WPA | 4:    /* CCMP, as WPA's first version calls it */
		return true;
	default:
		return false;
	}
}

bool wifi_ie_integrity(uint32_t cipher)
{
	switch (cipher) {
	case OUI_80211 | 6:  /* BIP-CMAC-128 */
	case OUI_80211 | 11: /* BIP-GMAC-128 */
	case OUI_80211 | 12: /* BIP-GMAC-256 */
	case OUI_80211 | 13: /* BIP-CMAC-256 */
		return true;
	default:
		return false;
	}
}

/* Does this key management ask the access point for a secret (a passphrase, a certificate)? */
static bool asks_secret(uint32_t akm)
{
	switch (akm & ~0xffu) {
	case OUI_80211:
		/* 7 is between stations, 18 is OWE: encrypted with anybody who is there; 1-6, 8-17, 19-25 are
		 * 802.1X, PSK, SAE, FILS and their fast transitions */
		return (akm & 0xff) >= 1 && (akm & 0xff) <= 25 && (akm & 0xff) != 7 && (akm & 0xff) != 18;
	case OUI_WPA:
		return (akm & 0xff) == 1 || (akm & 0xff) == 2; /* 802.1X, PSK */
	case OUI_CISCO:
		return (akm & 0xff) == 0; /* CCKM */
	case OUI_WFA:
		return (akm & 0xff) == 2; /* DPP; 1 is OSEN, which lets everybody in */
	default:
		return false;
	}
}

/* What is left of an element. */
struct rest {
	const uint8_t *data;
	size_t len;
	bool broken; /* it ended in the middle of something */
};

static bool take(struct rest *r, size_t n, const uint8_t **ret)
{
	if (r->len < n)
		r->broken = true;
	if (r->broken)
		return false;
	*ret = r->data;
	r->data += n;
	r->len -= n;
	return true;
}

/* A counted list of suites; `otherwise` stands for it where the element ends before it. Is each of them one
 * that `good` says? */
static bool suites(struct rest *r, uint32_t otherwise, bool (*good)(uint32_t suite))
{
	const uint8_t *p;
	bool all = true;
	unsigned n;

	if (!r->len && !r->broken)
		return good(otherwise);
	if (!take(r, 2, &p))
		return false;
	n = p[0] | (unsigned)p[1] << 8;
	if (!n)
		return false;
	while (n--) {
		if (!take(r, 4, &p))
			return false;
		all &= good((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
	}
	return all;
}

/* The body of an RSN element, or a WPA one behind its type. */
static void read_rsn(struct rest r, uint32_t oui, struct wifi_ies *ret)
{
	bool first = !ret->protection, strong, authenticated;
	const uint8_t *p;

	ret->protection = true;
	strong = authenticated = take(&r, 2, &p) && p[0] == 1 && !p[1]; /* version */
	if (r.len)
		take(&r, 4, &p); /* the cipher for what goes to all */
	strong = suites(&r, oui | (oui == OUI_WPA ? 2 : 4), wifi_ie_strong) && strong;
	authenticated = suites(&r, oui | 1, asks_secret) && authenticated;
	ret->strong = strong && (first || ret->strong);
	ret->authenticated = authenticated && (first || ret->authenticated);
}

void wifi_ie_read(const uint8_t *data, size_t len, struct wifi_ies *ret)
{
	static const uint8_t wpa[4] = {0x00, 0x50, 0xf2, 0x01}, hidden[WIFI_SSID_MAX];
	struct rest all = {.data = data, .len = len}, one = {0};
	const uint8_t *head, *body;
	bool named = false;

	memset(ret, 0, sizeof(*ret));
	while (take(&all, 2, &head) && take(&all, head[1], &body)) {
		one.data = body;
		one.len = head[1];
		if (head[0] == ID_SSID && !named) {
			named = true; /* the first one counts, as it does for the kernel */
			if (one.len > WIFI_SSID_MAX || !memcmp(body, hidden, one.len))
				continue;
			memcpy(ret->ssid, body, one.len);
			ret->ssid_len = (uint8_t)one.len;
		} else if (head[0] == ID_RSN) {
			read_rsn(one, OUI_80211, ret);
		} else if (head[0] == ID_VENDOR && one.len >= sizeof(wpa) &&
			   !memcmp(body, wpa, sizeof(wpa))) {
			one.data += sizeof(wpa);
			one.len -= sizeof(wpa);
			read_rsn(one, OUI_WPA, ret);
		}
	}
}
