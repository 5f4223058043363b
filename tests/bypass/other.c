// SPDX-License-Identifier: GPL-2.0-only
/* What does not go through an internet socket, or is not said by the program itself. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/if_xdp.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SOL_XDP
#define SOL_XDP 283
#endif

/* An IPv4 packet to BAD, by hand; its length. */
static size_t packet(uint8_t *b, const char *src)
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};
	struct udphdr udp = {.source = htons(5555), .dest = htons(BAD_PORT), .len = htons(8 + MARK_LEN)};
	uint32_t sum = 0;

	ip.tot_len = htons(20 + 8 + MARK_LEN);
	inet_pton(AF_INET, src, &ip.saddr);
	inet_pton(AF_INET, BAD4, &ip.daddr);
	memcpy(b, &ip, 20);
	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(b[i] << 8 | b[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	ip.check = htons((uint16_t) ~(sum + (sum >> 16)));
	memcpy(b, &ip, 20);
	memcpy(b + 20, &udp, 8);
	memcpy(b + 28, MARK, MARK_LEN);
	return 28 + MARK_LEN;
}

/* The same as a frame on the line. */
size_t frame(uint8_t *b)
{
	memcpy(b, PEER_MAC, 6);
	memcpy(b + 6, HOST_MAC, 6);
	b[12] = ETH_P_IP >> 8;
	b[13] = ETH_P_IP & 255;
	return 14 + packet(b + 14, HOST4);
}

static const char *packet_socket(int type)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6};
	int fd = socket(AF_PACKET, type | SOCK_CLOEXEC, 0);
	uint8_t b[128];
	size_t n = type == SOCK_RAW ? frame(b) : packet(b, HOST4);

	if (fd < 0)
		return missing("packet socket");
	to.sll_ifindex = (int)if_nametoindex(IFACE);
	memcpy(to.sll_addr, PEER_MAC, 6);
	(void)sendto(fd, b, n, 0, (struct sockaddr *)&to, sizeof(to));
	return NULL;
}

static const char *packet_raw(void)
{
	return packet_socket(SOCK_RAW);
}

static const char *packet_dgram(void)
{
	return packet_socket(SOCK_DGRAM);
}

static const char *packet_old(void)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	uint8_t b[128];
	size_t n = frame(b);

	if (fd < 0)
		return missing("packet socket");
	to.sll_ifindex = (int)if_nametoindex(IFACE);
	memcpy(to.sll_addr, PEER_MAC, 6);
	await();
	(void)sendto(fd, b, n, 0, (struct sockaddr *)&to, sizeof(to));
	return NULL;
}

static const char *xdp(void)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0), size = 64;
	struct xdp_umem_reg umem = {.len = 64 * 4096, .chunk_size = 4096};
	struct sockaddr_xdp at = {.sxdp_family = AF_XDP, .sxdp_flags = XDP_COPY};
	struct xdp_mmap_offsets off;
	socklen_t len = sizeof(off);
	uint8_t *memory, *tx;
	struct xdp_desc *ring;

	if (fd < 0)
		return missing("AF_XDP socket");
	memory = mmap(NULL, umem.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
		      0);
	umem.addr = (uintptr_t)memory;
	at.sxdp_ifindex = if_nametoindex(IFACE);
	if (setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_FILL_RING, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_XDP, XDP_UMEM_COMPLETION_RING, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_XDP, XDP_TX_RING, &size, sizeof(size)) ||
	    getsockopt(fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len))
		return missing("AF_XDP rings");
	tx = mmap(NULL, off.tx.desc + 64 * sizeof(struct xdp_desc), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  XDP_PGOFF_TX_RING);
	if (tx == MAP_FAILED || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		return missing("AF_XDP bind");
	ring = (struct xdp_desc *)(tx + off.tx.desc);
	ring[0] = (struct xdp_desc){.addr = 0, .len = (uint32_t)frame(memory)};
	__atomic_store_n((uint32_t *)(tx + off.tx.producer), 1, __ATOMIC_RELEASE);
	(void)sendto(fd, NULL, 0, MSG_DONTWAIT, NULL, 0);
	nap(20);
	return NULL;
}

static const char *vsock(void)
{
	struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = BAD_PORT};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return missing("vsock");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		return missing("vsock connect");
	return "the other end is another machine: cannot be counted here";
}

/* A packet that the kernel takes for one that came in from elsewhere, and forwards. */
static const char *tun(void)
{
	struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	uint8_t b[128];
	size_t n = packet(b, "203.0.113.2");

	strcpy(r.ifr_name, "tun7");
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r))
		return missing("/dev/net/tun");
	if (system("ip addr add 203.0.113.1/24 dev tun7 && ip link set tun7 up && sysctl -qw "
		   "net.ipv4.ip_forward=1") != 0)
		return "forwarding cannot be turned on";
	nap(20);
	(void)!write(fd, b, n);
	nap(30);
	(void)!system("sysctl -qw net.ipv4.ip_forward=0");
	return NULL;
}

/* Routes, tunnels and address translation: the socket names the hole, the network brings it elsewhere. */
static const char *by_route(const char *set, const char *reset, const char *addr)
{
	int fd, tcp;

	if (system(set) != 0)
		return "this kernel has no such route or device";
	fd = open_for(addr, SOCK_DGRAM, 0);
	tcp = open_for(addr, SOCK_STREAM | SOCK_NONBLOCK, 0);
	send_to(fd, addr, HOLE_PORT);
	connect_to(tcp, addr, HOLE_PORT);
	finish_stream(tcp);
	close(tcp);
	(void)!system(reset);
	return NULL;
}

static const char *segment_route(void)
{
	return by_route("ip -6 route add " HOLE6 "/128 encap seg6 mode inline segs " BAD6 " dev " IFACE
			" 2>/dev/null",
			"ip -6 route del " HOLE6 "/128", HOLE6);
}

static const char *segment_encap_route(void)
{
	return by_route("ip -6 route add " HOLE6 "/128 encap seg6 mode encap segs " BAD6 " dev " IFACE
			" 2>/dev/null",
			"ip -6 route del " HOLE6 "/128", HOLE6);
}

#define TUNNEL(kind, how)                                            \
	"ip link add bypass0 type " kind " " how                     \
	" 2>/dev/null && ip addr add 203.0.113.9/32 dev bypass0 && " \
	"ip link set bypass0 up && ip route add " HOLE4 "/32 dev bypass0 2>/dev/null"

static const char *ipip(void)
{
	return by_route(TUNNEL("ipip", "local " HOST4 " remote " BAD4), "ip link del bypass0", HOLE4);
}

static const char *vxlan(void)
{
	return by_route(TUNNEL("vxlan", "id 7 local " HOST4 " remote " BAD4 " dstport 7009 dev " IFACE),
			"ip link del bypass0", HOLE4);
}

static const char *nat(void)
{
	return by_route(
		"nft 'add table ip bypass; add chain ip bypass o { type nat hook output priority -100; }; "
		"add rule ip bypass o ip daddr " HOLE4 " dnat to " BAD4 "' 2>/dev/null",
		"nft delete table ip bypass", HOLE4);
}

/* What goes to the hole is wrapped up, for BAD to unwrap. */
#define XFRM(mode)                                                                                          \
	"ip xfrm state add src " HOST4 " dst " BAD4 " proto esp spi 7 reqid 7 mode " mode                   \
	" enc cipher_null '' auth digest_null '' 2>/dev/null && "                                           \
	"ip xfrm policy add src " HOST4 " dst " HOLE4 " dir out tmpl src " HOST4 " dst " BAD4 " proto esp " \
	"reqid 7 mode " mode " 2>/dev/null"

static const char *xfrm(void)
{
	return by_route(XFRM("tunnel"), "ip xfrm policy flush; ip xfrm state flush", HOLE4);
}

#define NET_ADMIN "it changes the network below the socket; drop CAP_NET_ADMIN"
#define NET_RAW "no cgroup hook sees it; drop CAP_NET_RAW, or enable BPF LSM or tracing of functions"

const struct trick tricks_other[] = {
	{"packet-raw", packet_raw, TRICK_OTHER, NET_RAW},
	{"packet-dgram", packet_dgram, TRICK_OTHER, NET_RAW},
	{"old-packet-raw", packet_old, TRICK_BEFORE | TRICK_OTHER, NET_RAW},
	{"xdp", xdp, TRICK_OTHER, NET_RAW},
	{"vsock", vsock, TRICK_OTHER, "no cgroup hook sees it; enable BPF LSM or keep the module out"},
	{"tun-write", tun, 0, "what it writes was forwarded, not sent; drop CAP_NET_ADMIN"},
	{"route-seg6-inline", segment_route, 0, NULL},
	{"route-seg6-encap", segment_encap_route, 0, NET_ADMIN},
	{"tunnel-ipip", ipip, 0, NET_ADMIN},
	{"tunnel-vxlan", vxlan, 0, NET_ADMIN},
	{"nat-output", nat, 0, NET_ADMIN},
	{"xfrm-tunnel", xfrm, 0, NET_ADMIN},
	{NULL, NULL, 0, NULL},
};
