// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that were opened and connected outside the guarded cgroup, and are used inside in ways by which
 * data leaves when nobody is at the socket any more, or by which it only comes in. pass.c has the plain ways.
 */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/wait.h>
#include <unistd.h>

static const char no_peer[] = "no connection";

static void mark(int fd)
{
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
}

/* A connection that was made outside; the caller is inside then. */
static int brought(int type)
{
	int fd = connected(BAD4, BAD_PORT, type);

	enter(guard);
	return fd;
}

/* What is corked leaves by a timer, long after the call. */
static const char *corked(void)
{
	int fd = brought(SOCK_STREAM), on = 1;

	if (fd < 0)
		return no_peer;
	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(500);
	return NULL;
}

/* What finds the window full leaves when the other end acknowledges. */
static const char *queued(void)
{
	static char much[1 << 20];
	int fd, size = sizeof(much);

	/* the peer reads slowly enough: it echoes, and nobody reads that */
	fd = connected(BAD4, BAD_PORT, SOCK_STREAM);
	if (fd < 0)
		return no_peer;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	(void)send(fd, much, sizeof(much) / 2, MSG_NOSIGNAL | MSG_DONTWAIT);
	enter(guard);
	mark(fd);
	nap(300);
	return NULL;
}

static const char *by_sendfile(void)
{
	int file = memfd_create("text", MFD_CLOEXEC), fd = brought(SOCK_STREAM), on = 1;

	if (fd < 0)
		return no_peer;
	(void)!write(file, MARK, MARK_LEN);
	lseek(file, 0, SEEK_SET);
	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	(void)sendfile(fd, file, NULL, MARK_LEN);
	nap(500);
	return NULL;
}

static const char *by_splice(void)
{
	int p[2], fd = brought(SOCK_STREAM), on = 1;

	if (fd < 0)
		return no_peer;
	if (pipe2(p, O_CLOEXEC) || write(p[1], MARK, MARK_LEN) != MARK_LEN)
		return "no pipe";
	setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	(void)splice(p[0], NULL, fd, NULL, MARK_LEN, 0);
	nap(500);
	return NULL;
}

static const char *multipath(void)
{
	int fd = open_for(BAD4, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0 || connect_to(fd, BAD4, BAD_PORT))
		return no_peer;
	enter(guard);
	mark(fd);
	return NULL;
}

static const char *lite(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, IPPROTO_UDPLITE);

	if (fd < 0 || connect_to(fd, BAD4, BAD_PORT))
		return "no UDP-Lite";
	enter(guard);
	mark(fd);
	return NULL;
}

static const char *ping(void)
{
	struct {
		struct icmphdr h;
		char text[MARK_LEN];
	} echo = {.h = {.type = ICMP_ECHO}, .text = MARK};
	int fd = open_for(BAD4, SOCK_DGRAM, IPPROTO_ICMP);
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, 0, &to);

	if (fd < 0)
		return missing("ping socket");
	(void)connect(fd, (struct sockaddr *)&to, len);
	enter(guard);
	(void)send(fd, &echo, sizeof(echo), 0);
	return NULL;
}

/* A process with an open socket is moved inside by somebody who stays outside. */
static const char *moved(int type)
{
	int fd = connected(BAD4, BAD_PORT, type), p[2], procs;
	char path[4096], byte = 0;
	pid_t pid;

	if (fd < 0 || pipe2(p, O_CLOEXEC))
		return no_peer;
	pid = fork();
	if (!pid) {
		(void)!read(p[0], &byte, 1);
		mark(fd);
		_exit(0);
	}
	snprintf(path, sizeof(path), "%s/cgroup.procs", guard);
	procs = open(path, O_WRONLY | O_CLOEXEC);
	dprintf(procs, "%d", pid);
	(void)!write(p[1], &byte, 1);
	waitpid(pid, NULL, 0);
	return NULL;
}

static const char *moved_tcp(void)
{
	return moved(SOCK_STREAM);
}

static const char *moved_udp(void)
{
	return moved(SOCK_DGRAM);
}

/* Opened outside, inherited by a child that goes inside and stops being the program that it was. */
static const char *inherited(void)
{
	int fd = connected(BAD4, BAD_PORT, SOCK_STREAM);
	pid_t pid;

	if (fd < 0)
		return no_peer;
	pid = fork();
	if (!pid) {
		char command[64];

		enter(guard);
		dup2(fd, 9);
		snprintf(command, sizeof(command), "printf %s >&9", MARK);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	nap(20);
	return NULL;
}

/* A listening socket from outside; in all its time somebody inside waits at it. */
static const char *listener(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one;
	const struct timeval t = {.tv_sec = 5};
	struct sockaddr_storage at;
	socklen_t len = place("::", 0, &at);
	char byte;

	if (bind(fd, (struct sockaddr *)&at, len) || listen(fd, 4) ||
	    getsockname(fd, (struct sockaddr *)&at, &len))
		return missing("listen");
	enter(guard);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	accept(fd, NULL, NULL);
	printf("listen tcp %d\n", ntohs(((struct sockaddr_in6 *)&at)->sin6_port));
	fflush(stdout);
	if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000) != 1)
		return NULL;
	one = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(one, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (recv(one, &byte, 1, 0) == 1) {
		puts("got");
		fflush(stdout);
	}
	(void)send(one, MARK, MARK_LEN, MSG_NOSIGNAL);
	return NULL;
}

/* A bound socket from outside; what came before its first use is let be. */
static const char *receiver(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_storage at;
	socklen_t len = place("::", 0, &at);
	char data[16];

	if (bind(fd, (struct sockaddr *)&at, len) || getsockname(fd, (struct sockaddr *)&at, &len))
		return missing("bind");
	enter(guard);
	(void)recv(fd, data, sizeof(data), MSG_DONTWAIT);
	printf("listen udp %d\n", ntohs(((struct sockaddr_in6 *)&at)->sin6_port));
	fflush(stdout);
	if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000) == 1 &&
	    recv(fd, data, sizeof(data), 0) > 0) {
		puts("got");
		fflush(stdout);
	}
	return NULL;
}

#define UNTRACED                                                                                            \
	"opened outside, and this kernel's functions cannot be traced (status: lent-listeners); guard the " \
	"root"

const struct trick tricks_lent[] = {
	{"carried-in-tcp-corked", corked, TRICK_OUTSIDE, NULL},
	{"carried-in-tcp-queued", queued, TRICK_OUTSIDE, NULL},
	{"carried-in-tcp-sendfile", by_sendfile, TRICK_OUTSIDE, NULL},
	{"carried-in-tcp-splice", by_splice, TRICK_OUTSIDE, NULL},
	{"carried-in-mptcp-connected", multipath, TRICK_OUTSIDE, NULL},
	{"carried-in-udplite-connected", lite, TRICK_OUTSIDE, NULL},
	{"carried-in-ping-socket", ping, TRICK_OUTSIDE, NULL},
	{"moved-in-with-tcp", moved_tcp, TRICK_OUTSIDE, NULL},
	{"moved-in-with-udp", moved_udp, TRICK_OUTSIDE, NULL},
	{"inherited-tcp-exec", inherited, TRICK_OUTSIDE, NULL},
	{"carried-in-listener", listener, TRICK_OUTSIDE | TRICK_INBOUND | TRICK_TRACED, UNTRACED},
	{"carried-in-receiver", receiver, TRICK_OUTSIDE | TRICK_INBOUND | TRICK_TRACED, UNTRACED},
	{NULL, NULL, 0, NULL},
};
