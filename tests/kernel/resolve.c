// SPDX-License-Identifier: GPL-2.0-only
/* Asks a name server, and connects to what it answered at once.
 *
 *   resolve ask [-t] [-6] [-2] [-a] [-p PORT] SERVER NAME  one question; prints the addresses, or `none`
 *   resolve go [-t] [-6] [-2] SERVER NAME PORT             the same, and then connects to the first address,
 *                                                          UDP and TCP: prints `OK OK`, `EPERM ...`
 *   resolve rounds N SERVER SUFFIX PORT                    asks for rN.SUFFIX and connects, N times; the
 * answer's address is used without a pause. Prints `rounds N refused M`
 *
 * -t TCP, -6 AAAA, -2 the question in two segments, -p from this local port; -a asks again before it leaves:
 * what the server sent behind its first answer has come to the socket then.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"

struct options {
	bool tcp, v6, two, again;
	int port;
};

static const char *error_name(int error)
{
	switch (error) {
	case 0:
		return "OK";
	case EPERM:
		return "EPERM";
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case ENETUNREACH:
		return "ENETUNREACH";
	case EHOSTUNREACH:
		return "EHOSTUNREACH";
	case ETIMEDOUT:
		return "ETIMEDOUT";
	case EAGAIN:
		return "EAGAIN";
	default:
		return strerror(error);
	}
}

/* The question into q; its length. */
static size_t question(const char *name, uint16_t id, bool v6, uint8_t *q)
{
	size_t at = 12;

	memset(q, 0, 12);
	q[0] = (uint8_t)(id >> 8);
	q[1] = (uint8_t)id;
	q[2] = 1; /* recursion desired */
	q[5] = 1;
	while (*name) {
		size_t n = strcspn(name, ".");

		q[at++] = (uint8_t)n;
		memcpy(q + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	q[at++] = 0;
	q[at++] = 0;
	q[at++] = v6 ? 28 : 1;
	q[at++] = 0;
	q[at++] = 1;
	return at;
}

/* Past a name, or 0. */
static size_t skip(const uint8_t *m, size_t len, size_t at)
{
	while (at < len) {
		if (m[at] >= 0xc0)
			return at + 2 <= len ? at + 2 : 0;
		if (!m[at])
			return at + 1;
		at += 1u + m[at];
	}
	return 0;
}

/* Addresses of an answer as text, up to max. How many; believes everything. */
static int answers(const uint8_t *m, size_t len, char out[][INET6_ADDRSTRLEN], int max)
{
	int count = m[6] << 8 | m[7], found = 0;
	size_t at = skip(m, len, 12);

	if (!at)
		return 0;
	at += 4;
	while (count-- > 0 && found < max) {
		size_t n;

		at = skip(m, len, at);
		if (!at || at + 10 > len)
			return found;
		n = (size_t)(m[at + 8] << 8 | m[at + 9]);
		if (at + 10 + n > len)
			return found;
		if (n == 4 && m[at + 1] == 1)
			inet_ntop(AF_INET, m + at + 10, out[found++], INET6_ADDRSTRLEN);
		else if (n == 16 && m[at + 1] == 28)
			inet_ntop(AF_INET6, m + at + 10, out[found++], INET6_ADDRSTRLEN);
		at += 10 + n;
	}
	return found;
}

/* Reads n bytes of a stream. 0 or -1. */
static int whole(int fd, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t got = recv(fd, p, n, 0);

		if (got <= 0)
			return -1;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

static int asking_socket(const struct options *o, const char *server)
{
	struct timeval limit = {.tv_sec = 20};
	struct sockaddr_storage ss;
	socklen_t len = address(server, 53, &ss);
	int fd = socket(ss.ss_family, o->tcp ? SOCK_STREAM : SOCK_DGRAM, 0), one = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (o->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (o->port) {
		struct sockaddr_storage own;
		socklen_t own_len = address(ss.ss_family == AF_INET ? "0.0.0.0" : "::", o->port, &own);

		if (bind(fd, (struct sockaddr *)&own, own_len)) {
			close(fd);
			return -1;
		}
	}
	if (connect(fd, (struct sockaddr *)&ss, len)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Asks on a connected socket. The number of addresses, or -1 with errno. */
static int ask(int fd, const struct options *o, const char *name, char out[][INET6_ADDRSTRLEN], int max)
{
	static uint16_t id;
	static uint8_t m[65537];
	uint8_t q[300];
	size_t n;
	ssize_t got;

	id = (uint16_t)(id * 31 + 7 + getpid());
	n = question(name, id, o->v6, q + 2);
	q[0] = (uint8_t)(n >> 8);
	q[1] = (uint8_t)n;
	if (!o->tcp) {
		if (send(fd, q + 2, n, 0) < 0)
			return -1;
		do {
			got = recv(fd, m, sizeof(m), 0);
			if (got < 0)
				return -1;
		} while (got < 12 || memcmp(m, q + 2, 2)); /* as stub resolvers do */
		return answers(m, (size_t)got, out, max);
	}
	if (o->two) {
		if (send(fd, q, 5, 0) < 0)
			return -1;
		usleep(20000);
		if (send(fd, q + 5, n - 3, 0) < 0)
			return -1;
	} else if (send(fd, q, n + 2, 0) < 0) {
		return -1;
	}
	if (whole(fd, m, 2))
		return -1;
	n = (size_t)(m[0] << 8 | m[1]);
	if (n < 12 || whole(fd, m, n))
		return -1;
	return answers(m, n, out, max);
}

/* Connects, by TCP or UDP. 0 or errno. */
static int go(const char *addr, int port, bool tcp)
{
	struct sockaddr_storage ss;
	socklen_t len = address(addr, port, &ss);
	int fd = socket(ss.ss_family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0), error = 0;
	struct timeval limit = {.tv_sec = 20};

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&ss, len))
		error = errno;
	close(fd);
	return error;
}

static int rounds(unsigned long n, const char *server, const char *suffix, int port)
{
	char addr[8][INET6_ADDRSTRLEN], name[256];
	struct options o = {.tcp = false};
	unsigned long refused = 0, other = 0;
	int fd = asking_socket(&o, server), found;

	if (fd < 0) {
		printf("no socket: %s\n", error_name(errno));
		return 1;
	}
	for (unsigned long i = 0; i < n; i++) {
		int error;

		snprintf(name, sizeof(name), "r%lu.%s", i, suffix);
		found = ask(fd, &o, name, addr, 8);
		if (found < 1) {
			other++;
			continue;
		}
		error = go(addr[0], port, false);
		if (error == EPERM)
			refused++;
		else if (error)
			other++;
	}
	close(fd);
	printf("rounds %lu refused %lu other %lu\n", n, refused, other);
	return 0;
}

int main(int argc, char **argv)
{
	char addr[300][INET6_ADDRSTRLEN];
	struct options o = {.tcp = false};
	const char *verb = argc > 1 ? argv[1] : "";
	int opt, fd, found;

	if (!strcmp(verb, "rounds") && argc == 6)
		return rounds(strtoul(argv[2], NULL, 10), argv[3], argv[4], atoi(argv[5]));
	optind = 2;
	while ((opt = getopt(argc, argv, "t62ap:")) > 0) {
		if (opt == 't')
			o.tcp = true;
		else if (opt == '6')
			o.v6 = true;
		else if (opt == '2')
			o.two = true;
		else if (opt == 'a')
			o.again = true;
		else if (opt == 'p')
			o.port = atoi(optarg);
		else
			return 2;
	}
	if (argc - optind < 2 || (!strcmp(verb, "go") && argc - optind < 3)) {
		fputs("resolve: see the top of resolve.c\n", stderr);
		return 2;
	}
	fd = asking_socket(&o, argv[optind]);
	found = fd < 0 ? -1 : ask(fd, &o, argv[optind + 1], addr, 300);
	if (o.again && found >= 0)
		found = ask(fd, &o, argv[optind + 1], addr, 300);
	if (found < 0) {
		printf("no answer: %s\n", error_name(errno));
		return 1;
	}
	if (!found) {
		puts("none");
		return 1;
	}
	if (!strcmp(verb, "go")) {
		int port = atoi(argv[optind + 2]);
		int udp = go(addr[0], port, false);

		printf("%s %s\n", error_name(udp), error_name(go(addr[0], port, true)));
		return 0;
	}
	for (int i = 0; i < found; i++)
		printf("%s%s", i ? " " : "", addr[i]);
	putchar('\n');
	return 0;
}
