/* SPDX-License-Identifier: GPL-2.0-only */
/* By which interface something goes. */
#ifndef CGWALL_BPF_IFACE_H
#define CGWALL_BPF_IFACE_H

/* Does the policy ask for it? */
static __always_inline bool iface_asked(__u64 word)
{
	const struct cgw_head *h = cgw_head_of(word);

	return h && ((h->dir[CGW_OUT].dims | h->dir[CGW_IN].dims) & (1u << CGW_DIM_IFACE));
}

/* The row of that interface for q->dir, into q. */
static __noinline int iface_given(struct cgw_query *q, __u64 netns, __u32 ifindex)
{
	struct cgw_key key = {.kind = CGW_KEY_IFACE};
	const struct cgw_class *class;
	__u32 row;

	q->given[CGW_GIVEN_IFACE] = 0;
	__builtin_memcpy(key.data, &ifindex, 4);
	__builtin_memcpy(key.data + 8, &netns, 8);
	class = iface_of(q->word, &key);
	if (!class)
		return 0; /* no rule's, or not one of the agent's network namespace */
	row = class->row[q->dir & 1][0];
	q->given[CGW_GIVEN_IFACE] = row ? row : CGW_ROW_ALL;
	return 0;
}

#endif
