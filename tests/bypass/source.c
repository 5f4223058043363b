// SPDX-License-Identifier: GPL-2.0-only
/* Packets that say they come from somewhere else. They go where the policy lets them go (to this very host,
 * to the hole); what answers them goes to the place that they name. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#define CLOSED_PORT 9 /* nobody listens there on this host */

static const int on = 1, off;

static int bind_to(int fd, const char *addr, int port)
{
	struct sockaddr_storage at;
	socklen_t len = place(addr, port, &at);

	return bind(fd, (struct sockaddr *)&at, len);
}

/* A socket that speaks for BAD; -1 and errno. */
static int foreign(const char *addr, int type, int proto)
{
	int fd = open_for(addr, type, proto);

	if (fd < 0)
		return -1;
	/* the latter wants CAP_NET_ADMIN; without it IPv4 does not send from there */
	if (strchr(addr, ':') ? setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on))
			      : setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)))
		return -1;
	return bind_to(fd, addr, BAD_PORT) ? -1 : fd;
}

/* Who closes a port says so to whoever called there, and quotes him. */
static const char *error_six(void)
{
	int fd = foreign(BAD6, SOCK_DGRAM, 0);

	if (fd < 0)
		return missing("IPV6_FREEBIND");
	send_to(fd, "::1", CLOSED_PORT);
	send_to(fd, HOST6, CLOSED_PORT);
	connect_to(fd, HOST6, CLOSED_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *error_four(void)
{
	int fd = foreign(BAD4, SOCK_DGRAM, 0);

	if (fd < 0)
		return missing("IP_TRANSPARENT");
	send_to(fd, HOST4, CLOSED_PORT);
	send_to(fd, "127.0.0.1", CLOSED_PORT);
	return NULL;
}

/* Bound, and then an ordinary socket again. */
static const char *taken_back(void)
{
	int fd = foreign(BAD6, SOCK_DGRAM, 0);

	if (fd < 0)
		return missing("IPV6_FREEBIND");
	setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &off, sizeof(off));
	send_to(fd, HOST6, CLOSED_PORT);
	return NULL;
}

/* The same by calls that cgroup programs are not shown. */
static const char *taken_back_32(void)
{
	int fd = open_for(BAD6, SOCK_DGRAM, 0), tcp = open_for(BAD6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (setsockopt_32(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) ||
	    setsockopt_32(tcp, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)) || bind_to(fd, BAD6, BAD_PORT) ||
	    bind_to(tcp, BAD6, BAD_PORT))
		return missing("a 32-bit IPV6_FREEBIND");
	setsockopt_32(fd, IPPROTO_IPV6, IPV6_FREEBIND, &off, sizeof(off));
	setsockopt_32(tcp, IPPROTO_IPV6, IPV6_FREEBIND, &off, sizeof(off));
	send_to(fd, HOST6, CLOSED_PORT);
	connect_to(tcp, HOST6, CLOSED_PORT);
	return NULL;
}

/* A datagram from a foreign address that is put together while that is allowed, and sent when it is not any
 * more. */
static const char *corked(int setter(int, int, int, const void *, int))
{
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct in6_pktinfo info = {0};
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = open_for(HOST6, SOCK_DGRAM, 0);

	inet_pton(AF_INET6, BAD6, &info.ipi6_addr);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	connect_to(fd, HOST6, CLOSED_PORT);
	if (setter(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)))
		return missing("IPV6_FREEBIND");
	(void)sendmsg(fd, &m, MSG_MORE);
	setter(fd, IPPROTO_IPV6, IPV6_FREEBIND, &off, sizeof(off));
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static int setter_64(int fd, int level, int name, const void *value, int len)
{
	return setsockopt(fd, level, name, value, (socklen_t)len);
}

static const char *corked_64(void)
{
	return corked(setter_64);
}

static const char *corked_32(void)
{
	return corked(setsockopt_32);
}

/* After a datagram from an address of its own, the same socket sends one from another. */
static const char *by_cmsg(void)
{
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct in6_pktinfo info = {0};
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = place(HOST6, CLOSED_PORT, &to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = open_for(HOST6, SOCK_DGRAM, 0);

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)))
		return missing("IPV6_FREEBIND");
	send_to(fd, HOST6, CLOSED_PORT);
	inet_pton(AF_INET6, BAD6, &info.ipi6_addr);
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	(void)sendmsg(fd, &m, 0);
	return NULL;
}

/* A header of one's own. */
static const char *by_header(void)
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};
	struct udphdr udp = {.source = htons(5555), .dest = htons(CLOSED_PORT), .len = htons(8 + MARK_LEN)};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct sockaddr_storage to;
	socklen_t len = place(HOST4, 0, &to);
	uint8_t b[28 + MARK_LEN];

	if (fd < 0)
		return missing("raw socket");
	ip.tot_len = htons(sizeof(b));
	inet_pton(AF_INET, BAD4, &ip.saddr);
	inet_pton(AF_INET, HOST4, &ip.daddr);
	memcpy(b, &ip, 20);
	memcpy(b + 20, &udp, 8);
	memcpy(b + 28, MARK, MARK_LEN);
	(void)sendto(fd, b, sizeof(b), 0, (struct sockaddr *)&to, len);
	return NULL;
}

/* Who is called may answer: here both are the same program. */
static const char *answer(const char *bad, const char *own)
{
	int fd = foreign(bad, SOCK_DGRAM, 0), server = open_for(own, SOCK_DGRAM, 0);
	const struct timeval t = {.tv_usec = 100000};
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char b[64];

	if (fd < 0)
		return missing("a foreign address");
	if (bind_to(server, own, 5556))
		return missing("bind");
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	send_to(fd, own, 5556);
	if (recvfrom(server, b, sizeof(b), 0, (struct sockaddr *)&from, &len) == MARK_LEN)
		(void)sendto(server, MARK, MARK_LEN, 0, (struct sockaddr *)&from, len);
	return NULL;
}

static const char *answer_six(void)
{
	return answer(BAD6, HOST6);
}

static const char *answer_four(void)
{
	return answer(BAD4, HOST4);
}

/* A handshake with oneself, half of which the other place gets. */
static const char *handshake(const char *bad, const char *own, int proto)
{
	int fd = foreign(bad, SOCK_STREAM | SOCK_NONBLOCK, proto), server = open_for(own, SOCK_STREAM, proto);

	if (fd < 0 || server < 0)
		return missing("a foreign address");
	if (bind_to(server, own, 5557) || listen(server, 1))
		return missing("listen");
	connect_to(fd, own, 5557);
	nap(50);
	return NULL;
}

static const char *handshake_six(void)
{
	return handshake(BAD6, HOST6, 0);
}

static const char *handshake_four(void)
{
	return handshake(BAD4, HOST4, 0);
}

static const char *handshake_mptcp(void)
{
	return handshake(BAD6, HOST6, IPPROTO_MPTCP);
}

/* The hole answers to whoever seems to call. */
static const char *through_the_hole(void)
{
	int fd = foreign(BAD6, SOCK_DGRAM, 0), tcp = foreign(BAD6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || tcp < 0)
		return missing("IPV6_FREEBIND");
	send_to(fd, HOLE6, HOLE_PORT);
	connect_to(fd, HOLE6, HOLE_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	connect_to(tcp, HOLE6, HOLE_PORT);
	nap(50);
	return NULL;
}

const struct trick tricks_source[] = {
	{"source-error-v6", error_six, TRICK_SELF, NULL},
	{"source-error", error_four, TRICK_SELF, NULL},
	{"source-taken-back", taken_back, TRICK_SELF, NULL},
	{"source-taken-back-32-bit", taken_back_32, TRICK_SELF, NULL},
	{"source-corked", corked_64, TRICK_SELF, NULL},
	{"source-corked-32-bit", corked_32, TRICK_SELF, NULL},
	{"source-by-cmsg", by_cmsg, TRICK_SELF, NULL},
	{"source-by-header", by_header, TRICK_SELF, NULL},
	{"source-answer-v6", answer_six, TRICK_SELF, NULL},
	{"source-answer", answer_four, TRICK_SELF, NULL},
	{"source-handshake-v6", handshake_six, TRICK_SELF, NULL},
	{"source-handshake", handshake_four, TRICK_SELF, NULL},
	{"source-handshake-mptcp", handshake_mptcp, TRICK_SELF, NULL},
	{"source-through-the-hole", through_the_hole, TRICK_SELF, NULL},
	{NULL, NULL, 0, NULL},
};
