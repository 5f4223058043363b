// SPDX-License-Identifier: GPL-2.0-only
/* Sending on what was held: whole packets by raw sockets in the flow's own network namespace. The kernel
 * hooks know the agent's raw sockets by the process that made them (bpf/hooks.h). */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "diag.h"
#include "hold.h"
#include "iter.h"
#include "packet.h"
#include "place.h"
#include "private.h"
#include "cgwall.skel.h"

static void cut_of(const struct kernel_held_flow *f, struct cgw_cut *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool four = !memcmp(f->key->remote, mapped, sizeof(mapped));

	*ret = (struct cgw_cut){
		.cookie = f->cookie,
		.rport = f->rport,
		.lport = f->lport,
		.ifindex = f->ifindex,
		.family = four ? AF_INET : AF_INET6,
	};
	memcpy(ret->remote, f->key->remote + (four ? 12 : 0), four ? 4 : 16);
	memcpy(ret->local, f->local + (four ? 12 : 0), four ? 4 : 16);
}

/* The socket for diagnosis where the flow is, or -errno. */
static int diag_socket(struct kernel *k, const struct kernel_held_flow *f, bool look)
{
	struct place *p = place_get(k, f->netns, look);

	return p ? place_socket(p, PLACE_DIAG) : -errno;
}

int kernel_hold_place(struct kernel *k, const struct kernel_held_flow *f)
{
	return place_use(k, f->netns, f->pid);
}

void kernel_hold_leave(struct kernel *k, const struct kernel_held_flow *f)
{
	place_leave(k, f->netns);
}

uint64_t kernel_hold_refused(const struct kernel *k)
{
	return k->places.refused;
}

/* The socket's state, as diag_state(). Where the host translates addresses on the way out, the packet tells
 * of others than the socket has: it is found by its cookie. No such packet was ever held (bpf/filter.h). */
static int look_at(int fd, const struct kernel_held_flow *f, struct cgw_cut *ret)
{
	int state;

	cut_of(f, ret);
	state = diag_state(fd, ret);
	return state || f->packet ? state : diag_find(fd, ret);
}

int kernel_hold_waits(struct kernel *k, const struct kernel_held_flow *f)
{
	struct cgw_cut c;
	int fd = diag_socket(k, f, false), state;

	if (fd < 0)
		return fd;
	state = look_at(fd, f, &c);
	/* also one that was up when the policy began to ask about it */
	return state < 0 ? state : state > 0;
}

int kernel_hold_end(struct kernel *k, const struct kernel_held_flow *f)
{
	struct cgw_cut c;
	int fd = diag_socket(k, f, true), r;

	if (fd < 0)
		return fd;
	r = look_at(fd, f, &c);
	return r > 0 ? diag_destroy(fd, &c) : r;
}

/* One packet on its way. */
static int send_one(struct place *p, const struct cgw_held *h, const uint8_t *data, size_t len)
{
	union {
		char room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	bool four = data[0] >> 4 == 4;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = len};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.room,
			   .msg_controllen = sizeof(control.room)};
	struct in_pktinfo by4 = {.ipi_ifindex = (int)h->ifindex};
	struct in6_pktinfo by6 = {.ipi6_ifindex = h->ifindex};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	int fd = place_socket(p, four ? PLACE_RAW4 : PLACE_RAW6), mark = (int)h->mark;

	if (fd < 0)
		return fd;
	c->cmsg_level = four ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = four ? IP_PKTINFO : IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(four ? sizeof(by4) : sizeof(by6));
	memcpy(CMSG_DATA(c), four ? (void *)&by4 : (void *)&by6, four ? sizeof(by4) : sizeof(by6));
	m.msg_controllen = CMSG_SPACE(four ? sizeof(by4) : sizeof(by6));
	if (four) {
		memcpy(&to4.sin_addr, data + offsetof(struct iphdr, daddr), 4);
		m.msg_name = &to4;
		m.msg_namelen = sizeof(to4);
	} else {
		memcpy(&to6.sin6_addr, data + offsetof(struct ip6_hdr, ip6_dst), 16);
		if (IN6_IS_ADDR_LINKLOCAL(&to6.sin6_addr) || IN6_IS_ADDR_MC_LINKLOCAL(&to6.sin6_addr))
			to6.sin6_scope_id = h->ifindex;
		m.msg_name = &to6;
		m.msg_namelen = sizeof(to6);
	}
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		return -errno;
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -errno;
}

/* The packet, or each of those that stand behind one header. */
static int send_all(struct place *p, struct cgw_held *h)
{
	uint8_t out[CGW_HELD_BYTES];
	struct timespec now;
	uint64_t age;
	int r = 0;

	clock_gettime(CLOCK_BOOTTIME, &now);
	age = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec - h->time;
	for (size_t i = 0;; i++) {
		size_t n = packet_part(h->data, h->len, h->gso, i, out);
		int error;

		if (!n)
			return i ? r : -EBADMSG;
		if (!packet_refresh(out, n, age))
			return -EBADMSG;
		error = send_one(p, h, out, n);
		r = r ? r : error;
	}
}

int kernel_hold_send(struct kernel *k, const struct kernel_held_flow *f)
{
	int fd = bpf_map__fd(k->skel->maps.held), r;
	struct cgw_held *h;
	struct place *p;

	if (!f->packet)
		return 0;
	h = malloc(sizeof(*h));
	if (!h)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &f->packet, h)) {
		r = errno == ENOENT ? 0 : -errno;
		free(h);
		return r;
	}
	/* what was handed over is sent once, whatever becomes of it */
	bpf_map_delete_elem(fd, &f->packet);
	p = place_get(k, f->netns, true);
	r = p ? 0 : -errno;
	if (!r && f->key->proto == IPPROTO_TCP && f->key->dir == CGW_OUT) {
		r = kernel_hold_waits(k, f);
		if (r <= 0) {
			free(h);
			return r;
		}
		r = 0;
	}
	if (!r && h->len && h->len < sizeof(h->data))
		r = send_all(p, h);
	free(h);
	return r;
}

static int patience_here(struct kernel *k, void *arg)
{
	(void)arg;
	return iter_walk(k->skel->progs.patience, 0, NULL, NULL);
}

int kernel_hold_patience(struct kernel *k)
{
	return place_each(k, patience_here, NULL);
}
