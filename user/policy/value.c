// SPDX-License-Identifier: GPL-2.0-only
#include "value.h"

#include <ctype.h>
#include <idn2.h>
#include <inttypes.h>
#include <string.h>

#include "names.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

bool value_number(const char *s, size_t len, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!len || len > 19 || (len > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	if (n > max)
		return false;
	*ret = n;
	return true;
}

static size_t digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* A number and a unit. `bad` where it is not that, `large` where the number has too many digits. */
static const char *with_unit(const char *s, size_t len, const char *const *units, size_t nunits, uint64_t *n,
			     int *unit, const char *bad, const char *large)
{
	size_t nd = digits(s, len);

	*unit = names_find(units, nunits, s + nd, len - nd);
	if (!nd || *unit < 0)
		return bad;
	while (nd > 1 && *s == '0') {
		s++;
		nd--;
	}
	return value_number(s, nd, UINT64_MAX, n) ? NULL : large;
}

static const char *const duration_units[] = {"ms", "s", "m", "h", "d"};
static const uint64_t duration_ms[] = {1, 1000, 60000, 3600000, 86400000};
#define DURATION_MAX (3660ull * 86400000)

const char *value_duration(const char *s, size_t len, uint64_t *ret_ms)
{
	static const char bad[] = "a duration is a number and ms, s, m, h or d, as in 30s";
	static const char large[] = "a duration is at most 3660d";
	const char *error;
	uint64_t n = 0;
	int unit;

	error = with_unit(s, len, duration_units, COUNT(duration_units), &n, &unit, bad, large);
	if (error)
		return error;
	if (n > DURATION_MAX / duration_ms[unit])
		return large;
	*ret_ms = n * duration_ms[unit];
	return NULL;
}

void value_print_duration(uint64_t ms, FILE *out)
{
	size_t unit = COUNT(duration_ms) - 1;

	if (!ms)
		unit = 1;
	while (unit && ms % duration_ms[unit])
		unit--;
	fprintf(out, "%" PRIu64 "%s", ms / duration_ms[unit], duration_units[unit]);
}

/* In bits a second, so that one table does. */
static const char *const rate_units[] = {"bit/s",  "B/s",  "kbit/s", "kB/s",
					 "Mbit/s", "MB/s", "Gbit/s", "GB/s"};
static const uint64_t rate_bits[] = {1, 8, 1000, 8000, 1000000, 8000000, 1000000000, 8000000000};
#define RATE_MAX_BITS 8000000000000000ull /* a petabyte a second */

const char *value_rate(const char *s, size_t len, uint64_t *ret)
{
	static const char bad[] =
		"a rate is a number and B/s, kB/s, MB/s, GB/s, bit/s, kbit/s, Mbit/s or Gbit/s";
	static const char large[] = "a rate is at most 1000000GB/s";
	const char *error;
	uint64_t n = 0;
	int unit;

	error = with_unit(s, len, rate_units, COUNT(rate_units), &n, &unit, bad, large);
	if (error)
		return error;
	if (n > RATE_MAX_BITS / rate_bits[unit])
		return large;
	if (n * rate_bits[unit] < 8)
		return "a rate is at least 1B/s";
	*ret = n * rate_bits[unit] / 8;
	return NULL;
}

void value_print_rate(uint64_t bytes, FILE *out)
{
	size_t unit = COUNT(rate_bits) - 1; /* the units at odd places are bytes */

	while (unit > 1 && bytes * 8 % rate_bits[unit])
		unit -= 2;
	fprintf(out, "%" PRIu64 "%s", bytes * 8 / rate_bits[unit], rate_units[unit]);
}

bool value_bssid(const char *s, uint8_t ret[6])
{
	uint8_t b[6];

	if (strlen(s) != 17)
		return false;
	for (size_t i = 0; i < 17; i++) {
		static const char hex[] = "0123456789abcdef";
		const char *h;

		if (i % 3 == 2) {
			if (s[i] != ':')
				return false;
			continue;
		}
		h = strchr(hex, tolower((unsigned char)s[i]));
		if (!h)
			return false;
		b[i / 3] = (uint8_t)((i % 3 ? b[i / 3] << 4 : 0) | (h - hex));
	}
	memcpy(ret, b, sizeof(b));
	return true;
}

/* What is wrong with an ASCII name, or NULL. */
static const char *check_dns_name(const char *s, size_t len)
{
	size_t label = 0;

	if (!len)
		return "a DNS name is expected";
	if (len > VALUE_DNS_MAX)
		return "a DNS name has at most 253 characters";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '*')
			return "a DNS name has no `*`; `domain` covers every name below it";
		if (c == '.') {
			if (!label)
				return "a DNS name has an empty label";
			label = 0;
			continue;
		}
		if (!isalnum(c) && c != '-' && c != '_')
			return "a DNS name consists of letters, digits, `-`, `_` and dots";
		if (++label > 63)
			return "a label of a DNS name has at most 63 characters";
	}
	return label ? NULL : "a DNS name has an empty label";
}

/* An international name's ASCII form, as browsers and resolvers look it up (UTS #46, not transitional). dot:
 * its final dot was taken off already. */
static const char *international(const char *s, size_t len, bool dot, char *ret, size_t *ret_len)
{
	static const char bad[] = "this is no international name that has an ASCII form (xn--...)";
	char text[VALUE_DNS_MAX * 4 + 1], *ascii;
	const char *error = NULL;

	if (len >= sizeof(text))
		return "a DNS name has at most 253 characters";
	if (memchr(s, '\0', len))
		return bad;
	memcpy(text, s, len);
	text[len] = '\0';
	if (idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return bad;
	len = strlen(ascii);
	if (len && ascii[len - 1] == '.' && !dot)
		len--; /* it knows other full stops, too */
	if (len > VALUE_DNS_MAX)
		error = bad;
	else
		memcpy(ret, ascii, *ret_len = len);
	idn2_free(ascii);
	return error;
}

const char *value_dns_name(const char *s, size_t len, char *ret)
{
	bool plain = true, dot = len && s[len - 1] == '.';
	char ascii[VALUE_DNS_MAX + 1];
	const char *error;

	len -= dot;
	for (size_t i = 0; i < len; i++)
		plain &= (unsigned char)s[i] < 0x80;
	if (!plain) {
		error = international(s, len, dot, ascii, &len);
		if (error)
			return error;
		s = ascii;
	}
	error = check_dns_name(s, len);
	if (error)
		return error;
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)tolower((unsigned char)s[i]);
	ret[len] = '\0';
	return NULL;
}

const char *value_sha256(const char *s, size_t len, char *ret)
{
	static const char bad[] = "a SHA-256 digest is 64 hexadecimal digits";

	if (len != 64)
		return bad;
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]))
			return bad;
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)tolower((unsigned char)s[i]);
	ret[len] = '\0';
	return NULL;
}
