// SPDX-License-Identifier: GPL-2.0-only
/* Connections: how they are opened, what is sent on old ones, and servers. */
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <linux/tls.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#define SCTP_CONNECTX 110

static const char *stream(const char *addr, int type, int proto)
{
	int fd = open_for(addr, type | SOCK_NONBLOCK, proto);

	if (fd < 0)
		return missing("socket");
	connect_to(fd, addr, BAD_PORT);
	finish_stream(fd);
	return NULL;
}

static const char *tcp4(void)
{
	return stream(BAD4, SOCK_STREAM, 0);
}

static const char *tcp6(void)
{
	return stream(BAD6, SOCK_STREAM, 0);
}

static const char *tcp_mapped(void)
{
	return stream("::ffff:" BAD4, SOCK_STREAM, 0);
}

static const char *tcp_wildcard(void)
{
	stream("0.0.0.0", SOCK_STREAM, 0);
	stream("::", SOCK_STREAM, 0);
	return stream("::ffff:0.0.0.0", SOCK_STREAM, 0);
}

static const char *mptcp4(void)
{
	return stream(BAD4, SOCK_STREAM, IPPROTO_MPTCP);
}

static const char *mptcp6(void)
{
	return stream(BAD6, SOCK_STREAM, IPPROTO_MPTCP);
}

static const char *mptcp_mapped(void)
{
	return stream("::ffff:" BAD4, SOCK_STREAM, IPPROTO_MPTCP);
}

/* A connection to the hole; the path manager adds one to another port by itself. */
static const char *mptcp_subflow(void)
{
	int fd = open_for(HOLE4, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP);

	if (fd < 0)
		return missing("socket");
	connect_to(fd, HOLE4, HOLE_PORT);
	finish_stream(fd);
	for (int i = 0; i < 10; i++) {
		(void)send(fd, MARK, MARK_LEN, MSG_DONTWAIT);
		nap(20);
	}
	return NULL;
}

static const char *sctp(void)
{
	return stream(BAD4, SOCK_STREAM, IPPROTO_SCTP);
}

static const char *sctp_connectx(void)
{
	int fd = open_for(BAD4, SOCK_SEQPACKET, IPPROTO_SCTP);
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);

	if (fd < 0)
		return missing("socket");
	setsockopt(fd, IPPROTO_SCTP, SCTP_CONNECTX, &to, len);
	nap(50);
	return NULL;
}

static const char *dccp(void)
{
	return stream(BAD4, 6 /* SOCK_DCCP */, IPPROTO_DCCP);
}

static const char *fastopen(const char *addr)
{
	int fd = open_for(addr, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_storage to;
	socklen_t len = place(addr, BAD_PORT, &to);

	(void)sendto(fd, MARK, MARK_LEN, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to, len);
	finish_stream(fd);
	return NULL;
}

static const char *fastopen4(void)
{
	return fastopen(BAD4);
}

static const char *fastopen6(void)
{
	return fastopen(BAD6);
}

static const char *fastopen_mptcp(void)
{
	int fd = open_for(BAD4, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP);
	struct sockaddr_storage to;
	socklen_t len = place(BAD4, BAD_PORT, &to);

	if (fd < 0)
		return missing("socket");
	(void)sendto(fd, MARK, MARK_LEN, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to, len);
	finish_stream(fd);
	return NULL;
}

/* connect() is put off until the first write. */
static const char *fastopen_connect(void)
{
	int fd = open_for(BAD4, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)))
		return missing("TCP_FASTOPEN_CONNECT");
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL);
	finish_stream(fd);
	return NULL;
}

/* A connection that never shook hands. */
static const char *repair(void)
{
	struct tcp_repair_window window = {.snd_wnd = 4096, .max_window = 4096, .rcv_wnd = 4096};
	int fd = open_for(BAD4, SOCK_STREAM, 0), on = 1, off = -1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on))) {
		static char text[64];

		snprintf(text, sizeof(text), "TCP_REPAIR: %s", strerror(errno));
		return text;
	}
	connect_to(fd, BAD4, BAD_PORT);
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window));
	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off));
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
	return NULL;
}

/* Connected to the hole; the socket is then used again for another place. */
static const char *tcp_reconnect(void)
{
	int fd = connected(HOLE4, HOLE_PORT, SOCK_STREAM);
	const struct sockaddr none = {.sa_family = AF_UNSPEC};

	if (fd < 0)
		fd = open_for(HOLE4, SOCK_STREAM, 0);
	(void)connect(fd, &none, sizeof(none));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	connect_to(fd, BAD4, BAD_PORT);
	finish_stream(fd);
	return NULL;
}

/* From an address that is not the host's. */
static const char *transparent(void)
{
	int fd = open_for(BAD4, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
	struct sockaddr_storage from;
	socklen_t len = place("198.51.100.77", 0, &from);

	if (setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)))
		return missing("IP_TRANSPARENT");
	if (bind(fd, (struct sockaddr *)&from, len))
		return missing("bind");
	connect_to(fd, BAD4, BAD_PORT);
	nap(20);
	return NULL;
}

/* ---- on a connection that was made under another policy ---- */

static const char no_peer[] = "no connection to the other end";

#define OLD_STREAM(addr)                                 \
	int fd = connected(addr, BAD_PORT, SOCK_STREAM); \
	if (fd < 0)                                      \
		return no_peer;                          \
	await();

static const char *old_send(void)
{
	OLD_STREAM(BAD4)
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
	return NULL;
}

static const char *old_send6(void)
{
	OLD_STREAM(BAD6)
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
	return NULL;
}

static const char *old_urgent(void)
{
	OLD_STREAM(BAD4)
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_OOB);
	nap(20);
	return NULL;
}

static const char *old_sendfile(void)
{
	int file = memfd_create("text", MFD_CLOEXEC);

	OLD_STREAM(BAD4)
	(void)!write(file, MARK, MARK_LEN);
	lseek(file, 0, SEEK_SET);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)sendfile(fd, file, NULL, MARK_LEN);
	nap(20);
	return NULL;
}

static const char *old_splice(void)
{
	int p[2];

	OLD_STREAM(BAD4)
	if (pipe2(p, O_CLOEXEC) || write(p[1], MARK, MARK_LEN) != MARK_LEN)
		return "no pipe";
	(void)splice(p[0], NULL, fd, NULL, MARK_LEN, SPLICE_F_NONBLOCK);
	nap(20);
	return NULL;
}

static const char *old_aio(void)
{
	aio_context_t context = 0;
	struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PWRITE,
			  .aio_buf = (uintptr_t)MARK,
			  .aio_nbytes = MARK_LEN},
		    *list = &cb;

	OLD_STREAM(BAD4)
	if (syscall(SYS_io_setup, 4, &context))
		return missing("io_setup");
	cb.aio_fildes = (uint32_t)fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	syscall(SYS_io_submit, context, 1, &list);
	nap(20);
	return NULL;
}

/* The kernel itself encrypts what is sent. */
static const char *old_ktls(void)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = {.version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128}};

	OLD_STREAM(BAD4)
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return missing("TCP_ULP tls");
	if (setsockopt(fd, SOL_TLS, TLS_TX, &keys, sizeof(keys)))
		return missing("TLS_TX");
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
	return NULL;
}

static const char *old_shutdown(void)
{
	OLD_STREAM(BAD4)
	shutdown(fd, SHUT_WR); /* one bit */
	nap(20);
	return NULL;
}

static const char *old_keepalive(void)
{
	int on = 1, idle = 1;

	OLD_STREAM(BAD4)
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
	nap(1200);
	return NULL;
}

static const char *old_mptcp(void)
{
	int fd = open_for(BAD4, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0 || connect_to(fd, BAD4, BAD_PORT))
		return no_peer;
	await();
	(void)send(fd, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
	return NULL;
}

static const char *old_udp(void)
{
	int fd = connected(BAD4, BAD_PORT, SOCK_DGRAM);

	await();
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *old_udp6(void)
{
	int fd = connected(BAD6, BAD_PORT, SOCK_DGRAM);

	await();
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *old_udp_unconnected(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);

	send_to(fd, BAD4, BAD_PORT);
	await();
	send_to(fd, BAD4, BAD_PORT);
	return NULL;
}

static const char *old_raw(void)
{
	int fd = open_for(BAD4, SOCK_RAW, 253);

	if (fd < 0)
		return missing("raw socket");
	send_to(fd, BAD4, 0);
	await();
	send_to(fd, BAD4, 0);
	return NULL;
}

/* ---- servers: they answer whoever calls, and so send ---- */

static const char *serve(int fd, int type, bool binds)
{
	struct sockaddr_storage at;
	socklen_t len = place("::", 0, &at);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int one;

	if (binds && bind(fd, (struct sockaddr *)&at, len))
		return missing("bind");
	if (type == SOCK_STREAM && listen(fd, 4))
		return missing("listen");
	len = sizeof(at);
	if (getsockname(fd, (struct sockaddr *)&at, &len))
		return missing("getsockname");
	printf("listen %s %d\n", type == SOCK_STREAM ? "tcp" : "udp",
	       ntohs(((struct sockaddr_in *)&at)->sin_port));
	fflush(stdout);
	if (poll(&p, 1, 10000) != 1)
		return NULL;
	one = type == SOCK_STREAM ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : fd;
	len = sizeof(at);
	if (type != SOCK_STREAM) {
		char data[16];

		(void)recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&at, &len);
		puts("got");
	} else {
		puts("got");
		(void)send(one, MARK, MARK_LEN, MSG_NOSIGNAL);
	}
	fflush(stdout);
	return NULL;
}

static const char *listen_bound(void)
{
	return serve(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), SOCK_STREAM, true);
}

static const char *listen_unbound(void)
{
	return serve(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), SOCK_STREAM, false);
}

static const char *listen_mptcp(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	return fd < 0 ? missing("socket") : serve(fd, SOCK_STREAM, true);
}

static const char *listen_fastopen(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), queue = 5;

	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue));
	return serve(fd, SOCK_STREAM, true);
}

/* A socket that has been where it may go, and listens after that. */
static const char *listen_again(int proto)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, proto);

	if (fd < 0)
		return missing("socket");
	(void)connect_to(fd, HOLE4, HOLE_PORT);
	(void)connect(fd, &none, sizeof(none));
	return serve(fd, SOCK_STREAM, false);
}

static const char *listen_after_connect(void)
{
	return listen_again(0);
}

static const char *listen_after_connect_mptcp(void)
{
	return listen_again(IPPROTO_MPTCP);
}

static const char *receive_udp(void)
{
	return serve(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), SOCK_DGRAM, true);
}

/* The refused datagram has bound a port already. */
static const char *receive_after_refusal(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	send_to(fd, "::ffff:" BAD4, BAD_PORT);
	connect_to(fd, "::ffff:" BAD4, BAD_PORT);
	return serve(fd, SOCK_DGRAM, false);
}

const struct trick tricks_stream[] = {
	{"tcp", tcp4, 0, NULL},
	{"tcp-v6", tcp6, 0, NULL},
	{"tcp-mapped", tcp_mapped, 0, NULL},
	{"tcp-wildcard", tcp_wildcard, 0, NULL},
	{"tcp-reconnect", tcp_reconnect, 0, NULL},
	{"tcp-transparent", transparent, 0, NULL},
	{"tcp-fastopen", fastopen4, 0, NULL},
	{"tcp-fastopen-v6", fastopen6, 0, NULL},
	{"tcp-fastopen-connect", fastopen_connect, 0, NULL},
	{"tcp-repair", repair, 0, NULL},
	{"mptcp", mptcp4, 0, NULL},
	{"mptcp-v6", mptcp6, 0, NULL},
	{"mptcp-mapped", mptcp_mapped, 0, NULL},
	{"mptcp-fastopen", fastopen_mptcp, 0, NULL},
	{"mptcp-subflow", mptcp_subflow, 0, NULL},
	{"sctp", sctp, 0, NULL},
	{"sctp-connectx", sctp_connectx, 0, NULL},
	{"dccp", dccp, 0, NULL},
	{"old-tcp-send", old_send, TRICK_BEFORE, NULL},
	{"old-tcp-send-v6", old_send6, TRICK_BEFORE, NULL},
	{"old-tcp-urgent", old_urgent, TRICK_BEFORE, NULL},
	{"old-tcp-sendfile", old_sendfile, TRICK_BEFORE, NULL},
	{"old-tcp-splice", old_splice, TRICK_BEFORE, NULL},
	{"old-tcp-aio", old_aio, TRICK_BEFORE, NULL},
	{"old-tcp-ktls", old_ktls, TRICK_BEFORE, NULL},
	{"old-tcp-shutdown", old_shutdown, TRICK_BEFORE, NULL},
	{"old-tcp-keepalive", old_keepalive, TRICK_BEFORE, NULL},
	{"old-mptcp-send", old_mptcp, TRICK_BEFORE, NULL},
	{"old-udp-connected", old_udp, TRICK_BEFORE, NULL},
	{"old-udp-connected-v6", old_udp6, TRICK_BEFORE, NULL},
	{"old-udp-unconnected", old_udp_unconnected, TRICK_BEFORE, NULL},
	{"old-raw", old_raw, TRICK_BEFORE, NULL},
	{"listen", listen_bound, TRICK_INBOUND, NULL},
	{"listen-without-bind", listen_unbound, TRICK_INBOUND, NULL},
	{"listen-mptcp", listen_mptcp, TRICK_INBOUND, NULL},
	{"listen-fastopen", listen_fastopen, TRICK_INBOUND, NULL},
	{"listen-after-connect", listen_after_connect, TRICK_INBOUND, NULL},
	{"listen-after-connect-mptcp", listen_after_connect_mptcp, TRICK_INBOUND, NULL},
	{"receive-udp", receive_udp, TRICK_INBOUND, NULL},
	{"receive-udp-after-refusal", receive_after_refusal, TRICK_INBOUND, NULL},
	{NULL, NULL, 0, NULL},
};
