// SPDX-License-Identifier: GPL-2.0-only
/* What one socket is given leaves by another: eBPF programs of the kind that sits on sockets (sockmap),
 * loaded by the program that wants out. They need CAP_BPF and CAP_NET_ADMIN. Where the other socket is
 * another program's connection, that one may (user.c tells how that is run); else it was made outside.
 */
#include "ebpf.h"
#include "trick.h"

#include <linux/kcm.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEGIN 10 /* what is written here ... */
#define END 11	 /* ... comes out here, and is redirected: two descriptors of the other program's */
#define MSG_REDIRECT BPF_FUNC_msg_redirect_map
#define SKB_REDIRECT BPF_FUNC_sk_redirect_map

/* ---- maps of sockets ---- */

/* A map of one socket. */
static int map_new(void)
{
	union bpf_attr a = {0};

	a.map_type = BPF_MAP_TYPE_SOCKMAP;
	a.key_size = a.value_size = sizeof(int);
	a.max_entries = 1;
	return ebpf(BPF_MAP_CREATE, &a);
}

static int map_put(int map, int fd)
{
	union bpf_attr a = {0};
	int key = 0;

	a.map_fd = (uint32_t)map;
	a.key = (uintptr_t)&key;
	a.value = (uintptr_t)&fd;
	return ebpf(BPF_MAP_UPDATE_ELEM, &a);
}

/* A program that sends everything to the socket in `map`: out of it, or (BPF_F_INGRESS) to whoever reads it.
 */
static int redirector(enum bpf_prog_type type, int function, int map, int flags)
{
	struct bpf_insn code[] = {
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4, .imm = flags},
		{.code = BPF_JMP | BPF_CALL, .imm = function},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return ebpf_load(type, 0, code, sizeof(code) / sizeof(code[0]));
}

/* What is written to `from`, or comes to it, goes to `to`. 0 or -1 and errno. */
static int redirect(int from, int to, enum bpf_attach_type where, int flags)
{
	bool skb = where == BPF_SK_SKB_VERDICT;
	int source = map_new(), target = map_new(), prog;
	union bpf_attr a = {0};

	if (source < 0 || target < 0 || map_put(target, to))
		return -1;
	prog = redirector(skb ? BPF_PROG_TYPE_SK_SKB : BPF_PROG_TYPE_SK_MSG,
			  skb ? SKB_REDIRECT : MSG_REDIRECT, target, flags);
	if (prog < 0)
		return -1;
	a.target_fd = (uint32_t)source;
	a.attach_bpf_fd = (uint32_t)prog;
	a.attach_type = where;
	return ebpf(BPF_PROG_ATTACH, &a) || map_put(source, from) ? -1 : 0;
}

/* ---- sockets ---- */

/* Two ends of a connection of TCP on this host, as BEGIN and END. 0 or -1. */
static int loop_pair(void)
{
	int server = open_for("127.0.0.1", SOCK_STREAM, 0), a = open_for("127.0.0.1", SOCK_STREAM, 0), b;
	struct sockaddr_storage at;
	socklen_t len = place("127.0.0.1", 0, &at);

	if (bind(server, (struct sockaddr *)&at, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&at, &len) || connect(a, (struct sockaddr *)&at, len))
		return -1;
	b = accept(server, NULL, NULL);
	close(server);
	return dup2(a, BEGIN) < 0 || dup2(b, END) < 0 ? -1 : 0;
}

static int unix_pair(int type)
{
	int pair[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair))
		return -1;
	return dup2(pair[0], BEGIN) < 0 || dup2(pair[1], END) < 0 ? -1 : 0;
}

static const char *say(void)
{
	(void)send(BEGIN, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(50);
	return NULL;
}

/* ---- the other program ---- */

/* Its own connection's text leaves by what it was given. */
static const char *use_msg(void)
{
	return redirect(BEGIN, USED, BPF_SK_MSG_VERDICT, 0) ? missing("sockmap") : say();
}

static const char *use_skb(void)
{
	if (unix_pair(SOCK_STREAM) || redirect(END, USED, BPF_SK_SKB_VERDICT, 0))
		return missing("sockmap");
	return say();
}

static const char *use_skb_dgram(void)
{
	if (unix_pair(SOCK_DGRAM) || redirect(END, USED, BPF_SK_SKB_VERDICT, 0))
		return missing("sockmap");
	return say();
}

/* Nothing is redirected: the connection is only one that is in such a map. */
static const char *use_listed(void)
{
	int map = map_new();

	if (map < 0 || map_put(map, USED))
		return missing("sockmap");
	(void)send(USED, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT);
	nap(20);
	return NULL;
}

/* What comes to the connection is read from a socket of its own. */
static const char *use_ingress(void)
{
	const struct timeval t = {.tv_usec = 300000};
	char byte;

	if (unix_pair(SOCK_STREAM) || redirect(USED, END, BPF_SK_SKB_VERDICT, BPF_F_INGRESS))
		return missing("sockmap");
	setsockopt(END, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	(void)!write(TOLD, "", 1);
	if (recv(END, &byte, 1, 0) == 1) {
		puts("got");
		fflush(stdout);
	}
	return NULL;
}

/* A multiplexer of messages takes it over, and what is written to that goes out by it. */
static const char *use_kcm(void)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct kcm_attach attach = {.fd = USED};
	int kcm = socket(AF_KCM, SOCK_SEQPACKET | SOCK_CLOEXEC, KCMPROTO_CONNECTED);

	attach.bpf_fd = ebpf_load(BPF_PROG_TYPE_SOCKET_FILTER, 0, code, 2);
	if (kcm < 0 || attach.bpf_fd < 0 || ioctl(kcm, SIOCKCMATTACH, &attach))
		return missing("AF_KCM");
	(void)send(kcm, MARK, MARK_LEN, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_EOR);
	nap(50);
	return NULL;
}

/* ---- the one that may ---- */

static const char *msg_by(int type)
{
	if (loop_pair())
		return missing("a connection on this host");
	enter(guard);
	return user_child("use-sockmap-msg", user_up(BAD4, type, 0));
}

static const char *user_msg(void)
{
	return msg_by(SOCK_STREAM);
}

static const char *user_skb(void)
{
	return user_child("use-sockmap-skb", user_up(BAD4, SOCK_STREAM, 0));
}

static const char *user_skb_udp(void)
{
	return user_child("use-sockmap-skb-dgram", user_up(BAD4, SOCK_DGRAM, 0));
}

static const char *user_listed(void)
{
	return user_child("use-sockmap-listed", user_up(BAD4, SOCK_STREAM, 0));
}

static const char *user_listed_udp(void)
{
	return user_child("use-sockmap-listed", user_up(BAD4, SOCK_DGRAM, 0));
}

static const char *user_ingress(void)
{
	return user_answers("use-sockmap-ingress", SOCK_STREAM);
}

static const char *user_kcm(void)
{
	return user_child("use-kcm", user_up(BAD4, SOCK_STREAM, 0));
}

/* ---- sockets from outside ---- */

static const char *outside_msg(void)
{
	int fd = connected(BAD4, BAD_PORT, SOCK_STREAM);

	if (fd < 0 || loop_pair())
		return "no connection";
	enter(guard);
	return redirect(BEGIN, fd, BPF_SK_MSG_VERDICT, 0) ? missing("sockmap") : say();
}

static const char *outside_skb(void)
{
	int fd = connected(BAD4, BAD_PORT, SOCK_STREAM);

	enter(guard);
	if (fd < 0 || unix_pair(SOCK_STREAM) || redirect(END, fd, BPF_SK_SKB_VERDICT, 0))
		return missing("sockmap");
	return say();
}

#define BPF_OWN "eBPF of the program's own moves it, when nobody is calling; drop CAP_BPF or CAP_NET_ADMIN"

const struct trick tricks_redirect[] = {
	{"user-sockmap-msg", user_msg, TRICK_USER | TRICK_OUTSIDE, NULL},
	{"user-sockmap-skb", user_skb, TRICK_USER, NULL},
	{"user-sockmap-skb-udp", user_skb_udp, TRICK_USER, NULL},
	{"user-sockmap-listed", user_listed, TRICK_USER, NULL},
	{"user-sockmap-listed-udp", user_listed_udp, TRICK_USER, NULL},
	{"user-kcm", user_kcm, TRICK_USER, NULL},
	{"user-sockmap-ingress", user_ingress, TRICK_USER, BPF_OWN},
	{"sockmap-outside-msg", outside_msg, TRICK_OUTSIDE, NULL},
	{"sockmap-outside-skb", outside_skb, TRICK_OUTSIDE, BPF_OWN},
	{"use-sockmap-msg", use_msg, TRICK_HERE, NULL},
	{"use-sockmap-skb", use_skb, TRICK_HERE, NULL},
	{"use-sockmap-skb-dgram", use_skb_dgram, TRICK_HERE, NULL},
	{"use-sockmap-listed", use_listed, TRICK_HERE, NULL},
	{"use-kcm", use_kcm, TRICK_HERE, NULL},
	{"use-sockmap-ingress", use_ingress, TRICK_HERE, NULL},
	{NULL, NULL, 0, NULL},
};
