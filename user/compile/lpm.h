/* SPDX-License-Identifier: GPL-2.0-only */
/* Longest prefix match in user space, over a sorted array: the last prefix at or before an address either
 * contains it, or one of those that contain that prefix does. */
#ifndef CGWALL_COMPILE_LPM_H
#define CGWALL_COMPILE_LPM_H

#include <stddef.h>
#include <stdint.h>

#include <cgwall/abi.h>

#include "../policy/arena.h"

struct lpm {
	const char *keys; /* of struct cgw_prefix, `stride` bytes apart */
	size_t stride, n;
	uint32_t *up; /* by index: 1 + index of the prefix around it, 0: none */
};

/* keys: sorted by address, then length; borrowed. */
void lpm_build(struct lpm *l, struct arena *a, const struct cgw_prefix *keys, size_t stride, size_t n);

/* Index of the longest prefix that contains addr, or -1. */
long lpm_find(const struct lpm *l, const uint8_t addr[16]);

/* The order that it wants, for qsort(). */
int lpm_compare(const void *a, const void *b);

#endif
