// SPDX-License-Identifier: GPL-2.0-only
/* Sockets of families that no rule can name. What they send leaves by sockets of the kernel's own, or by
 * none: no cgroup program sees the call, and few see what leaves. What the host must have for them is in
 * host.sh. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_pppox.h>
#include <linux/llc.h>
#include <linux/ppp-ioctl.h>
#include <linux/qrtr.h>
#include <linux/rds.h>
#include <linux/rxrpc.h>
#include <linux/tipc.h>

/* ---- RDS: reliable datagrams, which a worker of the kernel's sends over TCP ---- */

/* `inside`: only from when the socket is there already. */
static const char *rds_to(const char *from, const char *addr, bool inside)
{
	struct sockaddr_storage at, to;
	socklen_t at_len = place(from, 0, &at), to_len = place(addr, BAD_PORT, &to);
	int fd, tcp = RDS_TRANS_TCP;

	fd = socket(AF_RDS, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return missing("RDS");
	setsockopt(fd, SOL_RDS, SO_RDS_TRANSPORT, &tcp, sizeof(tcp));
	if (bind(fd, (struct sockaddr *)&at, at_len))
		return missing("RDS bind");
	if (inside)
		enter(guard);
	(void)sendto(fd, MARK, MARK_LEN, MSG_DONTWAIT, (struct sockaddr *)&to, to_len);
	nap(400);
	close(fd);
	return NULL;
}

static const char *rds(void)
{
	return rds_to(HOST4, BAD4, false);
}

static const char *rds_six(void)
{
	return rds_to(HOST6, BAD6, false);
}

static const char *rds_carried(void)
{
	return rds_to(HOST4, BAD4, true);
}

/* ---- RxRPC: calls over UDP sockets of the kernel's ---- */

static struct sockaddr_rxrpc rxrpc_place(const char *addr, int port, int service)
{
	struct sockaddr_rxrpc at = {.srx_family = AF_RXRPC, .transport_type = SOCK_DGRAM};
	struct sockaddr_storage to;

	at.srx_service = (uint16_t)service;
	at.transport_len = (uint16_t)place(addr, port, &to);
	memcpy(&at.transport, &to, at.transport_len);
	return at;
}

static const char *rxrpc_call(int family, const char *addr)
{
	struct sockaddr_rxrpc to = rxrpc_place(addr, BAD_PORT, 7);
	char control[CMSG_SPACE(sizeof(unsigned long))] = {0};
	struct iovec iov = {MARK, MARK_LEN};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = sizeof(to),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = socket(AF_RXRPC, SOCK_DGRAM | SOCK_CLOEXEC, family);
	unsigned long id = 1;

	if (fd < 0)
		return missing("RxRPC");
	c->cmsg_level = SOL_RXRPC;
	c->cmsg_type = RXRPC_USER_CALL_ID;
	c->cmsg_len = CMSG_LEN(sizeof(id));
	memcpy(CMSG_DATA(c), &id, sizeof(id));
	(void)sendmsg(fd, &m, 0);
	nap(100);
	close(fd);
	nap(100);
	return NULL;
}

static const char *rxrpc(void)
{
	return rxrpc_call(AF_INET, BAD4);
}

static const char *rxrpc_six(void)
{
	return rxrpc_call(AF_INET6, BAD6);
}

/* Clients share the kernel's UDP socket: this one was made for somebody outside. */
static const char *rxrpc_shared(void)
{
	struct sockaddr_rxrpc at = rxrpc_place("0.0.0.0", 0, 0);
	int fd = socket(AF_RXRPC, SOCK_DGRAM | SOCK_CLOEXEC, AF_INET);

	if (fd < 0)
		return missing("RxRPC");
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return missing("RxRPC bind");
	enter(guard);
	return rxrpc();
}

/* ---- TIPC: the host has joined a cluster (host.sh), whose services anybody may write to ---- */

#define SERVICE 7009 /* the first 64 are the kernel's own */

static const char *tipc(void)
{
	struct sockaddr_tipc to = {.family = AF_TIPC, .addrtype = TIPC_SERVICE_ADDR};
	int fd = socket(AF_TIPC, SOCK_RDM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return missing("TIPC");
	to.addr.name.name.type = SERVICE;
	to.addr.name.name.instance = 1;
	if (sendto(fd, MARK, MARK_LEN, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) < 0)
		return missing("TIPC service");
	nap(50);
	return NULL;
}

/* The other end. Between nodes of one kernel data does not go by the line, and sink.c cannot count it. */
static const char *receive_tipc(void)
{
	struct sockaddr_tipc at = {
		.family = AF_TIPC, .addrtype = TIPC_SERVICE_RANGE, .scope = TIPC_CLUSTER_SCOPE};
	int fd = socket(AF_TIPC, SOCK_RDM | SOCK_CLOEXEC, 0);
	char data[64];

	at.addr.nameseq.type = SERVICE;
	at.addr.nameseq.lower = at.addr.nameseq.upper = 1;
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return missing("TIPC");
	for (ssize_t n; (n = recv(fd, data, sizeof(data), 0)) >= 0;) {
		printf("tipc %d 0%s\n", AF_TIPC, memmem(data, (size_t)n, MARK, MARK_LEN) ? " mark" : "");
		fflush(stdout);
	}
	return NULL;
}

/* ---- PPP over something: frames to whoever is on the line ---- */

static const char *pppoe_open(int *fd)
{
	struct sockaddr_pppox to = {.sa_family = AF_PPPOX, .sa_protocol = PX_PROTO_OE};

	*fd = socket(AF_PPPOX, SOCK_STREAM | SOCK_CLOEXEC, PX_PROTO_OE);
	if (*fd < 0)
		return missing("PPPoE");
	to.sa_addr.pppoe.sid = htons(7);
	memcpy(to.sa_addr.pppoe.remote, PEER_MAC, 6);
	strcpy(to.sa_addr.pppoe.dev, IFACE);
	return connect(*fd, (struct sockaddr *)&to, sizeof(to)) ? missing("PPPoE session") : NULL;
}

static const char *pppoe(void)
{
	int fd;
	const char *r = pppoe_open(&fd);

	(void)send(fd, MARK, MARK_LEN, MSG_DONTWAIT);
	nap(20);
	return r;
}

static const char *pppoe_old(void)
{
	int fd;
	const char *r = pppoe_open(&fd);

	if (!r) {
		await();
		(void)send(fd, MARK, MARK_LEN, MSG_DONTWAIT);
		nap(20);
	}
	return r;
}

/* GRE to whom the socket names; data by the device for PPP, which is for CAP_NET_ADMIN. */
static const char *pptp(void)
{
	struct sockaddr_pppox at = {.sa_family = AF_PPPOX, .sa_protocol = PX_PROTO_PPTP}, to = at;
	int fd = socket(AF_PPPOX, SOCK_STREAM | SOCK_CLOEXEC, PX_PROTO_PPTP), ppp, channel;

	if (fd < 0)
		return missing("PPTP");
	at.sa_addr.pptp.call_id = 7;
	inet_pton(AF_INET, HOST4, &at.sa_addr.pptp.sin_addr);
	to.sa_addr.pptp.call_id = 9;
	inet_pton(AF_INET, BAD4, &to.sa_addr.pptp.sin_addr);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return missing("PPTP session");
	ppp = open("/dev/ppp", O_RDWR | O_CLOEXEC);
	if (ppp < 0 || ioctl(fd, PPPIOCGCHAN, &channel) || ioctl(ppp, PPPIOCATTCHAN, &channel))
		return missing("/dev/ppp");
	(void)!write(ppp, "\xc0\x21" MARK, 2 + MARK_LEN);
	nap(20);
	return NULL;
}

/* ---- families of the first network namespace only ---- */

const char *first_netns(void)
{
	int fd = open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);

	if (!getenv("IN_VM"))
		return "it would need the host's own network namespace: only in a virtual machine";
	if (fd < 0 || setns(fd, 0))
		return missing("the first network namespace");
	close(fd);
	return if_nametoindex("bypass0") ? NULL : "the line's device can have no child here";
}

static const char *llc_send(void)
{
	struct sockaddr_llc at = {.sllc_family = AF_LLC, .sllc_arphrd = 1 /* Ethernet */}, to;
	int fd = socket(AF_LLC, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = {.ifr_name = "bypass0"};

	if (fd < 0)
		return missing("LLC");
	if (ioctl(fd, SIOCGIFHWADDR, &r) == 0)
		memcpy(at.sllc_mac, r.ifr_hwaddr.sa_data, 6);
	to = at;
	at.sllc_sap = 0x44;
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return missing("LLC bind");
	to.sllc_sap = 0x42;
	memcpy(to.sllc_mac, PEER_MAC, 6);
	(void)sendto(fd, MARK, MARK_LEN, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	nap(20);
	return NULL;
}

static const char *llc(void)
{
	const char *r = first_netns();

	return r ? r : llc_send();
}

/* ---- and others ---- */

/* The oldest way to a packet socket: asked of the internet family. */
static const char *sock_packet(void)
{
	struct sockaddr to = {.sa_family = AF_INET};
	static const char text[60] = PEER_MAC HOST_MAC "\x88\xb5" MARK; /* a protocol for experiments */
	int fd = socket(AF_INET, SOCK_PACKET | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0)
		return missing("SOCK_PACKET");
	strcpy(to.sa_data, IFACE);
	(void)sendto(fd, text, sizeof(text), 0, &to, sizeof(to));
	nap(20);
	return NULL;
}

/* Packet sockets of somebody outside. */
static const char *packet_carried(void)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint8_t b[128];

	if (fd < 0)
		return missing("packet socket");
	to.sll_ifindex = (int)if_nametoindex(IFACE);
	enter(guard);
	(void)sendto(fd, b, frame(b), 0, (struct sockaddr *)&to, sizeof(to));
	return NULL;
}

static const char *packet_listens(void)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
	const struct timeval t = {.tv_sec = 10};
	uint8_t b[2048];

	if (fd < 0)
		return missing("packet socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	enter(guard);
	printf("listen udp %d\n", BAD_PORT);
	fflush(stdout);
	for (ssize_t n; (n = recv(fd, b, sizeof(b), 0)) > 0;) {
		if (n < 28 || b[9] != IPPROTO_UDP || (b[22] << 8 | b[23]) != BAD_PORT)
			continue;
		puts("got");
		fflush(stdout);
		break;
	}
	return NULL;
}

/* A socket of one family that becomes one of another. */
static const char *address_form(void)
{
	int fd = open_for(BAD6, SOCK_DGRAM, 0), four = AF_INET;

	if (connect_to(fd, "::ffff:" HOLE4, HOLE_PORT))
		connect_to(fd, "::ffff:" BAD4, BAD_PORT);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &four, sizeof(four)) && errno != ENOTCONN)
		return missing("IPV6_ADDRFORM");
	send_to(fd, BAD4, BAD_PORT);
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, MSG_DONTWAIT);
	return NULL;
}

static const char *qrtr(void)
{
	struct sockaddr_qrtr to = {.sq_family = AF_QIPCRTR, .sq_node = ~0u, .sq_port = BAD_PORT};
	int fd = socket(AF_QIPCRTR, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return missing("QRTR");
	(void)sendto(fd, MARK, MARK_LEN, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	return "the other end is a modem: cannot be counted here";
}

#define OTHER "no cgroup hook sees it; enable BPF LSM or tracing of functions, or keep the module out"

#define PACKET "no cgroup hook sees it; drop CAP_NET_RAW, or enable BPF LSM or tracing of functions"

const struct trick tricks_family[] = {
	{"rds", rds, TRICK_OTHER, OTHER},
	{"rds-v6", rds_six, TRICK_OTHER, OTHER},
	{"rxrpc", rxrpc, 0, NULL},
	{"rxrpc-v6", rxrpc_six, 0, NULL},
	{"rxrpc-shared", rxrpc_shared, TRICK_OUTSIDE | TRICK_OTHER, OTHER},
	{"tipc", tipc, TRICK_OTHER, OTHER},
	{"receive-tipc", receive_tipc, TRICK_HERE, NULL},
	{"pppoe", pppoe, TRICK_OTHER, OTHER},
	{"pptp", pptp, TRICK_OTHER, OTHER},
	{"llc", llc, TRICK_OTHER, OTHER},
	{"packet-old-style", sock_packet, TRICK_OTHER, PACKET},
	{"carried-in-rds", rds_carried, TRICK_OUTSIDE | TRICK_OTHER, OTHER},
	{"old-pppoe", pppoe_old, TRICK_BEFORE | TRICK_OTHER, OTHER},
	{"carried-in-packet", packet_carried, TRICK_OUTSIDE | TRICK_OTHER, PACKET},
	{"carried-in-packet-receiver", packet_listens, TRICK_OUTSIDE | TRICK_INBOUND | TRICK_OTHER, PACKET},
	{"addrform-udp", address_form, 0, NULL},
	{"qrtr", qrtr, TRICK_OTHER, OTHER},
	{NULL, NULL, 0, NULL},
};
