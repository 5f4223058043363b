// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that the kernel opens for a program, below one of another kind: shared memory over TCP. */
#include "trick.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#ifndef AF_SMC
#define AF_SMC 43
#endif
#ifndef IPPROTO_SMC
#define IPPROTO_SMC 256
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#define SMC_V6 1

static int call_over(int fd, const char *addr)
{
	if (fd < 0)
		return -1;
	connect_to(fd, addr, BAD_PORT);
	finish_stream(fd);
	nap(100); /* without waiting it is a worker of the kernel's that connects */
	finish_stream(fd);
	close(fd);
	return 0;
}

/* Shared memory over TCP: each such socket has one of TCP below it. Once with somebody who waits, once
 * without. */
static const char *smc_by(int family, int proto, const char *addr)
{
	const struct timeval t = {.tv_usec = 300000};
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	if (call_over(fd, addr))
		return missing("socket");
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, proto);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	if (call_over(fd, addr))
		return missing("socket");
	return NULL;
}

static const char *smc(void)
{
	return smc_by(AF_SMC, 0, BAD4);
}

static const char *smc_six(void)
{
	return smc_by(AF_SMC, SMC_V6, BAD6);
}

static const char *smc_inet(void)
{
	return smc_by(AF_INET, IPPROTO_SMC, BAD4);
}

static const char *smc_inet6(void)
{
	return smc_by(AF_INET6, IPPROTO_SMC, BAD6);
}

/* The same by who goes out first. */
static const char *smc_moved(void)
{
	enter(outside);
	return smc_by(AF_SMC, 0, BAD4);
}

static const char *smc_inet_moved(void)
{
	enter(outside);
	return smc_by(AF_INET, IPPROTO_SMC, BAD4);
}

/* An ordinary socket that becomes one of these. */
static const char *smc_ulp(void)
{
	int fd = open_for(BAD4, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "smc", 3))
		return missing("TCP_ULP smc");
	call_over(fd, BAD4);
	return NULL;
}

const struct trick tricks_kernel[] = {
	{"smc", smc, 0, NULL},
	{"smc-v6", smc_six, 0, NULL},
	{"smc-inet", smc_inet, 0, NULL},
	{"smc-inet-v6", smc_inet6, 0, NULL},
	{"smc-moved-out", smc_moved, 0, NULL},
	{"smc-inet-moved-out", smc_inet_moved, 0, NULL},
	{"smc-ulp", smc_ulp, 0, NULL},
	{NULL, NULL, 0, NULL},
};
