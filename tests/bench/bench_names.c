// SPDX-License-Identifier: GPL-2.0-only
/* bench_names serve ADDR           a name server: `one.*` has one address, `many.*` 32, anything else 59 with
 * a name of 250 bytes at each, and one that the question does not lead to bench_names ask ADDR NAME COUNT
 * times questions with their answers bench_names connect ADDR COUNT   times UDP connect() to two of its ports
 * in turn
 *
 * Prints the median of 20 blocks, ns each. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "median.h"

#define BLOCKS 20
#define HEADER 12
#define FIRST 0xc0000264u /* 192.0.2.100 */

static int udp(const char *addr, uint16_t port, bool binds)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (inet_pton(AF_INET, addr, &sa.sin_addr) != 1 ||
	    (binds ? bind(fd, (struct sockaddr *)&sa, sizeof(sa))
		   : connect(fd, (struct sockaddr *)&sa, sizeof(sa)))) {
		perror(addr);
		exit(1);
	}
	return fd;
}

static size_t put_address(uint8_t *m, size_t at, uint16_t owner, uint32_t addr)
{
	const uint8_t head[] = {owner >> 8, (uint8_t)owner, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4};

	memcpy(m + at, head, sizeof(head));
	addr = htonl(addr);
	memcpy(m + at + sizeof(head), &addr, 4);
	return at + sizeof(head) + 4;
}

/* Turns the question in m, n bytes, into its answer. */
static size_t answer(uint8_t *m, size_t n)
{
	size_t name = n - HEADER - 4;
	uint16_t owner = 0xc000 | HEADER;
	bool hostile = false;
	unsigned count = 1;

	if (!memcmp(m + HEADER + 1, "many", 4))
		count = 32;
	else if (memcmp(m + HEADER + 1, "one", 3) != 0)
		hostile = true;
	count = hostile ? 59 : count;
	if (hostile) { /* a second copy of it, which says by nothing but its letters that it is one */
		owner = (uint16_t)(0xc000 | n);
		memcpy(m + n, m + HEADER, name);
		n = put_address(m, n + name - 2, owner, FIRST);
		memcpy(m + (owner & 0x3fff) + name - 2, m + HEADER + name - 2, 2);
	}
	for (unsigned i = hostile; i < count; i++)
		n = put_address(m, n, owner, FIRST + i);
	if (hostile) /* below the first label: another name */
		n = put_address(m, n, (uint16_t)(0xc000 | (HEADER + 1 + m[HEADER])), FIRST);
	m[2] = 0x81;
	m[3] = 0x80;
	m[7] = (uint8_t)(count + hostile);
	return n;
}

_Noreturn static void serve(const char *addr)
{
	int fd = udp(addr, 53, true);

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		uint8_t m[4096];
		ssize_t n = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &len);

		if (n > HEADER)
			sendto(fd, m, answer(m, (size_t)n), 0, (struct sockaddr *)&from, len);
	}
}

static size_t question(uint8_t *m, const char *name)
{
	size_t at = HEADER;

	memset(m, 0, HEADER);
	m[2] = m[5] = 1;
	while (*name) {
		size_t n = strcspn(name, ".");

		m[at++] = (uint8_t)n;
		memcpy(m + at, name, n);
		at += n;
		name += n + (name[n] == '.');
	}
	memcpy(m + at, "\0\0\1\0\1", 5);
	return at + 5;
}

static double ask_block(int fd, uint8_t *m, size_t n, int count)
{
	static uint16_t id;
	double start = now_ns();
	uint8_t got[4096];

	for (int i = 0; i < count; i++) {
		id++;
		memcpy(m, &id, 2);
		if (send(fd, m, n, 0) < 0 || recv(fd, got, sizeof(got), 0) < HEADER || memcmp(got, m, 2)) {
			perror("ask");
			exit(1);
		}
	}
	return (now_ns() - start) / count;
}

static double connect_block(const char *addr, int count)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	double start = now_ns();

	inet_pton(AF_INET, addr, &sa.sin_addr);
	for (int i = 0; i < count; i++) {
		sa.sin_port = htons((uint16_t)(7777 + (i & 1)));
		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
			perror("connect");
			exit(1);
		}
	}
	start = (now_ns() - start) / count;
	close(fd);
	return start;
}

int main(int argc, char **argv)
{
	struct timeval second = {.tv_sec = 1};
	uint8_t m[512];
	double ns[BLOCKS];
	size_t n = 0;
	int fd = -1;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "ask") && strlen(argv[3]) < 254) {
		fd = udp(argv[2], 53, false);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
		n = question(m, argv[3]);
	} else if (argc != 4 || strcmp(argv[1], "connect") != 0) {
		return 2;
	}
	for (int i = 0; i < BLOCKS; i++)
		ns[i] = fd < 0 ? connect_block(argv[2], atoi(argv[3])) : ask_block(fd, m, n, atoi(argv[4]));
	printf("%.1f\n", median(ns, BLOCKS));
	return 0;
}
