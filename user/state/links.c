// SPDX-License-Identifier: GPL-2.0-only
#include "links.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../compile/iface.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, Linux 5.14 */
#endif

int links_open(void)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&to, sizeof(to))) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

bool links_changed(int fd)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool changed = false;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0 || (n < 0 && (errno == ENOBUFS || errno == EINTR))) {
		struct nlmsghdr *h = (struct nlmsghdr *)buf;

		if (n < 0) {
			changed |= errno == ENOBUFS; /* what was lost may have been it */
			continue;
		}
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			const struct ifinfomsg *i = NLMSG_DATA(h);

			/* a change of flags alone (up, carrier) changes neither index nor name; a rename
			 * comes with the interface down and no flag changed */
			changed |= h->nlmsg_type == RTM_DELLINK ||
				   (h->nlmsg_type == RTM_NEWLINK && (i->ifi_change == ~0u || !i->ifi_change));
		}
	}
	return changed;
}

int links_add(struct image *im)
{
	struct if_nameindex *all;
	socklen_t size;
	uint64_t netns;
	int fd, r;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	size = sizeof(netns);
	r = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &netns, &size) ? -errno : 0;
	close(fd);
	if (r)
		return r;
	all = if_nameindex();
	if (!all)
		return -errno;
	for (const struct if_nameindex *i = all; i->if_index && !r; i++)
		r = iface_add(im, i->if_name, i->if_index, netns);
	if_freenameindex(all);
	return r;
}
