// SPDX-License-Identifier: GPL-2.0-only
/* io_uring: calls made by kernel threads instead of the program. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* newer than the headers of some systems; Linux 6.11 */
#define RING_OP_BIND 56
#define RING_OP_LISTEN 57

struct ring {
	int fd;
	struct io_uring_params p;
	uint8_t *sq, *cq;
	struct io_uring_sqe *sqes;
};

static int ring_open(struct ring *r, unsigned flags)
{
	size_t sq, cq;

	memset(r, 0, sizeof(*r));
	r->p.flags = flags;
	r->p.sq_thread_idle = 1000;
	r->fd = (int)syscall(SYS_io_uring_setup, 8, &r->p);
	if (r->fd < 0)
		return -1;
	sq = r->p.sq_off.array + r->p.sq_entries * sizeof(uint32_t);
	cq = r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe);
	r->sq = mmap(NULL, sq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, cq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->p.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       IORING_OFF_SQES);
	return r->sq == MAP_FAILED || r->cq == MAP_FAILED || (void *)r->sqes == MAP_FAILED ? -1 : 0;
}

/* Submits n and waits for the end of each, a fifth of a second at most; the result of the last one. */
static int ring_chain(struct ring *r, const struct io_uring_sqe *sqes, unsigned n)
{
	uint32_t *tail = (uint32_t *)(r->sq + r->p.sq_off.tail),
		 *array = (uint32_t *)(r->sq + r->p.sq_off.array);
	uint32_t mask = *(uint32_t *)(r->sq + r->p.sq_off.ring_mask);
	uint32_t *head = (uint32_t *)(r->cq + r->p.cq_off.head),
		 *end = (uint32_t *)(r->cq + r->p.cq_off.tail);
	const struct io_uring_cqe *cqes = (const void *)(r->cq + r->p.cq_off.cqes);
	int result = -ETIMEDOUT;

	for (unsigned i = 0; i < n; i++) {
		r->sqes[(*tail + i) & mask] = sqes[i];
		array[(*tail + i) & mask] = (*tail + i) & mask;
	}
	__atomic_store_n(tail, *tail + n, __ATOMIC_RELEASE);
	syscall(SYS_io_uring_enter, r->fd, r->p.flags & IORING_SETUP_SQPOLL ? 0 : n, 0,
		IORING_ENTER_SQ_WAKEUP, NULL, 0);
	for (int i = 0; i < 100 && n; i++) {
		while (n && __atomic_load_n(end, __ATOMIC_ACQUIRE) != *head) {
			result = cqes[*head & (r->p.cq_entries - 1)].res;
			__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
			n--;
		}
		if (n)
			nap(2);
	}
	return n ? -ETIMEDOUT : result;
}

static int ring_do(struct ring *r, const struct io_uring_sqe *sqe)
{
	return ring_chain(r, sqe, 1);
}

static int ring_connect(struct ring *r, int fd, const char *addr, int port, unsigned flags)
{
	struct sockaddr_storage to;
	socklen_t len = place(addr, port, &to);

	return ring_do(r, &(struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
						 .fd = fd,
						 .addr = (uintptr_t)&to,
						 .off = len,
						 .flags = (uint8_t)flags});
}

static int ring_send(struct ring *r, int fd, unsigned flags)
{
	return ring_do(r, &(struct io_uring_sqe){.opcode = IORING_OP_SEND,
						 .fd = fd,
						 .addr = (uintptr_t)MARK,
						 .len = MARK_LEN,
						 .msg_flags = MSG_NOSIGNAL,
						 .flags = (uint8_t)flags});
}

static const char *datagram(unsigned setup, unsigned flags)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {
		.msg_name = &to, .msg_namelen = place(BAD4, BAD_PORT, &to), .msg_iov = &iov, .msg_iovlen = 1};
	struct ring r;

	if (ring_open(&r, setup))
		return missing("io_uring");
	ring_do(&r, &(struct io_uring_sqe){.opcode = IORING_OP_SENDMSG,
					   .fd = fd,
					   .addr = (uintptr_t)&m,
					   .len = 1,
					   .flags = (uint8_t)flags});
	ring_connect(&r, fd, BAD4, BAD_PORT, flags);
	ring_send(&r, fd, flags);
	return NULL;
}

static const char *stream(unsigned setup, unsigned flags)
{
	int fd = open_for(BAD6, SOCK_STREAM, 0);
	struct ring r;

	if (ring_open(&r, setup))
		return missing("io_uring");
	ring_connect(&r, fd, BAD6, BAD_PORT, flags);
	ring_send(&r, fd, flags);
	return NULL;
}

static const char *udp(void)
{
	return datagram(0, 0);
}

static const char *udp_worker(void)
{
	return datagram(0, IOSQE_ASYNC);
}

static const char *udp_sqpoll(void)
{
	return datagram(IORING_SETUP_SQPOLL, 0);
}

static const char *tcp(void)
{
	return stream(0, 0);
}

static const char *tcp_worker(void)
{
	return stream(0, IOSQE_ASYNC);
}

static const char *tcp_sqpoll(void)
{
	return stream(IORING_SETUP_SQPOLL, 0);
}

/* The socket, too, is made by the ring. */
static const char *made_by_ring(void)
{
	struct ring r;
	int fd;

	if (ring_open(&r, IORING_SETUP_SQPOLL))
		return missing("io_uring");
	fd = ring_do(&r,
		     &(struct io_uring_sqe){.opcode = IORING_OP_SOCKET, .fd = AF_INET, .off = SOCK_DGRAM});
	if (fd < 0) {
		errno = -fd;
		return missing("IORING_OP_SOCKET");
	}
	ring_connect(&r, fd, BAD4, BAD_PORT, 0);
	ring_send(&r, fd, 0);
	send_to(fd, BAD4, BAD_PORT);
	return NULL;
}

static const char *raw_by_ring(void)
{
	struct ring r;
	int fd;

	if (ring_open(&r, 0))
		return missing("io_uring");
	fd = ring_do(&r, &(struct io_uring_sqe){.opcode = IORING_OP_SOCKET,
						.fd = AF_INET,
						.off = SOCK_RAW,
						.len = 253,
						.flags = IOSQE_ASYNC});
	if (fd < 0) {
		errno = -fd;
		return missing("IORING_OP_SOCKET");
	}
	send_to(fd, BAD4, 0);
	return NULL;
}

static const char *old_tcp(unsigned setup, unsigned flags)
{
	int fd = connected(BAD4, BAD_PORT, SOCK_STREAM);
	struct ring r;

	if (fd < 0)
		return "no connection to the other end";
	if (ring_open(&r, setup))
		return missing("io_uring");
	await();
	ring_send(&r, fd, flags);
	nap(20);
	return NULL;
}

static const char *old_tcp_plain(void)
{
	return old_tcp(0, 0);
}

static const char *old_tcp_worker(void)
{
	return old_tcp(0, IOSQE_ASYNC);
}

static const char *old_tcp_sqpoll(void)
{
	return old_tcp(IORING_SETUP_SQPOLL, 0);
}

/* The ring and its polling thread were made outside; they work for who is inside now. */
static const char *foreign_ring(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {
		.msg_name = &to, .msg_namelen = place(BAD4, BAD_PORT, &to), .msg_iov = &iov, .msg_iovlen = 1};
	struct ring r;

	if (ring_open(&r, IORING_SETUP_SQPOLL))
		return missing("io_uring");
	enter(guard);
	ring_do(&r, &(struct io_uring_sqe){
			    .opcode = IORING_OP_SENDMSG, .fd = fd, .addr = (uintptr_t)&m, .len = 1});
	fd = open_for(BAD4, SOCK_DGRAM, 0);
	ring_do(&r, &(struct io_uring_sqe){
			    .opcode = IORING_OP_SENDMSG, .fd = fd, .addr = (uintptr_t)&m, .len = 1});
	return NULL;
}

/* Without copying, and with an address: what sendto() does. */
static const char *send_zc(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0), result;
	struct sockaddr_storage to;
	struct iovec iov = {(void *)(uintptr_t)MARK, MARK_LEN};
	struct msghdr m = {
		.msg_name = &to, .msg_namelen = place(BAD4, BAD_PORT, &to), .msg_iov = &iov, .msg_iovlen = 1};
	struct ring r;

	if (ring_open(&r, 0))
		return missing("io_uring");
	result = ring_do(&r, &(struct io_uring_sqe){.opcode = IORING_OP_SEND_ZC,
						    .fd = fd,
						    .addr = (uintptr_t)MARK,
						    .len = MARK_LEN,
						    .addr2 = (uintptr_t)&to,
						    .addr_len = (uint16_t)m.msg_namelen});
	errno = -result;
	if (result == -EINVAL)
		return missing("IORING_OP_SEND_ZC");
	ring_do(&r, &(struct io_uring_sqe){
			    .opcode = IORING_OP_SENDMSG_ZC, .fd = fd, .addr = (uintptr_t)&m, .len = 1});
	ring_connect(&r, fd, BAD4, BAD_PORT, 0);
	ring_do(&r, &(struct io_uring_sqe){
			    .opcode = IORING_OP_SEND_ZC, .fd = fd, .addr = (uintptr_t)MARK, .len = MARK_LEN});
	return NULL;
}

/* A socket that never has a descriptor: made, connected and written to by one chain. */
static const char *direct(int type)
{
	const struct io_uring_rsrc_register files = {.nr = 4, .flags = IORING_RSRC_REGISTER_SPARSE};
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);
	struct io_uring_sqe chain[] = {
		{.opcode = IORING_OP_SOCKET,
		 .fd = AF_INET,
		 .off = (uint64_t)type,
		 .file_index = 2,
		 .flags = IOSQE_IO_LINK},
		{.opcode = IORING_OP_CONNECT,
		 .fd = 1,
		 .addr = (uintptr_t)&to,
		 .off = len,
		 .flags = IOSQE_FIXED_FILE | IOSQE_IO_HARDLINK},
		{.opcode = IORING_OP_SEND,
		 .fd = 1,
		 .addr = (uintptr_t)MARK,
		 .len = MARK_LEN,
		 .msg_flags = MSG_NOSIGNAL,
		 .flags = IOSQE_FIXED_FILE},
	};
	struct ring r;

	if (ring_open(&r, 0))
		return missing("io_uring");
	if (syscall(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES2, &files, sizeof(files)))
		return missing("IORING_REGISTER_FILES2");
	ring_chain(&r, chain, 3);
	ring_do(&r, &chain[2]);
	return NULL;
}

static const char *direct_udp(void)
{
	return direct(SOCK_DGRAM);
}

static const char *direct_tcp(void)
{
	return direct(SOCK_STREAM);
}

/* bind() and listen() as the ring does them. */
static const char *listen_by_ring(void)
{
	int fd = open_for("::", SOCK_STREAM, 0), result, one;
	struct sockaddr_storage at;
	socklen_t len = place("::", 0, &at);
	struct ring r;

	if (ring_open(&r, 0))
		return missing("io_uring");
	result = ring_do(&r, &(struct io_uring_sqe){
				     .opcode = RING_OP_BIND, .fd = fd, .addr = (uintptr_t)&at, .addr2 = len});
	if (!result)
		result = ring_do(&r, &(struct io_uring_sqe){.opcode = RING_OP_LISTEN, .fd = fd, .len = 4});
	if (result || getsockname(fd, (struct sockaddr *)&at, &len)) {
		errno = -result;
		return missing("IORING_OP_BIND");
	}
	printf("listen tcp %d\n", ntohs(((struct sockaddr_in *)&at)->sin_port));
	fflush(stdout);
	do
		one = ring_do(&r, &(struct io_uring_sqe){.opcode = IORING_OP_ACCEPT, .fd = fd});
	while (one == -ETIMEDOUT);
	puts("got");
	fflush(stdout);
	(void)send(one, MARK, MARK_LEN, MSG_NOSIGNAL);
	return NULL;
}

/* By a connection that another program has made: user.c. */
static const char *used(unsigned flags)
{
	struct ring r;

	if (ring_open(&r, 0))
		return missing("io_uring");
	ring_send(&r, USED, flags);
	nap(20);
	return NULL;
}

static const char *used_plain(void)
{
	return used(0);
}

static const char *used_worker(void)
{
	return used(IOSQE_ASYNC);
}

const struct trick tricks_uring[] = {
	{"io_uring-udp", udp, 0, NULL},
	{"io_uring-udp-worker", udp_worker, 0, NULL},
	{"io_uring-udp-sqpoll", udp_sqpoll, 0, NULL},
	{"io_uring-tcp", tcp, 0, NULL},
	{"io_uring-tcp-worker", tcp_worker, 0, NULL},
	{"io_uring-tcp-sqpoll", tcp_sqpoll, 0, NULL},
	{"io_uring-socket", made_by_ring, 0, NULL},
	{"io_uring-raw-socket", raw_by_ring, 0, NULL},
	{"io_uring-zerocopy", send_zc, 0, NULL},
	{"io_uring-direct-udp", direct_udp, 0, NULL},
	{"io_uring-direct-tcp", direct_tcp, 0, NULL},
	{"io_uring-listen", listen_by_ring, TRICK_INBOUND, NULL},
	{"io_uring-made-outside", foreign_ring, TRICK_OUTSIDE, NULL},
	{"old-tcp-io_uring", old_tcp_plain, TRICK_BEFORE, NULL},
	{"old-tcp-io_uring-worker", old_tcp_worker, TRICK_BEFORE, NULL},
	{"old-tcp-io_uring-sqpoll", old_tcp_sqpoll, TRICK_BEFORE, NULL},
	{"use-io_uring", used_plain, TRICK_HERE, NULL},
	{"use-io_uring-worker", used_worker, TRICK_HERE, NULL},
	{NULL, NULL, 0, NULL},
};
