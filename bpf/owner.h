/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose a socket is that nobody opened by a call of his own.
 *
 * A subflow of multipath TCP is made by the kernel, the first one when its program connects or listens,
 * others whenever the path manager likes, by a worker of the kernel's or on a segment that came in. It
 * belongs to whom the connection belongs to.
 *
 * What the kernel makes for its own clients and servers (NFS, CIFS, block devices) is the kernel's, whoever
 * runs when it is made, connected, or used: a worker, the process that mounts, or one that reads a file. Not
 * what a program has by another family than the internet's (SMC), nor what somebody else than root had it
 * make: whose that is, only a call tells. */
#ifndef CGWALL_BPF_OWNER_H
#define CGWALL_BPF_OWNER_H

/* The connection that a socket is a subflow of, or NULL. Kernels without multipath TCP do not know the struct
 * that the helper gives back, and would refuse the call. The helper looks at the protocol alone and reads
 * past the end of a raw socket of that protocol, such as those by which the kernel sends resets. */
static __always_inline struct mptcp_sock *owner_mptcp(struct bpf_sock *sk)
{
	if (sk->type != SOCK_STREAM || sk->protocol != IPPROTO_TCP)
		return NULL;
	return bpf_core_type_exists(struct mptcp_sock) ? bpf_skc_to_mptcp_sock(sk) : NULL;
}

/* The address of a socket, as the kernel knows it and as a number: what the verifier calls a pointer to one
 * allows only a few fields. */
static __noinline struct sock *owner_address(void *sk)
{
	struct sock *at = NULL;

	bpf_probe_read_kernel(&at, sizeof(at), &sk);
	return at;
}

/* Has the kernel made this socket for its own use? at: only read from. */
static __noinline bool owner_kernel(struct sock *at)
{
	struct tcp_sock *tcp = (void *)at;
	struct socket *socket;
	struct file *file;

	if (!BPF_CORE_READ_BITFIELD_PROBED(at, sk_kern_sock) || BPF_CORE_READ(at, sk_uid.val))
		return false;
	if (BPF_CORE_READ(at, sk_protocol) == IPPROTO_TCP &&
	    ((bpf_core_field_exists(tcp->is_mptcp) && BPF_CORE_READ(tcp, is_mptcp)) ||
	     (bpf_core_field_exists(tcp->syn_smc) && BPF_CORE_READ(tcp, syn_smc))))
		return false;
	/* one that SMC has fallen back to has the file of another socket, which a program holds */
	socket = BPF_CORE_READ(at, sk_socket);
	file = BPF_CORE_READ(socket, file);
	return !file || BPF_CORE_READ(file, f_inode) ==
				(void *)socket + bpf_core_field_offset(struct socket_alloc, vfs_inode);
}

/* Writes the kernel on the record of a socket of its own. False: it is none. */
static __always_inline bool owner_note_kernel(struct cgw_sock *s, struct sock *at)
{
	if (!owner_kernel(at))
		return false;
	who_kernel(&s->who, (unsigned long)at);
	s->flags |= CGW_SOCK_KERNEL;
	return true;
}

/* Has a socket an opener in its record? */
static __always_inline bool owner_known(const struct cgw_sock *s)
{
	return s && s->who.known;
}

/* Is this socket, on which connect() is called, one that the path manager added to a connection? */
static __noinline bool owner_added(struct bpf_sock *sk)
{
	struct mptcp_sock *m = owner_mptcp(sk);

	return m && (void *)m->first != (void *)bpf_skc_to_tcp_sock(sk);
}

/* A record of its own for a subflow, with the opener of its connection. NULL: it is none, or nobody knows. */
static __noinline struct cgw_sock *owner_subflow(struct bpf_sock *sk)
{
	struct mptcp_sock *m = owner_mptcp(sk);
	struct cgw_sock *of = m ? bpf_sk_storage_get(&socks, m, 0, 0) : NULL, *s;

	if (!owner_known(of))
		return NULL;
	s = bpf_sk_storage_get(&socks, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (s && !s->who.known) {
		s->who = of->who;
		s->flags |= (of->flags & CGW_SOCK_FOREIGN) | CGW_SOCK_SUBFLOW;
	}
	return s;
}

/* Who began a connection is seen at its first subflow; it is written on the connection as well, which is what
 * programs use. */
static __noinline int owner_began(struct bpf_sock *sk, const struct cgw_sock *s)
{
	struct mptcp_sock *m = owner_mptcp(sk);
	struct cgw_sock *of = m ? bpf_sk_storage_get(&socks, m, 0, 0) : NULL;

	if (of) { /* it may have had another one before */
		of->dir = s->dir;
		of->flags |= CGW_SOCK_BEGAN;
	}
	return 0;
}

#endif
