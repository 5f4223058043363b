/* SPDX-License-Identifier: GPL-2.0-only */
/* eBPF that the program which wants out loads by itself. */
#ifndef BYPASS_EBPF_H
#define BYPASS_EBPF_H

#include <linux/bpf.h>

/* bpf(2). */
int ebpf(enum bpf_cmd cmd, union bpf_attr *a);
/* A program of `n` instructions; -1 and errno. where: its attach type, 0 where there is none. */
int ebpf_load(enum bpf_prog_type type, enum bpf_attach_type where, const struct bpf_insn *code, unsigned n);

#endif
