// SPDX-License-Identifier: GPL-2.0-only
/* Held packets made whole again: lengths and checksums by an independent sum, timestamps moved on, one
 * datagram out of many, and nonsense refused without reading beyond it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../user/kernel/packet.h"
#include "test.h"

#define IP4 20
#define IP6 40

static uint16_t at16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The sum over pseudo header and all, as RFC 1071 says it: 0xffff where the checksum is right. */
static uint16_t whole_sum(const uint8_t *p, size_t len, size_t at, uint8_t proto)
{
	uint32_t s = proto + (uint32_t)(len - at);
	size_t from = p[0] >> 4 == 4 ? 12 : 8, to = p[0] >> 4 == 4 ? 20 : 40;

	for (size_t i = from; i < to; i += 2)
		s += at16(p + i);
	for (size_t i = at; i < len; i += 2)
		s += (uint32_t)(p[i] << 8) + (i + 1 < len ? p[i + 1] : 0);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

static uint16_t header_sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i += 2)
		s += at16(p + i);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* An IP header before what stands at p + 20 or p + 40; everything that the device would fill in is wrong. */
static size_t wrap(uint8_t *p, bool four, uint8_t proto, size_t payload)
{
	size_t at = four ? IP4 : IP6;

	memset(p, 0xa5, at);
	if (four) {
		p[0] = 0x45;
		p[8] = 33;
		p[9] = proto;
	} else {
		p[0] = 0x60;
		p[6] = proto;
		p[7] = 33;
	}
	return at + payload;
}

static void udp_of(bool four, size_t n)
{
	uint8_t p[IP6 + 8 + 33], before[sizeof(p)];
	size_t at = four ? IP4 : IP6, len = wrap(p, four, IPPROTO_UDP, 8 + n);

	for (size_t i = at; i < len; i++)
		p[i] = (uint8_t)(i * 7 + n);
	memcpy(before, p, len);
	CHECK(packet_refresh(p, len, 0));
	CHECK_INT(whole_sum(p, len, at, IPPROTO_UDP), 0xffff);
	CHECK_INT(at16(p + at + 4), 8 + n);
	CHECK(!memcmp(p + at + 8, before + at + 8, n));
	CHECK(!memcmp(p + at, before + at, 4));
	if (four) {
		CHECK_INT(header_sum(p, IP4), 0xffff);
		CHECK_INT(at16(p + 2), len);
		CHECK_INT(p[8], 33);
	} else {
		CHECK_INT(at16(p + 4), len - IP6);
	}
}

static void udp(void)
{
	for (size_t n = 0; n <= 33; n++) {
		udp_of(true, n);
		udp_of(false, n);
	}
}

/* A sum that comes out as 0 is written as 0xffff: 0 says that there is none. */
static void udp_zero(void)
{
	uint8_t p[IP4 + 8 + 2];
	size_t len = wrap(p, true, IPPROTO_UDP, 10);

	memset(p + IP4, 0, 10);
	CHECK(packet_refresh(p, len, 0));
	/* what is missing to a sum of 0xffff goes into the payload */
	memcpy(p + IP4 + 8, p + IP4 + 6, 2);
	CHECK(packet_refresh(p, len, 0));
	CHECK_INT(at16(p + IP4 + 6), 0xffff);
}

static size_t tcp_with(uint8_t *p, bool four, const uint8_t *options, size_t n)
{
	size_t at = four ? IP4 : IP6, header = 20 + (n + 3) / 4 * 4, len = wrap(p, four, IPPROTO_TCP, header);

	memset(p + at, 0x11, 20);
	p[at + 12] = (uint8_t)(header / 4 << 4);
	p[at + 13] = 2;
	memset(p + at + 20, 0, header - 20);
	memcpy(p + at + 20, options, n);
	return len;
}

static void tcp(void)
{
	static const uint8_t options[] = {2,	4,    5, 0xb4, 4, 2, 8, 10, 0xff, 0xff,
					  0xff, 0xf0, 0, 0,    0, 0, 1, 3,  3,	  7};
	uint8_t p[IP6 + 60];

	for (int four = 0; four < 2; four++) {
		size_t at = four ? IP4 : IP6, len = tcp_with(p, four, options, sizeof(options));

		/* 40 ms on; the milliseconds wrap */
		CHECK(packet_refresh(p, len, 40000000));
		CHECK_INT(whole_sum(p, len, at, IPPROTO_TCP), 0xffff);
		CHECK_INT(at16(p + at + 20 + 8), 0);
		CHECK_INT(at16(p + at + 20 + 10), 0x18);
		CHECK(!memcmp(p + at + 20, options, 8));
		CHECK(!memcmp(p + at + 20 + 12, options + 12, sizeof(options) - 12));
	}
}

/* Options that lie about their lengths are left alone, and nothing beyond the header is touched. */
static void tcp_nonsense(void)
{
	static const uint8_t bad[][12] = {
		{8, 0},	       {8, 1}, {8, 255}, {5, 60}, {0, 8, 10}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 8},
		{8, 11, 1, 1},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t *p = malloc(IP4 + 32), before[12];
		size_t len = tcp_with(p, true, bad[i], sizeof(bad[i]));

		memcpy(before, p + IP4 + 20, sizeof(before));
		CHECK(packet_refresh(p, len, 1000000000));
		CHECK_MSG(!memcmp(p + IP4 + 20, before, sizeof(before)), "case %zu", i);
		free(p);
	}
}

static void parts(void)
{
	uint8_t p[IP6 + 8 + 1000], out[sizeof(p)];

	for (int four = 0; four < 2; four++) {
		size_t at = four ? IP4 : IP6, len = wrap(p, four, IPPROTO_UDP, 8 + 1000), n;

		for (size_t i = 0; i < 1000; i++)
			p[at + 8 + i] = (uint8_t)(i / 300);
		CHECK_INT(packet_part(p, len, 0, 0, out), len);
		CHECK(!memcmp(out, p, len));
		CHECK_INT(packet_part(p, len, 0, 1, out), 0);
		for (size_t i = 0; i < 4; i++) {
			n = packet_part(p, len, 300, i, out);
			CHECK_INT(n, at + 8 + (i < 3 ? 300 : 100));
			CHECK(packet_refresh(out, n, 0));
			CHECK_INT(whole_sum(out, n, at, IPPROTO_UDP), 0xffff);
			CHECK_INT(out[at + 8], i);
			CHECK_INT(out[n - 1], i);
			if (four)
				CHECK_INT(at16(out + 4), (uint16_t)(0xa5a5 + i));
		}
		CHECK_INT(packet_part(p, len, 300, 4, out), 0);
	}
}

/* Every length, in memory of just that length (the sanitizers watch). */
static void cut_short_of(bool four, uint8_t proto)
{
	uint8_t full[IP6 + 60], out[sizeof(full)];
	size_t at = four ? IP4 : IP6, need = at + (proto == IPPROTO_TCP ? 20 : 8);
	bool known = proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP ||
		     proto == IPPROTO_ICMPV6;

	wrap(full, four, proto, 60);
	memset(full + at, 0xff, 60);
	full[at + 12] = 0x50;
	for (size_t len = 0; len < at + 40; len++) {
		uint8_t *p = malloc(len ? len : 1);

		memcpy(p, full, len);
		packet_part(p, len, 7, 1, out);
		CHECK_MSG(packet_refresh(p, len, 123456789) == (known && len >= need), "proto %u, %zu bytes",
			  proto, len);
		free(p);
	}
}

static void cut_short(void)
{
	static const uint8_t protos[] = {
		IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, 0, 60,
	};
	uint8_t p[100];

	for (size_t i = 0; i < sizeof(protos); i++) {
		cut_short_of(true, protos[i]);
		cut_short_of(false, protos[i]);
	}
	wrap(p, true, IPPROTO_UDP, 20);
	p[0] = 0x55;
	CHECK(!packet_refresh(p, IP4 + 20, 0));
	p[0] = 0x44; /* a header shorter than any */
	CHECK(!packet_refresh(p, IP4 + 20, 0));
}

int main(void)
{
	RUN(udp);
	RUN(udp_zero);
	RUN(tcp);
	RUN(tcp_nonsense);
	RUN(parts);
	RUN(cut_short);
	return test_done();
}
