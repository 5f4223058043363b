/* SPDX-License-Identifier: GPL-2.0-only */
/* decide()'s lookups over the kernel's maps. */
#ifndef CGWALL_BPF_LOOKUP_H
#define CGWALL_BPF_LOOKUP_H

/* Global functions are verified once and on their own, whatever calls them. */
#define CGW_FN __noinline

static __always_inline struct cgw_ctl *ctl_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ctl, &zero);
}

static __always_inline const struct cgw_head *cgw_head_of(__u64 word)
{
	struct cgw_ctl *c = ctl_get();

	return c ? &c->head[CGW_WORD_SLOT(word)] : NULL;
}

static __always_inline struct cgw_chunk *chunk_get(__u64 word, __u32 index)
{
	__u32 slot = CGW_WORD_SLOT(word);
	void *inner = bpf_map_lookup_elem(&chunks, &slot);

	return inner ? bpf_map_lookup_elem(inner, &index) : NULL;
}

static __always_inline const struct cgw_chunk *cgw_chunk_at(__u64 word, __u32 index)
{
	return chunk_get(word, index);
}

static __always_inline const struct cgw_class *cgw_class_of(__u64 word, const struct cgw_key *key)
{
	__u32 slot = CGW_WORD_SLOT(word);
	void *inner = bpf_map_lookup_elem(&keys, &slot);

	return inner ? bpf_map_lookup_elem(inner, key) : NULL;
}

static __always_inline const struct cgw_class *iface_of(__u64 word, const struct cgw_key *key)
{
	__u32 slot = CGW_WORD_SLOT(word);
	void *inner = bpf_map_lookup_elem(&ifaces, &slot);

	return inner ? bpf_map_lookup_elem(inner, key) : NULL;
}

static __always_inline const struct cgw_class *cgw_prefix_of(__u64 word, const struct cgw_prefix *key)
{
	__u32 slot = CGW_WORD_SLOT(word);
	void *inner = bpf_map_lookup_elem(&prefixes, &slot);

	return inner ? bpf_map_lookup_elem(inner, key) : NULL;
}

/* The list class of an address; 0: in none. A list map that is missing gives a class that no table has,
 * so that the decision fails instead of taking a listed address for an unlisted one. key: on the stack, where
 * 6.1 wants it. */
static __always_inline __u32 cgw_list_of(__u32 lists, const struct cgw_prefix *key)
{
	const __u32 *a = (const __u32 *)key->addr;
	__u32 slot = lists & 1;
	__u32 *class;
	void *inner;

	if (lists == ~0u)
		return 0;
	if (!a[0] && !a[1] && a[2] == bpf_htonl(0xffff)) {
		inner = bpf_map_lookup_elem(&lists4, &slot);
		if (!inner)
			return ~0u >> 8;
		class = bpf_map_lookup_elem(inner, a + 3);
	} else {
		inner = bpf_map_lookup_elem(&lists6, &slot);
		if (!inner)
			return ~0u >> 8;
		class = bpf_map_lookup_elem(inner, a);
	}
	if (class)
		return *class;
	inner = bpf_map_lookup_elem(&listsp, &slot);
	if (!inner)
		return ~0u >> 8;
	class = bpf_map_lookup_elem(inner, key);
	return class ? *class : 0;
}

#include <cgwall/decide.h>

#endif
