// SPDX-License-Identifier: GPL-2.0-only
#include "packet.h"

#include <netinet/in.h>
#include <string.h>

#define IP4_MIN 20
#define IP6_LEN 40
#define TCP_MIN 20
#define UDP_LEN 8
#define ICMP_MIN 8
#define TCPOPT_END 0
#define TCPOPT_NONE 1
#define TCPOPT_STAMP 8
#define TCPOPT_STAMP_LEN 10
#define EXTENSIONS_MAX 8

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* One's complement sum of big-endian words (RFC 1071), folded by fold(). */
static uint32_t sum(const uint8_t *p, size_t len, uint32_t start)
{
	for (; len > 1; p += 2, len -= 2)
		start += get16(p);
	return len ? start + (uint32_t)(p[0] << 8) : start;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* Where the transport's header begins and which one it is; 0 where the packet makes no sense. */
static size_t transport(const uint8_t *p, size_t len, uint8_t *proto)
{
	size_t at;

	if (len >= IP4_MIN && p[0] >> 4 == 4) {
		at = (size_t)(p[0] & 15) * 4;
		*proto = p[9];
		return at >= IP4_MIN && at <= len ? at : 0;
	}
	if (len < IP6_LEN || p[0] >> 4 != 6)
		return 0;
	at = IP6_LEN;
	*proto = p[6];
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		if (*proto != IPPROTO_HOPOPTS && *proto != IPPROTO_DSTOPTS)
			return at;
		if (at + 8 > len)
			return 0;
		*proto = p[at];
		at += ((size_t)p[at + 1] + 1) * 8;
		if (at > len)
			return 0;
	}
	return 0;
}

static uint32_t pseudo_sum(const uint8_t *p, size_t len, uint8_t proto)
{
	uint32_t s = p[0] >> 4 == 4 ? sum(p + 12, 8, 0) : sum(p + 8, 32, 0);

	return s + proto + (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff);
}

static void move_stamp(uint8_t *tcp, size_t header, uint64_t age)
{
	uint64_t ms = age / 1000000;

	for (size_t at = TCP_MIN; at < header;) {
		uint8_t kind = tcp[at], len;

		if (kind == TCPOPT_END)
			return;
		if (kind == TCPOPT_NONE) {
			at++;
			continue;
		}
		if (at + 2 > header)
			return;
		len = tcp[at + 1];
		if (len < 2 || at + len > header)
			return;
		if (kind == TCPOPT_STAMP && len == TCPOPT_STAMP_LEN) {
			uint32_t stamp = (uint32_t)get16(tcp + at + 2) << 16 | get16(tcp + at + 4);

			stamp += (uint32_t)ms;
			put16(tcp + at + 2, (uint16_t)(stamp >> 16));
			put16(tcp + at + 4, (uint16_t)stamp);
			return;
		}
		at += len;
	}
}

size_t packet_part(const uint8_t *packet, size_t len, uint16_t gso, size_t i, uint8_t *out)
{
	uint8_t proto;
	size_t at = transport(packet, len, &proto), header, payload, from, n;

	if (!at)
		return 0;
	if (!gso || proto != IPPROTO_UDP) {
		if (i)
			return 0;
		memcpy(out, packet, len);
		return len;
	}
	header = at + UDP_LEN;
	if (header > len)
		return 0;
	payload = len - header;
	from = i * gso;
	if (from >= payload)
		return 0;
	n = payload - from < gso ? payload - from : gso;
	memcpy(out, packet, header);
	if (out[0] >> 4 == 4) /* each its own number, as the device would give them */
		put16(out + 4, (uint16_t)(get16(out + 4) + i));
	memcpy(out + header, packet + header + from, n);
	return header + n;
}

bool packet_refresh(uint8_t *packet, size_t len, uint64_t age)
{
	uint8_t proto, *t;
	size_t at = transport(packet, len, &proto), rest, header;
	uint16_t check;

	if (!at || len > 65535)
		return false;
	if (packet[0] >> 4 == 4) {
		put16(packet + 2, (uint16_t)len);
		put16(packet + 10, 0);
		put16(packet + 10, fold(sum(packet, at, 0)));
	} else {
		put16(packet + 4, (uint16_t)(len - IP6_LEN));
	}
	t = packet + at;
	rest = len - at;
	switch (proto) {
	case IPPROTO_TCP:
		header = rest >= TCP_MIN ? (size_t)(t[12] >> 4) * 4 : 0;
		if (header < TCP_MIN || header > rest)
			return false;
		move_stamp(t, header, age);
		put16(t + 16, 0);
		put16(t + 16, fold(sum(t, rest, pseudo_sum(packet, rest, proto))));
		return true;
	case IPPROTO_UDP:
		if (rest < UDP_LEN)
			return false;
		put16(t + 4, (uint16_t)rest);
		put16(t + 6, 0);
		check = fold(sum(t, rest, pseudo_sum(packet, rest, proto)));
		put16(t + 6, check ? check : 0xffff); /* 0 would mean that there is none */
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return rest >= ICMP_MIN; /* these have theirs already */
	default:
		return false;
	}
}
