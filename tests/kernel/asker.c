// SPDX-License-Identifier: GPL-2.0-only
/* One call that may have to wait for an answer, and what became of it.
 *
 *   asker [-t MS] [-n COUNT] [-p PORTS] [-k] KIND ADDR PORT
 *   asker serve PORT COUNT      the other end: answers TCP and UDP at so many ports, prints `ready`
 *
 * prints `begun` when the call has been made, then the result with the milliseconds that it took: OK
 * (connected, or what was sent has come back), an errno's name, TIMEOUT (after MS, 60,000 where not given),
 * or SENT (with -k: it keeps the socket until its input ends, and waits for nothing).
 *
 * KIND: tcp, nonblock, sndtimeo (blocking, with a limit of MS), fastopen, mptcp, uring; udp (connected),
 * sendto, recverr (connected, with IP_RECVERR), quic (two datagrams of 1,200 bytes, the same again each 200
 * ms), gso, ping, lite, sctp, raw (an UDP datagram by a raw socket). -n: that many at once, to PORTS ports
 * from PORT on, without blocking; the result is a count of each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/icmp6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "address.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#define MANY_MAX 4096

static int limit_ms = 60000;
static bool keep;
static long begin_ms;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *name_of(int error)
{
	static char number[16];
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{EPERM, "EPERM"},
		{EACCES, "EACCES"},
		{ECONNREFUSED, "ECONNREFUSED"},
		{ECONNABORTED, "ECONNABORTED"},
		{ECONNRESET, "ECONNRESET"},
		{EHOSTUNREACH, "EHOSTUNREACH"},
		{ENETUNREACH, "ENETUNREACH"},
		{ETIMEDOUT, "ETIMEDOUT"},
		{EINPROGRESS, "EINPROGRESS"},
		{ENOBUFS, "ENOBUFS"},
		{EAGAIN, "EAGAIN"},
		{EPROTONOSUPPORT, "EPROTONOSUPPORT"},
		{ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"},
		{EMSGSIZE, "EMSGSIZE"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	snprintf(number, sizeof(number), "E%d", error);
	return number;
}

static int say(const char *result)
{
	printf("%s %ld\n", result, now_ms() - begin_ms);
	fflush(stdout);
	return 0;
}

static void begun(void)
{
	puts("begun");
	fflush(stdout);
}

/* Waits until the input ends: whoever started this decides how long the socket lives. */
static void hold_on(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

/* ---- connections ---- */

static int finish_connect(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, limit_ms) <= 0)
		return say("TIMEOUT");
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	return say(error ? name_of(error) : "OK");
}

static int uring_connect(int fd, const struct sockaddr_storage *to, socklen_t len)
{
	struct io_uring_params p = {0};
	int ring = (int)syscall(__NR_io_uring_setup, 2, &p);
	struct io_uring_sqe *sqes;
	unsigned char *sq, *cq;
	struct io_uring_cqe *cqe;

	if (ring < 0)
		return say("NOURING");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		    ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		return say("NOURING");
	sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT, .fd = fd, .addr = (uint64_t)(uintptr_t)to, .off = len};
	*(unsigned *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	begun();
	if (syscall(__NR_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return say(name_of(errno));
	cqe = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return say(cqe->res ? name_of(-cqe->res) : "OK");
}

static int connection(const char *kind, const char *addr, int port)
{
	struct sockaddr_storage to;
	socklen_t len = address(addr, port, &to);
	/* SCTP goes on for minutes when its first packet is refused */
	bool nonblock = !strcmp(kind, "nonblock") || !strcmp(kind, "sctp");
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0),
			!strcmp(kind, "mptcp")	? IPPROTO_MPTCP
			: !strcmp(kind, "sctp") ? IPPROTO_SCTP
						: 0);
	struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
	char back[8];
	int r;

	if (fd < 0)
		return say(name_of(errno));
	if (!strcmp(kind, "uring"))
		return uring_connect(fd, &to, len);
	if (!strcmp(kind, "sndtimeo"))
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	begun();
	if (!strcmp(kind, "fastopen"))
		r = sendto(fd, "hello", 5, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to, len) < 0;
	else
		r = connect(fd, (struct sockaddr *)&to, len);
	if (r && nonblock && errno == EINPROGRESS && !keep)
		return finish_connect(fd);
	if (keep) {
		say(r ? name_of(errno) : "OK");
		hold_on();
		return 0;
	}
	if (r)
		return say(name_of(errno));
	/* the connection is good for something */
	if (strcmp(kind, "fastopen") && send(fd, "hello", 5, MSG_NOSIGNAL) != 5)
		return say(name_of(errno));
	return say(recv(fd, back, sizeof(back), 0) > 0 ? "OK" : "CLOSED");
}

/* ---- datagrams ---- */

static size_t echo_request(int family, uint8_t *data)
{
	struct icmphdr h = {.type = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST};

	h.un.echo.sequence = htons(1);
	memcpy(data, &h, sizeof(h));
	memcpy(data + sizeof(h), "hello", 5);
	return sizeof(h) + 5;
}

static size_t raw_datagram(int port, uint8_t *data)
{
	const uint16_t udp[4] = {htons(40000), htons((uint16_t)port), htons(13), 0};

	memcpy(data, udp, sizeof(udp));
	memcpy(data + sizeof(udp), "hello", 5);
	return sizeof(udp) + 5;
}

static int open_datagram(const char *kind, int family)
{
	bool four = family == AF_INET;
	int type = !strcmp(kind, "raw") ? SOCK_RAW : SOCK_DGRAM, proto = 0, yes = 1, size = 500, fd;

	if (!strcmp(kind, "ping"))
		proto = four ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	else if (!strcmp(kind, "lite"))
		proto = IPPROTO_UDPLITE;
	else if (!strcmp(kind, "raw"))
		proto = IPPROTO_UDP;
	fd = socket(family, type | SOCK_CLOEXEC, proto);
	if (fd < 0)
		return -1;
	if (!strcmp(kind, "recverr"))
		setsockopt(fd, four ? IPPROTO_IP : IPPROTO_IPV6, four ? IP_RECVERR : IPV6_RECVERR, &yes,
			   sizeof(yes));
	if (!strcmp(kind, "gso") && setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)))
		perror("UDP_SEGMENT");
	return fd;
}

static int datagram(const char *kind, const char *addr, int port)
{
	struct sockaddr_storage to;
	socklen_t len = address(addr, !strcmp(kind, "raw") ? 0 : port, &to);
	int fd = open_datagram(kind, to.ss_family);
	bool quic = !strcmp(kind, "quic"),
	     connected = strcmp(kind, "sendto") && strcmp(kind, "ping") && strcmp(kind, "raw");
	static uint8_t data[2048], back[2048];
	bool told = false;
	size_t size = 5;
	long end = begin_ms + limit_ms;
	ssize_t n;

	if (fd < 0)
		return say(name_of(errno));
	memcpy(data, "hello", 5);
	if (quic)
		size = 1200;
	else if (!strcmp(kind, "gso"))
		size = 1400;
	else if (!strcmp(kind, "ping"))
		size = echo_request(to.ss_family, data);
	else if (!strcmp(kind, "raw"))
		size = raw_datagram(port, data);
	if (connected && connect(fd, (struct sockaddr *)&to, len))
		return say(name_of(errno));
	do {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		for (int i = 0; i < (quic ? 2 : 1); i++) {
			if (quic)
				data[10]++; /* of two datagrams neither is the other again */
			n = connected ? send(fd, data, size, MSG_NOSIGNAL)
				      : sendto(fd, data, size, MSG_NOSIGNAL, (struct sockaddr *)&to, len);
			if (n < 0)
				return say(name_of(errno));
		}
		if (!told)
			begun();
		told = true;
		if (keep) {
			say("SENT");
			hold_on();
			return 0;
		}
		if (poll(&p, 1, quic ? 200 : (int)(end - now_ms())) > 0)
			return say(recv(fd, back, sizeof(back), 0) > 0 ? "OK" : name_of(errno));
	} while (quic && now_ms() < end);
	return say("TIMEOUT");
}

/* ---- many ---- */

static int many(const char *kind, const char *addr, int port, int count, int ports)
{
	static struct pollfd p[MANY_MAX];
	bool udp = !strcmp(kind, "udp");
	struct rlimit files = {.rlim_cur = MANY_MAX + 64, .rlim_max = MANY_MAX + 64};
	int ok = 0, failed = 0, open, last = 0;
	long end = now_ms() + limit_ms;
	char back[8];

	if (count > MANY_MAX || setrlimit(RLIMIT_NOFILE, &files))
		return 2;
	for (int i = 0; i < count; i++) {
		struct sockaddr_storage to;
		socklen_t len = address(addr, port + i % ports, &to);

		p[i].fd = socket(to.ss_family,
				 (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		p[i].events = udp ? POLLIN : POLLOUT;
		if (p[i].fd < 0 || (connect(p[i].fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS) ||
		    (udp && send(p[i].fd, "hello", 5, 0) != 5)) {
			last = errno;
			failed++;
			p[i].fd = -1;
		}
	}
	begun();
	do {
		if (poll(p, (nfds_t)count, (int)(end - now_ms())) <= 0)
			break;
		open = 0;
		for (int i = 0; i < count; i++) {
			int error = 0;
			socklen_t len = sizeof(error);

			if (p[i].fd < 0)
				continue;
			if (!p[i].revents) {
				open++;
				continue;
			}
			if (getsockopt(p[i].fd, SOL_SOCKET, SO_ERROR, &error, &len) || error ||
			    (udp && recv(p[i].fd, back, sizeof(back), 0) <= 0)) {
				last = error;
				failed++;
			} else {
				ok++;
			}
			p[i].fd = -1; /* stays open: it is not to be withdrawn */
		}
	} while (open && now_ms() < end);
	printf("ok %d failed %d waiting %d %s\n", ok, failed, count - ok - failed,
	       last ? name_of(last) : "-");
	fflush(stdout);
	return 0;
}

/* ---- the other end ---- */

/* Sends a datagram back, from the address that it was sent to. */
static void echo(int fd)
{
	static uint8_t data[2048];
	char control[128];
	struct sockaddr_storage from;
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(fd, &m, 0);

	if (n < 0)
		return;
	iov.iov_len = (size_t)n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct in6_pktinfo *to = (void *)CMSG_DATA(c);

		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			to->ipi6_ifindex = 0;
	}
	(void)sendmsg(fd, &m, MSG_NOSIGNAL);
}

static int serve_one(int epoll, int port, int type)
{
	struct sockaddr_storage at;
	socklen_t len = address("::", port, &at);
	int yes = 1, fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event e = {.events = EPOLLIN,
				.data.u64 = (uint64_t)fd << 2 | (type == SOCK_STREAM ? 1 : 2)};

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) || (type == SOCK_STREAM && listen(fd, 4096)))
		return -1;
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
}

static int serve(int port, int count)
{
	struct rlimit files = {.rlim_cur = 4 * MANY_MAX, .rlim_max = 4 * MANY_MAX};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e;
	char data[2048];

	if (setrlimit(RLIMIT_NOFILE, &files))
		perror("asker: setrlimit");
	for (int i = 0; i < count; i++) {
		if (!serve_one(epoll, port + i, SOCK_STREAM) && !serve_one(epoll, port + i, SOCK_DGRAM))
			continue;
		perror("asker: serve");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (epoll_wait(epoll, &e, 1, -1) > 0 || errno == EINTR) {
		int fd = (int)(e.data.u64 >> 2);
		struct epoll_event more = {.events = EPOLLIN};
		ssize_t n;

		switch (e.data.u64 & 3) {
		case 1:
			fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
			more.data.u64 = (uint64_t)fd << 2;
			if (fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &more))
				return 1;
			break;
		case 2:
			echo(fd);
			break;
		default:
			n = recv(fd, data, sizeof(data), 0);
			if (n <= 0)
				close(fd);
			else
				(void)send(fd, data, (size_t)n, MSG_NOSIGNAL);
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	static const char *const connections[] = {"tcp",   "nonblock", "sndtimeo", "fastopen",
						  "mptcp", "uring",    "sctp"};
	int opt, count = 0, ports = 1;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]), atoi(argv[3]));
	while ((opt = getopt(argc, argv, "t:n:p:k")) != -1) {
		if (opt == 't')
			limit_ms = atoi(optarg);
		else if (opt == 'n')
			count = atoi(optarg);
		else if (opt == 'p')
			ports = atoi(optarg);
		else if (opt == 'k')
			keep = true;
		else
			return 2;
	}
	if (argc - optind != 3) {
		fprintf(stderr, "asker: see the top of asker.c\n");
		return 2;
	}
	argv += optind;
	begin_ms = now_ms();
	if (count)
		return many(argv[0], argv[1], atoi(argv[2]), count, ports);
	for (size_t i = 0; i < sizeof(connections) / sizeof(connections[0]); i++)
		if (!strcmp(connections[i], argv[0]))
			return connection(argv[0], argv[1], atoi(argv[2]));
	return datagram(argv[0], argv[1], atoi(argv[2]));
}
