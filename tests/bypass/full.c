// SPDX-License-Identifier: GPL-2.0-only
/* Sockets from before the agent that have used up what the kernel lends a socket for options
 * (net.core.optmem_max), which needs no privilege: no record can be written on them any more. */
#include "trick.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 100000 /* of what takes at least 40 bytes each: far more than any limit */

/* Joins groups until there is no memory for one more. */
static const char *fill_joins(int fd)
{
	struct ipv6_mreq m = {0};

	inet_pton(AF_INET6, "ff02::4:0:0", &m.ipv6mr_multiaddr);
	m.ipv6mr_interface = 1; /* loopback: nothing is announced */
	for (uint32_t i = 0; i < MOST; i++) {
		memcpy(&m.ipv6mr_multiaddr.s6_addr[12], &i, sizeof(i));
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)))
			return i ? NULL : missing("join");
	}
	return "the kernel sets no limit to a socket's options";
}

/* Keys for connections with others that there will never be. */
static const char *fill_keys(int fd)
{
	struct tcp_md5sig key = {.tcpm_keylen = 1};
	struct sockaddr_in *to = (struct sockaddr_in *)&key.tcpm_addr;

	to->sin_family = AF_INET;
	for (uint32_t i = 0; i < MOST; i++) {
		to->sin_addr.s_addr = htonl(0x0a000001 + i);
		if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)))
			return i ? NULL : missing("TCP_MD5SIG");
	}
	return "the kernel sets no limit to a socket's options";
}

static const char *full_udp(void)
{
	int fd = open_for(BAD6, SOCK_DGRAM, 0);
	const char *why = fill_joins(fd);

	if (why)
		return why;
	await();
	send_to(fd, BAD6, BAD_PORT);
	return NULL;
}

static const char *full_udp_connected(void)
{
	int fd = connected(BAD6, BAD_PORT, SOCK_DGRAM);
	const char *why = fill_joins(fd);

	if (why)
		return why;
	await();
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *full_udp_called(void)
{
	int fd = open_for(BAD6, SOCK_DGRAM, 0);
	const char *why = fill_joins(fd);

	if (why)
		return why;
	await();
	connect_to(fd, BAD6, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *full_tcp(void)
{
	int fd = connected(BAD4, BAD_PORT, SOCK_STREAM);
	const char *why = fill_keys(fd);

	if (why)
		return why;
	await();
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL);
	return NULL;
}

static const char *full_tcp_called(void)
{
	int fd = open_for(BAD4, SOCK_STREAM | SOCK_NONBLOCK, 0);
	const char *why = fill_keys(fd);

	if (why)
		return why;
	await();
	connect_to(fd, BAD4, BAD_PORT);
	finish_stream(fd);
	return NULL;
}

const struct trick tricks_full[] = {
	{"full-udp", full_udp, TRICK_BEFORE, NULL},
	{"full-udp-connected", full_udp_connected, TRICK_BEFORE, NULL},
	{"full-udp-called", full_udp_called, TRICK_BEFORE, NULL},
	{"full-tcp", full_tcp, TRICK_BEFORE, NULL},
	{"full-tcp-called", full_tcp_called, TRICK_BEFORE, NULL},
	{NULL, NULL, 0, NULL},
};
