// SPDX-License-Identifier: GPL-2.0-only
#include "diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
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
 * root of a container has a say in its network namespace, but not in this. Bytes, or -errno. */
static ssize_t receive(int netlink, uint32_t seq, struct nlmsghdr *ret, size_t room)
{
	for (int i = 0; i < READ_MAX; i++) {
		struct sockaddr_nl from = {0};
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(netlink, ret, room, MSG_DONTWAIT, (struct sockaddr *)&from, &size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0 || size != sizeof(from) || from.nl_pid)
			continue;
		if (n < (ssize_t)(sizeof(*ret) + sizeof(int)))
			return -EPROTO;
		if (ret->nlmsg_seq == seq)
			return n;
	}
	return -EPROTO;
}

static _Atomic uint32_t last_seq;

static int ask(int netlink, const struct cgw_cut *c, uint16_t type, uint16_t flags, struct answer *ret)
{
	struct request q = {
		.h = {.nlmsg_len = sizeof(q),
		      .nlmsg_type = type,
		      .nlmsg_flags = NLM_F_REQUEST | flags,
		      .nlmsg_seq = ++last_seq},
		.r = {.sdiag_family = (__u8)c->family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u},
	};
	ssize_t n;

	q.r.id.idiag_sport = htons(c->lport);
	q.r.id.idiag_dport = htons(c->rport);
	q.r.id.idiag_if = c->ifindex;
	memcpy(q.r.id.idiag_src, c->local, 16);
	memcpy(q.r.id.idiag_dst, c->remote, 16);
	q.r.id.idiag_cookie[0] = (__u32)c->cookie;
	q.r.id.idiag_cookie[1] = (__u32)(c->cookie >> 32);
	if (send(netlink, &q, sizeof(q), 0) < 0)
		return -errno;
	n = receive(netlink, q.h.nlmsg_seq, &ret->h, sizeof(*ret));
	return n < 0 ? (int)n : 0;
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

#define LIST_ROOM 65536 /* more than the kernel puts into one part of a list */
#define LIST_PARTS 65536
/* neither those that listen nor those that are only remembered */
#define LIST_STATES (~0u & ~(1u << TCP_LISTEN | 1u << TCP_TIME_WAIT | 1u << TCP_NEW_SYN_RECV_))
#define TCP_NEW_SYN_RECV_ 12 /* not in <netinet/tcp.h> */

/* The socket of the cookie in one part of a list: its state, 0. *end: there are no more parts. */
static int find_in(struct nlmsghdr *h, size_t n, struct cgw_cut *c, bool *end)
{
	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		struct inet_diag_msg m;

		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
			*end = true;
			return h->nlmsg_type == NLMSG_ERROR ? -EPROTO : 0;
		}
		if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || NLMSG_PAYLOAD(h, 0) < sizeof(m))
			continue;
		memcpy(&m, NLMSG_DATA(h), sizeof(m));
		if ((m.id.idiag_cookie[0] | (uint64_t)m.id.idiag_cookie[1] << 32) != c->cookie)
			continue;
		c->lport = ntohs(m.id.idiag_sport);
		c->rport = ntohs(m.id.idiag_dport);
		c->ifindex = m.id.idiag_if;
		c->family = m.idiag_family;
		memcpy(c->local, m.id.idiag_src, 16);
		memcpy(c->remote, m.id.idiag_dst, 16);
		return m.idiag_state;
	}
	return 0;
}

static int find_among(int netlink, uint8_t family, struct cgw_cut *c, struct nlmsghdr *room)
{
	struct request q = {
		.h = {.nlmsg_len = sizeof(q),
		      .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		      .nlmsg_seq = ++last_seq},
		.r = {.sdiag_family = family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = LIST_STATES},
	};
	bool end = false;
	int found = 0;

	if (send(netlink, &q, sizeof(q), 0) < 0)
		return -errno;
	/* to the end also where it is found: nothing else can be asked before */
	for (int i = 0; i < LIST_PARTS && !end; i++) {
		ssize_t n = receive(netlink, q.h.nlmsg_seq, room, LIST_ROOM);
		int r;

		if (n < 0)
			return (int)n;
		r = find_in(room, (size_t)n, c, &end);
		found = found > 0 ? found : r;
	}
	return found;
}

int diag_find(int netlink, struct cgw_cut *c)
{
	struct nlmsghdr *room = malloc(LIST_ROOM);
	int r = -ENOMEM;

	if (room) {
		r = find_among(netlink, AF_INET, c, room);
		if (!r)
			r = find_among(netlink, AF_INET6, c, room);
	}
	free(room);
	return r;
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
