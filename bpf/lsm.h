/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets that no cgroup hook sees (packet, XDP, vsock and the like) are closed where they are made, on
 * kernels that were booted with BPF among their security modules. Loaded only there. */
#ifndef CGWALL_BPF_LSM_H
#define CGWALL_BPF_LSM_H

SEC("lsm/socket_create")
int BPF_PROG(lsm_socket_create, int family, int type, int protocol, int kern, int ret)
{
	struct cgw_ctl *c = ctl_get();
	const struct cgw_head *h;
	__u64 word;

	if (ret || kern)
		return ret;
	/* these have hooks of their own, or never leave the host */
	if (family == AF_INET || family == AF_INET6 || family == AF_UNIX || family == AF_NETLINK ||
	    family == AF_ALG)
		return 0;
	if (!c)
		return -EPERM;
	if (!who_guarded(c))
		return 0;
	word = *(volatile __u64 *)&c->word;
	h = cgw_head_of(word);
	if (h && word && (h->flags & (CGW_H_OTHER_PASS | CGW_H_OBSERVE)))
		return 0;
	count(CGW_CNT_SOCKET);
	return -EPERM;
}

#endif
