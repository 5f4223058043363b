/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls that use a socket, where the kernel lets them be seen: by its security modules, which may refuse
 * them; by its functions; or by its tracepoints. What they are for is in use.h and lent.h. */
#ifndef CGWALL_BPF_WATCH_H
#define CGWALL_BPF_WATCH_H

/* Is a datagram given its destination by the call? Then the hooks of calls judge that, unless it is added to
 * one that is being put together. */
static __always_inline bool watch_named(struct sock *sk, struct msghdr *msg)
{
	__u32 type = sk ? BPF_CORE_READ(sk, sk_type) : 0;

	if ((type != SOCK_DGRAM && type != SOCK_RAW) || !BPF_CORE_READ(msg, msg_name))
		return false;
	return BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP ||
	       !BPF_CORE_READ((struct udp_sock *)sk, pending);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(lsm_socket_sendmsg, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	if (!ret && other_use(sock->sk))
		return -EPERM;
	if (ret || watch_named(sock->sk, msg) || use_call(sock->sk))
		return ret;
	return -EPERM;
}

SEC("lsm/socket_recvmsg")
int BPF_PROG(lsm_socket_recvmsg, struct socket *sock, struct msghdr *msg, int size, int flags, int ret)
{
	if (!ret && other_use(sock->sk))
		return -EPERM;
	return ret || use_call(sock->sk) ? ret : -EPERM;
}

/* Other families' sockets where there are no such modules, but functions can be altered. What is known of an
 * internet socket cannot be read from there. */
SEC("fmod_ret/security_socket_sendmsg")
int BPF_PROG(alter_send, struct socket *sock, struct msghdr *msg, int size, int ret)
{
	return ret ? ret : other_use(sock->sk);
}

SEC("fmod_ret/security_socket_recvmsg")
int BPF_PROG(alter_receive, struct socket *sock, struct msghdr *msg, int size, int flags, int ret)
{
	return ret ? ret : other_use(sock->sk);
}

/* What has come can be taken by this option as well. */
static __always_inline bool watch_takes(int level, int name)
{
	return level == IPPROTO_TCP && name == TCP_ZEROCOPY_RECEIVE;
}

SEC("lsm/socket_getsockopt")
int BPF_PROG(lsm_socket_getsockopt, struct socket *sock, int level, int name, int ret)
{
	return ret || !watch_takes(level, name) || use_call(sock->sk) ? ret : -EPERM;
}

SEC("fentry/security_socket_sendmsg")
int BPF_PROG(watch_send, struct socket *sock, struct msghdr *msg)
{
	if (!watch_named(sock->sk, msg))
		use_call(sock->sk);
	return 0;
}

SEC("fentry/security_socket_recvmsg")
int BPF_PROG(watch_receive, struct socket *sock)
{
	use_call(sock->sk);
	return 0;
}

SEC("fentry/security_socket_getsockopt")
int BPF_PROG(watch_getsockopt, struct socket *sock, int level, int name)
{
	if (watch_takes(level, name))
		use_call(sock->sk);
	return 0;
}

/* Until 6.4 what sendfile() and splice() send took another way. */
SEC("fentry/inet_sendpage")
int BPF_PROG(watch_sendpage, struct socket *sock)
{
	use_call(sock->sk);
	return 0;
}

SEC("fentry/tcp_splice_read")
int BPF_PROG(watch_splice, struct socket *sock)
{
	use_call(sock->sk);
	return 0;
}

SEC("fentry/mptcp_splice_read")
int BPF_PROG(watch_splice_mptcp, struct socket *sock)
{
	use_call(sock->sk);
	return 0;
}

SEC("fentry/security_socket_accept")
int BPF_PROG(watch_accept, struct socket *sock)
{
	use_call(sock->sk);
	return 0;
}

/* The same from tracepoints, for kernels whose functions cannot be traced: before a connection takes data,
 * and after a call has sent or received some. */

/* The kernel calls these two for itself as well, whoever runs then; a process holds the lock. */
static __always_inline int watch_locked(struct sock *sk)
{
	if (BPF_CORE_READ(sk, sk_lock.owned))
		use_call(sk);
	return 0;
}

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(watch_queue, struct sock *sk)
{
	return watch_locked(sk);
}

SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(watch_copied, struct sock *sk)
{
	return watch_locked(sk);
}

/* Whole datagrams have left by now, and were judged. */
SEC("tp_btf/sock_send_length")
int BPF_PROG(watch_sent, struct sock *sk)
{
	if (sk && BPF_CORE_READ(sk, sk_type) == SOCK_DGRAM &&
	    (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP || !BPF_CORE_READ((struct udp_sock *)sk, pending)))
		return 0;
	use_call(sk);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(watch_received, struct sock *sk)
{
	use_call(sk);
	return 0;
}

#endif
