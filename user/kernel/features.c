// SPDX-License-Identifier: GPL-2.0-only
/* What this kernel lets be enforced, and what to do about the rest. */
#include "kernel.h"
#include "private.h"

size_t kernel_features(const struct kernel *k, const struct kernel_feature **ret)
{
	static struct kernel_feature features[] = {
		{"socket-hooks", true, "connect, sendmsg and socket creation are judged"},
		{"packet-hooks", true, "every packet that leaves or arrives is judged"},
		{"exec-identity", true, "a program is known from its exec on"},
		{"socket-destroy", false,
		 "a connection without traffic is ended when it may not be any more; without it, its program "
		 "waits for a time-out"},
		{"lsm", false,
		 "the kernel asks BPF security modules; without it, what they would refuse is refused as far "
		 "as the kernel's functions can be altered: boot with lsm=...,bpf"},
		{"lent-sockets", false,
		 "connections that were opened outside the guarded cgroup are judged from their first use "
		 "inside on; without it, by what leaves during a call: guard the root"},
		{"users-sending", false,
		 "whoever sends by a connection that another program opened is judged before it takes data; "
		 "without it, by what leaves during a call: do not hand connections to programs that are not "
		 "allowed them"},
		{"users-receiving", false,
		 "and whoever receives by it, before the call; without it, after the first call that "
		 "received something"},
		{"users-refused", false,
		 "such a call is refused by a BPF security module; without it, the connection is cut: boot "
		 "with lsm=...,bpf"},
		{"lent-listeners", false,
		 "sockets that were opened outside and only listen or receive inside are judged, too; "
		 "without it, open them inside or guard the root"},
		{"other-sockets", false,
		 "closes packet, XDP, vsock sockets and the like; without it, drop CAP_NET_RAW and keep "
		 "modules of such families out, or boot with lsm=...,bpf"},
		{"mounts", false,
		 "file systems on other hosts, to which the kernel itself connects, follow `set "
		 "sockets-other`; without it, drop CAP_SYS_ADMIN or guard the root"},
	};

	features[3].present = k->destroys;
	features[4].present = k->lsm;
	features[5].present = !k->ctl->guard || k->uses >= TRACE_SENDS;
	features[6].present = k->uses >= TRACE_SENDS;
	features[7].present = k->uses >= TRACE_CALLS;
	features[8].present = k->lsm;
	features[9].present = !k->ctl->guard || k->uses >= TRACE_CALLS;
	features[10].present = k->others;
	features[11].present = !k->ctl->guard || k->mounts;
	*ret = features;
	return sizeof(features) / sizeof(features[0]);
}
