// SPDX-License-Identifier: GPL-2.0-only
/* Numbers, times, addresses and names as a policy writes them. */
#include <stdlib.h>
#include <time.h>

#include "test.h"

#include "../../user/policy/addr.h"
#include "../../user/policy/value.h"

static void numbers(void)
{
	static const char *const bad[] = {
		"", "x", "1x", "-1", "+1", "01", " 1", "101", "99999999999999999999"};
	uint64_t n = 7;

	CHECK(value_number("0", 1, 100, &n) && n == 0);
	CHECK(value_number("100", 3, 100, &n) && n == 100);
	CHECK(value_number("9223372036854775807", 19, UINT64_MAX, &n) && n == INT64_MAX);
	n = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(!value_number(bad[i], strlen(bad[i]), 100, &n), "%s", bad[i]);
	CHECK_INT(n, 7);
}

/* Prints with `print` into a static buffer. */
static const char *printed(void (*print)(uint64_t, FILE *), uint64_t n)
{
	static char text[64];
	FILE *f = fmemopen(text, sizeof(text), "w");

	print(n, f);
	fclose(f);
	return text;
}

static void durations(void)
{
	static const struct {
		const char *text;
		uint64_t ms;
		const char *back;
	} good[] = {{"0s", 0, "0s"},	     {"1ms", 1, "1ms"},	     {"500ms", 500, "500ms"},
		    {"1000ms", 1000, "1s"},  {"90s", 90000, "90s"},  {"60s", 60000, "1m"},
		    {"24h", 86400000, "1d"}, {"007m", 420000, "7m"}, {"3660d", 316224000000, "3660d"}};
	static const char *const bad[] = {"",	  "s",	 "1",	"1.5s",	 "1S",
					  "1sec", "-1s", "1 s", "3661d", "99999999999999999999ms"};
	uint64_t ms = 7;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CHECK(!value_duration(good[i].text, strlen(good[i].text), &ms));
		CHECK_INT(ms, good[i].ms);
		CHECK_STR(printed(value_print_duration, ms), good[i].back);
	}
	ms = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(value_duration(bad[i], strlen(bad[i]), &ms), "%s", bad[i]);
	CHECK_INT(ms, 7);
}

static void rates(void)
{
	static const struct {
		const char *text;
		uint64_t rate;
		const char *back;
	} good[] = {{"1B/s", 1, "1B/s"},
		    {"8bit/s", 1, "1B/s"},
		    {"9bit/s", 1, "1B/s"},
		    {"200kB/s", 200000, "200kB/s"},
		    {"10Mbit/s", 1250000, "1250kB/s"},
		    {"2000MB/s", 2000000000, "2GB/s"},
		    {"1Gbit/s", 125000000, "125MB/s"},
		    {"1000000GB/s", 1000000000000000, "1000000GB/s"}};
	static const char *const bad[] = {"",	  "1",	    "1B",      "1mb/s",	     "MB/s",
					  "0B/s", "7bit/s", "1.5MB/s", "1000001GB/s"};
	uint64_t rate = 7;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CHECK(!value_rate(good[i].text, strlen(good[i].text), &rate));
		CHECK_INT(rate, good[i].rate);
		CHECK_STR(printed(value_print_rate, rate), good[i].back);
	}
	rate = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(value_rate(bad[i], strlen(bad[i]), &rate), "%s", bad[i]);
	CHECK_INT(rate, 7);
}

static int64_t at(const char *text, bool *dated)
{
	int64_t t = -1;

	*dated = false;
	CHECK_MSG(!value_time(text, strlen(text), &t, dated), "%s", text);
	return t;
}

static void times(void)
{
	static const char *const bad[] = {"",
					  "2026",
					  "2026-13-01",
					  "2026-00-01",
					  "2026-01-32",
					  "2025-02-29",
					  "1900-02-29",
					  "2026-01-01T",
					  "2026-01-01T24:00",
					  "2026-01-01T12:60",
					  "2026-01-01 12:00",
					  "2026-1-1",
					  "2026-01-01T12:00:60",
					  "20260-01-01",
					  "2026/01/01"};
	int64_t t = 7;
	bool dated;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	CHECK_INT(at("1970-01-02", &dated), 86400 - 3600);
	CHECK(dated);
	CHECK_INT(at("2026-12-01T18:00", &dated), 1796144400);
	CHECK(!dated);
	CHECK_INT(at("2026-07-01T18:00:30", &dated), 1782921630);
	CHECK_INT(at("2024-02-29", &dated), 1709161200);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(value_time(bad[i], strlen(bad[i]), &t, &dated), "%s", bad[i]);
	CHECK_INT(t, 7);

	/* a zone whose clocks skip midnight: the day begins an hour later, and stays that day */
	setenv("TZ", "XST3XDT,M10.3.0/0,M2.3.0/0", 1);
	tzset();
	t = at("2026-10-18", &dated);
	{
		char text[32] = "";
		FILE *f = fmemopen(text, sizeof(text), "w");

		value_print_time(t, true, f);
		fclose(f);
		CHECK_STR(text, "2026-10-18");
	}
	unsetenv("TZ");
	tzset();
}

static void clocks_and_days(void)
{
	uint16_t from = 7, to = 7;
	uint8_t days = 0;

	CHECK(!value_clock_range("08:00-18:30", 11, &from, &to) && from == 480 && to == 1110);
	CHECK(!value_clock_range("22:00-06:00", 11, &from, &to) && from == 1320 && to == 360);
	CHECK(!value_clock_range("00:00-24:00", 11, &from, &to) && from == 0 && to == 1440);
	CHECK(value_clock_range("24:00-08:00", 11, &from, &to));
	CHECK(value_clock_range("08:00-08:00", 11, &from, &to));
	CHECK(value_clock_range("08:00", 5, &from, &to));
	CHECK(!value_days("mon-fri", 7, &days) && days == 0x1f);
	days = 0;
	CHECK(!value_days("sat-mon", 7, &days) && days == 0x61);
	CHECK(!value_days("wed", 3, &days) && days == 0x65);
	days = 0;
	CHECK(!value_days("tue-mon", 7, &days) && days == 0x7f);
	CHECK(value_days("Mon", 3, &days));
	CHECK(value_days("-", 1, &days));
	for (unsigned d = 1; d < 128; d++) { /* what is printed is read as the same */
		char text[64] = "", *s;
		FILE *f = fmemopen(text, sizeof(text), "w");

		value_print_days((uint8_t)d, f);
		fclose(f);
		days = 0;
		for (s = strtok(text, "{}, "); s; s = strtok(NULL, "{}, "))
			CHECK(!value_days(s, strlen(s), &days));
		CHECK_INT(days, d);
	}
}

static const char *net(const char *text)
{
	static char printed_net[128];
	struct item it = {.kind = ITEM_NET};
	bool masked;
	FILE *f;

	if (addr_parse_item(text, strlen(text), &it, &masked))
		return "bad";
	f = fmemopen(printed_net, sizeof(printed_net), "w");
	addr_print_item(&it, f);
	fprintf(f, " %s%s", it.v6 ? "v6" : "v4", masked ? " masked" : "");
	fclose(f);
	return printed_net;
}

static void addresses(void)
{
	static const char *const bad[] = {"1.2.3",
					  "1.2.3.4.5",
					  "01.2.3.4",
					  "1.2.3.4/",
					  "1.2.3.4/33",
					  "1.2.3.4/-1",
					  ":",
					  ":::",
					  "::g",
					  "::/129",
					  "::1%lo",
					  "[::1]",
					  "1.2.3.4-",
					  "-1.2.3.4",
					  "2.2.2.2-1.1.1.1",
					  "::-1.2.3.4",
					  "1.2.3.0/24-1.2.4.0",
					  "1.2.3.4:80",
					  "x"};
	uint8_t a[16];

	CHECK_STR(net("192.0.2.1"), "192.0.2.1 v4");
	CHECK_STR(net("192.0.2.1/32"), "192.0.2.1 v4");
	CHECK_STR(net("192.0.2.1/24"), "192.0.2.0/24 v4 masked");
	CHECK_STR(net("192.0.2.0/24"), "192.0.2.0/24 v4");
	CHECK_STR(net("0.0.0.0/0"), "0.0.0.0/0 v4");
	CHECK_STR(net("192.0.2.1-192.0.2.9"), "192.0.2.1-192.0.2.9 v4");
	CHECK_STR(net("2001:DB8::1"), "2001:db8::1 v6");
	CHECK_STR(net("2001:db8::1/33"), "2001:db8::/33 v6 masked");
	CHECK_STR(net("::/0"), "::/0 v6");
	CHECK_STR(net("::ffff:192.0.2.1"), "192.0.2.1 v4");
	CHECK_STR(net("::ffff:c000:201"), "192.0.2.1 v4");
	CHECK_STR(net("::ffff:192.0.2.1/120"), "192.0.2.0/24 v4 masked");
	CHECK_STR(net("::ffff:0.0.0.0/96"), "0.0.0.0/0 v4");
	CHECK_STR(net("::ffff:0.0.0.0/95"), "::fffe:0:0/95 v6 masked");
	CHECK_STR(net("::ffff:192.0.2.1-192.0.2.9"), "192.0.2.1-192.0.2.9 v4");
	CHECK_STR(net("::192.0.2.1"), "::192.0.2.1 v6");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(!strcmp(net(bad[i]), "bad"), "%s", bad[i]);
	memset(a, 7, sizeof(a));
	CHECK(addr_parse("nonsense", 8, a) && a[0] == 7);
	CHECK(!addr_parse("192.0.2.1", 9, a) && a[10] == 0xff && a[12] == 192 && addr_is_v4(a));
}

static void names(void)
{
	char name[VALUE_DNS_MAX + 8], sha[65];
	static const char *const bad[] = {
		"",    ".",   "..",   "a..b",	     ".a",	   "a..",	 "a b",
		"a/b", "*.a", "\xc3", "a\xc3\xbc b", "*.\xc3\xbc", "\xc3\xbc..", "\xe2\x80\xae.a"};
	static const char *const same[] = {"b\xc3\xbc"
					   "cher.example",
					   "B\xc3\x9c"
					   "CHER.Example.",
					   "b\xc3\xbc"
					   "cher\xe3\x80\x82"
					   "example\xe3\x80\x82",
					   "XN--BCHER-KVA.example",
					   "bu\xcc\x88"
					   "cher.example"};
	char longest[4 * VALUE_DNS_MAX];
	static const char digest[] = "E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	uint8_t bssid[6];

	CHECK(!value_dns_name("Example.ORG.", 12, name));
	CHECK_STR(name, "example.org");
	CHECK(!value_dns_name("_dns.a-b.1", 10, name));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(value_dns_name(bad[i], strlen(bad[i]), name), "%s", bad[i]);
	/* international names: their ASCII form, whatever the case, the normal form and the full stop */
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		CHECK_MSG(!value_dns_name(same[i], strlen(same[i]), name), "%s", same[i]);
		CHECK_STR(name, "xn--bcher-kva.example");
	}
	CHECK(!value_dns_name("stra\xc3\x9f"
			      "e.example",
			      15, name));
	CHECK_STR(name, "xn--strae-oqa.example");
	CHECK(value_dns_name("a\0\xc3\xbc", 4, name));
	memset(longest, 'a', sizeof(longest));
	for (size_t i = 63; i < sizeof(longest); i += 64)
		longest[i] = '.';
	CHECK(!value_dns_name(longest, VALUE_DNS_MAX, name) && strlen(name) == VALUE_DNS_MAX);
	CHECK(value_dns_name(longest, VALUE_DNS_MAX + 1, name));
	memcpy(longest, "\xc3\xbc", 2); /* 62 characters, but more in ASCII */
	CHECK(value_dns_name(longest, VALUE_DNS_MAX, name));
	CHECK(!value_sha256(digest, 64, sha));
	CHECK_STR(sha, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK(value_sha256(digest, 63, sha));
	CHECK(value_bssid("aa:BB:cc:00:11:ff", bssid) && bssid[1] == 0xbb && bssid[5] == 0xff);
	CHECK(!value_bssid("aa:bb:cc:00:11", bssid));
	CHECK(!value_bssid("aa:bb:cc:00:11:fg", bssid));
	CHECK(!value_bssid("aa-bb-cc-00-11-ff", bssid));
}

int main(void)
{
	RUN(numbers);
	RUN(durations);
	RUN(rates);
	RUN(times);
	RUN(clocks_and_days);
	RUN(addresses);
	RUN(names);
	return test_done();
}
