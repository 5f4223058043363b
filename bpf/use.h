/* SPDX-License-Identifier: GPL-2.0-only */
/* Whoever uses a socket that another process opened and connected must be allowed to talk there, too:
 * inherited, handed over, taken by pidfd_getfd(), kept over an exec. Packets are judged as the opener's, so
 * this is about the caller: he is judged as himself, outbound, as if he had connected, and remembered at the
 * socket. Where he may not, the socket is taken from everybody for good: what he has put into it can not be
 * told from what others have. A connection is ended, and its programs see an error.
 *
 * Only what leads out has a user. A connection that was accepted does not: a listener hands it to its workers
 * and session programs by design (sshd and its sessions, inetd, socket activation), and its rules speak of
 * the program that receives, which is the one that listens; but see orphan.h. Nor have answers to what was
 * let in, nor sockets that are connected to nowhere: what is sent by these has a destination, which the hooks
 * of calls judge with their caller.
 *
 * What the kernel sends for itself by a program's socket (tunnels, block devices) is nobody's use, and its
 * own sockets have no other user; what it sends because somebody's eBPF redirected it there is the use of
 * somebody unknown.
 */
#ifndef CGWALL_BPF_USE_H
#define CGWALL_BPF_USE_H

/* What of the policy makes a difference between users. */
#define USE_WHO (WHO_PROGRAM | WHO_CGROUP | 1u << CGW_DIM_UID | 1u << CGW_DIM_GID)

#define USE_MAPPED 4 /* SK_USER_DATA_PSOCK: in sk_user_data, of a socket in a sockmap */

/* Does it make one? */
static __always_inline bool use_matters(__u64 word)
{
	const struct cgw_head *h = cgw_head_of(word);

	return h && word && (h->dir[CGW_OUT].dims & USE_WHO);
}

/* ---- who is at it ---- */

/* Does a process act for itself, and not the kernel in its place? A block device sends what it has to in the
 * process that happens to write, and sets a mark meanwhile that processes cannot have. */
static __always_inline bool use_itself(const struct task_struct *task)
{
	return task->mm && !(task->flags & (PF_KTHREAD | PF_MEMALLOC));
}

/* Does a process run now that is not the one that opened the socket, or the kernel? Its cgroup is left out:
 * packet programs have no cheap way to it, and a process that moved is looked at when it calls. */
static __always_inline bool use_foreign(const struct cgw_sock *s)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return s->who.pid != (__u32)task->tgid || s->who.start != task->group_leader->start_boottime ||
	       s->who.exec_id != task->self_exec_id || s->who.uid != task->cred->euid.val ||
	       s->who.gid != task->cred->egid.val;
}

/* Is it a worker of the kernel's, which does what others have left to it? */
static __always_inline bool use_worker(const struct task_struct *task)
{
	return task->flags & PF_WQ_WORKER;
}

/* Is somebody else than its opener sending by the socket at this moment? A connection's segments also leave
 * when nobody is at it; its lock tells. Where the kernel has taken a datagram socket for a tunnel, whoever
 * sends through that does not use it. Where a program has put a socket into a map of such (sockmap), others'
 * data may be sent by it: by whoever writes them, or later by a worker of the kernel's. */
static __always_inline bool use_process(struct bpf_sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	bool itself = use_itself(task), stream = sk->type != SOCK_DGRAM && sk->type != SOCK_RAW;
	struct sock *at;

	if (!itself && !use_worker(task))
		return false;
	at = owner_address(sk);
	if (!itself || !stream) {
		unsigned long data = (unsigned long)BPF_CORE_READ(at, sk_user_data);

		if (itself ? data && !(data & USE_MAPPED) : !(data & USE_MAPPED))
			return false;
	}
	return !stream || ((sk->state == TCP_ESTABLISHED || sk->state == TCP_CLOSE_WAIT) &&
			   BPF_CORE_READ(at, sk_lock.owned));
}

static __noinline bool use_sends(struct bpf_sock *sk, const struct cgw_sock *s)
{
	return s->who.known && !(s->flags & CGW_SOCK_KERNEL) && use_foreign(s) && use_process(sk);
}

/* ---- what is remembered ---- */

static __always_inline __u64 use_mix(__u64 digest, __u64 value)
{
	digest = (digest ^ value) * 0x9e3779b97f4a7c15ULL;
	return digest ^ digest >> 29;
}

/* Stands for the calling process, as it is now. Nobody can make one that is equal to another's: the seed is
 * not known. */
static __always_inline __u64 use_digest(const struct cgw_ctl *c)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 digest = use_mix(c->seed[0], task->group_leader->start_boottime);

	digest = use_mix(digest, task->self_exec_id);
	digest = use_mix(digest, (__u64)task->cred->euid.val << 32 | task->cred->egid.val);
	digest = use_mix(digest, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id));
	return use_mix(digest ^ c->seed[1], (__u32)task->tgid) | 1;
}

/* The same for one destination, under one policy. */
static __always_inline __u64 use_digest_to(__u64 digest, const struct cgw_query *q, __u32 ifindex)
{
	const __u64 *remote = (const __u64 *)q->remote; /* on the stack or in a map, at a multiple of 8 */

	digest = use_mix(use_mix(digest, q->word), remote[0]);
	return use_mix(use_mix(digest, remote[1]), (__u64)ifindex << 32 | (__u32)q->rport << 8 | q->proto) |
	       1;
}

static __always_inline bool use_known(const struct cgw_sock *s, __u64 digest)
{
	return *(volatile __u64 *)&s->user[0] == digest || *(volatile __u64 *)&s->user[1] == digest;
}

/* Two at the same time may make one forgotten. */
static __always_inline void use_note(struct cgw_sock *s, __u64 digest)
{
	*(volatile __u64 *)&s->user[1] = s->user[0];
	*(volatile __u64 *)&s->user[0] = digest;
}

/* Nothing goes by the socket any more. */
static __always_inline void use_take(struct cgw_sock *s)
{
	s->taken = 1;
	event_cut();
}

/* Was it taken? Of a multipath connection that is known at what its programs use, or at another subflow. */
static __noinline bool use_taken_with(struct bpf_sock *sk, struct cgw_sock *s)
{
	struct mptcp_sock *m = owner_mptcp(sk);
	struct cgw_sock *of = m ? bpf_sk_storage_get(&socks, m, 0, 0) : NULL;

	if (of && of->taken)
		use_take(s);
	return s->taken;
}

static __always_inline bool use_taken(struct bpf_sock *sk, struct cgw_sock *s)
{
	return s->taken || ((s->flags & CGW_SOCK_SUBFLOW) && use_taken_with(sk, s));
}

/* ---- may he? ---- */

/* Is what the socket sends an answer to something that was let in? */
static __noinline bool use_answers(const struct cgw_query *q, __u64 cookie, __u32 ifindex)
{
	struct flow_id id = {.cookie = cookie, .rport = q->rport, .proto = q->proto, .ifindex = ifindex};
	struct flow *f;

	__builtin_memcpy(id.remote, q->remote, 16);
	f = bpf_map_lookup_elem(&flows, &id);
	return f && CGW_DECIDED_DIR(f->decided) == CGW_IN && bpf_ktime_get_boot_ns() < f->last + FLOW_LIFE_NS;
}

/* Nobody knows who began this connection. Would it be let in? */
static __noinline bool use_let_in(struct cgw_sock *s, struct scratch *room, __u32 ifindex)
{
	struct cgw_query *q = &room->query;
	bool in;

	q->dir = CGW_IN;
	names_given(q, &s->who, s->began);
	iface_given(q, s->who.netns, ifindex);
	in = !who_classes(&s->who, q) && !cgw_decide(q, &room->answer) &&
	     room->answer.entry.action == CGW_PASS;
	q->dir = CGW_OUT;
	return in;
}

enum use_may { USE_NEVER, USE_MAY, USE_ALIKE };

/* May the calling process talk to where room->query says? USE_ALIKE: whatever holds for the opener holds for
 * him, under every policy. */
static __always_inline int use_judge(struct cgw_sock *s, struct scratch *room, __u64 cookie, __u32 ifindex)
{
	__u64 how = JUDGE_USER | JUDGE_ONCE | JUDGE_QUIET | JUDGE_AGAIN;
	struct cgw_query *q = &room->query;
	bool alike;
	int verdict;

	room->who.netns = s->who.netns;
	who_caller(&room->who);
	alike = hooks_alike(&room->who, &s->who);
	if (alike && room->who.gid == s->who.gid)
		return USE_ALIKE;
	if (!alike)
		how |= JUDGE_UNHELD; /* packets are held in the name of the opener */
	q->dir = CGW_OUT;
	q->ask = 0;
	if (q->proto == IPPROTO_TCP && !(s->flags & CGW_SOCK_BEGAN) && use_let_in(s, room, ifindex))
		return USE_MAY;
	names_given(q, &room->who, s->began);
	iface_given(q, s->who.netns, ifindex);
	verdict = judge(q, &room->who, cookie, how);
	return verdict == CGW_PASS || (verdict == CGW_ASK && alike) ? USE_MAY : USE_NEVER;
}

/* The same, and notes it. `room` holds the query; `digest` is the caller's. */
static __always_inline bool use_decide(struct cgw_sock *s, struct scratch *room, __u64 digest, __u64 cookie,
				       __u32 ifindex)
{
	struct cgw_query *q = &room->query;
	__u64 to = use_digest_to(digest, q, ifindex);
	int may;

	if (use_known(s, to))
		return true;
	if (q->proto != IPPROTO_TCP && use_answers(q, cookie, ifindex))
		return true;
	may = use_judge(s, room, cookie, ifindex);
	if (may == USE_NEVER)
		return false;
	use_note(s, may == USE_ALIKE ? digest : to);
	return true;
}

/* ---- packets ---- */

/* What the kernel sends by itself here was redirected from another socket, and nobody knows whose. No rule
 * can name who that is; it follows `set sockets-other`. `room` holds the query. */
static __always_inline bool use_redirected(const struct cgw_sock *s, struct scratch *room, __u64 cookie,
					   __u32 ifindex)
{
	struct cgw_query *q = &room->query;
	int verdict;

	if (q->proto != IPPROTO_TCP && use_answers(q, cookie, ifindex))
		return true;
	__builtin_memset(&room->who, 0, sizeof(room->who));
	room->who.netns = s->who.netns;
	q->dir = CGW_OUT;
	q->ask = 0;
	verdict = judge(q, &room->who, cookie,
			JUDGE_USER | JUDGE_ONCE | JUDGE_QUIET | JUDGE_AGAIN | JUDGE_UNHELD);
	return verdict == CGW_PASS;
}

/* Is it a connection that was accepted, or what accepts them? */
static __always_inline bool use_accepted(const struct cgw_sock *s)
{
	return (s->flags & CGW_SOCK_BEGAN) && s->dir == CGW_IN;
}

/* A packet leaves, and somebody else than the socket's opener is at it. May he send it? */
static __always_inline bool use_packet(struct __sk_buff *skb)
{
	bool redirected = use_worker(bpf_get_current_task_btf());
	struct cgw_ctl *c = ctl_get();
	struct bpf_sock *sk = skb->sk;
	struct mptcp_sock *m;
	struct scratch *room;
	struct cgw_sock *s, *of;
	__u64 digest, word;
	bool may, accepted;
	__u32 ifindex;

	sk = sk ? bpf_sk_fullsock(sk) : NULL;
	s = sk ? bpf_sk_storage_get(&socks, sk, 0, 0) : NULL;
	if (!c || !s)
		return false;
	word = *(volatile __u64 *)&c->word;
	accepted = use_accepted(s);
	if (accepted ? !orphan_any() : !use_matters(word))
		return true;
	if (redirected ? accepted || source_any(word) : !lent_guarded(c))
		return true;
	digest = use_digest(c);
	if (!accepted && !redirected && use_known(s, digest))
		return true;
	room = scratch_get();
	if (!room)
		return false;
	if (packet_read(skb, &room->query, 1)) {
		scratch_put(room);
		return true; /* it is refused as a packet */
	}
	room->query.word = word;
	ifindex = iface_asked(word) ? skb->ifindex : 0;
	may = accepted	   ? orphan_may(s, room, bpf_get_socket_cookie(skb), ifindex)
	      : redirected ? use_redirected(s, room, bpf_get_socket_cookie(skb), ifindex)
			   : use_decide(s, room, digest, bpf_get_socket_cookie(skb), ifindex);
	scratch_put(room);
	if (may)
		return true;
	m = sk->protocol == IPPROTO_TCP ? owner_mptcp(sk) : NULL;
	of = m ? bpf_sk_storage_get(&socks, m, 0, 0) : NULL;
	if (of)
		of->taken = 1;
	use_take(s);
	return false;
}

/* ---- calls ---- */

/* By which interface it would leave now; 0: that is not known. */
static __always_inline __u32 use_iface(struct sock *sk)
{
	if (!bpf_core_field_exists(struct dst_entry, dev))
		return 0;
	return BPF_CORE_READ(sk, sk_dst_cache, dev, ifindex);
}

/* The socket's ends, into q. False: it is connected to nowhere. */
static __noinline bool use_ends(struct sock *sk, struct cgw_query *q)
{
	__u32 *remote = (__u32 *)q->remote, *local = (__u32 *)q->local, type = BPF_CORE_READ(sk, sk_type);
	__u32 proto = BPF_CORE_READ(sk, sk_protocol);

	__builtin_memset(q, 0, sizeof(*q));
	q->rport = bpf_ntohs(sk->__sk_common.skc_dport);
	q->lport = sk->__sk_common.skc_num;
	q->proto = proto == IPPROTO_MPTCP ? IPPROTO_TCP : proto;
	if (type == SOCK_DGRAM || type == SOCK_RAW ? sk->__sk_common.skc_state != TCP_ESTABLISHED
						   : !q->rport) {
		/* a datagram that is being put together has somewhere to go, all the same */
		q->known = CGW_Q_PROTO;
		return proto == IPPROTO_UDP && BPF_CORE_READ((struct udp_sock *)sk, pending);
	}
	q->known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_PROTO;
	if (q->rport)
		q->known |= CGW_Q_RPORT | CGW_Q_LPORT;
	if (sk->__sk_common.skc_family == AF_INET) {
		remote[2] = local[2] = bpf_htonl(0xffff);
		remote[3] = sk->__sk_common.skc_daddr;
		local[3] = sk->__sk_common.skc_rcv_saddr;
	} else {
		for (int i = 0; i < 4; i++) {
			remote[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
			local[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		}
	}
	cgw_fold(q->remote);
	return true;
}

/* Somebody else than its opener calls something on a socket. May he? */
static __noinline bool use_other(struct sock *sk, struct cgw_sock *s, const struct cgw_ctl *c)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 word = *(volatile __u64 *)&c->word, digest;
	bool may = true, accepted = use_accepted(s);
	struct scratch *room;
	__u32 ifindex;

	if (accepted ? !orphan_any() : !use_matters(word))
		return true;
	if (!use_itself(task) || !who_guarded(c))
		return true;
	digest = use_digest(c);
	if (!accepted && use_known(s, digest))
		return true;
	room = scratch_get();
	if (!room) {
		use_take(s); /* nobody can be told to try again */
		return false;
	}
	if (use_ends(sk, &room->query)) {
		room->query.word = word;
		ifindex = iface_asked(word) ? use_iface(sk) : 0;
		may = accepted ? orphan_may(s, room, bpf_get_socket_cookie(sk), ifindex)
			       : use_decide(s, room, digest, bpf_get_socket_cookie(sk), ifindex);
	}
	scratch_put(room);
	if (!may)
		use_take(s);
	return may;
}

/* A process calls something on a socket. May it? */
static __always_inline bool use_call(struct sock *sk)
{
	struct cgw_ctl *c = ctl_get();
	struct cgw_sock *s;
	int family;

	if (!sk || !c)
		return true;
	family = sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return true;
	s = bpf_sk_storage_get(&socks, sk, 0, 0);
	if (!owner_known(s)) {
		if (c->guard)
			lent_call(sk, c);
		return true;
	}
	if (s->taken)
		return false;
	/* whoever reads a file over the net runs the kernel's own calls */
	return (s->flags & CGW_SOCK_KERNEL) || who_same(&s->who) || use_other(sk, s, c);
}

#endif
