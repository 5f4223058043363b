/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF iterators: programs that the kernel runs for each of its tasks, files or sockets. */
#ifndef CGWALL_KERNEL_ITER_H
#define CGWALL_KERNEL_ITER_H

#include <bpf/libbpf.h>
#include <stddef.h>

/* Runs p to its end, in the network namespace of the calling thread; fn gets each record of `size` bytes that
 * it writes. size 0: it writes nothing, and fn may be NULL. What fails in fn does not end it. 0, or the first
 * -errno. */
int iter_walk(struct bpf_program *p, size_t size, int (*fn)(void *arg, const void *record), void *arg);

#endif
