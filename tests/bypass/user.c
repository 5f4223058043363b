// SPDX-License-Identifier: GPL-2.0-only
/* Connections that change hands inside: the program that makes one may (in a third round of run.sh a policy
 * names it), the one that uses it may not. It is this very program under another name, and gets the socket as
 * descriptor USED, or by a road of its own. What matters is whether that one's text gets out, or whether
 * anything comes to it more than what was there already.
 */
#include "trick.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER ".other"

static const char no_peer[] = "no connection";

/* ---- the one that may ---- */

/* Becomes the other program, which runs trick `use`. */
__attribute__((noreturn)) static void become(const char *use, int fd)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - sizeof(OTHER));

	if (n > 0) {
		memcpy(self + n, OTHER, sizeof(OTHER));
		dup2(fd, USED);
		execl(self, self, use, guard, outside, NULL);
	}
	_exit(1);
}

int user_up(const char *addr, int type, int proto)
{
	const struct timeval t = {.tv_usec = 300000};
	int fd = open_for(addr, type, proto), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (fd < 0 || connect_to(fd, addr, BAD_PORT)) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	puts("up");
	fflush(stdout);
	return fd;
}

/* A child is the other program. */
const char *user_child(const char *use, int fd)
{
	int how = 0;
	pid_t pid;

	if (fd < 0)
		return no_peer;
	pid = fork();
	if (!pid)
		become(use, fd);
	waitpid(pid, &how, 0);
	return WIFEXITED(how) && WEXITSTATUS(how) == NOT_POSSIBLE ? "the other program could not" : NULL;
}

static const char *by_tcp(const char *use)
{
	return user_child(use, user_up(BAD4, SOCK_STREAM, 0));
}

static const char *inherited(void)
{
	return by_tcp("use-send");
}

static const char *written(void)
{
	return by_tcp("use-write");
}

static const char *corked(void)
{
	return by_tcp("use-cork");
}

static const char *sent_file(void)
{
	return by_tcp("use-sendfile");
}

static const char *spliced(void)
{
	return by_tcp("use-splice");
}

static const char *ring(void)
{
	return by_tcp("use-io_uring");
}

static const char *ring_worker(void)
{
	return by_tcp("use-io_uring-worker");
}

static const char *uncopied(void)
{
	return by_tcp("use-zerocopy");
}

static const char *six(void)
{
	return user_child("use-send", user_up(BAD6, SOCK_STREAM, 0));
}

static const char *mapped(void)
{
	return user_child("use-send", user_up("::ffff:" BAD4, SOCK_STREAM, 0));
}

static const char *multipath(void)
{
	return user_child("use-send", user_up(BAD4, SOCK_STREAM, IPPROTO_MPTCP));
}

static const char *udp(void)
{
	return user_child("use-send", user_up(BAD4, SOCK_DGRAM, 0));
}

static const char *udp_six(void)
{
	return user_child("use-send", user_up(BAD6, SOCK_DGRAM, 0));
}

static const char *udp_lite(void)
{
	int fd = user_up(BAD4, SOCK_DGRAM, IPPROTO_UDPLITE);

	return fd < 0 ? "no UDP-Lite" : user_child("use-send", fd);
}

/* What the other one leaves in the socket goes out when this one sends. */
static const char *udp_mixed(void)
{
	int fd = user_up(BAD4, SOCK_DGRAM, 0);
	const char *r = user_child("use-more", fd);

	if (fd >= 0)
		(void)send(fd, "a", 1, 0);
	nap(20);
	return r;
}

/* And what it adds to a datagram of this one's. */
static const char *udp_added(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0), on = 1, off = 0;
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);
	const char *r;

	setsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, sizeof(on));
	puts("up");
	fflush(stdout);
	(void)sendto(fd, "a", 1, 0, (struct sockaddr *)&to, len);
	r = user_child("use-send", fd);
	setsockopt(fd, IPPROTO_UDP, UDP_CORK, &off, sizeof(off));
	nap(20);
	return r;
}

/* The same process, another program. */
static const char *executed(void)
{
	int fd = user_up(BAD4, SOCK_STREAM, 0);

	if (fd < 0)
		return no_peer;
	become("use-send", fd);
}

static const char *handed(int type)
{
	int pair[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return "no socket pair";
	pid = fork();
	if (!pid)
		become("use-taken", pair[1]);
	fd = user_up(BAD4, type, 0);
	if (fd >= 0)
		give(pair[0], fd);
	close(pair[0]);
	close(pair[1]);
	waitpid(pid, NULL, 0);
	return fd < 0 ? no_peer : NULL;
}

static const char *handed_tcp(void)
{
	return handed(SOCK_STREAM);
}

static const char *handed_udp(void)
{
	return handed(SOCK_DGRAM);
}

/* Taken out of this process without its doing. */
static const char *stolen(void)
{
	int fd = user_up(BAD4, SOCK_STREAM, 0);
	char text[32];

	if (fd < 0)
		return no_peer;
	snprintf(text, sizeof(text), "%d %d", getpid(), fd);
	setenv("STEAL", text, 1);
	return user_child("use-stolen", STDIN_FILENO);
}

/* Both send at the same time. */
static const char *race(void)
{
	int fd = user_up(BAD4, SOCK_STREAM, 0);
	pid_t pid;

	if (fd < 0)
		return no_peer;
	pid = fork();
	if (!pid)
		become("use-often", fd);
	while (!waitpid(pid, NULL, WNOHANG))
		for (int i = 0; i < 100; i++)
			(void)send(fd, "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	return NULL;
}

/* What this one asks for, the other one reads: first what is there already, then what comes after it has. */
const char *user_answers(const char *use, int type)
{
	int fd = user_up(BAD4, type, 0), told[2];
	char byte;
	pid_t pid;

	if (fd < 0 || pipe2(told, O_CLOEXEC))
		return no_peer;
	(void)send(fd, "1", 1, MSG_NOSIGNAL);
	poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 300);
	pid = fork();
	if (!pid) {
		dup2(told[1], TOLD);
		become(use, fd);
	}
	close(told[1]);
	while (read(told[0], &byte, 1) == 1)
		(void)send(fd, "2", 1, MSG_NOSIGNAL);
	waitpid(pid, NULL, 0);
	return NULL;
}

static const char *received(void)
{
	return user_answers("use-receive", SOCK_STREAM);
}

static const char *received_udp(void)
{
	return user_answers("use-receive", SOCK_DGRAM);
}

static const char *received_pipe(void)
{
	return user_answers("use-splice-out", SOCK_STREAM);
}

static const char *received_map(void)
{
	return user_answers("use-map", SOCK_STREAM);
}

/* ---- the one that may not ---- */

static const char *use_send(void)
{
	(void)send(USED, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
	return NULL;
}

static const char *use_write(void)
{
	(void)!write(USED, MARK, MARK_LEN);
	nap(20);
	return NULL;
}

static const char *use_cork(void)
{
	int on = 1;

	setsockopt(USED, IPPROTO_TCP, TCP_CORK, &on, sizeof(on));
	use_send();
	nap(300);
	return NULL;
}

static const char *use_more(void)
{
	(void)send(USED, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_MORE);
	return NULL;
}

static const char *use_zerocopy(void)
{
	int on = 1;

	setsockopt(USED, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on));
	(void)send(USED, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_ZEROCOPY);
	nap(20);
	return NULL;
}

static const char *use_sendfile(void)
{
	int file = memfd_create("text", MFD_CLOEXEC);

	(void)!write(file, MARK, MARK_LEN);
	lseek(file, 0, SEEK_SET);
	(void)sendfile(USED, file, NULL, MARK_LEN);
	nap(20);
	return NULL;
}

static const char *use_splice(void)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) || write(p[1], MARK, MARK_LEN) != MARK_LEN)
		return "no pipe";
	(void)splice(p[0], NULL, USED, NULL, MARK_LEN, 0);
	nap(20);
	return NULL;
}

static const char *use_often(void)
{
	for (int i = 0; i < 200; i++)
		(void)send(USED, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(50);
	return NULL;
}

static const char *use_taken(void)
{
	int fd = take(USED);

	if (fd < 0)
		return no_peer;
	dup2(fd, USED);
	return use_send();
}

static const char *use_stolen(void)
{
	const char *text = getenv("STEAL");
	int pid, number, pidfd, fd;

	if (!text || sscanf(text, "%d %d", &pid, &number) != 2)
		return no_peer;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
	if (fd < 0)
		return "pidfd_getfd is not allowed";
	dup2(fd, USED);
	return use_send();
}

/* One byte by whatever way; true where it came. */
typedef bool taker(void);

static bool take_recv(void)
{
	char byte;

	return recv(USED, &byte, 1, 0) == 1;
}

static bool take_splice(void)
{
	int p[2];

	return !pipe2(p, O_CLOEXEC) && splice(USED, NULL, p[1], NULL, 1, 0) == 1;
}

/* struct tcp_zerocopy_receive, as far as data that is copied needs it */
static bool take_map(void)
{
	static char copied[16];
	struct {
		uint64_t address;
		uint32_t length, skip, inq;
		int32_t err;
		uint64_t copybuf;
		int32_t copybuf_len;
		uint32_t flags;
		uint64_t control, control_len;
		uint32_t control_flags, reserved;
	} z = {0};
	socklen_t size = sizeof(z);
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, USED, 0);

	if (map == MAP_FAILED)
		return false;
	poll(&(struct pollfd){.fd = USED, .events = POLLIN}, 1, 300);
	z.address = (uintptr_t)map;
	z.length = 4096;
	z.copybuf = (uintptr_t)copied;
	z.copybuf_len = sizeof(copied);
	return !getsockopt(USED, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &z, &size) && z.copybuf_len > 0;
}

/* What is there already was let in for somebody who may; then something more is asked for. */
static const char *use_twice(taker *fn)
{
	fn();
	nap(20);
	(void)!write(TOLD, "", 1);
	if (fn()) {
		puts("got");
		fflush(stdout);
	}
	return NULL;
}

static const char *use_receive(void)
{
	return use_twice(take_recv);
}

static const char *use_splice_out(void)
{
	return use_twice(take_splice);
}

static const char *use_map(void)
{
	return use_twice(take_map);
}

const struct trick tricks_user[] = {
	{"user-inherited", inherited, TRICK_USER, NULL},
	{"user-executed", executed, TRICK_USER, NULL},
	{"user-scm-rights", handed_tcp, TRICK_USER, NULL},
	{"user-scm-rights-udp", handed_udp, TRICK_USER, NULL},
	{"user-pidfd-getfd", stolen, TRICK_USER, NULL},
	{"user-write", written, TRICK_USER, NULL},
	{"user-corked", corked, TRICK_USER, NULL},
	{"user-zerocopy", uncopied, TRICK_USER, NULL},
	{"user-sendfile", sent_file, TRICK_USER, NULL},
	{"user-splice", spliced, TRICK_USER, NULL},
	{"user-io_uring", ring, TRICK_USER, NULL},
	{"user-io_uring-worker", ring_worker, TRICK_USER, NULL},
	{"user-race", race, TRICK_USER, NULL},
	{"user-tcp6", six, TRICK_USER, NULL},
	{"user-tcp-mapped", mapped, TRICK_USER, NULL},
	{"user-mptcp", multipath, TRICK_USER, NULL},
	{"user-udp", udp, TRICK_USER, NULL},
	{"user-udp6", udp_six, TRICK_USER, NULL},
	{"user-udplite", udp_lite, TRICK_USER, NULL},
	{"user-udp-mixed", udp_mixed, TRICK_USER, NULL},
	{"user-udp-added", udp_added, TRICK_USER, NULL},
	{"user-receive", received, TRICK_USER, NULL},
	{"user-receive-udp", received_udp, TRICK_USER, NULL},
	{"user-receive-splice", received_pipe, TRICK_USER, NULL},
	{"user-receive-zerocopy", received_map, TRICK_USER, NULL},
	{"use-send", use_send, TRICK_HERE, NULL},
	{"use-write", use_write, TRICK_HERE, NULL},
	{"use-cork", use_cork, TRICK_HERE, NULL},
	{"use-more", use_more, TRICK_HERE, NULL},
	{"use-zerocopy", use_zerocopy, TRICK_HERE, NULL},
	{"use-sendfile", use_sendfile, TRICK_HERE, NULL},
	{"use-splice", use_splice, TRICK_HERE, NULL},
	{"use-often", use_often, TRICK_HERE, NULL},
	{"use-taken", use_taken, TRICK_HERE, NULL},
	{"use-stolen", use_stolen, TRICK_HERE, NULL},
	{"use-receive", use_receive, TRICK_HERE, NULL},
	{"use-splice-out", use_splice_out, TRICK_HERE, NULL},
	{"use-map", use_map, TRICK_HERE, NULL},
	{NULL, NULL, 0, NULL},
};
