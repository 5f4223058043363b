// SPDX-License-Identifier: GPL-2.0-only
/* Sockets that change hands: made on one side of the guarded cgroup's border, used on the other. */
#include "trick.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is done with the socket in the end. */
static void use(int fd, int type)
{
	if (type == SOCK_DGRAM) {
		(void)send(fd, MARK, MARK_LEN, 0);
		send_to(fd, BAD4, BAD_PORT);
		connect_to(fd, BAD4, BAD_PORT);
	} else {
		connect_to(fd, BAD4, BAD_PORT);
		finish_stream(fd);
	}
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
}

/* A socket, connected or not, nonblocking. */
static int make(int type, bool up)
{
	return up ? connected(BAD4, BAD_PORT, type) : open_for(BAD4, type | SOCK_NONBLOCK, 0);
}

/* Made outside, used after going inside. */
static const char *carried(int type, bool up)
{
	int fd = make(type, up);

	if (fd < 0)
		return missing("socket");
	enter(guard);
	use(fd, type);
	return NULL;
}

static const char *carried_tcp(void)
{
	return carried(SOCK_STREAM, false);
}

static const char *carried_tcp_up(void)
{
	return carried(SOCK_STREAM, true);
}

static const char *carried_udp(void)
{
	return carried(SOCK_DGRAM, false);
}

static const char *carried_udp_up(void)
{
	return carried(SOCK_DGRAM, true);
}

static const char *carried_raw(void)
{
	int fd = open_for(BAD4, SOCK_RAW, 253);

	if (fd < 0)
		return missing("raw socket");
	enter(guard);
	send_to(fd, BAD4, 0);
	return NULL;
}

/* Made by a process in one cgroup, passed to one in another. */
static const char *passed(const char *from, const char *to, int type, bool up)
{
	int pair[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return "no socket pair";
	pid = fork();
	if (!pid) {
		enter(to);
		fd = take(pair[1]);
		if (fd >= 0)
			use(fd, type);
		_exit(0);
	}
	enter(from);
	fd = make(type, up);
	if (fd >= 0)
		give(pair[0], fd);
	close(pair[0]);
	close(pair[1]);
	if (fd >= 0)
		close(fd);
	waitpid(pid, NULL, 0);
	return NULL;
}

static const char *passed_tcp(void)
{
	return passed(outside, guard, SOCK_STREAM, false);
}

static const char *passed_tcp_up(void)
{
	return passed(outside, guard, SOCK_STREAM, true);
}

static const char *passed_udp(void)
{
	return passed(outside, guard, SOCK_DGRAM, false);
}

static const char *passed_udp_up(void)
{
	return passed(outside, guard, SOCK_DGRAM, true);
}

/* The other way round: opened by who is guarded, used by a helper outside. */
static const char *passed_out_tcp(void)
{
	return passed(guard, outside, SOCK_STREAM, false);
}

static const char *passed_out_udp(void)
{
	return passed(guard, outside, SOCK_DGRAM, false);
}

/* Taken from a process outside, without its doing. */
static const char *stolen(int type, bool up)
{
	int fd = make(type, up), pidfd, mine;
	pid_t pid;

	if (fd < 0)
		return missing("socket");
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	close(fd);
	enter(guard);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	mine = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	if (mine >= 0)
		use(mine, type);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return mine < 0 ? "pidfd_getfd is not allowed" : NULL;
}

static const char *stolen_tcp(void)
{
	return stolen(SOCK_STREAM, false);
}

static const char *stolen_tcp_up(void)
{
	return stolen(SOCK_STREAM, true);
}

static const char *stolen_udp_up(void)
{
	return stolen(SOCK_DGRAM, true);
}

/* Opened by a child that is gone when it is used. */
static const char *orphaned(void)
{
	int pair[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return "no socket pair";
	pid = fork();
	if (!pid) {
		fd = open_for(BAD4, SOCK_DGRAM, 0);
		give(pair[1], fd);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	fd = take(pair[0]);
	use(fd, SOCK_DGRAM);
	return NULL;
}

const struct trick tricks_pass[] = {
	{"carried-in-tcp", carried_tcp, TRICK_OUTSIDE, NULL},
	{"carried-in-tcp-connected", carried_tcp_up, TRICK_OUTSIDE, NULL},
	{"carried-in-udp", carried_udp, TRICK_OUTSIDE, NULL},
	{"carried-in-udp-connected", carried_udp_up, TRICK_OUTSIDE, NULL},
	{"carried-in-raw", carried_raw, TRICK_OUTSIDE, NULL},
	{"passed-in-tcp", passed_tcp, TRICK_OUTSIDE, NULL},
	{"passed-in-tcp-connected", passed_tcp_up, TRICK_OUTSIDE, NULL},
	{"passed-in-udp", passed_udp, TRICK_OUTSIDE, NULL},
	{"passed-in-udp-connected", passed_udp_up, TRICK_OUTSIDE, NULL},
	{"passed-out-tcp", passed_out_tcp, TRICK_OUTSIDE, NULL},
	{"passed-out-udp", passed_out_udp, TRICK_OUTSIDE, NULL},
	{"stolen-tcp", stolen_tcp, TRICK_OUTSIDE, NULL},
	{"stolen-tcp-connected", stolen_tcp_up, TRICK_OUTSIDE, NULL},
	{"stolen-udp-connected", stolen_udp_up, TRICK_OUTSIDE, NULL},
	{"opener-gone", orphaned, 0, NULL},
	{NULL, NULL, 0, NULL},
};
