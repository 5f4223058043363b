// SPDX-License-Identifier: GPL-2.0-only
/* Datagrams without a connection, and what a program can say about where they go. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static const char *sent(const char *addr, int type, int proto)
{
	int fd = open_for(addr, type, proto);

	if (fd < 0)
		return missing("socket");
	send_to(fd, addr, BAD_PORT);
	return NULL;
}

static const char *sent_connected(const char *addr, int proto)
{
	int fd = open_for(addr, SOCK_DGRAM, proto);

	if (fd < 0)
		return missing("socket");
	connect_to(fd, addr, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *sendto4(void)
{
	return sent(BAD4, SOCK_DGRAM, 0);
}

static const char *sendto6(void)
{
	return sent(BAD6, SOCK_DGRAM, 0);
}

static const char *connect4(void)
{
	return sent_connected(BAD4, 0);
}

static const char *connect6(void)
{
	return sent_connected(BAD6, 0);
}

static const char *lite4(void)
{
	return sent(BAD4, SOCK_DGRAM, IPPROTO_UDPLITE);
}

static const char *lite_connect4(void)
{
	return sent_connected(BAD4, IPPROTO_UDPLITE);
}

static const char *lite_connect6(void)
{
	return sent_connected(BAD6, IPPROTO_UDPLITE);
}

static const char *mapped(void)
{
	return sent("::ffff:" BAD4, SOCK_DGRAM, 0);
}

static const char *mapped_connect(void)
{
	return sent_connected("::ffff:" BAD4, 0);
}

static const char *four_on_six(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	send_to(fd, BAD4, BAD_PORT);
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *unspec(void)
{
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);
	int fd = open_for(BAD4, SOCK_DGRAM, 0);

	to.ss_family = AF_UNSPEC;
	(void)sendto(fd, MARK, MARK_LEN, 0, (struct sockaddr *)&to, len);
	return NULL;
}

static const char *wildcard4(void)
{
	return sent("0.0.0.0", SOCK_DGRAM, 0);
}

static const char *wildcard6(void)
{
	return sent("::", SOCK_DGRAM, 0);
}

static const char *wildcard_mapped(void)
{
	return sent_connected("::ffff:0.0.0.0", 0);
}

static const char *loopback_other(void)
{
	return sent("127.99.98.97", SOCK_DGRAM, 0);
}

static const char *own_address(void)
{
	return sent(HOST4, SOCK_DGRAM, 0);
}

static const char *sendmmsg_mixed(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	struct sockaddr_storage to[2];
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct mmsghdr m[2] = {
		{.msg_hdr = {.msg_name = &to[0],
			     .msg_namelen = place(HOLE4, HOLE_PORT, &to[0]),
			     .msg_iov = &iov,
			     .msg_iovlen = 1}},
		{.msg_hdr = {.msg_name = &to[1],
			     .msg_namelen = place(BAD4, BAD_PORT, &to[1]),
			     .msg_iov = &iov,
			     .msg_iovlen = 1}},
	};

	sendmmsg(fd, m, 2, 0);
	sendmmsg(fd, m + 1, 1, 0);
	return NULL;
}

/* Connected to the hole, then somewhere else. */
static const char *reconnect(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	connect_to(fd, HOLE4, HOLE_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	send_to(fd, BAD4, BAD_PORT);
	(void)connect(fd, &none, sizeof(none));
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

/* Refused, then used all the same: the destination must not have stuck to the socket. */
static const char *after_refusal(void)
{
	int fd = open_for(BAD6, SOCK_DGRAM, 0);

	for (int i = 0; i < 3; i++) {
		connect_to(fd, BAD6, BAD_PORT);
		(void)send(fd, MARK, MARK_LEN, 0);
		(void)write(fd, MARK, MARK_LEN);
	}
	return NULL;
}

static const char *other_port(void)
{
	int fd = open_for(HOLE4, SOCK_DGRAM, 0);

	send_to(fd, HOLE4, HOLE_PORT);
	send_to(fd, HOLE4, HOLE_PORT + 1);
	connect_to(fd, HOLE4, HOLE_PORT + 1);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

/* The first part names the hole, the last another place. */
static const char *cork(void)
{
	int fd = open_for(HOLE4, SOCK_DGRAM, 0);
	struct sockaddr_storage to;
	socklen_t len = place(HOLE4, HOLE_PORT, &to);

	(void)sendto(fd, MARK, MARK_LEN, MSG_MORE, (struct sockaddr *)&to, len);
	len = place(BAD4, BAD_PORT, &to);
	(void)sendto(fd, MARK, MARK_LEN, 0, (struct sockaddr *)&to, len);
	fd = open_for(HOLE6, SOCK_DGRAM, 0);
	len = place(HOLE6, HOLE_PORT, &to);
	(void)sendto(fd, MARK, MARK_LEN, MSG_MORE, (struct sockaddr *)&to, len);
	connect_to(fd, BAD6, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *cork_connected(void)
{
	int fd = open_for(HOLE4, SOCK_DGRAM, 0), on = 1, off = 0;

	connect_to(fd, HOLE4, HOLE_PORT);
	setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on));
	(void)send(fd, MARK, MARK_LEN, 0);
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	setsockopt(fd, IPPROTO_UDP, UDP_CORK, &off, sizeof(off));
	return NULL;
}

static const char *segments(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0), size = MARK_LEN;
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);

	if (setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof(size)))
		return missing("UDP_SEGMENT");
	(void)sendto(fd, MARK MARK MARK, (size_t)3 * MARK_LEN, 0, (struct sockaddr *)&to, len);
	return NULL;
}

static const char *big(void)
{
	static char data[9000] = MARK;
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);

	(void)sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&to, len);
	return NULL;
}

static const char *zerocopy(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);

	setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on));
	(void)sendto(fd, MARK, MARK_LEN, MSG_ZEROCOPY, (struct sockaddr *)&to, len);
	return NULL;
}

/* What opens a TCP connection; UDP ignores it. */
static const char *fastopen(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);

	(void)sendto(fd, MARK, MARK_LEN, MSG_FASTOPEN, (struct sockaddr *)&to, len);
	return NULL;
}

/* From an address that is not the host's: the other end's own good one. */
static const char *spoofed(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_storage from;
	socklen_t len = place(HOLE4, 7123, &from);

	if (setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)))
		return missing("IP_TRANSPARENT");
	if (bind(fd, (struct sockaddr *)&from, len))
		return missing("bind");
	send_to(fd, BAD4, BAD_PORT);
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *freebind(void)
{
	int fd = open_for(BAD6, SOCK_DGRAM, 0), on = 1;
	struct sockaddr_storage from;
	socklen_t len = place("2001:db8:77::1", 0, &from);

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on)))
		return missing("IPV6_FREEBIND");
	if (bind(fd, (struct sockaddr *)&from, len))
		return missing("bind");
	send_to(fd, BAD6, BAD_PORT);
	return NULL;
}

/* Many at once, to good and bad destinations in turn. */
static const char *mixed(void)
{
	struct sockaddr_storage to[8];
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct mmsghdr m[8];
	int fd = open_for(BAD4, SOCK_DGRAM, 0);

	memset(m, 0, sizeof(m));
	for (unsigned i = 0; i < 8; i++) {
		m[i].msg_hdr.msg_namelen =
			i % 2 ? place(BAD4, BAD_PORT, &to[i]) : place(HOLE4, HOLE_PORT, &to[i]);
		m[i].msg_hdr.msg_name = &to[i];
		m[i].msg_hdr.msg_iov = &iov;
		m[i].msg_hdr.msg_iovlen = 1;
	}
	for (unsigned i = 0; i < 8; i++)
		(void)sendmmsg(fd, m + i, 8 - i, 0);
	return NULL;
}

/* The interface and the source chosen by the caller. */
static const char *pktinfo(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
	struct in_pktinfo info = {.ipi_ifindex = (int)if_nametoindex(IFACE)};
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = place(BAD4, BAD_PORT, &to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	inet_pton(AF_INET, HOST4, &info.ipi_spec_dst);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	sendmsg(fd, &m, 0);
	/* a loopback destination, sent out by the interface */
	m.msg_namelen = place("127.0.0.1", BAD_PORT, &to);
	sendmsg(fd, &m, 0);
	return NULL;
}

static const char *bound_device(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);

	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, IFACE, sizeof(IFACE)))
		return missing("SO_BINDTODEVICE");
	send_to(fd, BAD4, BAD_PORT);
	return NULL;
}

static const char *broadcast(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, IFACE, sizeof(IFACE));
	send_to(fd, "255.255.255.255", BAD_PORT);
	send_to(fd, "198.51.100.255", BAD_PORT);
	return NULL;
}

static const char *multicast4(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	struct ip_mreqn by = {.imr_ifindex = (int)if_nametoindex(IFACE)};

	setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by));
	send_to(fd, "239.1.2.3", BAD_PORT);
	connect_to(fd, "239.1.2.3", BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *multicast6(void)
{
	int fd = open_for(BAD6, SOCK_DGRAM, 0), by = (int)if_nametoindex(IFACE);

	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &by, sizeof(by));
	send_to(fd, "ff15::1234", BAD_PORT);
	return NULL;
}

static const char *ping(const char *addr, int proto, int type)
{
	struct {
		struct icmphdr h;
		char text[MARK_LEN];
	} echo = {.h = {.type = (uint8_t)type}, .text = MARK};
	int fd = open_for(addr, SOCK_DGRAM, proto);
	struct sockaddr_storage to;
	socklen_t len = place(addr, 0, &to);

	if (fd < 0)
		return missing("ping socket");
	(void)sendto(fd, &echo, sizeof(echo), 0, (struct sockaddr *)&to, len);
	(void)connect(fd, (struct sockaddr *)&to, len);
	(void)send(fd, &echo, sizeof(echo), 0);
	return NULL;
}

static const char *ping4(void)
{
	return ping(BAD4, IPPROTO_ICMP, ICMP_ECHO);
}

static const char *ping6(void)
{
	return ping(BAD6, IPPROTO_ICMPV6, 128);
}

/* Encapsulation sockets: what arrives or leaves is handed to the kernel. */
static const char *l2tp(void)
{
	return sent(BAD4, SOCK_DGRAM, 115);
}

const struct trick tricks_datagram[] = {
	{"udp-sendto", sendto4, 0, NULL},
	{"udp-sendto-v6", sendto6, 0, NULL},
	{"udp-connect", connect4, 0, NULL},
	{"udp-connect-v6", connect6, 0, NULL},
	{"udp-mapped-sendto", mapped, 0, NULL},
	{"udp-mapped-connect", mapped_connect, 0, NULL},
	{"udp-v4-address-on-v6-socket", four_on_six, 0, NULL},
	{"udp-af-unspec", unspec, 0, NULL},
	{"udp-wildcard-v4", wildcard4, 0, NULL},
	{"udp-wildcard-v6", wildcard6, 0, NULL},
	{"udp-wildcard-mapped", wildcard_mapped, 0, NULL},
	{"udp-loopback-net", loopback_other, 0, NULL},
	{"udp-own-address", own_address, 0, NULL},
	{"udp-sendmmsg", sendmmsg_mixed, 0, NULL},
	{"udp-reconnect", reconnect, 0, NULL},
	{"udp-after-refusal", after_refusal, 0, NULL},
	{"udp-other-port", other_port, 0, NULL},
	{"udp-cork-other-address", cork, 0, NULL},
	{"udp-cork-reconnect", cork_connected, 0, NULL},
	{"udp-segments", segments, 0, NULL},
	{"udp-larger-than-mtu", big, 0, NULL},
	{"udp-zerocopy", zerocopy, 0, NULL},
	{"udp-msg-fastopen", fastopen, 0, NULL},
	{"udp-transparent", spoofed, 0, NULL},
	{"udp-freebind-v6", freebind, 0, NULL},
	{"udp-sendmmsg-mixed", mixed, 0, NULL},
	{"udp-pktinfo", pktinfo, 0, NULL},
	{"udp-bindtodevice", bound_device, 0, NULL},
	{"udp-broadcast", broadcast, 0, NULL},
	{"udp-multicast", multicast4, 0, NULL},
	{"udp-multicast-v6", multicast6, 0, NULL},
	{"udplite-sendto", lite4, 0, NULL},
	{"udplite-connect", lite_connect4, 0, NULL},
	{"udplite-connect-v6", lite_connect6, 0, NULL},
	{"ping-socket", ping4, 0, NULL},
	{"ping-socket-v6", ping6, 0, NULL},
	{"l2tp-ip", l2tp, 0, NULL},
	{NULL, NULL, 0, NULL},
};
