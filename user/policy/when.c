// SPDX-License-Identifier: GPL-2.0-only
/* Dates, times of the day and days of the week (value.h). */
#include "value.h"

#include <string.h>
#include <time.h>

#include "names.h"

/* Two digits up to max. */
static bool two(const char *s, int max, int *ret)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*ret = (s[0] - '0') * 10 + (s[1] - '0');
	return *ret <= max;
}

static int month_days(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static bool parse_date(const char *s, struct tm *tm)
{
	int century, year, month, day;

	if (s[4] != '-' || s[7] != '-' || !two(s, 99, &century) || !two(s + 2, 99, &year) ||
	    !two(s + 5, 12, &month) || !two(s + 8, 31, &day))
		return false;
	year += century * 100;
	if (year < 1970 || month < 1 || day < 1 || day > month_days(year, month))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

const char *value_time(const char *s, size_t len, int64_t *ret, bool *ret_dated)
{
	static const char bad[] =
		"a time is a date, as in 2026-12-01, or a date and a time, as in 2026-12-01T18:00";
	struct tm tm = {.tm_isdst = -1}, want;
	time_t at;

	if ((len != 10 && len != 16 && len != 19) || !parse_date(s, &tm))
		return bad;
	if (len > 10 && ((s[10] != 'T' && s[10] != 't') || !two(s + 11, 23, &tm.tm_hour) || s[13] != ':' ||
			 !two(s + 14, 59, &tm.tm_min)))
		return bad;
	if (len > 16 && (s[16] != ':' || !two(s + 17, 59, &tm.tm_sec)))
		return bad;
	want = tm;
	at = mktime(&tm);
	/* where clocks skip midnight the day begins later */
	while (len == 10 && at != -1 && tm.tm_mday != want.tm_mday && want.tm_hour < 4) {
		want.tm_hour++;
		tm = want;
		at = mktime(&tm);
	}
	if (at == -1)
		return bad;
	*ret = at;
	*ret_dated = len == 10;
	return NULL;
}

void value_print_time(int64_t at, bool dated, FILE *out)
{
	time_t t = at;
	struct tm tm;
	char text[64];

	if (!localtime_r(&t, &tm))
		return;
	strftime(text, sizeof(text),
		 dated	     ? "%Y-%m-%d"
		 : tm.tm_sec ? "%Y-%m-%dT%H:%M:%S"
			     : "%Y-%m-%dT%H:%M",
		 &tm);
	fputs(text, out);
}

bool value_clock(const char *s, size_t len, uint16_t *ret)
{
	int hour, minute;

	if (len != 5 || s[2] != ':' || !two(s, 23, &hour) || !two(s + 3, 59, &minute))
		return false;
	*ret = (uint16_t)(hour * 60 + minute);
	return true;
}

const char *value_clock_range(const char *s, size_t len, uint16_t *ret_from, uint16_t *ret_to)
{
	static const char bad[] = "a time of the day is a range HH:MM-HH:MM, as in 08:00-18:00";
	uint16_t from, to;

	if (len != 11 || s[5] != '-' || !value_clock(s, 5, &from))
		return bad;
	if (!memcmp(s + 6, "24:00", 5))
		to = 24 * 60;
	else if (!value_clock(s + 6, 5, &to))
		return bad;
	if (from == to)
		return "this range is empty; leave `time` out for the whole day";
	*ret_from = from;
	*ret_to = to;
	return NULL;
}

const char *value_days(const char *s, size_t len, uint8_t *days)
{
	static const char bad[] = "days are mon, tue, wed, thu, fri, sat and sun, or a range as in mon-fri";
	const char *dash = memchr(s, '-', len);
	size_t n = dash ? (size_t)(dash - s) : len;
	int from = NAMES_FIND(names_day, s, n), to = from;

	if (dash)
		to = NAMES_FIND(names_day, dash + 1, len - n - 1);
	if (from < 0 || to < 0)
		return bad;
	for (int i = from;; i = (i + 1) % 7) {
		*days |= (uint8_t)(1u << i);
		if (i == to)
			return NULL;
	}
}

/* One range where that is possible, else each day, as a list. */
void value_print_days(uint8_t days, FILE *out)
{
	bool first = true;

	for (int from = 0; from < 7; from++) {
		uint8_t mask = 0;

		for (int n = 0; n < 7; n++) {
			mask |= (uint8_t)(1u << ((from + n) % 7));
			if (mask != days)
				continue;
			fputs(names_day[from], out);
			if (n)
				fprintf(out, "-%s", names_day[(from + n) % 7]);
			return;
		}
	}
	fputs("{ ", out);
	for (int i = 0; i < 7; i++) {
		if (!(days & (1u << i)))
			continue;
		fprintf(out, "%s%s", first ? "" : ", ", names_day[i]);
		first = false;
	}
	fputs(" }", out);
}
