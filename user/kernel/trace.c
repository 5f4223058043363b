// SPDX-License-Identifier: GPL-2.0-only
/* Trying whether functions and tracepoints can be watched: a kernel may have been built without that, or
 * refuse it. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trace.h"

/* Without these three, programs at functions are of no use; the others are not on every kernel. */
static const char *const trace_calls[] = {"security_socket_sendmsg", "security_socket_recvmsg",
					  "security_socket_accept"};

/* What a program is to be attached to: its section is KIND/NAME. */
static const char *trace_target(const struct bpf_program *p)
{
	const char *name = strchr(bpf_program__section_name(p), '/');

	return name ? name + 1 : "";
}

static bool trace_try(const struct btf *btf, const struct bpf_program *p)
{
	/* r0 = 0; exit */
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	enum bpf_attach_type type = bpf_program__expected_attach_type(p);
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type);
	char name[128];
	int id, fd, link;

	snprintf(name, sizeof(name), "%s%s", type == BPF_TRACE_RAW_TP ? "btf_trace_" : "", trace_target(p));
	id = btf__find_by_name_kind(btf, name, type == BPF_TRACE_RAW_TP ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC);
	if (id < 0)
		return false;
	opts.attach_btf_id = (__u32)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "GPL", nothing, sizeof(nothing) / sizeof(nothing[0]),
			   &opts);
	if (fd < 0)
		return false;
	link = bpf_raw_tracepoint_open(NULL, fd);
	close(fd);
	if (link < 0)
		return false;
	close(link);
	return true;
}

enum trace_extent trace_choose(struct bpf_program *const *programs, size_t n, bool *able)
{
	struct btf *btf = btf__load_vmlinux_btf();
	size_t calls = 0;
	bool queue = false, functions;

	memset(able, 0, n * sizeof(*able));
	if (!btf)
		return TRACE_NOTHING;
	for (size_t i = 0; i < n; i++) {
		able[i] = programs[i] && trace_try(btf, programs[i]);
		if (!able[i])
			continue;
		for (size_t c = 0; c < sizeof(trace_calls) / sizeof(trace_calls[0]); c++)
			calls += !strcmp(trace_target(programs[i]), trace_calls[c]);
		queue |= !strcmp(trace_target(programs[i]), "tcp_sendmsg_locked");
	}
	btf__free(btf);
	functions = calls == sizeof(trace_calls) / sizeof(trace_calls[0]);
	for (size_t i = 0; i < n; i++)
		if (able[i] && bpf_program__expected_attach_type(programs[i]) != BPF_MODIFY_RETURN)
			able[i] = (bpf_program__expected_attach_type(programs[i]) == BPF_TRACE_FENTRY) ==
				  functions;
	return functions ? TRACE_CALLS : queue ? TRACE_SENDS : TRACE_NOTHING;
}
