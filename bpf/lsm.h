/* SPDX-License-Identifier: GPL-2.0-only */
/* What no cgroup hook sees is closed where it is made: sockets (packet, XDP, vsock and the like), calls by
 * which groups are joined, and file systems on other hosts. By a security module's programs on kernels that
 * were booted with BPF among these; elsewhere at the functions by which the kernel asks its security modules,
 * where functions may be altered: what is refused there was never asked. Loaded only where it is called. */
#ifndef CGWALL_BPF_LSM_H
#define CGWALL_BPF_LSM_H

#define LSM_TS_COMPAT 2		/* x86: thread_info.status */
#define LSM_X32_BIT 0x40000000	/* x86: of the call's number */
#define LSM_TIF_32BIT (1 << 22) /* arm64: thread_info.flags */

/* A socket is about to be made. */
static __always_inline int lsm_create(int family, int kern)
{
	struct cgw_ctl *c = ctl_get();

	if (kern || other_named(family))
		return 0;
	return c ? other_may(c) : -EPERM;
}

SEC("lsm/socket_create")
int BPF_PROG(lsm_socket_create, int family, int type, int protocol, int kern, int ret)
{
	return ret ? ret : lsm_create(family, kern);
}

SEC("fmod_ret/security_socket_create")
int BPF_PROG(alter_socket_create, int family, int type, int protocol, int kern, int ret)
{
	return ret ? ret : lsm_create(family, kern);
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
static __always_inline int lsm_option(struct socket *sock, int level, int name)
{
	enum join_option option = join_option(level, name);
	struct cgw_ctl *c = ctl_get();
	const struct cgw_head *h;
	struct sock *sk = sock->sk;
	struct scratch *room;
	__u64 word;
	int ret;

	if (((option == JOIN_NONE || option == JOIN_OPTIONS || option == JOIN_ROUTE) &&
	     !join_errors(level, name)) ||
	    !lsm_compat())
		return 0;
	if (!c || !sk)
		return -EPERM;
	if (!who_guarded(c))
		return 0;
	word = *(volatile __u64 *)&c->word;
	if (option == JOIN_NONE)
		return source_any(word) ? 0 : -EPERM;
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

SEC("lsm/socket_setsockopt")
int BPF_PROG(lsm_socket_setsockopt, struct socket *sock, int level, int name, int ret)
{
	return ret ? ret : lsm_option(sock, level, name);
}

SEC("fmod_ret/security_socket_setsockopt")
int BPF_PROG(alter_socket_setsockopt, struct socket *sock, int level, int name, int ret)
{
	return ret ? ret : lsm_option(sock, level, name);
}

/* File systems for which a worker of the kernel's connects, or connects again: its sockets are in no cgroup
 * but the root. Those of 9p are made by who mounts. */
static __always_inline bool lsm_distant(const struct fs_context *fc)
{
	static const union {
		char text[8];
		__u64 word;
	} names[] = {{"nfs"}, {"nfs4"}, {"ceph"}, {"afs"}, {"cifs"}, {"smb3"}};
	__u64 name = 0;

	bpf_probe_read_kernel_str(&name, sizeof(name), BPF_CORE_READ(fc, fs_type, name));
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name == names[i].word)
			return true;
	return false;
}

/* A file system is about to be mounted: every option passes here, the source among them. Where the whole host
 * is guarded, what its worker sends is judged like all else; and a mount that is there is its maker's, with
 * whatever its server refers to. */
SEC("fmod_ret/security_fs_context_parse_param")
int BPF_PROG(alter_mount, struct fs_context *fc, void *param, int ret)
{
	struct cgw_ctl *c = ctl_get();

	if (ret || !lsm_distant(fc) || BPF_CORE_READ_BITFIELD_PROBED(fc, purpose) != FS_CONTEXT_FOR_MOUNT)
		return ret;
	if (!c)
		return -EPERM;
	return c->guard ? other_may(c) : 0;
}

#endif
