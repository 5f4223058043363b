/* SPDX-License-Identifier: GPL-2.0-only */
/* bench_calls tcp|udp|serve [COUNT]: times connect() to 127.0.0.1:7777. Prints the median of 20 blocks in ns
 * a call (TCP: connect and close). `serve` is the other end. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "median.h"

#define BLOCKS 20

static int serve(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)to, sizeof(*to)) || listen(fd, 4096)) {
		perror("serve");
		return 1;
	}
	for (;;) {
		int c = accept(fd, NULL, NULL);

		if (c >= 0)
			close(c);
	}
}

static double tcp_block(const struct sockaddr_in *to, int count)
{
	struct linger reset = {.l_onoff = 1}; /* no TIME_WAIT: ports would run out */
	double start = now_ns();

	for (int i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (connect(fd, (const struct sockaddr *)to, sizeof(*to))) {
			perror("connect");
			exit(1);
		}
		close(fd);
	}
	return (now_ns() - start) / count;
}

static double udp_block(const struct sockaddr_in *to, int count)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	double start;

	start = now_ns();
	for (int i = 0; i < count; i++) {
		if (connect(fd, (const struct sockaddr *)to, sizeof(*to))) {
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
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7777)};
	int count = argc > 2 ? atoi(argv[2]) : 1000;
	double ns[BLOCKS];

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "serve"))
		return serve(&to);
	for (int i = 0; i < BLOCKS; i++)
		ns[i] = !strcmp(argv[1], "tcp") ? tcp_block(&to, count) : udp_block(&to, count);
	printf("%.1f\n", median(ns, BLOCKS));
	return 0;
}
