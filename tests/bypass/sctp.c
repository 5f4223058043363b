// SPDX-License-Identifier: GPL-2.0-only
/* Associations that the policy allows, and that go on to an address which it does not: the other end has two,
 * HOLE and BAD. By IPv4 it says so when it is called, by IPv6 when it is connected. */
#include "trick.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sctp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char no_peer[] = "no association";

/* Associations may get more addresses, with nobody's proof; the socket that loads the module is not needed.
 */
static int allow_more(void)
{
	static const char *const keys[][2] = {
		{"addip_enable", "1"}, {"addip_noauth_enable", "1"}, {"hb_interval", "3600000"}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP);
	char path[64];

	if (fd < 0)
		return -1;
	close(fd);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/sctp/%s", keys[i][0]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, keys[i][1], strlen(keys[i][1])) < 0)
			return -1;
		close(fd);
	}
	return 0;
}

/* ---- the other end ---- */

static int add(int fd, const char *addr)
{
	struct sockaddr_storage at;
	socklen_t len = place(addr, HOLE_PORT, &at);

	return setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, &at, len);
}

int sctp_serve(void)
{
	static const struct {
		const char *hole, *bad;
	} ends[] = {{HOLE4, BAD4}, {HOLE6, BAD6}};
	struct pollfd p[64] = {{0}};
	nfds_t n = 2;

	if (allow_more())
		return 1;
	for (int i = 0; i < 2; i++) {
		p[i].fd = open_for(ends[i].hole, SOCK_STREAM, IPPROTO_SCTP);
		p[i].events = POLLIN;
		if (add(p[i].fd, ends[i].hole) || (i == 0 && add(p[i].fd, ends[i].bad)) ||
		    listen(p[i].fd, 8)) {
			perror("sctp");
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	while (poll(p, n, -1) > 0) {
		for (nfds_t i = 2; i < n; i++) {
			char data[512];

			if (p[i].revents && recv(p[i].fd, data, sizeof(data), 0) <= 0) {
				close(p[i].fd);
				p[i--] = p[--n];
			}
		}
		for (int i = 0; i < 2; i++) {
			int fd = p[i].revents && n < 64 ? accept4(p[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

			if (fd < 0)
				continue;
			if (i == 1)
				add(fd, ends[i].bad);
			p[n++] = (struct pollfd){.fd = fd, .events = POLLIN};
		}
	}
	return 1;
}

/* ---- tricks ---- */

/* Everything that makes the kernel send to another address of an association. */
static void wander(int fd, const char *addr)
{
	char control[CMSG_SPACE(sizeof(struct sctp_sndrcvinfo))] = {0};
	struct sctp_paddrparams params = {.spp_flags = SPP_HB_DEMAND};
	struct sctp_prim primary = {0};
	struct sctp_sndrcvinfo info = {.sinfo_flags = SCTP_ADDR_OVER};
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = place(addr, HOLE_PORT, &to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	memcpy(&params.spp_address, &to, sizeof(params.spp_address));
	(void)setsockopt(fd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &params, sizeof(params));
	memcpy(&primary.ssp_addr, &to, sizeof(primary.ssp_addr));
	(void)setsockopt(fd, IPPROTO_SCTP, SCTP_PRIMARY_ADDR, &primary, sizeof(primary));
	c->cmsg_level = IPPROTO_SCTP;
	c->cmsg_type = SCTP_SNDRCV;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	(void)sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(50);
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(100);
}

/* An association with the hole; -1. */
static int associated(const char *addr, int type)
{
	const struct timeval t = {.tv_usec = 500000};
	int fd = allow_more() ? -1 : open_for(addr, type, IPPROTO_SCTP);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	if (!connect_to(fd, addr, HOLE_PORT))
		return fd;
	close(fd);
	return -1;
}

static const char *announced(void)
{
	int fd = associated(HOLE4, SOCK_STREAM);

	if (fd < 0)
		return no_peer;
	wander(fd, BAD4);
	return NULL;
}

static const char *announced_later(void)
{
	int fd = associated(HOLE6, SOCK_STREAM);

	if (fd < 0)
		return no_peer;
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(200); /* it is told of the other one meanwhile */
	wander(fd, BAD6);
	return NULL;
}

static const char *peeled_off(void)
{
	struct {
		uint32_t n;
		sctp_assoc_t id[8];
	} ids = {0};
	int fd = associated(HOLE4, SOCK_SEQPACKET);
	sctp_peeloff_arg_t peel = {0};
	socklen_t len = sizeof(ids);

	if (fd < 0)
		return no_peer;
	if (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &ids, &len) || !ids.n)
		return missing("SCTP_GET_ASSOC_ID_LIST");
	peel.associd = ids.id[0];
	len = sizeof(peel);
	if (getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF, &peel, &len) < 0)
		return missing("SCTP_SOCKOPT_PEELOFF");
	wander(peel.sd, BAD4);
	return NULL;
}

/* Called in one go with an address that is allowed. */
static const char *connected_x(void)
{
	int fd = open_for(HOLE4, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_SCTP);
	struct sockaddr_storage at;
	uint8_t both[2 * sizeof(struct sockaddr_in)];

	if (fd < 0)
		return missing("SCTP");
	place(HOLE4, HOLE_PORT, &at);
	memcpy(both, &at, sizeof(struct sockaddr_in));
	place(BAD4, HOLE_PORT, &at);
	memcpy(both + sizeof(struct sockaddr_in), &at, sizeof(struct sockaddr_in));
	(void)setsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, both, sizeof(both));
	nap(200);
	wander(fd, BAD4);
	return NULL;
}

const struct trick tricks_sctp[] = {
	{"sctp-announced", announced, 0, NULL},
	{"sctp-announced-later", announced_later, 0, NULL},
	{"sctp-peeled-off", peeled_off, 0, NULL},
	{"sctp-connectx-both", connected_x, 0, NULL},
	{NULL, NULL, 0, NULL},
};
