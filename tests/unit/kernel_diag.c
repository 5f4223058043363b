// SPDX-License-Identifier: GPL-2.0-only
/* Socket diagnosis: a connection is found, ended and gone, and what another process than the kernel answers
 * does not count, whether it gets through or not. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../user/kernel/diag.h"
#include "test.h"

struct forged {
	struct nlmsghdr h;
	struct inet_diag_msg m;
};

static uint32_t port_of(int fd)
{
	struct sockaddr_nl a = {0};
	socklen_t n = sizeof(a);

	CHECK(!getsockname(fd, (struct sockaddr *)&a, &n));
	return a.nl_pid;
}

/* An answer that says that a connection is up, as somebody else sends it to fd. 0 or -errno. */
static int forge(int liar, int fd, uint32_t seq)
{
	struct forged f = {.h = {.nlmsg_len = sizeof(f), .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_seq = seq},
			   .m = {.idiag_family = AF_INET, .idiag_state = TCP_ESTABLISHED}};
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = port_of(fd)};

	return sendto(liar, &f, sizeof(f), 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/* A connection over loopback: both ends, and what names the first. */
static bool connection(int end[2], struct cgw_cut *c)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
			   mine = {0};
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(at);

	end[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	end[1] = -1;
	if (!CHECK(server >= 0 && end[0] >= 0) || !CHECK(!bind(server, (struct sockaddr *)&at, n)) ||
	    !CHECK(!listen(server, 1)) || !CHECK(!getsockname(server, (struct sockaddr *)&at, &n)) ||
	    !CHECK(!connect(end[0], (struct sockaddr *)&at, n)))
		return false;
	end[1] = accept(server, NULL, NULL);
	n = sizeof(mine);
	CHECK(end[1] >= 0 && !getsockname(end[0], (struct sockaddr *)&mine, &n));
	n = sizeof(c->cookie);
	*c = (struct cgw_cut){.family = AF_INET, .lport = ntohs(mine.sin_port), .rport = ntohs(at.sin_port)};
	memcpy(c->local, &mine.sin_addr, 4);
	memcpy(c->remote, &at.sin_addr, 4);
	close(server);
	return CHECK(!getsockopt(end[0], SOL_SOCKET, SO_COOKIE, &c->cookie, &n));
}

static void test_answers(void)
{
	int fd = diag_open(), end[2], more[200][2];
	struct cgw_cut c, by_cookie = {0};
	char byte;

	for (size_t i = 0; i < 200; i++)
		if (!connection(more[i], &c))
			return;
	if (!CHECK(fd >= 0) || !connection(end, &c))
		return;
	CHECK_INT(diag_state(fd, &c), TCP_ESTABLISHED);
	/* by its cookie alone, among many */
	by_cookie.cookie = c.cookie;
	CHECK_INT(diag_find(fd, &by_cookie), TCP_ESTABLISHED);
	CHECK(!memcmp(&by_cookie, &c, sizeof(c)));
	by_cookie.cookie = ~UINT64_C(0) - 1;
	CHECK_INT(diag_find(fd, &by_cookie), 0);
	CHECK_INT(diag_destroy(fd, &c), 0);
	CHECK_INT(recv(end[0], &byte, 1, MSG_DONTWAIT), -1);
	CHECK_INT(errno, ECONNABORTED);
	CHECK_INT(diag_state(fd, &c), 0);
	CHECK_INT(diag_destroy(fd, &c), 0);
	CHECK_INT(diag_find(fd, &c), 0);
	for (size_t i = 0; i < 200; i++) {
		close(more[i][0]);
		close(more[i][1]);
	}
	close(end[0]);
	close(end[1]);
	close(fd);
	CHECK(diag_works());
}

static void test_refused(void)
{
	int fd = diag_open(), liar = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	CHECK_INT(forge(liar, fd, 1), -ECONNREFUSED);
	close(liar);
	close(fd);
}

/* A socket that everybody may write to, with all that it has room for. */
static void test_forged(void)
{
	int liar = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG),
	    fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), err = 0, end[2];
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	uint32_t forged = 0;
	struct cgw_cut c;

	if (!CHECK(!bind(fd, (struct sockaddr *)&any, sizeof(any))) || !connection(end, &c))
		return;
	close(end[1]);
	close(end[0]);
	CHECK_INT(diag_destroy(fd, &c), 0);
	for (uint32_t seq = 0; seq < 50; seq++)
		CHECK_INT(forge(liar, fd, seq), 0);
	CHECK_INT(diag_state(fd, &c), 0);
	while (!err && forged++ < 100000)
		err = forge(liar, fd, forged);
	CHECK_INT(err, -EAGAIN);
	CHECK(forged > 50);
	CHECK(diag_state(fd, &c) <= 0);
	close(liar);
	close(fd);
}

int main(void)
{
	RUN(test_answers);
	RUN(test_refused);
	RUN(test_forged);
	return test_done();
}
