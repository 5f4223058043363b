/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses as the test programs are given them. */
#ifndef CGWALL_TEST_ADDRESS_H
#define CGWALL_TEST_ADDRESS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* IPv4 or IPv6 and a port to what connect() takes; its length. Ends the program where it is none. */
static inline socklen_t address(const char *text, int port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		return sizeof(*four);
	}
	if (inet_pton(AF_INET6, text, &six->sin6_addr) != 1) {
		fprintf(stderr, "'%s' is no address\n", text);
		exit(2);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	return sizeof(*six);
}

#endif
