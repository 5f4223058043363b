// SPDX-License-Identifier: GPL-2.0-only
/* bench_packets MILLISECONDS: sends datagrams of 64 bytes to 127.0.0.1:7777 and answers them from there, one
 * at a time, both ends in this process. Prints packets a second of the process's own CPU time, the median of
 * 5 blocks: what else the machine does then changes little. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define BLOCKS 5
#define AT_ONCE 64

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double block(int a, int b, double seconds)
{
	struct sockaddr_in from;
	double start = now(), end;
	long packets = 0;
	char data[64] = {0};

	do {
		for (int i = 0; i < AT_ONCE; i++) {
			socklen_t len = sizeof(from);

			if (send(a, data, sizeof(data), 0) < 0 ||
			    recvfrom(b, data, sizeof(data), 0, (struct sockaddr *)&from, &len) < 0 ||
			    sendto(b, data, sizeof(data), 0, (struct sockaddr *)&from, len) < 0 ||
			    recv(a, data, sizeof(data), 0) < 0) {
				perror("bench_packets");
				exit(1);
			}
		}
		packets += 2L * AT_ONCE;
		end = now();
	} while (end - start < seconds);
	return (double)packets / (end - start);
}

int main(int argc, char **argv)
{
	const struct timeval patience = {.tv_sec = 2};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(7777)};
	int from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0);
	double seconds = (argc > 1 ? atoi(argv[1]) : 500) / 1000.0, rate[BLOCKS];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(to, (struct sockaddr *)&at, sizeof(at)) ||
	    connect(from, (struct sockaddr *)&at, sizeof(at))) {
		perror("bench_packets");
		return 1;
	}
	for (int i = 0; i < BLOCKS; i++)
		rate[i] = block(from, to, seconds / BLOCKS);
	qsort(rate, BLOCKS, sizeof(*rate), compare);
	printf("%.0f\n", rate[BLOCKS / 2]);
	return 0;
}
