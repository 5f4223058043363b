// SPDX-License-Identifier: GPL-2.0-only
#include "diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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

static int ask(int netlink, const struct cgw_cut *c, uint16_t type, uint16_t flags, struct answer *ret)
{
	struct request q = {
		.h = {.nlmsg_len = sizeof(q), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags},
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
	n = recv(netlink, ret, sizeof(*ret), 0);
	if (n < 0)
		return -errno;
	return n < (ssize_t)(sizeof(ret->h) + sizeof(ret->e.error)) ? -EPROTO : 0;
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
