// SPDX-License-Identifier: GPL-2.0-only
/* What the air says of a network, what is made of it, and the attributes in which the kernel passes it on. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

#include "../../user/state/genl.h"
#include "../../user/state/wifi.h"

#define RSN(...) 48, sizeof((uint8_t[]){__VA_ARGS__}), __VA_ARGS__
#define WPA(...) 221, 4 + sizeof((uint8_t[]){__VA_ARGS__}), 0x00, 0x50, 0xf2, 0x01, __VA_ARGS__
#define SUITE(n) 0x00, 0x0f, 0xac, (n)
#define WPA_SUITE(n) 0x00, 0x50, 0xf2, (n)
#define V1 1, 0
#define ONE 1, 0
#define TWO 2, 0
#define CCMP SUITE(4)
#define TKIP SUITE(2)
#define PSK SUITE(2)
#define IEEE8021X SUITE(1)
#define SAE SUITE(8)
#define OWE SUITE(18)

/* Reads from memory that ends where the elements do, so that the sanitizers see a step too far. */
static struct wifi_ies read_ies(const uint8_t *data, size_t len)
{
	struct wifi_ies ies;
	uint8_t *copy = malloc(len ? len : 1);

	memset(&ies, 0xa5, sizeof(ies));
	if (CHECK(copy) && copy) {
		if (len)
			memcpy(copy, data, len);
		wifi_ie_read(copy, len, &ies);
	}
	free(copy);
	return ies;
}

#define IES(...) read_ies((uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static bool is_ssid(struct wifi_ies ies, const char *ssid, size_t len)
{
	return ies.ssid_len == len && !memcmp(ies.ssid, ssid, len);
}

static void ssids(void)
{
	uint8_t longest[2 + 33] = {0, 32};

	CHECK(is_ssid(read_ies(NULL, 0), "", 0));
	CHECK(is_ssid(IES(0, 4, 'h', 'o', 'm', 'e'), "home", 4));
	CHECK(is_ssid(IES(1, 1, 0x82, 0, 4, 'h', 'o', 'm', 'e', 3, 1, 6), "home", 4));
	CHECK(is_ssid(IES(0, 3, 'a', 0, 'b'), "a\0b", 3)); /* any bytes */
	CHECK(is_ssid(IES(0, 2, 0xff, '"'), "\xff\"", 2));
	CHECK(is_ssid(IES(0, 1, ' '), " ", 1));
	CHECK(is_ssid(IES(0, 0), "", 0)); /* hidden, both ways */
	CHECK(is_ssid(IES(0, 3, 0, 0, 0), "", 0));
	CHECK(is_ssid(IES(0, 1, 'a', 0, 1, 'b'), "a", 1)); /* the first one counts */
	CHECK(is_ssid(IES(0, 0, 0, 1, 'b'), "", 0));
	CHECK(is_ssid(IES(0, 4, 'h', 'o', 'm'), "", 0)); /* cut off */
	CHECK(is_ssid(IES(0), "", 0));
	memset(longest + 2, 'x', 33);
	CHECK_INT(read_ies(longest, 34).ssid_len, 32);
	longest[1] = 33;
	CHECK_INT(read_ies(longest, 35).ssid_len, 0);
}

/* "strong authenticated", "-" for what is not; "none" without protection */
static const char *of(struct wifi_ies ies)
{
	static char text[4];

	if (!ies.protection) {
		CHECK(!ies.strong && !ies.authenticated);
		return "none";
	}
	snprintf(text, sizeof(text), "%c%c", ies.strong ? 's' : '-', ies.authenticated ? 'a' : '-');
	return text;
}

static void elements(void)
{
	CHECK_STR(of(IES(0, 1, 'x')), "none");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, PSK, 0, 0))), "sa");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, PSK))), "sa");	    /* capabilities may be left out */
	CHECK_STR(of(IES(RSN(V1, TKIP, ONE, CCMP, ONE, PSK, 0, 0))), "sa"); /* to all: older ones */
	CHECK_STR(of(IES(RSN(V1, TKIP, ONE, TKIP, ONE, PSK, 0, 0))), "-a");
	CHECK_STR(of(IES(RSN(V1, TKIP, TWO, CCMP, TKIP, ONE, PSK, 0, 0))), "-a");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, SUITE(1), ONE, PSK))), "-a"); /* WEP-40 */
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, SUITE(5), ONE, PSK))), "-a"); /* WEP-104 */
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, SUITE(0), ONE, PSK))), "-a"); /* only the one for all */
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, SUITE(9), ONE, SAE))), "sa");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, TWO, PSK, SAE))), "sa");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, IEEE8021X))), "sa");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, OWE))), "s-");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, TWO, OWE, PSK))), "s-");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, SUITE(99)))), "s-");	      /* unheard of */
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, 0x50, 0x6f, 0x9a, 1))), "s-"); /* OSEN */
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, 0x50, 0x6f, 0x9a, 2))), "sa"); /* DPP */
	CHECK_STR(of(IES(RSN(V1))), "sa"); /* what is left out is CCMP and 802.1X */
	CHECK_STR(of(IES(RSN(V1, CCMP))), "sa");
	CHECK_STR(of(IES(RSN(V1, TKIP, ONE, TKIP))), "-a");
	/* the older element */
	CHECK_STR(of(IES(WPA(V1, WPA_SUITE(2), ONE, WPA_SUITE(2), ONE, WPA_SUITE(2)))), "-a");
	CHECK_STR(of(IES(WPA(V1, WPA_SUITE(4), ONE, WPA_SUITE(4), ONE, WPA_SUITE(2)))), "sa");
	CHECK_STR(of(IES(WPA(V1))), "-a");			    /* there it is TKIP */
	CHECK_STR(of(IES(221, 4, 0x00, 0x50, 0xf2, 0x02)), "none"); /* another element of theirs */
	/* both: nobody knows which one is meant */
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, PSK),
			 WPA(V1, WPA_SUITE(2), ONE, WPA_SUITE(2), ONE, WPA_SUITE(2)))),
		  "-a");
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, ONE, OWE), RSN(V1, CCMP, ONE, CCMP, ONE, PSK))), "s-");
}

static void malformed(void)
{
	const uint8_t whole[] = {RSN(V1, CCMP, TWO, CCMP, SUITE(9), TWO, PSK, SAE, 0, 0)};
	uint8_t part[sizeof(whole)];

	CHECK_STR(of(IES(48, 0)), "--");
	CHECK_STR(of(IES(RSN(2, 0, CCMP, ONE, CCMP, ONE, PSK))), "--"); /* another version */
	CHECK_STR(of(IES(RSN(V1, CCMP, 0, 0, ONE, PSK))), "-a");	/* an empty list */
	CHECK_STR(of(IES(RSN(V1, CCMP, ONE, CCMP, 0, 0))), "s-");
	CHECK_STR(of(IES(RSN(V1, CCMP, 255, 255, CCMP, ONE, PSK))), "--"); /* longer than the element */
	CHECK_STR(of(IES(48, 20, V1, CCMP, ONE, CCMP)), "none");	   /* cut off: no element at all */
	/* cut off at every length: whatever still counts was complete */
	for (size_t n = 0; n + 2 <= sizeof(whole); n++) {
		struct wifi_ies ies;

		memcpy(part, whole, n + 2);
		part[1] = (uint8_t)n;
		ies = read_ies(part, n + 2);
		CHECK(ies.protection);
		/* ends of the version, the cipher for all, the ciphers, the key managements, and beyond */
		CHECK_MSG(ies.strong == (n == 2 || n == 6 || n >= 16), "%zu", n);
		CHECK_MSG(ies.authenticated == (n == 2 || n == 6 || n == 16 || n >= 26), "%zu", n);
	}
}

static void judgements(void)
{
	const struct wifi_ies psk = {.protection = true, .strong = true, .authenticated = true};
	const struct wifi_ies owe = {.protection = true, .strong = true};
	const struct wifi_ies tkip = {.protection = true, .authenticated = true};
	const struct wifi_ies none = {0};
	const struct {
		struct wifi_evidence e;
		enum wifi_protection p;
	} t[] = {
		/* the key itself is seen */
		{{true, psk, &psk, 0, 0x000fac04, true}, WIFI_SECURED},
		{{true, psk, NULL, 0, 0x000fac04, true}, WIFI_SECURED},
		{{true, psk, NULL, 0, 0x000fac02, true}, WIFI_WEAK},
		{{true, psk, NULL, 0, 0x000fac01, true}, WIFI_WEAK},
		{{true, owe, NULL, 0, 0x000fac04, true}, WIFI_ANYBODY},
		{{true, psk, &owe, 0, 0x000fac04, true}, WIFI_ANYBODY}, /* now it claims to be better */
		{{false, none, NULL, 0, 0x000fac04, true}, WIFI_ANYBODY},
		/* it is seen that there is none */
		{{false, none, &none, -ENOENT, 0, true}, WIFI_OPEN},
		{{false, none, NULL, -ENOENT, 0, true}, WIFI_OPEN},
		{{true, psk, &none, -ENOENT, 0, true}, WIFI_WEAK}, /* WEP, or an open twin that pretends */
		{{true, none, NULL, -ENOENT, 0, true}, WIFI_WEAK},
		{{true, psk, &psk, -ENOENT, 0, true}, WIFI_NO_KEY},
		{{true, psk, NULL, -ENOENT, 0, true}, WIFI_NO_KEY},
		/* the driver does not tell */
		{{true, psk, &psk, -EOPNOTSUPP, 0, true}, WIFI_SECURED},
		{{true, psk, &psk, 0, 0, true}, WIFI_SECURED},
		{{true, psk, &psk, -EOPNOTSUPP, 0, false}, WIFI_NO_KEY},
		{{true, psk, NULL, -EOPNOTSUPP, 0, true}, WIFI_UNTOLD},
		{{true, psk, NULL, -EPERM, 0, true}, WIFI_UNTOLD},
		{{true, psk, &owe, -EOPNOTSUPP, 0, true}, WIFI_ANYBODY},
		{{true, psk, &tkip, -EOPNOTSUPP, 0, true}, WIFI_WEAK},
		{{true, psk, &none, -EOPNOTSUPP, 0, true}, WIFI_WEAK},
		{{false, psk, &none, -EOPNOTSUPP, 0, true}, WIFI_OPEN},
		{{false, none, NULL, -EOPNOTSUPP, 0, true}, WIFI_OPEN},
		/* or something else, as brcmfmac does */
		{{true, psk, &psk, 0, 0x000fac06, true}, WIFI_SECURED},
		{{true, psk, &psk, 0, 0x000fac06, false}, WIFI_NO_KEY},
		{{true, psk, NULL, 0, 0x000fac06, true}, WIFI_UNTOLD},
		{{true, psk, &none, 0, 0x000fac06, true}, WIFI_WEAK},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		CHECK_MSG(wifi_judge(&t[i].e) == t[i].p, "%zu: %s", i,
			  wifi_protection_names[wifi_judge(&t[i].e)]);
	for (int i = 0; i < WIFI_PROTECTIONS; i++)
		CHECK(wifi_protection_names[i]);
}

static void attributes(void)
{
	uint8_t data[] = {8, 0, 3, 0,	1, 2, 3, 4, /* 3: four bytes */
			  6, 0, 7, 0,	9, 8, 0, 0, /* 7: two, and two that fill up */
			  8, 0, 3, 128, 5, 6, 7, 8, /* 3 again, marked as nested */
			  5, 0, 4, 0,	1};	    /* 4: one, and nothing that fills up */
	struct genl_attrs all = {data, sizeof(data)}, a;
	uint32_t u32;
	uint16_t u16;
	size_t n = 0;

	memcpy(&u32, &data[20], sizeof(u32));
	memcpy(&u16, &data[12], sizeof(u16));
	CHECK(genl_u32(all, 3, 0) == u32); /* the last one */
	CHECK(genl_u16(all, 7, 0) == u16);
	CHECK_INT(genl_u32(all, 7, 77), 77); /* another size */
	CHECK_INT(genl_u32(all, 1, 77), 77);
	CHECK(genl_find(all, 4, &a) && a.len == 1 && a.data[0] == 1);
	CHECK(!genl_find(all, 5, &a));
	while (genl_next(&all, &u16, &a))
		n++;
	CHECK_INT(n, 4);
	data[8] = 30; /* longer than what there is */
	all = (struct genl_attrs){data, sizeof(data)};
	CHECK(!genl_find(all, 7, &a));
	data[8] = 3; /* shorter than its own head */
	CHECK(!genl_find(all, 7, &a));
	data[8] = 0;
	CHECK(!genl_find(all, 7, &a));
}

/* The one family that every kernel has, and one that none has. */
static void families(void)
{
	static const char *const names[] = {"nobody's", "notify"};
	uint32_t groups[] = {7, 7};
	uint16_t id = 0;
	int fd = genl_open(false);

	if (!CHECK(fd >= 0))
		return;
	CHECK_INT(genl_family(fd, "nlctrl", &id, names, groups, 2), 0);
	CHECK_INT(id, GENL_ID_CTRL);
	CHECK_INT(groups[0], 0);
	CHECK(groups[1]);
	id = 1;
	CHECK_INT(genl_family(fd, "cgwall-none", &id, names, groups, 2), -ENOENT);
	CHECK_INT(id, 1);
	CHECK_INT(genl_join(fd, groups[1]), 0);
	close(fd);
}

int main(void)
{
	RUN(ssids);
	RUN(elements);
	RUN(malformed);
	RUN(judgements);
	RUN(attributes);
	RUN(families);
	return test_done();
}
