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

/* By which interface a packet goes. What comes in by a VRF has the VRF's device for its own by now; which one
 * of those in the VRF it was, as it is when something leaves, IP has noted where it begins its notes on a
 * packet. */
static __noinline __u32 iface_by(struct __sk_buff *skb, bool out)
{
	struct net_device *dev;
	struct sk_buff *at = NULL;
	__u32 noted = 0;

	if (out || !bpf_core_enum_value_exists(enum netdev_priv_flags, IFF_L3MDEV_MASTER))
		return skb->ifindex;
	bpf_probe_read_kernel(&at, sizeof(at), &skb);
	dev = BPF_CORE_READ(at, dev);
	if (BPF_CORE_READ_BITFIELD_PROBED(dev, priv_flags) &
	    bpf_core_enum_value(enum netdev_priv_flags, IFF_L3MDEV_MASTER))
		bpf_probe_read_kernel(&noted, sizeof(noted),
				      (void *)at + bpf_core_field_offset(struct sk_buff, cb));
	return noted ? noted : skb->ifindex;
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
