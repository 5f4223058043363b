// SPDX-License-Identifier: GPL-2.0-only
/* Words, ends, times and quoting as every output writes them. */
#include <string.h>

#include "../../user/event/show.h"
#include "test.h"

static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 1};
static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

static void words(void)
{
	char buf[4];

	CHECK_STR(show_action(CGW_PASS), "pass");
	CHECK_STR(show_action(CGW_ASK), "ask");
	CHECK_STR(show_action(99), "block");
	CHECK_STR(show_dir(CGW_IN), "in");
	CHECK_STR(show_dir(CGW_OUT), "out");
	CHECK_STR(show_proto(6, buf), "tcp");
	CHECK_STR(show_proto(58, buf), "icmpv6");
	CHECK_STR(show_proto(250, buf), "250");
	CHECK(!show_error(CGW_ERR_NONE));
	for (unsigned i = 1; i <= CGW_ERR_PROC_FULL; i++)
		CHECK_MSG(strcmp(show_error(i), "unknown") != 0, "error %u has no name", i);
	CHECK_STR(show_error(CGW_ERR_PATH), "path");
	CHECK_STR(show_error(200), "unknown");
}

static void ends(void)
{
	char out[SHOW_END_MAX];

	show_end(v4, true, 443, true, out, sizeof(out));
	CHECK_STR(out, "192.0.2.1:443");
	show_end(v4, true, 443, false, out, sizeof(out));
	CHECK_STR(out, "192.0.2.1");
	show_end(v6, true, 8770, true, out, sizeof(out));
	CHECK_STR(out, "[2001:db8::1]:8770");
	show_end(v6, true, 0, false, out, sizeof(out));
	CHECK_STR(out, "[2001:db8::1]");
	show_end(v6, false, 53, true, out, sizeof(out));
	CHECK_STR(out, "*:53");
	show_end(v6, false, 53, false, out, sizeof(out));
	CHECK_STR(out, "*");
}

static void times(void)
{
	char out[SHOW_TIME_MAX];

	show_time(0, out, sizeof(out));
	CHECK_STR(out, "1970-01-01T00:00:00.000000Z");
	show_time(1795304019123456789LL, out, sizeof(out));
	CHECK_STR(out, "2026-11-21T23:33:39.123456Z");
}

static void quoting(void)
{
	char out[64];

	show_quote("curl", out, sizeof(out));
	CHECK_STR(out, "curl");
	show_quote("a b\n\\\x1b[31m", out, sizeof(out));
	CHECK_STR(out, "a\\x20b\\x0a\\x5c\\x1b[31m");
	show_quote("gr\xc3\xbc\xc3\x9f", out, sizeof(out));
	CHECK_STR(out, "gr\xc3\xbc\xc3\x9f");
	show_quote("\xff\xc2\x85", out, sizeof(out));
	CHECK_STR(out, "\\xff\\xc2\\x85");
	/* Nothing is cut in the middle. */
	show_quote("abc\n", out, 7);
	CHECK_STR(out, "abc");
	show_quote("ab\xc3\xbc", out, 4);
	CHECK_STR(out, "ab");
	show_quote("", out, 1);
	CHECK_STR(out, "");
}

static void utf8(void)
{
	CHECK_INT(show_utf8("a"), 1);
	CHECK_INT(show_utf8(""), 0);
	CHECK_INT(show_utf8("\xc3\xbc"), 2);
	CHECK_INT(show_utf8("\xe2\x82\xac"), 3);
	CHECK_INT(show_utf8("\xf0\x9f\x98\x80"), 4);
	CHECK_INT(show_utf8("\xc0\x80"), 0);	     /* overlong */
	CHECK_INT(show_utf8("\xe0\x80\x80"), 0);     /* overlong */
	CHECK_INT(show_utf8("\xed\xa0\x80"), 0);     /* surrogate */
	CHECK_INT(show_utf8("\xf4\x90\x80\x80"), 0); /* beyond the last code point */
	CHECK_INT(show_utf8("\xe2\x82"), 0);	     /* cut */
	CHECK_INT(show_utf8("\x80"), 0);
}

/* What breaks lines, turns the text or moves the cursor is not printed as it is, wherever it stands. */
static void plain(void)
{
	static const char *const bad[] = {
		"",
		"\n",
		"\x1b",
		"\x7f",
		"\xc2\x80",
		"\xc2\x9b",
		"\xd8\x9c",
		"\xe2\x80\x8e",
		"\xe2\x80\x8f",
		"\xe2\x80\xa8",
		"\xe2\x80\xae",
		"\xe2\x81\xa6",
		"\xe2\x81\xa9",
		"\xff",
	};
	char out[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_INT(show_plain(bad[i]), 0);
	CHECK_INT(show_plain(" "), 1);
	CHECK_INT(show_plain("\xc2\xa0"), 2);
	CHECK_INT(show_plain("\xd8\x9d"), 2);
	CHECK_INT(show_plain("\xe2\x80\x90"), 3);
	CHECK_INT(show_plain("\xe2\x80\xaf"), 3);
	CHECK_INT(show_plain("\xe2\x81\xaa"), 3);
	CHECK_INT(show_plain("\xf0\x9f\x98\x80"), 4);
	show_quote_blanks("a b\xe2\x80\xae\n", out, sizeof(out));
	CHECK_STR(out, "a b\\xe2\\x80\\xae\\x0a");
}

int main(void)
{
	RUN(words);
	RUN(ends);
	RUN(times);
	RUN(quoting);
	RUN(utf8);
	RUN(plain);
	return test_done();
}
