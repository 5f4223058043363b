// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel tests use to make socket calls and to tell exactly how they ended.
 *
 *   client PROBE ...        one probe; prints its result
 *   client -                one probe a line from standard input, one result a line
 *   client serve PORT       answers TCP and UDP, IPv4 and IPv6; prints "ready", runs until it is killed
 *   client wait             prints "ready", then reads probes like `client -`
 *
 * A result is OK, the name of an errno, or what the probe's line below says. A probe may be led by:
 *
 *   fork PROBE              made by a child that was forked without exec
 *   thread PROBE            made by another thread
 *   exec PROG ARGS          executes PROG from a second thread
 *   memfd PROG ARGS         executes a copy of PROG that has no path
 *   unlink PROBE            after the program's own file was removed
 *   swap PATH PROBE         after /proc/self/exe was made to name PATH (PR_SET_MM_MAP in a new user
 * namespace) inherit CGROUP ADDR PORT   a TCP socket made here, connected after moving into CGROUP scm CGROUP
 * ADDR PORT       a TCP socket made here, passed to a process in CGROUP, which connects it
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define WORDS_MAX 32

static const char *probe(int argc, char **argv);

static const char *name_of(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{0, "OK"},
		{EPERM, "EPERM"},
		{EACCES, "EACCES"},
		{EINVAL, "EINVAL"},
		{ENOENT, "ENOENT"},
		{EINPROGRESS, "EINPROGRESS"},
		{ECONNREFUSED, "ECONNREFUSED"},
		{ECONNRESET, "ECONNRESET"},
		{ECONNABORTED, "ECONNABORTED"},
		{EHOSTUNREACH, "EHOSTUNREACH"},
		{ENETUNREACH, "ENETUNREACH"},
		{EADDRNOTAVAIL, "EADDRNOTAVAIL"},
		{EADDRINUSE, "EADDRINUSE"},
		{EAFNOSUPPORT, "EAFNOSUPPORT"},
		{EPROTONOSUPPORT, "EPROTONOSUPPORT"},
		{ESOCKTNOSUPPORT, "ESOCKTNOSUPPORT"},
		{ETIMEDOUT, "ETIMEDOUT"},
		{EMFILE, "EMFILE"},
	};
	static char number[16];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == error)
			return names[i].name;
	snprintf(number, sizeof(number), "E%d", error);
	return number;
}

/* Address and port to what connect() takes; a colon makes it IPv6. */
static socklen_t address(const char *text, const char *port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (strchr(text, ':') && inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)atoi(port));
		return sizeof(*six);
	}
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)atoi(port));
		return sizeof(*four);
	}
	fprintf(stderr, "client: bad address %s\n", text);
	exit(2);
}

static const char *do_connect(int type, int proto, const char *addr, const char *port, bool wait)
{
	struct sockaddr_storage to;
	socklen_t len = address(addr, port, &to);
	int error = 0, fd = socket(to.ss_family, type | SOCK_CLOEXEC | (wait ? SOCK_NONBLOCK : 0), proto);
	const struct linger hard = {.l_onoff = 1};

	if (fd < 0)
		return name_of(errno);
	/* a reset at close leaves no TIME_WAIT behind, so that many probes find free ports */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	if (connect(fd, (struct sockaddr *)&to, len))
		error = errno;
	if (wait && error == EINPROGRESS) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		socklen_t size = sizeof(error);

		if (poll(&p, 1, 30000) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size))
			error = ETIMEDOUT;
	}
	close(fd);
	return name_of(error);
}

enum how { SENDTO, SENDMSG, UNSPEC, IN_SIX };

/* Sends a datagram and waits for the server's answer: OK, SENT where none comes, or the errno. */
static const char *do_send(enum how how, const char *addr, const char *port)
{
	struct sockaddr_storage to;
	socklen_t len = address(addr, port, &to);
	int fd = socket(how == IN_SIX ? AF_INET6 : to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_name = &to, .msg_namelen = len, .msg_iov = &iov, .msg_iovlen = 1};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const char *result;
	ssize_t n;

	if (fd < 0)
		return name_of(errno);
	if (how == UNSPEC)
		to.ss_family = AF_UNSPEC;
	if (how == SENDMSG)
		n = sendmsg(fd, &msg, 0);
	else
		n = sendto(fd, &byte, 1, 0, (struct sockaddr *)&to, len);
	if (n < 0)
		result = name_of(errno);
	else
		result = poll(&p, 1, 20000) == 1 && recv(fd, &byte, 1, 0) == 1 ? "OK" : "SENT";
	close(fd);
	return result;
}

static const char *do_fastopen(const char *addr, const char *port)
{
	struct sockaddr_storage to;
	socklen_t len = address(addr, port, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *result;

	if (fd < 0)
		return name_of(errno);
	result = sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&to, len) < 0 ? name_of(errno) : "OK";
	close(fd);
	return result;
}

static const char *do_socket(const char *family, const char *type, const char *proto)
{
	int fd = socket(atoi(family), atoi(type) | SOCK_CLOEXEC, atoi(proto));

	if (fd < 0)
		return name_of(errno);
	close(fd);
	return "OK";
}

static int enter(const char *cgroup)
{
	char path[4096];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, "0", 1) != 1)
		error = errno;
	close(fd);
	return error;
}

static const char *do_inherit(const char *cgroup, const char *addr, const char *port)
{
	struct sockaddr_storage to;
	socklen_t len = address(addr, port, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const char *result;

	if (fd < 0 || enter(cgroup))
		return "SETUP";
	result = connect(fd, (struct sockaddr *)&to, len) ? name_of(errno) : "OK";
	close(fd);
	return result;
}

/* Runs fn in a child and brings its result back. */
static const char *in_child(const char *(*fn)(void *), void *arg)
{
	static char result[64];
	int pipes[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return "SETUP";
	pid = fork();
	if (!pid) {
		const char *r = fn(arg);

		_exit(write(pipes[1], r, strlen(r)) < 0);
	}
	close(pipes[1]);
	n = read(pipes[0], result, sizeof(result) - 1);
	result[n > 0 ? n : 0] = 0;
	close(pipes[0]);
	waitpid(pid, NULL, 0);
	return result;
}

struct scm {
	int pair[2];
	char **argv;
};

static const char *scm_child(void *arg)
{
	const struct scm *s = arg;
	struct sockaddr_storage to;
	socklen_t len = address(s->argv[1], s->argv[2], &to);
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd;

	if (enter(s->argv[0]) || recvmsg(s->pair[1], &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return "SETUP";
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return connect(fd, (struct sockaddr *)&to, len) ? name_of(errno) : "OK";
}

static const char *do_scm(char **argv)
{
	struct scm s = {.argv = argv};
	struct sockaddr_storage to;
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd;

	address(argv[1], argv[2], &to);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s.pair))
		return "SETUP";
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(s.pair[0], &msg, 0) != 1)
		return "SETUP";
	return in_child(scm_child, &s);
}

struct words {
	int argc;
	char **argv;
	const char *result;
};

static const char *probe_words(void *arg)
{
	const struct words *w = arg;

	return probe(w->argc, w->argv);
}

static void *probe_thread(void *arg)
{
	struct words *w = arg;

	w->result = probe(w->argc, w->argv);
	return NULL;
}

static void *exec_thread(void *arg)
{
	const struct words *w = arg;

	execv(w->argv[0], w->argv);
	return NULL;
}

static const char *do_thread(void *(*fn)(void *), int argc, char **argv)
{
	struct words w = {argc, argv, "SETUP"};
	pthread_t thread;

	if (!pthread_create(&thread, NULL, fn, &w))
		pthread_join(thread, NULL);
	return w.result;
}

static const char *do_memfd(char **argv)
{
	int in = open(argv[0], O_RDONLY | O_CLOEXEC), out = memfd_create("client", MFD_CLOEXEC);
	char buffer[65536];
	ssize_t n;

	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, (size_t)n) != n)
			return "SETUP";
	fexecve(out, argv, environ);
	return "SETUP";
}

/* Replaces every mapping of the program's file by a private copy at the same place: only a file that
 * is not mapped can be given up as /proc/self/exe. */
static int unmap_self(void)
{
	char exe[4096], line[8192];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	FILE *maps = fopen("/proc/self/maps", "re");
	struct range {
		unsigned long from, to;
		int prot;
	} ranges[16];
	int count = 0;

	if (n < 0 || !maps)
		return -1;
	exe[n] = 0;
	while (fgets(line, sizeof(line), maps) && count < 16) {
		char perms[5];
		struct range *r = &ranges[count];

		if (!strstr(line, exe) || sscanf(line, "%lx-%lx %4s", &r->from, &r->to, perms) != 3)
			continue;
		r->prot = (perms[0] == 'r' ? PROT_READ : 0) | (perms[1] == 'w' ? PROT_WRITE : 0) |
			  (perms[2] == 'x' ? PROT_EXEC : 0);
		count++;
	}
	fclose(maps);
	for (int i = 0; i < count; i++) {
		size_t size = ranges[i].to - ranges[i].from;
		void *at = (void *)ranges[i].from;
		void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (copy == MAP_FAILED)
			return -1;
		memcpy(copy, at, size);
		if (mprotect(copy, size, ranges[i].prot) ||
		    mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED)
			return -1;
	}
	return 0;
}

static const char *do_swap(int argc, char **argv)
{
	struct prctl_mm_map map = {.auxv = NULL};
	unsigned long f[53] = {0};
	char stat[4096], now[4096], *p;
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC), in;
	ssize_t n;

	if (fd < 0 || unshare(CLONE_NEWUSER) || unmap_self())
		return "SETUP";
	in = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	n = read(in, stat, sizeof(stat) - 1);
	if (n <= 0)
		return "SETUP";
	stat[n] = 0;
	p = strrchr(stat, ')') + 2;
	for (int i = 3; i <= 52 && p; i++) { /* proc(5) numbers the fields like this */
		f[i] = strtoul(p, NULL, 10);
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	map.start_code = f[26];
	map.end_code = f[27];
	map.start_stack = f[28];
	map.start_data = f[45];
	map.end_data = f[46];
	map.start_brk = f[47];
	map.brk = (unsigned long)sbrk(0);
	map.arg_start = f[48];
	map.arg_end = f[49];
	map.env_start = f[50];
	map.env_end = f[51];
	map.exe_fd = (unsigned int)fd;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0))
		return "SETUP";
	n = readlink("/proc/self/exe", now, sizeof(now) - 1);
	now[n > 0 ? n : 0] = 0;
	if (strcmp(now, argv[0]) != 0)
		return "SETUP";
	return probe(argc - 1, argv + 1);
}

static const char *do_unlink(int argc, char **argv)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = 0;
	return unlink(exe) ? "SETUP" : probe(argc, argv);
}

static const char *probe(int argc, char **argv)
{
	const char *what = argc ? argv[0] : "";

#define IS(name, args) (argc == (args) + 1 && !strcmp(what, name))
#define LEADS(name) (argc > 1 && !strcmp(what, name))
	if (IS("tcp", 2))
		return do_connect(SOCK_STREAM, 0, argv[1], argv[2], false);
	if (IS("tcp-nonblock", 2))
		return do_connect(SOCK_STREAM, 0, argv[1], argv[2], true);
	if (IS("mptcp", 2))
		return do_connect(SOCK_STREAM, IPPROTO_MPTCP, argv[1], argv[2], false);
	if (IS("fastopen", 2))
		return do_fastopen(argv[1], argv[2]);
	if (IS("udp", 2))
		return do_connect(SOCK_DGRAM, 0, argv[1], argv[2], false);
	if (IS("sendto", 2))
		return do_send(SENDTO, argv[1], argv[2]);
	if (IS("sendmsg", 2))
		return do_send(SENDMSG, argv[1], argv[2]);
	if (IS("sendto-unspec", 2))
		return do_send(UNSPEC, argv[1], argv[2]);
	if (IS("sendto-in6", 2)) /* an IPv6 socket, whatever the address is */
		return do_send(IN_SIX, argv[1], argv[2]);
	if (IS("socket", 3))
		return do_socket(argv[1], argv[2], argv[3]);
	if (IS("inherit", 3))
		return do_inherit(argv[1], argv[2], argv[3]);
	if (IS("scm", 3))
		return do_scm(argv + 1);
	if (LEADS("fork"))
		return in_child(probe_words, &(struct words){argc - 1, argv + 1, NULL});
	if (LEADS("thread"))
		return do_thread(probe_thread, argc - 1, argv + 1);
	if (LEADS("exec"))
		return do_thread(exec_thread, argc - 1, argv + 1);
	if (LEADS("memfd"))
		return do_memfd(argv + 1);
	if (LEADS("swap"))
		return do_swap(argc - 1, argv + 1);
	if (LEADS("unlink"))
		return do_unlink(argc - 1, argv + 1);
	fprintf(stderr, "client: cannot '%s' with %d words\n", what, argc - 1);
	exit(2);
}

static void probe_lines(void)
{
	char line[4096], *words[WORDS_MAX + 1], *save;

	while (fgets(line, sizeof(line), stdin)) {
		int n = 0;

		for (char *w = strtok_r(line, " \n", &save); w && n < WORDS_MAX;
		     w = strtok_r(NULL, " \n", &save))
			words[n++] = w;
		words[n] = NULL;
		puts(probe(n, words));
		fflush(stdout);
	}
}

static int serve(const char *port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port))};
	int tcp = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
	int udp = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct pollfd p[2] = {{.fd = tcp, .events = POLLIN}, {.fd = udp, .events = POLLIN}};

	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(tcp, (struct sockaddr *)&any, sizeof(any)) || listen(tcp, 1024) ||
	    bind(udp, (struct sockaddr *)&any, sizeof(any))) {
		fprintf(stderr, "client: cannot serve port %s: %m\n", port);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (poll(p, 2, -1) > 0) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		char byte;

		if (p[0].revents)
			close(accept4(tcp, NULL, NULL, SOCK_CLOEXEC));
		if (p[1].revents && recvfrom(udp, &byte, 1, 0, (struct sockaddr *)&from, &len) >= 0)
			(void)sendto(udp, &byte, 1, 0, (struct sockaddr *)&from, len);
	}
	return 1;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 2 && !strcmp(argv[1], "wait")) {
		puts("ready");
		fflush(stdout);
		probe_lines();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "-"))
		probe_lines();
	else
		puts(probe(argc - 1, argv + 1));
	return 0;
}
