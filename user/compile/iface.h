/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces that there are, for the kernel side's `on`. */
#ifndef CGWALL_IFACE_H
#define CGWALL_IFACE_H

#include "compile.h"

/* Does any rule of the image name an interface? */
bool iface_wanted(const struct image *im);

/* Adds an interface of the network namespace with that cookie to what will be published. 0 or -errno. */
int iface_add(struct image *im, const char *name, uint32_t index, uint64_t netns);

#endif
