// SPDX-License-Identifier: GPL-2.0-only
#include "privileges.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

#define BIT(cap) (UINT64_C(1) << (cap))

static const uint8_t kept[] = {
	CAP_BPF,	     /* bpf() itself */
	CAP_NET_ADMIN,	     /* programs of the networking kind */
	CAP_NET_RAW,	     /* packets that were held are sent on */
	CAP_PERFMON,	     /* programs and iterators that look into the kernel */
	CAP_DAC_READ_SEARCH, /* policy files that others own; cgroup ids to paths */
	CAP_LEASE,	     /* --watch: is somebody writing the policy? */
	CAP_SYS_ADMIN,	/* the table in force is opened by its id; connections of other namespaces are cut */
	CAP_SYS_PTRACE, /* the network namespaces of other users' processes */
};

int privileges_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint64_t have, keep = 0;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	have = data[0].permitted | (uint64_t)data[1].permitted << 32;
	for (size_t i = 0; i < sizeof(kept); i++)
		keep |= BIT(kept[i]);
	/* Where this is denied, or the kernel has no such capability, no_new_privs is enough. */
	for (int cap = 0; cap < 64; cap++)
		if (!(keep & BIT(cap)))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0,
	      0); /* goes with `inheritable` below in any case */
	keep &= have;
	for (int i = 0; i < 2; i++) {
		data[i].permitted = data[i].effective = (uint32_t)(keep >> (32 * i));
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) ? -errno : 0;
}
