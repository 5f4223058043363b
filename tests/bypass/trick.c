// SPDX-License-Identifier: GPL-2.0-only
/* What tricks have in common. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

const char *guard, *outside;

void enter(const char *cgroup)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1) {
		perror(path);
		exit(1);
	}
	close(fd);
}

void await(void)
{
	char line[16];

	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

socklen_t place(const char *addr, int port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, addr, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		return sizeof(*four);
	}
	inet_pton(AF_INET6, addr, &six->sin6_addr);
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	return sizeof(*six);
}

int open_for(const char *addr, int type, int proto)
{
	return socket(strchr(addr, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, proto);
}

int connect_to(int fd, const char *addr, int port)
{
	struct sockaddr_storage to;
	socklen_t len = place(addr, port, &to);

	return connect(fd, (struct sockaddr *)&to, len);
}

int send_to(int fd, const char *addr, int port)
{
	struct sockaddr_storage to;
	socklen_t len = place(addr, port, &to);

	return sendto(fd, MARK, MARK_LEN, 0, (struct sockaddr *)&to, len) == MARK_LEN ? 0 : -1;
}

void finish_stream(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (poll(&p, 1, 100) == 1)
		(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int connected(const char *addr, int port, int type)
{
	const struct timeval t = {.tv_usec = 300000};
	int fd = open_for(addr, type, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	if (!connect_to(fd, addr, port))
		return fd;
	close(fd);
	return -1;
}

const char *missing(const char *what)
{
	static char text[128];

	if (errno == EPERM || errno == EACCES)
		return NULL;
	snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	return text;
}

int setsockopt_32(int fd, int level, int name, const void *value, int len)
{
#ifdef __x86_64__
	void *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int result;

	if (low == MAP_FAILED)
		return -1;
	memcpy(low, value, (size_t)len);
	__asm__ volatile("push %%rbp; mov %[size], %%ebp; mov %%ebp, %%edi; int $0x80; pop %%rbp"
			 : "=a"(result)
			 : "a"(366), "b"(fd), "c"(level), "d"(name), "S"(low), [size] "r"(len)
			 : "rdi", "r8", "r9", "r10", "r11", "memory");
	munmap(low, 4096);
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : 0;
#else
	errno = ENOSYS;
	return -1;
#endif
}

int give(int via, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(via, &m, 0) == 1 ? 0 : -1;
}

int take(int via)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(via, &m, 0) != 1 || !CMSG_FIRSTHDR(&m))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

void nap(int ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	nanosleep(&t, NULL);
}
