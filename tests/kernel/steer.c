// SPDX-License-Identifier: GPL-2.0-only
/* steer FROM PID TO   who calls port FROM in this network namespace, by TCP or UDP, gets what process PID has
 * bound to port TO: an sk_lookup program. Prints "ready"; until it is killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS 64 /* descriptors that are looked through */

static int bpf(enum bpf_cmd cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

/* Key 0: for TCP, 1: for UDP. */
static int program(int map, int from)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct bpf_sk_lookup, local_port)},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_2, .off = 17, .imm = from},
		{.code = BPF_LDX | BPF_MEM | BPF_W,
		 .dst_reg = BPF_REG_3,
		 .src_reg = BPF_REG_1,
		 .off = offsetof(struct bpf_sk_lookup, protocol)},
		{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4, .imm = 0},
		{.code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_3, .off = 1, .imm = IPPROTO_UDP},
		{.code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4, .imm = 1},
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_1,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = map},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD, .dst_reg = BPF_REG_2, .imm = -4},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_map_lookup_elem},
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 7, .imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_7, .src_reg = BPF_REG_0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_6},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_7},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_sk_assign},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_7},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_sk_release},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = SK_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr a = {0};

	a.prog_type = BPF_PROG_TYPE_SK_LOOKUP;
	a.expected_attach_type = BPF_SK_LOOKUP;
	a.insns = (uintptr_t)code;
	a.insn_cnt = sizeof(code) / sizeof(code[0]);
	a.license = (uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &a);
}

/* Puts the process's sockets on that port into the map; how many. */
static int fill(int map, int pid, int port)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), n = 0;

	for (int i = 0; i < FDS; i++) {
		int fd = (int)syscall(SYS_pidfd_getfd, pidfd, i, 0), type, key;
		struct sockaddr_in at = {0};
		socklen_t len = sizeof(at), size = sizeof(type);
		union bpf_attr a = {0};
		uint64_t value = (uint64_t)fd;

		if (fd < 0 || getsockname(fd, (struct sockaddr *)&at, &len) || at.sin_family != AF_INET ||
		    ntohs(at.sin_port) != port || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size))
			continue;
		key = type == SOCK_DGRAM;
		a.map_fd = (uint32_t)map;
		a.key = (uintptr_t)&key;
		a.value = (uintptr_t)&value;
		n += !bpf(BPF_MAP_UPDATE_ELEM, &a);
	}
	return n;
}

int main(int argc, char **argv)
{
	union bpf_attr a = {0};
	int map, link;

	if (argc != 4)
		return 2;
	a.map_type = BPF_MAP_TYPE_SOCKMAP;
	a.key_size = sizeof(int);
	a.value_size = sizeof(uint64_t);
	a.max_entries = 2;
	map = bpf(BPF_MAP_CREATE, &a);
	if (map < 0 || !fill(map, atoi(argv[2]), atoi(argv[3]))) {
		perror("steer: sockets");
		return 1;
	}
	memset(&a, 0, sizeof(a));
	a.link_create.prog_fd = (uint32_t)program(map, atoi(argv[1]));
	a.link_create.target_fd = (uint32_t)open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	a.link_create.attach_type = BPF_SK_LOOKUP;
	link = bpf(BPF_LINK_CREATE, &a);
	if (link < 0) {
		perror("steer: link");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
