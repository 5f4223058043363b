/* SPDX-License-Identifier: GPL-2.0-only */
/* Times decide() and the lookups before it inside the kernel, over the tables that an agent published: the
 * maps are the pinned ones. */
#pragma clang diagnostic ignored "-Wunused-parameter"

#include "../../bpf/kernel.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

#include <cgwall/abi.h>

#include "../../bpf/maps.h"
#include "../../bpf/lookup.h"

#define BENCH_QUERIES 65536

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_QUERIES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgw_query);
} bench_queries SEC(".maps");

struct bench_run {
	__u32 rounds;  /* in */
	__u32 queries; /* in: a power of two */
	__u64 ns;      /* out: of all rounds */
	__u64 passed;  /* out */
	__u64 failed;  /* out: could not be decided */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_run);
} bench_runs SEC(".maps");

struct bench_loop {
	__u64 word;
	__u64 mask;
	__u64 passed, failed;
};

static int bench_step(__u32 i, struct bench_loop *l)
{
	__u32 k = i & (__u32)l->mask;
	struct cgw_query *q = bpf_map_lookup_elem(&bench_queries, &k);
	struct cgw_answer a = {};

	if (!q)
		return 1;
	q->word = l->word;
	if (cgw_decide(q, &a))
		l->failed++;
	else if (a.entry.action == CGW_PASS)
		l->passed++;
	return 0;
}

SEC("syscall")
int bench_decide(void *ctx)
{
	__u32 zero = 0;
	struct bench_run *run = bpf_map_lookup_elem(&bench_runs, &zero);
	struct cgw_ctl *c = ctl_get();
	struct bench_loop l = {};
	__u64 start;

	if (!run || !c)
		return 1;
	l.word = c->word;
	l.mask = run->queries - 1;
	start = bpf_ktime_get_ns();
	bpf_loop(run->rounds, bench_step, &l, 0);
	run->ns = bpf_ktime_get_ns() - start;
	run->passed = l.passed;
	run->failed = l.failed;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
