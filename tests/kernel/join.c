// SPDX-License-Identifier: GPL-2.0-only
/* join   reads lines "OPTION ADDR [port PORT] [from ADDR] [more N]", sets that option on a new UDP socket
 * (bound to PORT where one is given; `raw` instead of a port: a raw IGMP socket), and prints OK or an errno's
 * name.
 *
 * OPTION: a name below. more: the value is N bytes longer than it has to be. ADDR is the group; for
 * source-route and routing it is the place where the packets are to go. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"

#ifndef IPV6_JOIN_ANYCAST
#define IPV6_JOIN_ANYCAST 27
#endif
#define ROOM 65536

struct join {
	const char *option, *group, *from;
	int port;
	size_t more;
	bool raw;
};

static uint8_t value[ROOM];

/* The value of the option, into `value`; its length. */
static size_t make(const struct join *j, int *level, int *name)
{
	struct sockaddr_storage group, from;
	const struct in_addr *four;
	const struct in6_addr *six;

	address(j->group, 0, &group);
	address(j->from ? j->from : "192.0.2.9", 0, &from);
	four = &((struct sockaddr_in *)&group)->sin_addr;
	six = &((struct sockaddr_in6 *)&group)->sin6_addr;
	memset(value, 0, sizeof(value));
	*level = group.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	if (!strcmp(j->option, "add")) { /* the oldest one */
		struct ip_mreq m = {.imr_multiaddr = *four};
		struct ipv6_mreq m6 = {.ipv6mr_multiaddr = *six, .ipv6mr_interface = 1};

		*name = *level == IPPROTO_IP ? IP_ADD_MEMBERSHIP : IPV6_JOIN_GROUP;
		if (*level == IPPROTO_IP) {
			inet_pton(AF_INET, "127.0.0.1", &m.imr_interface);
			memcpy(value, &m, sizeof(m));
			return sizeof(m);
		}
		memcpy(value, &m6, sizeof(m6));
		return sizeof(m6);
	}
	if (!strcmp(j->option, "add-source")) {
		struct ip_mreq_source m = {.imr_multiaddr = *four,
					   .imr_sourceaddr = ((struct sockaddr_in *)&from)->sin_addr};

		inet_pton(AF_INET, "127.0.0.1", &m.imr_interface);
		*name = IP_ADD_SOURCE_MEMBERSHIP;
		memcpy(value, &m, sizeof(m));
		return sizeof(m);
	}
	if (!strcmp(j->option, "join")) {
		struct group_req r = {.gr_interface = 1, .gr_group = group};

		*name = MCAST_JOIN_GROUP;
		memcpy(value, &r, sizeof(r));
		return sizeof(r);
	}
	if (!strcmp(j->option, "join-source")) {
		struct group_source_req r = {.gsr_interface = 1, .gsr_group = group, .gsr_source = from};

		*name = MCAST_JOIN_SOURCE_GROUP;
		memcpy(value, &r, sizeof(r));
		return sizeof(r);
	}
	if (!strcmp(j->option, "msfilter")) {
		struct group_filter f = {.gf_interface = 1, .gf_group = group, .gf_fmode = MCAST_EXCLUDE};

		*name = MCAST_MSFILTER;
		memcpy(value, &f, GROUP_FILTER_SIZE(0));
		return GROUP_FILTER_SIZE(0);
	}
	if (!strcmp(j->option, "anycast")) {
		struct ipv6_mreq m = {.ipv6mr_multiaddr = *six, .ipv6mr_interface = 1};

		*name = IPV6_JOIN_ANYCAST;
		memcpy(value, &m, sizeof(m));
		return sizeof(m);
	}
	if (!strcmp(j->option, "source-route")) {
		*name = IP_OPTIONS;
		value[0] = 1;
		value[1] = 131;
		value[2] = 7;
		value[3] = 4;
		memcpy(value + 4, four, 4);
		return 12;
	}
	if (!strcmp(j->option, "alert")) { /* router alert: an option that goes nowhere else */
		*level = IPPROTO_IP;
		*name = IP_OPTIONS;
		value[0] = 148;
		value[1] = 4;
		return 4;
	}
	if (!strcmp(j->option, "routing")) {
		*name = IPV6_RTHDR;
		value[1] = 2;
		value[2] = 4;
		memcpy(value + 8, six, 16);
		return 24;
	}
	if (!strcmp(j->option, "ttl")) { /* what nobody judges, however long it is */
		*level = IPPROTO_IP;
		*name = IP_MULTICAST_TTL;
		value[0] = 3;
		return sizeof(int);
	}
	exit(2);
}

static int run(const struct join *j)
{
	int six = strchr(j->group, ':') != NULL, level, name;
	int fd = socket(six ? AF_INET6 : AF_INET, (j->raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC,
			j->raw ? IPPROTO_IGMP : 0);
	struct sockaddr_storage at;
	size_t n = make(j, &level, &name) + j->more;
	int error = 0;

	if (fd < 0)
		return errno;
	if (j->port) {
		address(six ? "::" : "0.0.0.0", 0, &at);
		((struct sockaddr_in *)&at)->sin_port = htons((uint16_t)j->port);
		if (bind(fd, (struct sockaddr *)&at,
			 six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)))
			return errno;
	}
	/* only a group that was joined has a filter; the join is not what is asked here */
	if (setsockopt(fd, level, name, value, (socklen_t)n))
		error = errno;
	close(fd);
	return error;
}

static const char *name_of(int error)
{
	switch (error) {
	case 0:
		return "OK";
	case EPERM:
		return "EPERM";
	case ECONNREFUSED:
		return "ECONNREFUSED";
	case EINVAL:
		return "EINVAL";
	case EADDRNOTAVAIL:
		return "EADDRNOTAVAIL";
	default:
		return strerror(error);
	}
}

int main(void)
{
	char line[256];

	while (fgets(line, sizeof(line), stdin)) {
		char *save = NULL, *word = strtok_r(line, " \n", &save);
		struct join j = {.option = word, .group = strtok_r(NULL, " \n", &save)};

		if (!j.option || !j.group)
			return 2;
		while ((word = strtok_r(NULL, " \n", &save))) {
			const char *arg = strcmp(word, "raw") ? strtok_r(NULL, " \n", &save) : "";

			if (!arg)
				return 2;
			if (!strcmp(word, "port"))
				j.port = atoi(arg);
			else if (!strcmp(word, "from"))
				j.from = arg;
			else if (!strcmp(word, "more"))
				j.more = strtoul(arg, NULL, 10);
			else
				j.raw = !strcmp(word, "raw");
		}
		puts(name_of(run(&j)));
		fflush(stdout);
	}
	return 0;
}
