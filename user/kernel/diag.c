// SPDX-License-Identifier: GPL-2.0-only
#include "diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_MAX 4096 /* more than a socket's buffer has room for */

struct request {
	struct nlmsghdr h;
	struct inet_diag_req_v2 r;
};

struct answer {
	struct nlmsghdr h;
	union {
		struct nlmsgerr e;
		struct inet_diag_msg m;
	};
	char rest[1024];
};

int diag_open(void)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), err;

	if (fd < 0)
		return -errno;
	/* what others send to a socket that is connected to the kernel is refused */
	if (!connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* The kernel has answered when send() returns, so there is nothing to wait for. Others are never listened to:
 * root of a container has a say in its network namespace, but not in this. */
static int receive(int netlink, uint32_t seq, struct answer *ret)
{
	for (int i = 0; i < READ_MAX; i++) {
		struct sockaddr_nl from = {0};
		socklen_t size = sizeof(from);
		ssize_t n =
			recvfrom(netlink, ret, sizeof(*ret), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0 || size != sizeof(from) || from.nl_pid)
			continue;
		if (n < (ssize_t)(sizeof(ret->h) + sizeof(ret->e.error)))
			return -EPROTO;
		if (ret->h.nlmsg_seq == seq)
			return 0;
	}
	return -EPROTO;
}

static int ask(int netlink, const struct cgw_cut *c, uint16_t type, uint16_t flags, struct answer *ret)
{
	static _Atomic uint32_t seq;
	struct request q = {
		.h = {.nlmsg_len = sizeof(q),
		      .nlmsg_type = type,
		      .nlmsg_flags = NLM_F_REQUEST | flags,
		      .nlmsg_seq = ++seq},
		.r = {.sdiag_family = (__u8)c->family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u},
	};

	q.r.id.idiag_sport = htons(c->lport);
	q.r.id.idiag_dport = htons(c->rport);
	q.r.id.idiag_if = c->ifindex;
	memcpy(q.r.id.idiag_src, c->local, 16);
	memcpy(q.r.id.idiag_dst, c->remote, 16);
	q.r.id.idiag_cookie[0] = (__u32)c->cookie;
	q.r.id.idiag_cookie[1] = (__u32)(c->cookie >> 32);
	if (send(netlink, &q, sizeof(q), 0) < 0)
		return -errno;
	return receive(netlink, q.h.nlmsg_seq, ret);
}

int diag_destroy(int netlink, const struct cgw_cut *c)
{
	struct answer a = {0};
	int r = ask(netlink, c, SOCK_DESTROY, NLM_F_ACK, &a);

	if (r || a.h.nlmsg_type != NLMSG_ERROR || !a.e.error || a.e.error == -ENOENT)
		return r;
	return a.e.error;
}

int diag_state(int netlink, const struct cgw_cut *c)
{
	struct answer a = {0};
	int r = ask(netlink, c, SOCK_DIAG_BY_FAMILY, 0, &a);

	if (r)
		return r;
	if (a.h.nlmsg_type == SOCK_DIAG_BY_FAMILY)
		return a.m.idiag_state;
	return a.h.nlmsg_type == NLMSG_ERROR && a.e.error == -ENOENT ? 0 : -EPROTO;
}

/* A socket that listens where nobody calls. */
static int victim(struct cgw_cut *c)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;
	socklen_t size = sizeof(a), cookie = sizeof(c->cookie);

	if (fd < 0)
		return -1;
	*c = (struct cgw_cut){.family = AF_INET};
	/* also while the loopback interface is down */
	if (setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes)) ||
	    bind(fd, (struct sockaddr *)&a, size) || listen(fd, 0) ||
	    getsockname(fd, (struct sockaddr *)&a, &size) ||
	    getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c->cookie, &cookie)) {
		close(fd);
		return -1;
	}
	memcpy(c->local, &a.sin_addr, sizeof(a.sin_addr));
	c->lport = ntohs(a.sin_port);
	return fd;
}

bool diag_works(void)
{
	struct cgw_cut c;
	int netlink = diag_open(), fd = victim(&c);
	bool works = netlink >= 0 && fd >= 0 && !diag_destroy(netlink, &c) && accept(fd, NULL, NULL) < 0 &&
		     errno == EINVAL;

	if (fd >= 0)
		close(fd);
	if (netlink >= 0)
		close(netlink);
	return works;
}
