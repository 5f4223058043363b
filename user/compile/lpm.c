// SPDX-License-Identifier: GPL-2.0-only
#include "lpm.h"

#include <string.h>

#include "ip.h"

static const struct cgw_prefix *key_at(const struct lpm *l, size_t i)
{
	return (const void *)(l->keys + i * l->stride);
}

static bool contains(const struct cgw_prefix *p, const uint8_t addr[16])
{
	return ip_in(ip_load(addr), ip_load(p->addr), p->len);
}

int lpm_compare(const void *a, const void *b)
{
	const struct cgw_prefix *x = a, *y = b;
	int order = memcmp(x->addr, y->addr, sizeof(x->addr));

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

void lpm_build(struct lpm *l, struct arena *a, const struct cgw_prefix *keys, size_t stride, size_t n)
{
	*l = (struct lpm){.keys = (const char *)keys, .stride = stride, .n = n};
	l->up = arena_alloc(a, (n + 1) * sizeof(*l->up));
	for (size_t i = 1; i < n; i++) {
		size_t up = i; /* 1 + index */

		while (up && !contains(key_at(l, up - 1), key_at(l, i)->addr))
			up = l->up[up - 1];
		l->up[i] = (uint32_t)up;
	}
}

long lpm_find(const struct lpm *l, const uint8_t addr[16])
{
	size_t lo = 0, hi = l->n; /* prefixes that begin at or before addr end at hi */

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(key_at(l, mid)->addr, addr, 16) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo && !contains(key_at(l, lo - 1), addr))
		lo = l->up[lo - 1];
	return (long)lo - 1;
}
