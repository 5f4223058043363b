// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's program: allows everything. clean_test.sh checks that it stays where it is. */
#include "../../bpf/kernel.h"

#include <bpf/bpf_helpers.h>

SEC("cgroup/connect4")
int foreign_connect4(void *ctx)
{
	(void)ctx;
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
