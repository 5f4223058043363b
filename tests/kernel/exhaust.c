// SPDX-License-Identifier: GPL-2.0-only
/* What the resource attacks are made with. Every line that it prints tells how many calls were made and how
 * many of them ended as they must not; GOOD and BAD are IPv4 addresses that the policy lets be and blocks.
 *
 *   exhaust serve PORT                       takes TCP connections, sends datagrams back
 *   exhaust sockets N GOOD BAD PORT          opens N sockets, in as many processes as the limit of open files
 *                                            asks for, says "ready" and holds them; a line `check RESULT` on
 *                                            standard input: what becomes of datagrams on them
 *   exhaust connects N GOOD BAD PORT         short TCP connections, one to each in turn
 *   exhaust datagrams N GOOD BAD PORT        one socket, N destinations in 127.0.0.0/8, older flows beside it
 *   exhaust paths N FOLDER GOOD BAD PORT     programs executed by N names; names that end in 5 may call GOOD
 *   exhaust one RESULT GOOD BAD PORT         such a program: one call to each
 *   exhaust processes N                      short-lived ones, some with threads, some led by nobody
 *   exhaust shared N GOOD BAD PORT           N processes that all use one socket, which none of them opened
 *   exhaust blocked N BAD PORT               calls that are blocked
 *   exhaust hold GOOD PORT                   one connection; says "ready", and at the end of standard input
 *                                            whether it is still up
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 1024
#define SPARE_FILES 64

static struct sockaddr_in good, bad;
static long *wrong; /* shared by all processes */

static void add(long *to, long n)
{
	__atomic_add_fetch(to, n, __ATOMIC_RELAXED);
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static struct sockaddr_in address(const char *text, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1)
		exit(2);
	return a;
}

static int open_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

/* The errno of connect(), 0 where it succeeds. */
static int call(int fd, const struct sockaddr_in *to)
{
	return connect(fd, (const struct sockaddr *)to, sizeof(*to)) ? errno : 0;
}

static int call_once(int type, const struct sockaddr_in *to)
{
	const struct linger hard = {.l_onoff = 1}; /* no TIME_WAIT: ports would run out */
	int fd = open_socket(type), error;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	error = call(fd, to);
	close(fd);
	return error;
}

/* Sends a byte to `to` and waits for it to come back. 0 or an errno. */
static int exchange(int fd, const struct sockaddr_in *to)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte = 'x';

	if (sendto(fd, &byte, 1, 0, (const struct sockaddr *)to, sizeof(*to)) != 1)
		return errno;
	if (poll(&p, 1, 20000) != 1)
		return ETIMEDOUT;
	return recv(fd, &byte, 1, 0) == 1 ? 0 : errno;
}

/* ---- the other end ---- */

static void *serve_datagrams(void *arg)
{
	const int *fd = arg;
	char buffer[64];

	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(*fd, buffer, sizeof(buffer), 0, (struct sockaddr *)&from, &len);

		if (n >= 0)
			sendto(*fd, buffer, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
	return NULL;
}

/* A connection is held until it is closed from the other side. */
static void serve_connections(int listener)
{
	static struct pollfd fds[4096];
	nfds_t n = 1;

	fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (;;) {
		char byte;

		if (poll(fds, n, -1) < 0)
			continue;
		for (nfds_t i = n; i-- > 1;) {
			if (!fds[i].revents || recv(fds[i].fd, &byte, 1, MSG_DONTWAIT) > 0)
				continue;
			close(fds[i].fd);
			fds[i] = fds[--n];
		}
		if (fds[0].revents && n < sizeof(fds) / sizeof(fds[0])) {
			int c = accept(listener, NULL, NULL);

			if (c >= 0)
				fds[n++] = (struct pollfd){.fd = c, .events = POLLIN};
		}
	}
}

static int do_serve(char **argv)
{
	static int udp;
	struct sockaddr_in any = address("0.0.0.0", argv[0]);
	int tcp = open_socket(SOCK_STREAM), one = 1;
	pthread_t thread;

	udp = open_socket(SOCK_DGRAM);
	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(tcp, (struct sockaddr *)&any, sizeof(any)) || listen(tcp, 4096) ||
	    bind(udp, (struct sockaddr *)&any, sizeof(any)) ||
	    pthread_create(&thread, NULL, serve_datagrams, &udp))
		die("serve");
	puts("ready");
	fflush(stdout);
	serve_connections(tcp);
	return 0;
}

/* ---- many sockets ---- */

/* One process's share, from number `first` on. Every fourth is a TCP socket that is not connected, since its
 * other end would need as many. Each tries the blocked address first. */
static void sockets_open(int *fds, int n, int first)
{
	for (int i = 0; i < n; i++) {
		unsigned int at = (unsigned int)(first + i);
		struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(10000 + at % 20000)};

		/* an address of its own, or the ports would run out */
		from.sin_addr.s_addr = htonl(0x7f100001 + at);
		fds[i] = open_socket(i % 4 ? SOCK_DGRAM : SOCK_STREAM);
		if (i % 4 && bind(fds[i], (struct sockaddr *)&from, sizeof(from)))
			die("bind");
		add(wrong, call(fds[i], &bad) != EPERM);
		add(wrong, i % 4 && call(fds[i], &good));
	}
}

/* Serves `check` lines that come as one byte, 1 where datagrams have to pass. */
static void sockets_child(int n, int first, int in, int out)
{
	int *fds = calloc((size_t)n, sizeof(*fds));
	char pass;

	if (!fds)
		die("calloc");
	sockets_open(fds, n, first);
	while (write(out, "x", 1) == 1 && read(in, &pass, 1) == 1) {
		for (int i = 0; i < n; i++)
			if (i % 4 &&
			    (send(fds[i], "x", 1, MSG_DONTWAIT) == 1 ? 0 : errno) != (pass ? 0 : EPERM))
				add(wrong, 1);
		add(wrong, (call_once(SOCK_STREAM, &good) == 0) != pass);
		add(wrong, call_once(SOCK_STREAM, &bad) != EPERM);
	}
	_exit(0);
}

static int do_sockets(char **argv)
{
	int n = atoi(argv[0]), children = 0, share, pipes[CHILDREN_MAX][2], done[2];
	struct rlimit limit;
	char line[64], byte;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < (rlim_t)n + SPARE_FILES) {
		struct rlimit more = {.rlim_cur = (rlim_t)n + SPARE_FILES,
				      .rlim_max = (rlim_t)n + SPARE_FILES};

		if (setrlimit(RLIMIT_NOFILE, &more)) { /* not permitted: as far as it goes */
			limit.rlim_cur = limit.rlim_max;
			setrlimit(RLIMIT_NOFILE, &limit);
		}
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	share = (int)limit.rlim_cur - SPARE_FILES;
	if (share <= 0 || pipe(done))
		die("pipe");
	for (int first = 0; first < n && children < CHILDREN_MAX; first += share, children++) {
		if (pipe(pipes[children]))
			die("pipe");
		if (!fork()) {
			close(pipes[children][1]);
			for (int i = 0; i < children; i++)
				close(pipes[i][1]);
			sockets_child(n - first < share ? n - first : share, first, pipes[children][0],
				      done[1]);
		}
		close(pipes[children][0]);
	}
	close(done[1]);
	for (bool ready = true;; ready = false) {
		for (int i = 0; i < children; i++)
			if (read(done[0], &byte, 1) != 1)
				die("a child died");
		printf("%s %d sockets in %d processes %ld wrong\n", ready ? "ready" : "checked", n, children,
		       *wrong);
		fflush(stdout);
		*wrong = 0;
		if (!fgets(line, sizeof(line), stdin))
			break;
		byte = !strncmp(line, "check OK", 8);
		for (int i = 0; i < children; i++)
			if (write(pipes[i][1], &byte, 1) != 1)
				die("write");
	}
	for (int i = 0; i < children; i++)
		close(pipes[i][1]);
	while (wait(NULL) > 0)
		;
	return 0;
}

/* ---- many connections, many destinations ---- */

static int do_connects(char **argv)
{
	int n = atoi(argv[0]);

	for (int i = 0; i < n; i++)
		add(wrong, call_once(SOCK_STREAM, i % 2 ? &bad : &good) != (i % 2 ? EPERM : 0));
	printf("%d connects %ld wrong\n", n, *wrong);
	return 0;
}

static int do_datagrams(char **argv)
{
	int flood = open_socket(SOCK_DGRAM), live = open_socket(SOCK_DGRAM), idle = open_socket(SOCK_DGRAM);
	long live_wrong = 0, idle_wrong, blocked_wrong = 0;
	struct sockaddr_in to = good;
	int n = atoi(argv[0]);

	live_wrong += exchange(live, &good) != 0;
	live_wrong += exchange(idle, &good) != 0;
	for (int i = 0; i < n; i++) {
		to.sin_addr.s_addr = htonl(0x7f000000 + (uint32_t)i % 65536 + 256);
		to.sin_port = htons((uint16_t)(9000 + i / 65536));
		if (sendto(flood, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) != 1)
			add(wrong, 1);
		if (i % 1000 == 0) {
			live_wrong += exchange(live, &good) != 0;
			blocked_wrong += exchange(idle, &bad) != EPERM;
		}
	}
	idle_wrong = exchange(idle, &good) != 0;
	idle_wrong += exchange(flood, &good) != 0;
	blocked_wrong += exchange(flood, &bad) != EPERM;
	blocked_wrong += call_once(SOCK_DGRAM, &bad) != EPERM;
	printf("%d datagrams %ld wrong, live %ld wrong, idle %ld wrong, blocked %ld wrong\n", n, *wrong,
	       live_wrong, idle_wrong, blocked_wrong);
	return 0;
}

static int do_blocked(char **argv)
{
	int n = atoi(argv[0]);

	bad = address(argv[1], argv[2]);
	for (int i = 0; i < n; i++)
		add(wrong, call_once(SOCK_DGRAM, &bad) != EPERM);
	printf("%d blocked %ld wrong\n", n, *wrong);
	return 0;
}

/* ---- many programs, many processes ---- */

static int do_one(char **argv)
{
	int expected = strcmp(argv[0], "OK") ? EPERM : 0;

	return call_once(SOCK_DGRAM, &good) != expected || call_once(SOCK_STREAM, &bad) != EPERM;
}

static void reap(void)
{
	int code;

	if (wait(&code) > 0)
		add(wrong, code != 0);
}

static int do_paths(char **argv)
{
	int n = atoi(argv[0]), running = 0;
	char self[4096], path[4200];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		die("readlink");
	self[len] = 0;
	for (int i = 0; i < n; i++) {
		char verb[] = "one", pass[] = "OK", block[] = "EPERM";
		char *args[] = {path, verb, i % 10 == 5 ? pass : block, argv[2], argv[3], argv[4], NULL};
		pid_t pid;

		snprintf(path, sizeof(path), "%s/p%d", argv[1], i);
		if (link(self, path) || posix_spawn(&pid, path, NULL, NULL, args, environ))
			die(path);
		if (++running == 4) {
			reap();
			running--;
		}
	}
	while (running--)
		reap();
	printf("%d paths %ld wrong\n", n, *wrong);
	return 0;
}

static void *thread_ends(void *arg)
{
	usleep(100);
	return arg;
}

static int do_processes(char **argv)
{
	int n = atoi(argv[0]), running = 0;

	for (int i = 0; i < n; i++) {
		pid_t pid = fork();
		pthread_t thread;

		if (pid < 0)
			die("fork");
		if (!pid) {
			for (int t = 0; t < 3 && i % 8 == 0; t++)
				if (pthread_create(&thread, NULL, thread_ends, NULL))
					_exit(1);
			if (i % 16 == 0)
				pthread_exit(NULL); /* the leader goes first */
			/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): it is one of the ways */
			if (i % 8 == 1 && !vfork())
				_exit(0);
			_exit(0);
		}
		if (++running == 32) {
			reap();
			running--;
		}
	}
	while (running--)
		reap();
	printf("%d processes %ld wrong\n", n, *wrong);
	return 0;
}

static int do_shared(char **argv)
{
	int n = atoi(argv[0]), fd = open_socket(SOCK_DGRAM), start[2];
	const int calls = 200;
	char byte;

	if (pipe(start))
		die("pipe");
	for (int i = 0; i < n; i++) {
		if (fork())
			continue;
		close(start[1]);
		if (read(start[0], &byte, 1) < 0) /* all at the same time */
			_exit(1);
		for (int c = 0; c < calls; c++) {
			const struct sockaddr_in *to = c % 2 ? &bad : &good;
			ssize_t r = sendto(fd, "x", 1, 0, (const struct sockaddr *)to, sizeof(*to));

			add(wrong, (r == 1 ? 0 : errno) != (c % 2 ? EPERM : 0));
		}
		_exit(0);
	}
	close(start[1]);
	for (int i = 0; i < n; i++)
		reap();
	printf("%d processes at one socket, %d calls %ld wrong\n", n, n * calls, *wrong);
	return 0;
}

static int do_hold(char **argv)
{
	int fd = open_socket(SOCK_STREAM), error;
	char byte;

	good = address(argv[0], argv[1]);
	error = call(fd, &good);
	printf("ready %s\n", strerror(error));
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	/* what was cut says so at the first of these, or has been told already */
	for (int i = 0; i < 3 && !error; i++) {
		error = send(fd, "x", 1, MSG_NOSIGNAL) == 1 ? 0 : errno;
		if (!error && recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN)
			error = errno;
		usleep(50000);
	}
	printf("%s\n", error ? strerror(error) : "up");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct verb {
		const char *name;
		int args;
		int hosts; /* where GOOD BAD PORT stand; 0: they are not given */
		int (*fn)(char **argv);
	} verbs[] = {
		{"serve", 1, 0, do_serve},	   {"sockets", 4, 1, do_sockets},
		{"connects", 4, 1, do_connects},   {"datagrams", 4, 1, do_datagrams},
		{"paths", 5, 2, do_paths},	   {"one", 4, 1, do_one},
		{"processes", 1, 0, do_processes}, {"shared", 4, 1, do_shared},
		{"blocked", 3, 0, do_blocked},	   {"hold", 2, 0, do_hold},
	};

	wrong = mmap(NULL, sizeof(*wrong), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (wrong == MAP_FAILED)
		die("mmap");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && argc > 1; i++) {
		const struct verb *v = &verbs[i];

		if (strcmp(argv[1], v->name) != 0 || argc != 2 + v->args)
			continue;
		if (v->hosts) {
			good = address(argv[2 + v->hosts], argv[4 + v->hosts]);
			bad = address(argv[3 + v->hosts], argv[4 + v->hosts]);
		}
		return v->fn(argv + 2);
	}
	fprintf(stderr, "exhaust: bad usage\n");
	return 2;
}
