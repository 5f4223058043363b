/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets that no cgroup hook sees (packet, XDP, vsock and the like) are closed where they are made, on
 * kernels that were booted with BPF among their security modules; and so are calls that cgroup hooks are not
 * shown. Loaded only there. */
#ifndef CGWALL_BPF_LSM_H
#define CGWALL_BPF_LSM_H

#define LSM_TS_COMPAT 2		/* x86: thread_info.status */
#define LSM_X32_BIT 0x40000000	/* x86: of the call's number */
#define LSM_TIF_32BIT (1 << 22) /* arm64: thread_info.flags */

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

/* Is this a 32-bit call? The kernel keeps those from cgroup programs that look at socket options. */
static __always_inline bool lsm_compat(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

#if defined(__TARGET_ARCH_x86)
	struct pt_regs___x86 *regs = (void *)bpf_task_pt_regs(task);

	return (task->thread_info.status & LSM_TS_COMPAT) || (BPF_CORE_READ(regs, orig_ax) & LSM_X32_BIT);
#elif defined(__TARGET_ARCH_arm64)
	return task->thread_info.flags & LSM_TIF_32BIT;
#else
	return true; /* nobody knows: what is not sure is refused */
#endif
}

/* May w join whatever group it is? */
static __noinline int lsm_join(struct scratch *room, struct cgw_who *w, struct sock *sk, __u64 word)
{
	struct cgw_query *q = &room->query;

	for (int dir = 0; dir < CGW_DIRS; dir++) {
		__builtin_memset(q, 0, sizeof(*q));
		q->word = word;
		q->dir = dir;
		q->proto = sk->sk_protocol;
		q->known = CGW_Q_PROTO;
		if (!who_classes(w, q) &&
		    cgw_could(q, CGW_DIMS_LATE | CGW_DIMS_CALLER, &room->answer, &room->scan) ==
			    CGW_COULD_SETTLED &&
		    room->answer.entry.action == CGW_PASS)
			return 0;
	}
	return -EPERM;
}

/* Joins by 32-bit calls. The group is not seen from here, so it must not matter. */
SEC("lsm/socket_setsockopt")
int BPF_PROG(lsm_socket_setsockopt, struct socket *sock, int level, int name, int ret)
{
	enum join_option option = join_option(level, name);
	struct cgw_ctl *c = ctl_get();
	const struct cgw_head *h;
	struct sock *sk = sock->sk;
	struct scratch *room;
	__u64 word;

	if (ret || option == JOIN_NONE || option == JOIN_OPTIONS || option == JOIN_ROUTE || !lsm_compat())
		return ret;
	if (!c || !sk)
		return -EPERM;
	if (!who_guarded(c))
		return 0;
	word = *(volatile __u64 *)&c->word;
	h = cgw_head_of(word);
	if (h && (h->flags & CGW_H_OBSERVE))
		return 0;
	room = scratch_get();
	if (!room)
		return -EPERM;
	who_caller(&room->who);
	ret = lsm_join(room, &room->who, sk, word);
	scratch_put(room);
	if (ret)
		count(CGW_CNT_BLOCK);
	return ret;
}

#endif
