// SPDX-License-Identifier: GPL-2.0-only
/* sink IFACE FILE   appends a line to FILE for every packet that comes in by IFACE:
 *
 *     DST PROTO DPORT WORDS
 *
 * WORDS are, where they apply: `mark` (the payload holds the tricks' text), `route` (a routing header or a
 * source-route option), `fragment` (a later one), `error` (an ICMP error, which quotes what it is about),
 * `reset` (a TCP reset), `spoofed` (it says that it comes from BAD, and nothing does).
 * Of a frame that is neither IPv4 nor IPv6, DST is ?, PROTO 0 and DPORT the number of its protocol.
 * What the kernel says by itself (ARP, neighbour discovery) is left out, unless it holds the text. Prints
 * "ready"; runs until it is killed. */
#include "trick.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct packet {
	char dst[INET6_ADDRSTRLEN];
	int proto, dport;
	bool route, fragment, error, reset, spoofed;
};

static void read_ports(const uint8_t *at, const uint8_t *end, struct packet *p)
{
	if (p->fragment || end - at < 4)
		return;
	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP || p->proto == IPPROTO_UDPLITE ||
	    p->proto == IPPROTO_SCTP || p->proto == IPPROTO_DCCP)
		p->dport = at[2] << 8 | at[3];
	p->reset = p->proto == IPPROTO_TCP && end - at >= 20 && at[13] & 4;
}

static void read_four(const uint8_t *b, const uint8_t *end, struct packet *p)
{
	const uint8_t *options = b + 20, *data = b + (b[0] & 15) * 4;

	char from[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, b + 16, p->dst, sizeof(p->dst));
	p->spoofed = !strcmp(inet_ntop(AF_INET, b + 12, from, sizeof(from)), BAD4);
	p->proto = b[9];
	p->fragment = ((b[6] & 0x1f) << 8 | b[7]) != 0;
	while (options + 1 < data && data <= end && options[0]) {
		if (options[0] == 131 || options[0] == 137)
			p->route = true;
		options += options[0] == 1 || options[1] < 2 ? 1 : options[1];
	}
	p->error = p->proto == IPPROTO_ICMP && data < end && data[0] == 3;
	read_ports(data, end, p);
}

static void read_six(const uint8_t *b, const uint8_t *end, struct packet *p)
{
	const uint8_t *at = b + 40;
	int next = b[6];

	char from[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, b + 24, p->dst, sizeof(p->dst));
	p->spoofed = !strcmp(inet_ntop(AF_INET6, b + 8, from, sizeof(from)), BAD6);
	while (at + 8 <= end && (next == 0 || next == 43 || next == 44 || next == 51 || next == 60 ||
				 next == 135 || next == 139)) {
		p->route |= next == 43;
		if (next == 44)
			p->fragment |= ((at[2] << 8 | at[3]) & 0xfff8) != 0;
		b = at;
		at += next == 44 ? 8 : next == 51 ? (b[1] + 2) * 4 : (b[1] + 1) * 8;
		next = b[0];
	}
	p->proto = next;
	p->error = next == IPPROTO_ICMPV6 && at < end && at[0] >= 1 && at[0] <= 4;
	read_ports(at, end, p);
	/* 133-137: neighbour discovery */
	if (next == IPPROTO_ICMPV6 && at < end && at[0] >= 133 && at[0] <= 137)
		p->proto = -1;
}

int main(int argc, char **argv)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL)), out, size = 8 << 20;
	static uint8_t data[65536];

	if (argc != 3)
		return 2;
	at.sll_ifindex = (int)if_nametoindex(argv[1]);
	out = open(argv[2], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || out < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		perror("sink");
		return 1;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct packet p = {.dst = "?"};
		socklen_t len = sizeof(at);
		ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&at, &len);
		bool mark;

		if (n < 0)
			return 1;
		if (at.sll_pkttype == PACKET_OUTGOING)
			continue;
		mark = memmem(data, (size_t)n, MARK, MARK_LEN);
		if (at.sll_protocol == htons(ETH_P_IP) && n >= 20)
			read_four(data, data + n, &p);
		else if (at.sll_protocol == htons(ETH_P_IPV6) && n >= 40)
			read_six(data, data + n, &p);
		else if (at.sll_protocol == htons(ETH_P_ARP))
			p.proto = -1;
		else
			p.dport = ntohs(at.sll_protocol);
		if (p.proto >= 0 || mark)
			dprintf(out, "%s %d %d%s%s%s%s%s%s\n", p.dst, p.proto, p.dport, mark ? " mark" : "",
				p.route ? " route" : "", p.fragment ? " fragment" : "",
				p.error ? " error" : "", p.reset ? " reset" : "",
				p.spoofed ? " spoofed" : "");
	}
}
