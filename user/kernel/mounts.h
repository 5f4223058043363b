/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's mount table, as the kernel side needs it (bpf/path.h). */
#ifndef CGWALL_MOUNTS_H
#define CGWALL_MOUNTS_H

struct kernel;

/* Opens the table for following and writes it down once. 0 or -errno with a sentence. */
int mounts_open(struct kernel *k, char **message);
void mounts_close(struct kernel *k);

#endif
