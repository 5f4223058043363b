// SPDX-License-Identifier: GPL-2.0-only
/* fire EXPECT ADDR PORT [EXPECT ADDR PORT ...]: makes UDP connect() calls to each destination in turn,
 * without pause, until standard input is closed, and counts how they end. EXPECT lists the allowed ends,
 * joined by commas: OK, EPERM, ECONNREFUSED. The first call that ends otherwise is told at once. At the end,
 * a line for each destination with its counts, then "N calls, N wrong". A leading `tcp` makes them TCP. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum end { OK, BLOCKED, REJECTED, ELSE, ENDS };
static const char *const end_names[ENDS] = {"OK", "EPERM", "ECONNREFUSED", "else"};

struct target {
	const char *addr, *port;
	struct sockaddr_storage to;
	socklen_t len;
	bool allowed[ENDS];
	unsigned long count[ENDS];
	int last; /* errno of the last ELSE */
};

static int target_init(struct target *t, char **argv)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&t->to;
	struct sockaddr_in *four = (struct sockaddr_in *)&t->to;

	memset(t, 0, sizeof(*t));
	t->addr = argv[1];
	t->port = argv[2];
	for (int i = 0; i < ELSE; i++)
		t->allowed[i] = strstr(argv[0], end_names[i]) != NULL;
	if (inet_pton(AF_INET6, argv[1], &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)atoi(argv[2]));
		t->len = sizeof(*six);
		return 0;
	}
	if (inet_pton(AF_INET, argv[1], &four->sin_addr) != 1)
		return -1;
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)atoi(argv[2]));
	t->len = sizeof(*four);
	return 0;
}

static void shoot(struct target *t, int type)
{
	const struct linger hard = {.l_onoff = 1};
	int fd = socket(t->to.ss_family, type | SOCK_CLOEXEC, 0), error = 0;
	enum end end;

	if (fd < 0 || connect(fd, (struct sockaddr *)&t->to, t->len))
		error = errno;
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		close(fd);
	}
	end = !error ? OK : error == EPERM ? BLOCKED : error == ECONNREFUSED ? REJECTED : ELSE;
	if (!t->allowed[end] && !t->count[end]) {
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		printf("wrong: %s port %s ended in %s at %lld.%06ld\n", t->addr, t->port, strerror(error),
		       (long long)now.tv_sec, now.tv_nsec / 1000);
		fflush(stdout);
	}
	t->count[end]++;
}

int main(int argc, char **argv)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	int type = SOCK_DGRAM, n;
	unsigned long calls = 0, wrong = 0;
	struct target *targets;

	if (argc > 1 && !strcmp(argv[1], "tcp")) {
		type = SOCK_STREAM;
		argv++;
		argc--;
	}
	n = (argc - 1) / 3;
	targets = n > 0 && (argc - 1) % 3 == 0 ? calloc((size_t)n, sizeof(*targets)) : NULL;
	if (!targets) {
		fprintf(stderr, "fire: [tcp] EXPECT ADDR PORT ...\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		if (target_init(&targets[i], argv + 1 + 3 * i)) {
			fprintf(stderr, "fire: bad address %s\n", argv[2 + 3 * i]);
			return 2;
		}
	}
	puts("ready");
	fflush(stdout);
	while (!poll(&in, 1, 0))
		for (int round = 0; round < 64; round++)
			for (int i = 0; i < n; i++)
				shoot(&targets[i], type);
	for (int i = 0; i < n; i++) {
		printf("%s port %s:", targets[i].addr, targets[i].port);
		for (int e = 0; e < ENDS; e++) {
			printf(" %lu %s", targets[i].count[e], end_names[e]);
			calls += targets[i].count[e];
			if (!targets[i].allowed[e])
				wrong += targets[i].count[e];
		}
		putchar('\n');
	}
	printf("%lu calls, %lu wrong\n", calls, wrong);
	free(targets);
	return wrong != 0;
}
