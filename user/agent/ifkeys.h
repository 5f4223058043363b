/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces that rules name (`on`) in the tables that are in force: kept as the host's are. */
#ifndef CGWALL_IFKEYS_H
#define CGWALL_IFKEYS_H

#include "../kernel/kernel.h"
#include "standing.h"

/* All that there are, into an image that is about to be published. netns: cookie of the network namespace.
 * 0 or -errno. */
int ifkeys_prepare(struct image *im, const struct facts *f, uint64_t netns, struct standing *st);

/* What has come, gone or changed its name since, into the policy in force. 0; -EAGAIN where it is to be
 * called again when kernel_grace_fd() is readable; another -errno where the policy has to be compiled anew.
 * *changed: connections are to be judged again. */
int ifkeys_put(struct kernel *k, const struct facts *f, uint64_t netns, struct standing *st, bool *changed);

/* An iface_write() into the policy in force; arg: struct kernel. */
iface_write ifkeys_write;

#endif
