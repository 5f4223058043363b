// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's programs: they allow everything. foreign.c attaches them; they have to stay where they are.
 */
#include "../../bpf/kernel.h"

#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int foreign_connect4(void *ctx)
{
	(void)ctx;
	return 1;
}

SEC("cgroup_skb/egress")
int foreign_egress(void *ctx)
{
	(void)ctx;
	return 1;
}

SEC("tp_btf/sched_process_exec")
int foreign_exec(void *ctx)
{
	(void)ctx;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
