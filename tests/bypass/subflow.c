// SPDX-License-Identifier: GPL-2.0-only
/* A connection to the hole by multipath TCP, to which the program itself adds a way to BAD: as the path
 * manager in user space (CAP_NET_ADMIN). */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

struct message {
	struct nlmsghdr n;
	struct genlmsghdr g;
	uint8_t data[512];
};

/* One more attribute at the end; where it is. */
static struct nlattr *put(struct message *m, int type, const void *value, size_t len)
{
	struct nlattr *a = (void *)((uint8_t *)m + NLMSG_ALIGN(m->n.nlmsg_len));

	a->nla_type = (uint16_t)type;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, value, len);
	m->n.nlmsg_len = NLMSG_ALIGN(m->n.nlmsg_len) + (uint32_t)NLA_ALIGN(a->nla_len);
	return a;
}

static void begin(struct message *m, int family, int command, int version)
{
	memset(m, 0, sizeof(*m));
	m->n.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	m->n.nlmsg_type = (uint16_t)family;
	m->n.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	m->g.cmd = (uint8_t)command;
	m->g.version = (uint8_t)version;
}

/* Sends it, and waits for the answer: its length, or -1 and errno. */
static ssize_t ask(int fd, struct message *m)
{
	struct nlmsgerr *e = (void *)&m->g;
	ssize_t n;

	if (send(fd, m, m->n.nlmsg_len, 0) < 0)
		return -1;
	n = recv(fd, m, sizeof(*m), 0);
	if (n < (ssize_t)NLMSG_LENGTH(sizeof(*e)))
		return -1;
	if (m->n.nlmsg_type != NLMSG_ERROR)
		return n;
	errno = -e->error;
	return e->error ? -1 : n;
}

/* The number of the path manager's family; -1 and errno. */
static int family_of(int fd)
{
	struct message m;
	ssize_t n;

	begin(&m, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	m.n.nlmsg_flags = NLM_F_REQUEST;
	put(&m, CTRL_ATTR_FAMILY_NAME, MPTCP_PM_NAME, sizeof(MPTCP_PM_NAME));
	n = ask(fd, &m);
	for (uint32_t at = NLMSG_LENGTH(GENL_HDRLEN); n > 0 && at + NLA_HDRLEN <= (uint32_t)n;) {
		struct nlattr *a = (void *)((uint8_t *)&m + at);
		uint16_t id;

		memcpy(&id, (uint8_t *)a + NLA_HDRLEN, sizeof(id));
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			return id;
		at += (uint32_t)NLA_ALIGN(a->nla_len);
	}
	return -1;
}

static void put_end(struct message *m, int type, const char *addr, uint8_t id, uint16_t port)
{
	struct nlattr *nest = put(m, type | NLA_F_NESTED, NULL, 0);
	uint16_t family = AF_INET;
	struct in_addr four;

	inet_pton(AF_INET, addr, &four);
	put(m, MPTCP_PM_ADDR_ATTR_FAMILY, &family, sizeof(family));
	put(m, MPTCP_PM_ADDR_ATTR_ADDR4, &four, sizeof(four));
	if (id)
		put(m, MPTCP_PM_ADDR_ATTR_ID, &id, sizeof(id));
	if (port)
		put(m, MPTCP_PM_ADDR_ATTR_PORT, &port, sizeof(port));
	nest->nla_len = (uint16_t)((uint8_t *)m + m->n.nlmsg_len - (uint8_t *)nest);
}

/* Whose path manager acts: the kernel's or the program's. */
static int manager(const char *type)
{
	int fd = open("/proc/sys/net/mptcp/pm_type", O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = write(fd, type, 1) == 1 ? 0 : -1;
	close(fd);
	return r;
}

static const char *add(void)
{
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), fd, family = family_of(nl);
	const struct timeval t = {.tv_usec = 300000};
	struct mptcp_info info = {0};
	socklen_t len = sizeof(info);
	struct message m;
	char byte;

	fd = open_for(HOLE4, SOCK_STREAM, IPPROTO_MPTCP);
	if (fd < 0 || family < 0)
		return missing("multipath TCP");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	if (connect_to(fd, HOLE4, HOLE_PORT))
		return "no connection";
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL);
	(void)recv(fd, &byte, 1, 0); /* both ends are sure of each other then */
	if (getsockopt(fd, SOL_MPTCP, MPTCP_INFO, &info, &len))
		return missing("MPTCP_INFO");
	begin(&m, family, MPTCP_PM_CMD_SUBFLOW_CREATE, MPTCP_PM_VER);
	put(&m, MPTCP_PM_ATTR_TOKEN, &info.mptcpi_token, sizeof(info.mptcpi_token));
	put_end(&m, MPTCP_PM_ATTR_ADDR, HOST4, 1, 0);
	put_end(&m, MPTCP_PM_ATTR_ADDR_REMOTE, BAD4, 0, BAD_PORT);
	if (ask(nl, &m) < 0 && errno != EPERM && errno != EINPROGRESS && errno != ECONNREFUSED)
		return missing("MPTCP_PM_CMD_SUBFLOW_CREATE");
	for (int i = 0; i < 10; i++) {
		(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
		nap(20);
	}
	return NULL;
}

static const char *by_netlink(void)
{
	const char *r;

	if (manager("1"))
		return "no path manager in user space";
	r = add();
	manager("0");
	return r;
}

const struct trick tricks_subflow[] = {
	{"mptcp-subflow-by-netlink", by_netlink, 0, NULL},
	{NULL, NULL, 0, NULL},
};
