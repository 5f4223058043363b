/* SPDX-License-Identifier: GPL-2.0-only */
/* What no rule can name: sockets of other families than those of the internet. They follow `set
 * sockets-other` where the kernel can be made to ask: when they are made (lsm.h), and when those are used
 * that were there before, or came from outside (watch.h). */
#ifndef CGWALL_BPF_OTHER_H
#define CGWALL_BPF_OTHER_H

/* These have hooks of their own, or never leave the host. */
static __always_inline bool other_named(int family)
{
	return family == AF_INET || family == AF_INET6 || family == AF_UNIX || family == AF_NETLINK ||
	       family == AF_ALG;
}

/* May the calling process have such a thing? 0 or -EPERM. */
static __always_inline int other_may(const struct cgw_ctl *c)
{
	const struct cgw_head *h;
	__u64 word;

	if (!who_guarded(c))
		return 0;
	word = *(volatile __u64 *)&c->word;
	h = cgw_head_of(word);
	if (h && word && (h->flags & (CGW_H_OTHER_PASS | CGW_H_OBSERVE)))
		return 0;
	count(CGW_CNT_SOCKET);
	return -EPERM;
}

/* The same of one that it has, for what is sent or received by it. The kernel's own use is not asked about.
 */
static __always_inline int other_use(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgw_ctl *c = ctl_get();

	if (!sk || other_named(sk->__sk_common.skc_family) || !task->mm || (task->flags & PF_KTHREAD) ||
	    BPF_CORE_READ_BITFIELD_PROBED(sk, sk_kern_sock))
		return 0;
	return c ? other_may(c) : -EPERM;
}

#endif
