/* SPDX-License-Identifier: GPL-2.0-only */
/* Datagram flows as the packet hooks note them and the agent lists them. */
#ifndef CGWALL_FLOW_H
#define CGWALL_FLOW_H

#include "abi.h"

struct flow_id {
	__u64 cookie;
	__u8 remote[16];
	__u8 local[16]; /* of what came in: one socket may be reached at many addresses, and each is judged.
			 * Zero in the entry that tells who began: an answer to a broadcast has another source
			 */
	__u16 rport;
	__u8 proto, reserved;
	__u32 ifindex; /* only where the policy looks at it */
};

/* How long an answer is an answer: what conntrack gives a UDP stream. */
#define FLOW_LIFE_NS (180ULL * 1000000000)

struct flow {
	__u64 decided;	/* CGW_DECIDED_FLOW */
	__u64 last;	/* boot clock, ns */
	__u64 began;	/* likewise: its first packet */
	__u64 netns;	/* cookie of its socket's network namespace */
	__u64 bytes[2]; /* in, out: of the packets that this entry let through, with their headers */
	/* our end when it was decided, where rules ask for that */
	__u8 local[16];
	__u16 lport, reserved[3];
};

#endif
