// SPDX-License-Identifier: GPL-2.0-only
/* Raw sockets, and headers that make a packet go elsewhere. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#define LSRR 131
#define SSRR 137
#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

/* ---- raw ---- */

static const char *raw(const char *addr, int proto)
{
	int fd = open_for(addr, SOCK_RAW, proto);

	if (fd < 0)
		return missing("raw socket");
	send_to(fd, addr, 0);
	connect_to(fd, addr, 0);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *raw_icmp(void)
{
	return raw(BAD4, IPPROTO_ICMP);
}

static const char *raw_icmp6(void)
{
	return raw(BAD6, IPPROTO_ICMPV6);
}

static const char *raw_tcp(void)
{
	return raw(BAD4, IPPROTO_TCP);
}

static const char *raw_udp6(void)
{
	return raw(BAD6, IPPROTO_UDP);
}

static const char *raw_gre(void)
{
	return raw(BAD4, 47);
}

static const char *raw_ipip(void)
{
	return raw(HOLE4, IPPROTO_IPIP);
}

static const char *raw_igmp(void)
{
	return raw("224.0.0.22", IPPROTO_IGMP);
}

/* A whole IPv4 packet with a UDP datagram; its length. offset: of the fragment in bytes. */
static size_t packet4(uint8_t *b, const char *dst, int port, unsigned offset, bool more)
{
	struct iphdr ip = {.version = 4,
			   .ihl = 5,
			   .ttl = 64,
			   .id = htons(4711),
			   .protocol = IPPROTO_UDP,
			   .frag_off = htons((uint16_t)(offset / 8 | (more ? 0x2000 : 0)))};
	struct udphdr udp = {.source = htons(5555), .dest = htons((uint16_t)port), .len = htons(8 + 16)};

	inet_pton(AF_INET, HOST4, &ip.saddr);
	inet_pton(AF_INET, dst, &ip.daddr);
	memcpy(b, &ip, sizeof(ip));
	memcpy(b + 20, &udp, sizeof(udp));
	memcpy(b + 28, MARK "     ", 16);
	return 44;
}

/* Sent to one address, with another in its header. */
static const char *hdrincl(int proto)
{
	struct sockaddr_storage to;
	socklen_t len = place(HOLE4, HOLE_PORT, &to);
	int fd = open_for(HOLE4, SOCK_RAW, proto), on = 1;
	uint8_t b[64];
	size_t n = packet4(b, BAD4, BAD_PORT, 0, false);

	if (fd < 0)
		return missing("raw socket");
	setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on));
	(void)sendto(fd, b, n, 0, (struct sockaddr *)&to, len);
	(void)connect(fd, (struct sockaddr *)&to, len);
	(void)send(fd, b, n, 0);
	return NULL;
}

static const char *hdrincl_raw(void)
{
	return hdrincl(IPPROTO_RAW);
}

static const char *hdrincl_udp(void)
{
	return hdrincl(IPPROTO_UDP);
}

static const char *hdrincl6(void)
{
	struct {
		struct ip6_hdr ip;
		struct udphdr udp;
		char text[MARK_LEN];
	} p = {.ip.ip6_flow = htonl(0x60000000), .text = MARK};
	struct sockaddr_storage to;
	socklen_t len = place(HOLE6, 0, &to);
	int fd = open_for(HOLE6, SOCK_RAW, IPPROTO_RAW), on = 1;

	if (fd < 0)
		return missing("raw socket");
	p.ip.ip6_nxt = IPPROTO_UDP;
	p.ip.ip6_hlim = 64;
	p.ip.ip6_plen = htons(sizeof(p) - sizeof(p.ip));
	p.udp.dest = htons(BAD_PORT);
	p.udp.len = p.ip.ip6_plen;
	inet_pton(AF_INET6, HOST6, &p.ip.ip6_src);
	inet_pton(AF_INET6, BAD6, &p.ip.ip6_dst);
	setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on));
	(void)sendto(fd, &p, sizeof(p), 0, (struct sockaddr *)&to, len);
	return NULL;
}

/* The first fragment names the hole, later ones another place, or nothing. */
static const char *fragments(void)
{
	struct sockaddr_storage to;
	socklen_t len = place(HOLE4, 0, &to);
	int fd = open_for(HOLE4, SOCK_RAW, IPPROTO_RAW);
	uint8_t b[64];

	if (fd < 0)
		return missing("raw socket");
	(void)sendto(fd, b, packet4(b, HOLE4, HOLE_PORT, 0, true), 0, (struct sockaddr *)&to, len);
	(void)sendto(fd, b, packet4(b, BAD4, BAD_PORT, 24, false), 0, (struct sockaddr *)&to, len);
	/* the same place again, and a port over it */
	(void)sendto(fd, b, packet4(b, HOLE4, BAD_PORT, 0, true), 0, (struct sockaddr *)&to, len);
	return NULL;
}

/* The port lies in the second fragment. */
static const char *tiny_fragments(void)
{
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, 0, &to);
	int fd = open_for(BAD4, SOCK_RAW, IPPROTO_RAW);
	uint8_t b[64];

	if (fd < 0)
		return missing("raw socket");
	packet4(b, BAD4, BAD_PORT, 0, true);
	(void)sendto(fd, b, 20 + 8, 0, (struct sockaddr *)&to, len);
	(void)sendto(fd, b, packet4(b, BAD4, BAD_PORT, 8, false), 0, (struct sockaddr *)&to, len);
	return NULL;
}

/* next: the extension headers as bytes, the last of which names UDP. */
static const char *raw6_chain(const uint8_t *chain, size_t size)
{
	struct {
		struct ip6_hdr ip;
		uint8_t rest[128];
	} p = {.ip.ip6_flow = htonl(0x60000000)};
	struct udphdr udp = {.dest = htons(BAD_PORT), .len = htons(8 + MARK_LEN)};
	struct sockaddr_storage to;
	socklen_t len = place(BAD6, 0, &to);
	int fd = open_for(BAD6, SOCK_RAW, IPPROTO_RAW);
	size_t n = size - 1;

	if (fd < 0)
		return missing("raw socket");
	p.ip.ip6_nxt = chain[0];
	p.ip.ip6_hlim = 64;
	memcpy(p.rest, chain + 1, n);
	memcpy(p.rest + n, &udp, sizeof(udp));
	memcpy(p.rest + n + sizeof(udp), MARK, MARK_LEN);
	n += sizeof(udp) + MARK_LEN;
	p.ip.ip6_plen = htons((uint16_t)n);
	inet_pton(AF_INET6, HOST6, &p.ip.ip6_src);
	inet_pton(AF_INET6, BAD6, &p.ip.ip6_dst);
	(void)sendto(fd, &p, sizeof(p.ip) + n, 0, (struct sockaddr *)&to, len);
	return NULL;
}

static const char *chain_long(void)
{
	/* eight destination options headers of 8 bytes: more than a reader may look through */
	static const uint8_t chain[] = {60, 60, 0, 1, 4, 0, 0,	0,  0,	60, 0, 1, 4, 0, 0, 0,  0,
					60, 0,	1, 4, 0, 0, 0,	0,  60, 0,  1, 4, 0, 0, 0, 0,  60,
					0,  1,	4, 0, 0, 0, 0,	60, 0,	1,  4, 0, 0, 0, 0, 60, 0,
					1,  4,	0, 0, 0, 0, 17, 0,  1,	4,  0, 0, 0, 0};

	return raw6_chain(chain, sizeof(chain));
}

static const char *atomic_fragment(void)
{
	static const uint8_t chain[] = {44, 17, 0, 0, 0, 0, 0, 0, 7};

	return raw6_chain(chain, sizeof(chain));
}

static const char *unknown_header(void)
{
	static const uint8_t chain[] = {139, 17, 0, 0, 0, 0, 0, 0, 0}; /* HIP, taken for a protocol */

	return raw6_chain(chain, sizeof(chain));
}

/* ---- headers by socket options: the call names the hole, the packet goes elsewhere ---- */

static const char *source_route(int option, int type, bool by_cmsg)
{
	/* option, length, pointer, one hop: the packet goes to BAD first, and names HOLE as where it ends */
	uint8_t o[8] = {(uint8_t)option, 7, 4};
	char control[CMSG_SPACE(sizeof(o))] = {0};
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = place(HOLE4, HOLE_PORT, &to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = open_for(HOLE4, type | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, BAD4, o + 3);
	if (by_cmsg) {
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_RETOPTS;
		c->cmsg_len = CMSG_LEN(sizeof(o));
		memcpy(CMSG_DATA(c), o, sizeof(o));
		if (sendmsg(fd, &m, 0) < 0)
			return missing("IP_RETOPTS");
		return NULL;
	}
	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, o, sizeof(o)))
		return missing("IP_OPTIONS");
	connect_to(fd, HOLE4, HOLE_PORT);
	finish_stream(fd);
	return NULL;
}

static const char *lsrr_udp(void)
{
	return source_route(LSRR, SOCK_DGRAM, false);
}

static const char *ssrr_udp(void)
{
	return source_route(SSRR, SOCK_DGRAM, false);
}

static const char *lsrr_tcp(void)
{
	return source_route(LSRR, SOCK_STREAM, false);
}

static const char *lsrr_cmsg(void)
{
	return source_route(LSRR, SOCK_DGRAM, true);
}

static const char *ssrr_cmsg(void)
{
	return source_route(SSRR, SOCK_DGRAM, true);
}

/* A routing header: kind 2 (mobile), 0 (old), 4 (segments). */
static const char *routing(int kind, int type, bool by_cmsg)
{
	/* kinds 0 and 2 list what comes after the first hop; kind 4 lists all hops, the last first */
	uint8_t h[40] = {0, (uint8_t)(kind == 4 ? 4 : 2), (uint8_t)kind, 1, kind == 4 ? 1 : 0};
	size_t size = kind == 4 ? 40 : 24;
	char control[CMSG_SPACE(sizeof(h))] = {0};
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = place(HOLE6, HOLE_PORT, &to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = CMSG_SPACE(size)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = open_for(HOLE6, type | SOCK_NONBLOCK, 0);

	if (kind == 4) {
		inet_pton(AF_INET6, HOLE6, h + 8);
		inet_pton(AF_INET6, BAD6, h + 24);
	} else {
		inet_pton(AF_INET6, BAD6, h + 8);
	}
	if (by_cmsg) {
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_RTHDR;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), h, size);
		return sendmsg(fd, &m, 0) < 0 ? missing("IPV6_RTHDR by cmsg") : NULL;
	}
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, h, (socklen_t)size))
		return missing("IPV6_RTHDR");
	if (type == SOCK_DGRAM) {
		send_to(fd, HOLE6, HOLE_PORT);
		connect_to(fd, HOLE6, HOLE_PORT);
		(void)send(fd, MARK, MARK_LEN, 0);
	} else {
		connect_to(fd, HOLE6, HOLE_PORT);
		finish_stream(fd);
	}
	return NULL;
}

static const char *rthdr4_udp(void)
{
	return routing(4, SOCK_DGRAM, false);
}

static const char *rthdr4_tcp(void)
{
	return routing(4, SOCK_STREAM, false);
}

static const char *rthdr4_cmsg(void)
{
	return routing(4, SOCK_DGRAM, true);
}

static const char *rthdr2(void)
{
	return routing(2, SOCK_DGRAM, false);
}

static const char *rthdr0(void)
{
	return routing(0, SOCK_DGRAM, false);
}

/* The connection is up and decided; then the header comes. */
static const char *rthdr4_late(void)
{
	uint8_t h[40] = {0, 4, 4, 1, 1};
	int fd = connected(HOLE6, HOLE_PORT, SOCK_STREAM);

	if (fd < 0)
		return NULL;
	inet_pton(AF_INET6, HOLE6, h + 8);
	inet_pton(AF_INET6, BAD6, h + 24);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, h, sizeof(h)))
		return missing("IPV6_RTHDR");
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(50);
	return NULL;
}

static const char *lsrr_late(void)
{
	uint8_t o[8] = {LSRR, 7, 4};
	int fd = connected(HOLE4, HOLE_PORT, SOCK_STREAM);

	if (fd < 0)
		return NULL;
	inet_pton(AF_INET, BAD4, o + 3);
	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, o, sizeof(o)))
		return missing("IP_OPTIONS");
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(50);
	return NULL;
}

static const char *extension_options(void)
{
	const uint8_t h[8] = {0, 0, 1, 4, 0, 0, 0, 0};
	int fd = open_for(BAD6, SOCK_DGRAM, 0);

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_DSTOPTS, h, sizeof(h)))
		return missing("IPV6_DSTOPTS");
	setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, h, sizeof(h));
	send_to(fd, BAD6, BAD_PORT);
	connect_to(fd, BAD6, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

const struct trick tricks_raw[] = {
	{"raw-icmp", raw_icmp, 0, NULL},
	{"raw-icmpv6", raw_icmp6, 0, NULL},
	{"raw-tcp", raw_tcp, 0, NULL},
	{"raw-udp-v6", raw_udp6, 0, NULL},
	{"raw-gre", raw_gre, 0, NULL},
	{"raw-ipip-to-the-hole", raw_ipip, 0, NULL},
	{"raw-igmp", raw_igmp, 0, NULL},
	{"hdrincl-other-address", hdrincl_raw, 0, NULL},
	{"hdrincl-udp-other-address", hdrincl_udp, 0, NULL},
	{"hdrincl-v6-other-address", hdrincl6, 0, NULL},
	{"raw-fragments", fragments, 0, NULL},
	{"raw-tiny-fragments", tiny_fragments, 0, NULL},
	{"raw-v6-long-header-chain", chain_long, 0, NULL},
	{"raw-v6-atomic-fragment", atomic_fragment, 0, NULL},
	{"raw-v6-unknown-header", unknown_header, 0, NULL},
	{"lsrr-udp", lsrr_udp, 0, NULL},
	{"ssrr-udp", ssrr_udp, 0, NULL},
	{"lsrr-tcp", lsrr_tcp, 0, NULL},
	{"lsrr-cmsg", lsrr_cmsg, 0, NULL},
	{"ssrr-cmsg", ssrr_cmsg, 0, NULL},
	{"lsrr-on-open-connection", lsrr_late, 0, NULL},
	{"routing-header-4-udp", rthdr4_udp, 0, NULL},
	{"routing-header-4-tcp", rthdr4_tcp, 0, NULL},
	{"routing-header-4-cmsg", rthdr4_cmsg, 0, NULL},
	{"routing-header-4-on-open-connection", rthdr4_late, 0, NULL},
	{"routing-header-2", rthdr2, 0, NULL},
	{"routing-header-0", rthdr0, 0, NULL},
	{"v6-extension-options", extension_options, 0, NULL},
	{NULL, NULL, 0, NULL},
};
