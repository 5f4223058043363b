// SPDX-License-Identifier: GPL-2.0-only
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

bool addr_is_v4(const uint8_t a[16])
{
	return !memcmp(a, mapped, sizeof(mapped));
}

int addr_parse(const char *s, size_t len, uint8_t ret[16])
{
	char text[ADDR_TEXT];
	uint8_t a[16];

	if (!len || len >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';
	if (memchr(s, ':', len)) {
		if (inet_pton(AF_INET6, text, a) != 1)
			return -EINVAL;
	} else {
		memcpy(a, mapped, sizeof(mapped));
		if (inet_pton(AF_INET, text, a + 12) != 1)
			return -EINVAL;
	}
	memcpy(ret, a, 16);
	return 0;
}

static const char *why_not(const char *s, size_t len)
{
	const char *colon = memchr(s, ':', len);

	if (memchr(s, '%', len))
		return "an address in a policy has no scope (`%...`); name the interface with `on`";
	if (memchr(s, '[', len) || memchr(s, ']', len))
		return "an address in a policy stands without brackets; its port follows as `port N`";
	if ((s[0] < '0' || s[0] > '9') && !colon)
		return "this is neither an address nor a name";
	if (colon && colon > s && !memchr(colon + 1, ':', len - (size_t)(colon + 1 - s)))
		return "an address in a policy stands without its port, which follows as `port N`";
	return colon ? "not an IPv6 address" : "not an IPv4 address";
}

/* Sets lo and hi to the first and last address of the prefix around lo. `bits` count from the left of all
 * 128. */
static bool mask(struct item *it, unsigned bits)
{
	bool cut = false;

	memcpy(it->hi, it->lo, 16);
	for (unsigned i = bits / 8; i < 16; i++) {
		uint8_t host = i == bits / 8 ? 0xff >> (bits % 8) : 0xff;

		cut |= it->lo[i] & host;
		it->lo[i] &= (uint8_t)~host;
		it->hi[i] |= host;
	}
	return cut;
}

/* The number of bits after the slash, up to max; -1 where it is none. */
static int prefix_bits(const char *s, size_t len, int max)
{
	int n = 0;

	if (!len || len > 3 || (len > 1 && s[0] == '0'))
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		n = n * 10 + (s[i] - '0');
	}
	return n <= max ? n : -1;
}

static const char *parse_net(const char *s, const char *slash, size_t len, struct item *it, bool *masked)
{
	bool written_v6 = memchr(s, ':', len);
	int bits;

	if (addr_parse(s, (size_t)(slash - s), it->lo))
		return why_not(s, len);
	bits = prefix_bits(slash + 1, len - (size_t)(slash + 1 - s), written_v6 ? 128 : 32);
	if (bits < 0)
		return written_v6 ? "the prefix length of an IPv6 network is a number from 0 to 128"
				  : "the prefix length of an IPv4 network is a number from 0 to 32";
	if (!written_v6)
		bits += 96;
	/* a shorter prefix covers more than IPv4, and an IPv6 item never covers IPv4 */
	it->v6 = !addr_is_v4(it->lo) || bits < 96;
	*masked = mask(it, (unsigned)bits);
	it->prefix = (uint8_t)(it->v6 ? bits : bits - 96);
	return NULL;
}

static const char *parse_range(const char *s, const char *dash, size_t len, struct item *it)
{
	if (addr_parse(s, (size_t)(dash - s), it->lo))
		return why_not(s, len);
	if (addr_parse(dash + 1, len - (size_t)(dash + 1 - s), it->hi))
		return why_not(s, len);
	if (addr_is_v4(it->lo) != addr_is_v4(it->hi))
		return "a range has both ends in IPv4 or both in IPv6";
	if (memcmp(it->lo, it->hi, 16) > 0)
		return "this range runs backwards";
	it->v6 = !addr_is_v4(it->lo);
	it->prefix = PREFIX_RANGE;
	return NULL;
}

const char *addr_parse_item(const char *s, size_t len, struct item *ret, bool *masked)
{
	const char *slash = memchr(s, '/', len), *dash = memchr(s, '-', len), *error;
	struct item it = {.kind = ITEM_NET};
	bool cut = false;

	if (slash && dash) {
		error = "an address, a network ADDR/BITS or a range ADDR-ADDR is expected";
	} else if (slash) {
		error = parse_net(s, slash, len, &it, &cut);
	} else if (dash) {
		error = parse_range(s, dash, len, &it);
	} else if (addr_parse(s, len, it.lo)) {
		error = why_not(s, len);
	} else {
		error = NULL;
		memcpy(it.hi, it.lo, 16);
		it.v6 = !addr_is_v4(it.lo);
		it.prefix = it.v6 ? 128 : 32;
	}
	if (error)
		return error;
	memcpy(ret->lo, it.lo, 16);
	memcpy(ret->hi, it.hi, 16);
	ret->v6 = it.v6;
	ret->prefix = it.prefix;
	*masked = cut;
	return NULL;
}

void addr_format(const uint8_t a[16], char ret[ADDR_TEXT])
{
	if (addr_is_v4(a))
		inet_ntop(AF_INET, a + 12, ret, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, a, ret, ADDR_TEXT);
}

void addr_print_item(const struct item *it, FILE *out)
{
	char lo[ADDR_TEXT], hi[ADDR_TEXT];

	addr_format(it->lo, lo);
	fputs(lo, out);
	if (it->prefix == PREFIX_RANGE) {
		addr_format(it->hi, hi);
		fprintf(out, "-%s", hi);
	} else if (it->prefix != (it->v6 ? 128 : 32)) {
		fprintf(out, "/%u", it->prefix);
	}
}
