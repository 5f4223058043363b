// SPDX-License-Identifier: GPL-2.0-only
/* The hash of names against SipHash-1-3-128 written down a second time, over the whole reversed name. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cgwall/namehash.h>

#include "test.h"

static const __u64 seed[2] = {0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};

static uint64_t left(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[4], int n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = left(v[1], 13) ^ v[0];
		v[3] = left(v[3], 16) ^ v[2];
		v[0] = left(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = left(v[1], 17) ^ v[2];
		v[3] = left(v[3], 21) ^ v[0];
		v[2] = left(v[2], 32);
	}
}

static uint64_t little(const uint8_t *p, size_t n)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)p[i] << 8 * i;
	return x;
}

/* SipHash with c = 1, d = 3 and 128 bits of result, as its authors describe it. */
static void sip(const __u64 key[2], const uint8_t *p, size_t n, uint8_t out[16])
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL ^ 0xee,
			 key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
	uint64_t r[2], m;
	size_t i;

	for (i = 0; i + 8 <= n; i += 8) {
		m = little(p + i, 8);
		v[3] ^= m;
		rounds(v, 1);
		v[0] ^= m;
	}
	m = little(p + i, n - i) | (uint64_t)(n & 0xff) << 56;
	v[3] ^= m;
	rounds(v, 1);
	v[0] ^= m;
	v[2] ^= 0xee;
	rounds(v, 3);
	r[0] = v[0] ^ v[1] ^ v[2] ^ v[3];
	v[1] ^= 0xdd;
	rounds(v, 3);
	r[1] = v[0] ^ v[1] ^ v[2] ^ v[3];
	memcpy(out, r, 16);
}

/* Lower case, reversed, hashed. */
static void slow(const char *name, size_t len, uint8_t out[16])
{
	uint8_t b[512];

	for (size_t i = 0; i < len; i++)
		b[i] = (uint8_t)(isascii((unsigned char)name[len - 1 - i])
					 ? tolower((unsigned char)name[len - 1 - i])
					 : name[len - 1 - i]);
	sip(seed, b, len, out);
}

static void every_length(void)
{
	for (unsigned round = 0; round < 20; round++)
		for (size_t len = 0; len <= 253; len++) {
			uint8_t a[16], b[16];
			char name[256];

			for (size_t i = 0; i < len; i++)
				name[i] = (char)(rand() % 255 + 1);
			cgw_name_hash(seed, name, len, a);
			slow(name, len, b);
			CHECK_MSG(!memcmp(a, b, 16), "length %zu", len);
		}
}

static void suffixes(void)
{
	static const char name[] = "a.www.deepl.com";
	uint8_t on_the_way[16], whole[16];
	size_t len = strlen(name), seen = 0;
	struct cgw_hash h;

	cgw_name_start(&h, seed);
	for (size_t i = len; i--;) {
		cgw_name_byte(&h, (__u8)name[i]);
		if (i && name[i - 1] != '.')
			continue;
		cgw_name_value(&h, on_the_way);
		cgw_name_hash(seed, name + i, len - i, whole);
		CHECK_MSG(!memcmp(on_the_way, whole, 16), "suffix %s", name + i);
		seen++;
	}
	CHECK_INT(seen, 4);
}

static void folding(void)
{
	uint8_t a[16], b[16];

	cgw_name_hash(seed, "WWW.DeepL.com", 13, a);
	cgw_name_hash(seed, "www.deepl.COM", 13, b);
	CHECK(!memcmp(a, b, 16));
	cgw_name_hash(seed, "www.deepl.co", 12, b);
	CHECK(memcmp(a, b, 16));
	/* letters alone are folded: '[' is not '{', nor is 0xc0 0xe0 */
	for (int c = 0; c < 256; c++)
		CHECK_INT(cgw_name_fold((__u8)c), c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static void keyed(void)
{
	static const __u64 other[2] = {1, 2};
	uint8_t a[16], b[16];

	cgw_name_hash(seed, "deepl.com", 9, a);
	cgw_name_hash(other, "deepl.com", 9, b);
	CHECK(memcmp(a, b, 16));
}

int main(void)
{
	RUN(every_length);
	RUN(suffixes);
	RUN(folding);
	RUN(keyed);
	return test_done();
}
