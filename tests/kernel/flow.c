// SPDX-License-Identifier: GPL-2.0-only
/* Servers, callers and numbered streams, for the tests with a second network namespace.
 *
 *   flow serve [-a ADDR] [-n] [-m] [-t] [-i IFACE] [-g GROUP]... [PORT]
 *                     echoes TCP and UDP; prints "ready PORT", then "accept", "tcp N" and "udp N" lines.
 *                     -n: listens without having bound a port, TCP alone; -m: MPTCP where there is one, and
 *                     TCP Fast Open; -t: for whatever address (IP_TRANSPARENT); -i: SO_BINDTODEVICE; -g joins
 *                     a multicast group
 *   flow call         reads "tcp|mptcp|udp|lite|sctp ADDR PORT [SOURCE [PORT]]" lines, makes all of these
 *                     calls at the same time, prints a result for each: OK where what was sent came back, an
 *                     errno's name, or TIMEOUT (TCP: not even connected), SILENT (no answer). It waits for
 *                     those that `+` stands before, 30 s at most, and for FLOW_MS (300 ms) at least.
 *                     FLOW_DEV: their SO_BINDTODEVICE
 *
 *   flow tcp|mptcp|udp connect ADDR PORT send|recv|both FILE
 *   flow tcp|mptcp|udp listen - PORT send|recv|both FILE
 *                     a flow of numbered messages, one in FLOW_PERIOD_MS (2 ms), until it is killed. FILE is
 *                     four 64-bit numbers: sent, got, gaps and repeats in what was got, errno that ended it.
 *                     A datagram that is refused is counted by its errno and the next one tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define CALLS_MAX 64
#define CALL_MS 300
#define SURE_MS 30000
#define RECEIVE_BYTES (8 << 20)
#define PERIOD_MS 2 /* or FLOW_PERIOD_MS */
#define PEERS_MAX 64

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static socklen_t address(const char *text, const char *port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	uint16_t number = htons((uint16_t)strtoul(port, NULL, 10));

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = number;
		return sizeof(*six);
	}
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = number;
		return sizeof(*four);
	}
	fprintf(stderr, "flow: bad address %s\n", text);
	exit(2);
}

/* ---- serve ---- */

static void say(const char *what, ssize_t n)
{
	printf("%s %zd\n", what, n);
	fflush(stdout);
}

static void join(int fd, const char *group)
{
	struct ip_mreqn four = {0};
	struct ipv6_mreq six = {0};

	if (inet_pton(AF_INET, group, &four.imr_multiaddr) == 1) {
		inet_pton(AF_INET, "198.51.100.1", &four.imr_address);
		if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &four, sizeof(four)))
			perror("join");
	} else if (inet_pton(AF_INET6, group, &six.ipv6mr_multiaddr) == 1) {
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof(six)))
			perror("join");
	}
}

static int serve_loop(int tcp, int udp)
{
	struct pollfd p[PEERS_MAX + 2] = {{.fd = tcp, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
	nfds_t n = 2;
	char data[2048];

	while (poll(p, n, -1) > 0) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		ssize_t got;

		if (p[0].revents && n < PEERS_MAX + 2) {
			p[n].events = POLLIN;
			p[n].revents = 0;
			p[n].fd = accept4(tcp, NULL, NULL, SOCK_CLOEXEC);
			if (p[n].fd >= 0) {
				n++;
				say("accept", 1);
			}
		}
		if (p[1].revents) {
			got = recvfrom(udp, data, sizeof(data), 0, (struct sockaddr *)&from, &len);
			if (got >= 0) {
				say("udp", got);
				(void)sendto(udp, data, (size_t)got, 0, (struct sockaddr *)&from, len);
			}
		}
		for (nfds_t i = 2; i < n; i++) {
			if (!p[i].revents)
				continue;
			got = recv(p[i].fd, data, sizeof(data), 0);
			if (got > 0) {
				say("tcp", got);
				(void)send(p[i].fd, data, (size_t)got, 0);
			} else {
				close(p[i].fd);
				p[i--] = p[--n];
			}
		}
	}
	return 1;
}

static int serve(int argc, char **argv)
{
	const char *addr = "::", *port = "0", *groups[8], *iface = NULL;
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	bool nobind = false, multipath = false, transparent = false;
	int opt, tcp, udp, yes = 1, queue = 16, ngroups = 0;

	while ((opt = getopt(argc, argv, "a:nmti:g:")) != -1) {
		if (opt == 'a')
			addr = optarg;
		else if (opt == 'n')
			nobind = true;
		else if (opt == 'm')
			multipath = true;
		else if (opt == 't')
			transparent = true;
		else if (opt == 'i')
			iface = optarg;
		else if (opt == 'g' && ngroups < 8)
			groups[ngroups++] = optarg;
		else
			return 2;
	}
	if (optind < argc)
		port = argv[optind];
	len = address(addr, port, &at);
	tcp = multipath ? socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP) : -1;
	if (tcp < 0)
		tcp = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (multipath)
		setsockopt(tcp, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue));
	udp = nobind ? -1 : socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 2; i++) {
		if (transparent)
			setsockopt(i ? udp : tcp, IPPROTO_IP, IP_TRANSPARENT, &yes, sizeof(yes));
		if (iface)
			setsockopt(i ? udp : tcp, SOL_SOCKET, SO_BINDTODEVICE, iface,
				   (socklen_t)strlen(iface));
	}
	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(udp, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
	if (!nobind && (bind(tcp, (struct sockaddr *)&at, len) || bind(udp, (struct sockaddr *)&at, len))) {
		perror("flow: bind");
		return 1;
	}
	if (listen(tcp, 64)) {
		perror("flow: listen");
		return 1;
	}
	for (int i = 0; i < ngroups; i++)
		join(udp, groups[i]);
	len = sizeof(at);
	if (getsockname(tcp, (struct sockaddr *)&at, &len))
		return 1;
	/* the port stands at the same place for both families */
	say("ready", ntohs(((struct sockaddr_in *)&at)->sin_port));
	return serve_loop(tcp, udp);
}

/* ---- call ---- */

struct kind;

struct call {
	const struct kind *kind;
	int fd;
	bool connected;
	bool sure;	    /* it ends: waited for */
	const char *result; /* NULL: under way */
};

static const char *name_of(int error)
{
	static char number[16];

	switch (error) {
	case EPERM:
		return "EPERM";
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case ECONNRESET:
		return "ECONNRESET";
	case ECONNABORTED:
		return "ECONNABORTED";
	case EPROTONOSUPPORT:
		return "EPROTONOSUPPORT";
	case ENETUNREACH:
		return "ENETUNREACH";
	}
	snprintf(number, sizeof(number), "E%d", error);
	return number;
}

static const struct kind {
	const char *name;
	int type, proto4, proto6;
} kinds[] = {
	{"tcp", SOCK_STREAM, 0, 0},
	{"udp", SOCK_DGRAM, 0, 0},
	{"lite", SOCK_DGRAM, IPPROTO_UDPLITE, IPPROTO_UDPLITE},
	{"sctp", SOCK_STREAM, IPPROTO_SCTP, IPPROTO_SCTP},
	{"ping", SOCK_DGRAM, IPPROTO_ICMP, IPPROTO_ICMPV6},
	{"mptcp", SOCK_STREAM, IPPROTO_MPTCP, IPPROTO_MPTCP},
	{"rawping", SOCK_RAW, IPPROTO_ICMP, IPPROTO_ICMPV6},
	{"proto", SOCK_RAW, -1, -1},
};

/* An echo request, checksum and all, into data; its length. */
static size_t echo_request(int family, uint16_t number, uint8_t *data)
{
	struct icmphdr h = {.type = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST};
	uint32_t sum = 0;

	h.un.echo.id = htons((uint16_t)getpid());
	h.un.echo.sequence = htons(number);
	memcpy(data, &h, sizeof(h));
	memcpy(data + sizeof(h), "hello", 6); /* with a zero: an even number of bytes */
	for (size_t i = 0; i < sizeof(h) + 6; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16)) & 0xffff;
	data[2] = (uint8_t)(sum >> 8);
	data[3] = (uint8_t)sum;
	return sizeof(h) + 6;
}

static void call_start(struct call *c, char *const *w)
{
	const char *source_port = w[3] && w[4] ? w[4] : "0", *device = getenv("FLOW_DEV");
	const struct kind *k = NULL;
	struct sockaddr_storage to, from;
	uint8_t data[64] = "hello";
	size_t size = 5;
	socklen_t len;
	int proto, yes = 1;

	c->sure = w[0][0] == '+';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, w[0] + c->sure))
			k = &kinds[i];
	if (!k)
		exit(2);
	c->kind = k;
	len = address(w[1], k->type == SOCK_RAW ? "0" : w[2], &to);
	proto = to.ss_family == AF_INET ? k->proto4 : k->proto6;
	if (proto < 0)
		proto = atoi(w[2]);
	c->fd = socket(to.ss_family, k->type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	if (c->fd < 0) {
		c->result = name_of(errno);
		return;
	}
	setsockopt(c->fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
	setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (device)
		setsockopt(c->fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device));
	if (w[3] && bind(c->fd, (struct sockaddr *)&from, address(w[3], source_port, &from))) {
		c->result = name_of(errno);
		return;
	}
	if (strstr(k->name, "ping"))
		size = echo_request(to.ss_family, (uint16_t)atoi(w[2]), data);
	/* not connected, so that whoever answers a multicast or broadcast is heard */
	if (k->type == SOCK_STREAM
		    ? connect(c->fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS
		    : sendto(c->fd, data, size, 0, (struct sockaddr *)&to, len) != (ssize_t)size)
		c->result = name_of(errno);
}

/* Is this what was sent, come back? A raw socket also sees requests, and an IP header. */
static bool call_answered(const struct call *c, const uint8_t *data, ssize_t n)
{
	if (n < 5)
		return false;
	if (!strcmp(c->kind->name, "rawping")) {
		bool four = n == 34 && data[0] == 0x45;

		return four ? data[20] == ICMP_ECHOREPLY : n == 14 && data[0] == ICMP6_ECHO_REPLY;
	}
	return true;
}

static void call_go_on(struct call *c)
{
	int error = 0;
	socklen_t len = sizeof(error);
	uint8_t data[128];
	ssize_t n;

	if (c->kind->type == SOCK_STREAM && !c->connected) {
		if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error)
			c->result = name_of(error);
		else if (send(c->fd, "hello", 5, MSG_NOSIGNAL) != 5)
			c->result = name_of(errno);
		c->connected = true;
		return;
	}
	n = recv(c->fd, data, sizeof(data), 0);
	if (n < 0)
		c->result = name_of(errno);
	else if (call_answered(c, data, n))
		c->result = "OK";
	else if (c->kind->type == SOCK_STREAM)
		c->result = "CLOSED";
}

static int call(void)
{
	static struct call calls[CALLS_MAX];
	const struct linger hard = {.l_onoff = 1};
	char line[256];
	int n = 0;
	const char *ms = getenv("FLOW_MS");
	long end, sure_end;

	while (n < CALLS_MAX && fgets(line, sizeof(line), stdin)) {
		char *save, *w[5] = {NULL};
		int words = 0;

		for (char *s = strtok_r(line, " \n", &save); s && words < 5; s = strtok_r(NULL, " \n", &save))
			w[words++] = s;
		if (words < 3)
			return 2;
		call_start(&calls[n++], w);
	}
	end = now_ms() + (ms ? atoi(ms) : CALL_MS);
	sure_end = now_ms() + SURE_MS;
	for (;;) {
		struct pollfd p[CALLS_MAX];
		long left = end - now_ms();
		int open = 0;

		for (int i = 0; i < n; i++) {
			open += !calls[i].result;
			if (!calls[i].result && calls[i].sure && left < sure_end - now_ms())
				left = sure_end - now_ms();
			p[i].fd = calls[i].result ? -1 : calls[i].fd;
			p[i].events =
				calls[i].kind->type == SOCK_STREAM && !calls[i].connected ? POLLOUT : POLLIN;
		}
		if (!open || left <= 0 || poll(p, (nfds_t)n, (int)left) < 0)
			break;
		for (int i = 0; i < n; i++)
			if (p[i].fd >= 0 && p[i].revents)
				call_go_on(&calls[i]);
	}
	for (int i = 0; i < n; i++) {
		const struct call *c = &calls[i];

		puts(c->result					     ? c->result
		     : c->kind->type == SOCK_STREAM && !c->connected ? "TIMEOUT"
								     : "SILENT");
		if (c->fd >= 0)
			setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	}
	return 0;
}

/* ---- numbered flows ---- */

struct counts {
	volatile uint64_t sent, got, gaps, error;
};

/* What came; 0, or -1 where the flow is over. */
static int flow_take(int fd, bool stream, struct counts *c, uint64_t *expected, struct sockaddr_storage *peer,
		     socklen_t *len)
{
	static uint8_t left[8];
	static size_t have;
	uint64_t number;
	ssize_t n;

	for (;;) {
		*len = sizeof(*peer);
		n = recvfrom(fd, left + have, sizeof(left) - have, MSG_DONTWAIT, (struct sockaddr *)peer,
			     len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n < 0) {
			c->error = (uint64_t)errno;
			return stream ? -1 : 0;
		}
		if (n == 0 && stream) {
			c->error = EPIPE;
			return -1;
		}
		have += (size_t)n;
		if (have < sizeof(left)) {
			have = stream ? have : 0;
			continue;
		}
		have = 0;
		memcpy(&number, left, sizeof(number));
		c->gaps += number != *expected;
		*expected = number + 1;
		c->got++;
	}
}

static int flow_run(int fd, bool stream, bool sends, bool receives, bool answers, struct counts *c)
{
	struct sockaddr_storage peer;
	uint64_t next = 0, expected = 0;
	const char *slow = getenv("FLOW_PERIOD_MS");
	long period = slow && atoi(slow) > 0 ? atoi(slow) : PERIOD_MS;
	socklen_t len = sizeof(peer);
	long due = now_ms();

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		long wait = due - now_ms();

		if (poll(&p, 1, sends && wait < 100 ? (int)(wait > 0 ? wait : 0) : 100) < 0)
			return 1;
		if (p.revents && !sends && !receives)
			return 1;
		if (p.revents && flow_take(fd, stream, c, &expected, &peer, &len))
			return 0;
		if (!sends || now_ms() < due)
			continue;
		due = now_ms() + period;
		if (!answers || c->got) {
			bool to = answers && len;

			if (sendto(fd, &next, sizeof(next), MSG_DONTWAIT | MSG_NOSIGNAL,
				   to ? (struct sockaddr *)&peer : NULL,
				   to ? len : 0) == (ssize_t)sizeof(next)) {
				next++;
				c->sent++;
			} else if (errno != EAGAIN) {
				c->error = (uint64_t)errno;
				if (stream)
					return 0;
			}
		}
	}
}

static int flow(const char *kind, bool listens, const char *addr, const char *port, const char *how,
		const char *file)
{
	struct sockaddr_storage at;
	socklen_t len = address(!strcmp(addr, "-") ? "::" : addr, port, &at);
	bool stream = strcmp(kind, "udp") != 0;
	int yes = 1, room = RECEIVE_BYTES,
	    fd = socket(at.ss_family, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC,
			strcmp(kind, "mptcp") ? 0 : IPPROTO_MPTCP);
	int out = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct counts *c;

	if (fd < 0 || out < 0 || ftruncate(out, sizeof(*c)))
		return 1;
	c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED, out, 0);
	if (c == MAP_FAILED)
		return 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (!stream) /* who is not run for a while loses nothing */
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (listens ? bind(fd, (struct sockaddr *)&at, len) : connect(fd, (struct sockaddr *)&at, len)) {
		c->error = (uint64_t)errno;
		return 1;
	}
	if (listens && stream) {
		int one;

		if (listen(fd, 1))
			return 1;
		say("ready", 0);
		one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		close(fd);
		fd = one;
	} else {
		say("ready", 0);
	}
	if (fd < 0)
		return 1;
	return flow_run(fd, stream, strcmp(how, "recv") != 0, strcmp(how, "send") != 0, listens && !stream,
			c);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc >= 2 && !strcmp(argv[1], "serve"))
		return serve(argc - 1, argv + 1);
	if (argc == 2 && !strcmp(argv[1], "call"))
		return call();
	if (argc == 7 && (!strcmp(argv[1], "tcp") || !strcmp(argv[1], "mptcp") || !strcmp(argv[1], "udp")))
		return flow(argv[1], !strcmp(argv[2], "listen"), argv[3], argv[4], argv[5], argv[6]);
	fprintf(stderr, "flow: see the top of flow.c\n");
	return 2;
}
