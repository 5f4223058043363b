/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses as numbers: 128 bits, IPv4 as ::ffff:a.b.c.d. */
#ifndef CGWALL_COMPILE_IP_H
#define CGWALL_COMPILE_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 ip_t;

#define IP_V4 ((ip_t)0xffff00000000ULL) /* ::ffff:0:0, of 96 bits */

static inline ip_t ip_load(const uint8_t a[16])
{
	uint64_t hi, lo;

	memcpy(&hi, a, 8);
	memcpy(&lo, a + 8, 8);
	return (ip_t)__builtin_bswap64(hi) << 64 | __builtin_bswap64(lo);
}

static inline void ip_store(ip_t ip, uint8_t a[16])
{
	uint64_t hi = __builtin_bswap64((uint64_t)(ip >> 64)), lo = __builtin_bswap64((uint64_t)ip);

	memcpy(a, &hi, 8);
	memcpy(a + 8, &lo, 8);
}

/* The ones of a prefix of `len` bits. */
static inline ip_t ip_mask(unsigned len)
{
	return len ? ~(ip_t)0 << (128 - len) : 0;
}

static inline bool ip_in(ip_t ip, ip_t net, unsigned len)
{
	return !((ip ^ net) & ip_mask(len));
}

static inline bool ip_is_v4(ip_t ip)
{
	return ip_in(ip, IP_V4, 96);
}

/* Length of the largest prefix that begins at lo and ends at hi or before. */
static inline unsigned ip_fit(ip_t lo, ip_t hi)
{
	unsigned len = 128;

	while (len && !(lo & ((ip_t)1 << (128 - len))) && (lo | ~ip_mask(len - 1)) <= hi)
		len--;
	return len;
}

#endif
