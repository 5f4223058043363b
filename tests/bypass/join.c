// SPDX-License-Identifier: GPL-2.0-only
/* Multicast groups: the kernel announces the one that is joined, 28 bits (IPv4) or 112 that the program
 * chooses, to everybody on the link. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUP4 "239.77.66.55"
#define GROUP6 "ff15::77:66:55"
#ifndef SOCKET_URING_OP_SETSOCKOPT
#define URING_OP_CMD 46
#define URING_SETSOCKOPT 3
#else
#define URING_OP_CMD IORING_OP_URING_CMD
#define URING_SETSOCKOPT SOCKET_URING_OP_SETSOCKOPT
#endif

/* Long enough for the kernel to have sent its reports. */
static const char *announced(int r, const char *what)
{
	if (r)
		return missing(what);
	nap(150);
	return NULL;
}

static struct ip_mreqn membership(void)
{
	struct ip_mreqn m = {.imr_ifindex = (int)if_nametoindex(IFACE)};

	inet_pton(AF_INET, GROUP4, &m.imr_multiaddr);
	return m;
}

static struct group_req request(const char *group)
{
	struct group_req r = {.gr_interface = if_nametoindex(IFACE)};

	place(group, 0, &r.gr_group);
	return r;
}

static const char *add(void)
{
	struct ip_mreqn m = membership();

	return announced(setsockopt(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IP,
				    IP_ADD_MEMBERSHIP, &m, sizeof(m)),
			 "IP_ADD_MEMBERSHIP");
}

/* On an IPv6 socket. */
static const char *add_on_six(void)
{
	struct ip_mreqn m = membership();

	return announced(setsockopt(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IP,
				    IP_ADD_MEMBERSHIP, &m, sizeof(m)),
			 "IP_ADD_MEMBERSHIP");
}

static const char *add_tcp(void)
{
	struct ip_mreqn m = membership();

	return announced(setsockopt(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), IPPROTO_IP,
				    IP_ADD_MEMBERSHIP, &m, sizeof(m)),
			 "IP_ADD_MEMBERSHIP");
}

static const char *add_source(void)
{
	struct ip_mreq_source m = {.imr_multiaddr = membership().imr_multiaddr};

	inet_pton(AF_INET, HOST4, &m.imr_interface);
	inet_pton(AF_INET, "192.0.2.77", &m.imr_sourceaddr);
	return announced(setsockopt(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IP,
				    IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof(m)),
			 "IP_ADD_SOURCE_MEMBERSHIP");
}

static const char *join(void)
{
	struct group_req r = request(GROUP4);

	return announced(setsockopt(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IP,
				    MCAST_JOIN_GROUP, &r, sizeof(r)),
			 "MCAST_JOIN_GROUP");
}

static const char *join_source(void)
{
	struct group_source_req r = {.gsr_interface = if_nametoindex(IFACE)};

	place(GROUP4, 0, &r.gsr_group);
	place("192.0.2.77", 0, &r.gsr_source);
	return announced(setsockopt(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IP,
				    MCAST_JOIN_SOURCE_GROUP, &r, sizeof(r)),
			 "MCAST_JOIN_SOURCE_GROUP");
}

static const char *add_six(void)
{
	struct ipv6_mreq m = {.ipv6mr_interface = if_nametoindex(IFACE)};

	inet_pton(AF_INET6, GROUP6, &m.ipv6mr_multiaddr);
	return announced(setsockopt(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IPV6,
				    IPV6_ADD_MEMBERSHIP, &m, sizeof(m)),
			 "IPV6_ADD_MEMBERSHIP");
}

static const char *join_six(void)
{
	struct group_req r = request(GROUP6);

	return announced(setsockopt(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), IPPROTO_IPV6,
				    MCAST_JOIN_GROUP, &r, sizeof(r)),
			 "MCAST_JOIN_GROUP");
}

/* Longer than what the kernel copies for a program that looks at options; and exchanged while it looks. */
static struct ip_mreqn *large;
static atomic_bool over;

static void *exchange(void *arg)
{
	const struct ip_mreqn bad = membership();
	struct ip_mreqn good = bad;

	(void)arg;
	inet_pton(AF_INET, "224.0.0.1", &good.imr_multiaddr);
	while (!atomic_load(&over)) {
		memcpy(large, &good, sizeof(good));
		memcpy(large, &bad, sizeof(bad));
	}
	return NULL;
}

static const char *exchanged(size_t size)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = -1;
	pthread_t t;

	large = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*large = membership();
	if (pthread_create(&t, NULL, exchange, NULL))
		return "no thread";
	for (int i = 0; i < 2000 && r; i++)
		r = setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, large, (socklen_t)size);
	atomic_store(&over, true);
	pthread_join(t, NULL);
	nap(150);
	return NULL;
}

static const char *larger_than_a_page(void)
{
	return exchanged(5000);
}

static const char *changed_meanwhile(void)
{
	return exchanged(sizeof(struct ip_mreqn));
}

/* The option is set by the ring (Linux 6.7). */
static const char *by_ring(void)
{
	struct io_uring_params p = {0};
	int ring = (int)syscall(SYS_io_uring_setup, 4, &p),
	    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ip_mreqn m = membership();
	struct io_uring_sqe *sqes;
	uint8_t *sq, *cq;
	int result;

	if (ring < 0)
		return missing("io_uring");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED,
		  ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), PROT_READ | PROT_WRITE,
		  MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		    IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqes == MAP_FAILED)
		return missing("io_uring");
	memset(sqes, 0, sizeof(*sqes));
	sqes->opcode = URING_OP_CMD;
	sqes->fd = fd;
	/* cmd_op, level, optname, optlen and optval; older headers do not name them */
	memcpy((uint8_t *)sqes + 8, &(uint32_t){URING_SETSOCKOPT}, 4);
	memcpy((uint8_t *)sqes + 16, &(uint32_t[]){IPPROTO_IP, IP_ADD_MEMBERSHIP}, 8);
	memcpy((uint8_t *)sqes + 44, &(uint32_t){sizeof(m)}, 4);
	memcpy((uint8_t *)sqes + 48, &(uint64_t){(uintptr_t)&m}, 8);
	__atomic_store_n((uint32_t *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return missing("io_uring_enter");
	result = ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
	errno = -result;
	return announced(result, "SOCKET_URING_OP_SETSOCKOPT");
}

/* A 32-bit call: the group stands at another place in the same struct. */
static const char *compat(void)
{
	struct group_req r = request(GROUP4);
	uint8_t low[sizeof(r)] = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(low, &r.gr_interface, 4);
	memcpy(low + 4, &r.gr_group, sizeof(r.gr_group));
	/* every size that is large enough will do */
	return announced(setsockopt_32(fd, IPPROTO_IP, MCAST_JOIN_GROUP, low, sizeof(low)),
			 "a 32-bit setsockopt");
}

/* Made and joined outside in part: the option is set inside on a socket from outside. */
static const char *carried(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ip_mreqn m = membership();

	enter(guard);
	return announced(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)), "IP_ADD_MEMBERSHIP");
}

const struct trick tricks_join[] = {
	{"igmp-join", add, 0, NULL},
	{"igmp-join-on-v6-socket", add_on_six, 0, NULL},
	{"igmp-join-on-tcp-socket", add_tcp, 0, NULL},
	{"igmp-join-source", add_source, 0, NULL},
	{"igmp-join-group", join, 0, NULL},
	{"igmp-join-source-group", join_source, 0, NULL},
	{"igmp-join-larger-than-a-page", larger_than_a_page, 0, NULL},
	{"igmp-join-changed-meanwhile", changed_meanwhile, 0, NULL},
	{"igmp-join-io_uring", by_ring, 0, NULL},
	{"igmp-join-32-bit", compat, 0,
	 "cgroup programs are not shown 32-bit calls; enable BPF LSM or take them away "
	 "(SystemCallArchitectures=native, ia32_emulation=0)"},
	{"igmp-join-carried-in-socket", carried, TRICK_OUTSIDE, NULL},
	{"mld-join", add_six, 0, NULL},
	{"mld-join-group", join_six, 0, NULL},
	{NULL, NULL, 0, NULL},
};
