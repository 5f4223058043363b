// SPDX-License-Identifier: GPL-2.0-only
/* What eBPF of a program's own does besides moving data between sockets (redirect.c): it writes another
 * destination into calls, and packets onto the line. */
#include "ebpf.h"
#include "trick.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int ebpf(enum bpf_cmd cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

int ebpf_load(enum bpf_prog_type type, enum bpf_attach_type where, const struct bpf_insn *code, unsigned n)
{
	union bpf_attr a = {0};

	a.prog_type = type;
	a.expected_attach_type = where;
	a.insns = (uintptr_t)code;
	a.insn_cnt = n;
	a.license = (uintptr_t) "GPL";
	return ebpf(BPF_PROG_LOAD, &a);
}

/* ---- calls ---- */

/* Whoever calls the hole below a cgroup calls BAD, until the descriptor is closed; -1 and errno. */
static int rewrite(const char *cgroup, enum bpf_attach_type where)
{
	const int at = offsetof(struct bpf_sock_addr, user_ip4),
		  port = offsetof(struct bpf_sock_addr, user_port);
	struct bpf_insn code[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_1, .off = at},
		{.code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = BPF_REG_2, .off = 4},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3},
		{.code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_3, .off = at},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = htons(BAD_PORT)},
		{.code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_3, .off = port},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int dir = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	union bpf_attr a = {0};

	inet_pton(AF_INET, HOLE4, &code[1].imm);
	inet_pton(AF_INET, BAD4, &code[2].imm);
	a.link_create.prog_fd = (uint32_t)ebpf_load(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, where, code,
						    sizeof(code) / sizeof(code[0]));
	a.link_create.target_fd = (uint32_t)dir;
	a.link_create.attach_type = where;
	return ebpf(BPF_LINK_CREATE, &a);
}

static const char *call_rewritten(const char *cgroup)
{
	int tcp = open_for(HOLE4, SOCK_STREAM | SOCK_NONBLOCK, 0), udp = open_for(HOLE4, SOCK_DGRAM, 0),
	    links[] = {rewrite(cgroup, BPF_CGROUP_INET4_CONNECT), rewrite(cgroup, BPF_CGROUP_UDP4_SENDMSG)};

	if (links[0] < 0 || links[1] < 0)
		return missing("a cgroup's eBPF");
	send_to(udp, HOLE4, HOLE_PORT);
	connect_to(udp, HOLE4, HOLE_PORT);
	(void)send(udp, MARK, MARK_LEN, 0);
	connect_to(tcp, HOLE4, HOLE_PORT);
	finish_stream(tcp);
	return NULL;
}

static const char *rewritten_inside(void)
{
	return call_rewritten(guard);
}

/* Above the firewall, and after it. */
static const char *rewritten_above(void)
{
	char dir[4096];

	snprintf(dir, sizeof(dir), "%s/..", guard);
	return call_rewritten(dir);
}

/* ---- packets ---- */

/* A classifier that is tried on a frame, and sends a copy of it. */
static const char *clone_redirect(void)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = BPF_REG_2,
		 .imm = (int)if_nametoindex(IFACE)},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_clone_redirect},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr a = {0};
	uint8_t b[128];

	a.test.prog_fd =
		(uint32_t)ebpf_load(BPF_PROG_TYPE_SCHED_CLS, 0, code, sizeof(code) / sizeof(code[0]));
	a.test.data_in = (uintptr_t)b;
	a.test.data_size_in = (uint32_t)frame(b);
	return ebpf(BPF_PROG_TEST_RUN, &a) ? missing("BPF_PROG_TEST_RUN") : NULL;
}

#define OWN "eBPF of the program's own does it; drop CAP_BPF or CAP_NET_ADMIN"

const struct trick tricks_ebpf[] = {
	{"connect-rewritten-inside", rewritten_inside, 0, NULL},
	{"connect-rewritten-above", rewritten_above, 0, OWN},
	{"bpf-clone-redirect", clone_redirect, 0, OWN},
	{NULL, NULL, 0, NULL},
};
