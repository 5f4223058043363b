// SPDX-License-Identifier: GPL-2.0-only
/* One socket for changes and for reading everything: what a dump says and what changes meanwhile then come in
 * the order in which they were true. A dump gives what it tells, and what changes while it runs, a new stamp;
 * what has an old one at its end is gone.
 *
 * Where the socket overflows, what is still queued is older than what was lost, and the kernel drops whatever
 * comes until that is read. So a dump is asked for when nothing is queued any more. */
#include "links.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ev.h>

#include "facts.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, Linux 5.14 */
#endif

#define BUFFER (1 << 20) /* of the socket */
#define READS_MAX 256	 /* messages before the loop gets its turn */
#define PATIENCE_MS 5000 /* for the first dump */
#define RETRY .1	 /* seconds, after a dump that failed */

struct address {
	uint8_t family, prefix;
	uint8_t local[16], peer[16];
	bool counts; /* for `active` */
	unsigned stamp;
};

struct iface {
	struct facts_link link;
	struct address *addresses;
	size_t naddresses, ncount;
	unsigned stamp;
};

enum phase { PHASE_IDLE, PHASE_LINKS, PHASE_ADDRESSES };

struct links {
	struct ev_loop *loop;
	struct facts *facts;
	ev_io io;
	ev_timer retry;
	int fd;
	struct iface *ifaces; /* by index, ascending */
	size_t nifaces;
	enum phase phase;
	bool again; /* what is being read is incomplete */
	bool due;   /* a dump is to be asked for as soon as the queue is empty */
	unsigned stamp;
	uint32_t seq;
	uint64_t overruns;
	char buf[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* ---- the table ---- */

static size_t iface_place(const struct links *l, uint32_t index)
{
	size_t lo = 0, hi = l->nifaces;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->ifaces[mid].link.index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct iface *iface_find(const struct links *l, uint32_t index)
{
	size_t at = iface_place(l, index);

	return at < l->nifaces && l->ifaces[at].link.index == index ? &l->ifaces[at] : NULL;
}

static struct iface *iface_make(struct links *l, uint32_t index)
{
	size_t at = iface_place(l, index);
	struct iface *more = realloc(l->ifaces, (l->nifaces + 1) * sizeof(*more));

	if (!more)
		return NULL;
	l->ifaces = more;
	memmove(more + at + 1, more + at, (l->nifaces - at) * sizeof(*more));
	more[at] = (struct iface){.link.index = index};
	l->nifaces++;
	return &more[at];
}

static void iface_drop(struct links *l, struct iface *i)
{
	facts_unlink(l->facts, i->link.index);
	if (i->naddresses)
		facts_tell(l->facts, FACTS_ADDRESS);
	free(i->addresses);
	memmove(i, i + 1, (size_t)(l->ifaces + --l->nifaces - i) * sizeof(*i));
}

static int iface_report(struct links *l, struct iface *i)
{
	i->link.active = i->link.running && i->ncount;
	return facts_link(l->facts, &i->link);
}

/* ---- messages ---- */

static struct rtattr *attr(struct rtattr *a, int len, unsigned short type)
{
	struct rtattr *found = NULL;

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			found = a;
	return found;
}

static int on_link(struct links *l, struct nlmsghdr *h)
{
	struct ifinfomsg *m = NLMSG_DATA(h);
	struct rtattr *name;
	struct iface *i;
	int len;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return 0;
	/* a bridge tells of its ports in the same words: RTM_DELLINK where one leaves it */
	len = (int)IFLA_PAYLOAD(h);
	if (m->ifi_family != AF_UNSPEC || m->ifi_index <= 0)
		return 0;
	/* news of a driver, told later than what it says */
	if (attr(IFLA_RTA(m), len, IFLA_WIRELESS))
		return 0;
	i = iface_find(l, (uint32_t)m->ifi_index);
	if (h->nlmsg_type == RTM_DELLINK) {
		if (i)
			iface_drop(l, i);
		return 0;
	}
	if (!i)
		i = iface_make(l, (uint32_t)m->ifi_index);
	if (!i)
		return -ENOMEM;
	i->stamp = l->stamp;
	name = attr(IFLA_RTA(m), len, IFLA_IFNAME);
	if (name && RTA_PAYLOAD(name) <= sizeof(i->link.name)) {
		memset(i->link.name, 0, sizeof(i->link.name));
		strncpy(i->link.name, RTA_DATA(name), RTA_PAYLOAD(name));
		i->link.name[sizeof(i->link.name) - 1] = '\0';
	}
	i->link.running = (m->ifi_flags & (IFF_UP | IFF_RUNNING | IFF_LOWER_UP)) ==
				  (IFF_UP | IFF_RUNNING | IFF_LOWER_UP) &&
			  !(m->ifi_flags & IFF_DORMANT);
	return iface_report(l, i);
}

/* The address itself, and the other end's where there is one. False: no address that we know. */
static bool read_address(struct nlmsghdr *h, struct address *ret)
{
	struct ifaddrmsg *m = NLMSG_DATA(h);
	int len = (int)IFA_PAYLOAD(h);
	size_t size = m->ifa_family == AF_INET ? 4 : 16;
	struct rtattr *local = attr(IFA_RTA(m), len, IFA_LOCAL), *peer = attr(IFA_RTA(m), len, IFA_ADDRESS),
		      *flags = attr(IFA_RTA(m), len, IFA_FLAGS);
	uint32_t f = m->ifa_flags;

	if (!local)
		local = peer;
	if ((m->ifa_family != AF_INET && m->ifa_family != AF_INET6) || !local || RTA_PAYLOAD(local) < size)
		return false;
	*ret = (struct address){.family = m->ifa_family, .prefix = m->ifa_prefixlen};
	memcpy(ret->local, RTA_DATA(local), size);
	if (peer && RTA_PAYLOAD(peer) >= size)
		memcpy(ret->peer, RTA_DATA(peer), size);
	if (flags && RTA_PAYLOAD(flags) >= sizeof(f))
		memcpy(&f, RTA_DATA(flags), sizeof(f));
	ret->counts = !(f & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
		      (m->ifa_family == AF_INET || ret->local[0] != 0xfe || (ret->local[1] & 0xc0) != 0x80);
	return true;
}

static struct address *address_find(const struct iface *i, const struct address *a)
{
	for (size_t k = 0; k < i->naddresses; k++) {
		struct address *b = &i->addresses[k];

		if (a->family != b->family || memcmp(a->local, b->local, sizeof(a->local)))
			continue;
		/* an interface has an IPv6 address once, whose peer may be changed */
		if (a->family == AF_INET6 ||
		    (a->prefix == b->prefix && !memcmp(a->peer, b->peer, sizeof(a->peer))))
			return b;
	}
	return NULL;
}

static void address_drop(struct iface *i, struct address *a)
{
	i->ncount -= a->counts;
	*a = i->addresses[--i->naddresses];
}

static int on_address(struct links *l, struct nlmsghdr *h)
{
	struct ifaddrmsg *m = NLMSG_DATA(h);
	struct address fresh, *a, *more;
	struct iface *i;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || !read_address(h, &fresh))
		return 0;
	i = iface_find(l, m->ifa_index);
	if (!i)
		return 0; /* its last address goes after it */
	a = address_find(i, &fresh);
	if (h->nlmsg_type == RTM_DELADDR) {
		if (!a)
			return 0;
		address_drop(i, a);
		facts_tell(l->facts, FACTS_ADDRESS);
		return iface_report(l, i);
	}
	fresh.stamp = l->stamp;
	if (a) {
		i->ncount += fresh.counts;
		i->ncount -= a->counts;
		*a = fresh;
		return iface_report(l, i);
	}
	more = realloc(i->addresses, (i->naddresses + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	i->addresses = more;
	more[i->naddresses++] = fresh;
	i->ncount += fresh.counts;
	facts_tell(l->facts, FACTS_ADDRESS);
	return iface_report(l, i);
}

/* ---- dumps ---- */

static int ask(struct links *l, enum phase phase)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg m; /* longer than struct ifaddrmsg, and both begin with the family */
	} request = {.h = {.nlmsg_len = NLMSG_LENGTH(phase == PHASE_LINKS ? sizeof(struct ifinfomsg)
									  : sizeof(struct ifaddrmsg)),
			   .nlmsg_type = phase == PHASE_LINKS ? RTM_GETLINK : RTM_GETADDR,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			   .nlmsg_seq = ++l->seq}};

	l->phase = phase;
	return send(l->fd, &request, request.h.nlmsg_len, 0) < 0 ? -errno : 0;
}

static void start_dump(struct links *l)
{
	l->again = l->due = false;
	l->stamp++;
	if (!ask(l, PHASE_LINKS))
		return;
	l->phase = PHASE_IDLE;
	l->again = true;
	ev_timer_start(l->loop, &l->retry);
}

/* What the dump did not tell of is gone. */
static void sweep(struct links *l)
{
	for (size_t i = l->nifaces; i-- > 0;) {
		struct iface *iface = &l->ifaces[i];
		size_t before = iface->naddresses;

		if (iface->stamp != l->stamp) {
			iface_drop(l, iface);
			continue;
		}
		for (size_t k = iface->naddresses; k-- > 0;)
			if (iface->addresses[k].stamp != l->stamp)
				address_drop(iface, &iface->addresses[k]);
		if (iface->naddresses == before)
			continue;
		facts_tell(l->facts, FACTS_ADDRESS);
		iface_report(l, iface);
	}
}

static void on_done(struct links *l, bool failed)
{
	if (l->phase == PHASE_LINKS && !failed && !ask(l, PHASE_ADDRESSES))
		return;
	failed |= l->phase == PHASE_LINKS;
	l->phase = PHASE_IDLE;
	if (failed) {
		l->again = true;
		ev_timer_start(l->loop, &l->retry);
	} else if (l->again) {
		l->due = true;
	} else {
		sweep(l);
	}
}

/* Does a dump end because it could not go on? */
static bool done_error(struct nlmsghdr *h)
{
	int error = 0;

	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(h), sizeof(error));
	return error < 0;
}

static void on_message(struct links *l, struct nlmsghdr *h)
{
	bool ours = l->phase != PHASE_IDLE && h->nlmsg_seq == l->seq;
	int err = 0;

	if (ours && h->nlmsg_flags & NLM_F_DUMP_INTR)
		l->again = true;
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		err = on_link(l, h);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		err = on_address(l, h);
		break;
	case NLMSG_DONE:
		if (ours)
			on_done(l, done_error(h));
		break;
	case NLMSG_ERROR:
		if (ours)
			on_done(l, true);
		break;
	default:
		break;
	}
	if (err && !l->again) {
		l->again = true; /* no memory: what is known is not all there is */
		ev_timer_start(l->loop, &l->retry);
	}
}

/* Reads one datagram. 0, -EAGAIN where there is none. */
static int read_one(struct links *l)
{
	struct sockaddr_nl from = {0};
	struct iovec iov = {l->buf, sizeof(l->buf)};
	struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
	struct nlmsghdr *h = (struct nlmsghdr *)l->buf;
	ssize_t n = recvmsg(l->fd, &m, MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0 && errno != ENOBUFS)
		return -EAGAIN;
	if (n < 0 || m.msg_flags & MSG_TRUNC) {
		l->overruns++;
		if (l->phase == PHASE_IDLE)
			l->due = true;
		else
			l->again = true; /* looked at when it ends */
		return 0;
	}
	if (from.nl_pid)
		return 0; /* not from the kernel: any program may send to this socket */
	for (; NLMSG_OK(h, (size_t)n); h = NLMSG_NEXT(h, n))
		on_message(l, h);
	return 0;
}

/* Reads what has come, up to READS_MAX messages, and asks for what is due if that was all. */
static void read_all(struct links *l)
{
	int n = 0;

	while (n < READS_MAX && !read_one(l))
		n++;
	if (n < READS_MAX && l->due && l->phase == PHASE_IDLE)
		start_dump(l);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
	struct links *l = w->data;

	(void)loop;
	(void)events;
	facts_begin(l->facts);
	read_all(l);
	facts_end(l->facts);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	struct links *l = w->data;

	if (l->phase == PHASE_IDLE) /* else `again` is looked at when it ends */
		l->due = true;
	on_readable(loop, &l->io, events);
}

/* ---- opening ---- */

static int open_socket(int buffer)
{
	struct sockaddr_nl to = {.nl_family = AF_NETLINK,
				 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE), r;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer,
			   sizeof(buffer)); /* what is lost is read again */
	if (!bind(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* Waits for the dump to be over. */
static int first_dump(struct links *l)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	int r;

	facts_begin(l->facts);
	start_dump(l);
	do {
		r = poll(&p, 1, PATIENCE_MS);
		if (r > 0)
			read_all(l);
	} while (((l->phase != PHASE_IDLE || l->due) && r > 0) || (r < 0 && errno == EINTR));
	facts_end(l->facts);
	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : l->again ? -EIO : 0;
}

int links_open(struct ev_loop *loop, struct facts *f, int buffer, struct links **ret)
{
	struct links *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->loop = loop;
	l->facts = f;
	ev_timer_init(&l->retry, on_retry, RETRY, 0.);
	l->retry.data = l;
	l->fd = open_socket(buffer ? buffer : BUFFER);
	err = l->fd < 0 ? l->fd : first_dump(l);
	if (err) {
		links_close(l);
		return err;
	}
	ev_io_init(&l->io, on_readable, l->fd, EV_READ);
	l->io.data = l;
	ev_io_start(loop, &l->io);
	*ret = l;
	return 0;
}

void links_close(struct links *l)
{
	if (!l)
		return;
	ev_io_stop(l->loop, &l->io);
	ev_timer_stop(l->loop, &l->retry);
	if (l->fd >= 0)
		close(l->fd);
	for (size_t i = 0; i < l->nifaces; i++)
		free(l->ifaces[i].addresses);
	free(l->ifaces);
	free(l);
}

uint64_t links_overruns(const struct links *l)
{
	return l->overruns;
}

int links_netns(uint64_t *ret)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return -errno;
	r = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) ? -errno : 0;
	close(fd);
	/* an older kernel will say no to the programs, and that is the reason to be told */
	if (r == -ENOPROTOOPT)
		cookie = r = 0;
	if (!r)
		*ret = cookie;
	return r;
}
