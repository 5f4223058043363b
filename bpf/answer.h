/* SPDX-License-Identifier: GPL-2.0-only */
/* What was answered to an `ask`: for one flow, or for a time for every flow that is equal. */
#ifndef CGWALL_BPF_ANSWER_H
#define CGWALL_BPF_ANSWER_H

/* Can this be held? A raw socket writes what it likes, other protocols could not be sent on unchanged. */
static __always_inline bool answer_can_wait(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_ICMP ||
	       proto == IPPROTO_ICMPV6;
}

/* What makes flows equal: who, whom, and the rule that asks. */
static __always_inline void answer_key(const struct cgw_query *q, const struct cgw_who *w,
				       struct cgw_question_key *k)
{
	__builtin_memset(k, 0, sizeof(*k));
	if (w->state == CGW_PATH_HOST)
		__builtin_memcpy(k->exe, w->path[PATH_EXE], sizeof(k->exe));
	else
		__builtin_memcpy(k->exe, &w->pid, sizeof(w->pid));
	__builtin_memcpy(k->remote, q->remote, sizeof(k->remote));
	k->cgroup = w->cgroup_id;
	k->uid = w->uid;
	k->ask = q->ask;
	k->port = q->dir == CGW_OUT ? q->rport : q->lport;
	k->proto = q->proto;
	k->dir = q->dir;
	k->state = w->state;
}

/* The flow itself. What others begin is known by their end and our port: the socket that it arrives at is
 * first the listener, then another one. */
static __always_inline void answer_flow(const struct cgw_query *q, __u64 cookie, __u64 cgroup,
					struct cgw_flow_key *f)
{
	__builtin_memset(f, 0, sizeof(*f));
	f->cookie = q->dir == CGW_OUT ? cookie : cgroup;
	__builtin_memcpy(f->remote, q->remote, sizeof(f->remote));
	f->rport = q->rport;
	f->lport = q->dir == CGW_OUT ? 0 : q->lport;
	f->proto = q->proto;
	f->dir = q->dir;
}

/* CGW_PASS or CGW_BLOCK where q->ask was answered for this flow, else CGW_ASK. */
__noinline int answer_find(struct cgw_query *q, struct cgw_who *w, __u64 cookie)
{
	struct cgw_question_key key;
	struct cgw_flow_key flow;
	struct cgw_granted *g, fresh = {};
	struct cgw_answered *a;
	__u64 until;
	__u32 verdict;

	if (!q || !w || !q->ask)
		return CGW_ASK;
	answer_flow(q, cookie, w->cgroup_id, &flow);
	g = bpf_map_lookup_elem(&granted, &flow);
	if (g && g->ask == q->ask)
		return g->verdict == CGW_PASS ? CGW_PASS : CGW_BLOCK;
	answer_key(q, w, &key);
	a = bpf_map_lookup_elem(&answered, &key);
	if (!a)
		return CGW_ASK;
	until = *(volatile __u64 *)&a->until;
	verdict = a->verdict == CGW_PASS ? CGW_PASS : CGW_BLOCK;
	if (until && bpf_ktime_get_boot_ns() >= until)
		return CGW_ASK;
	/* what begins while an answer holds may go on afterwards; a connection remembers that by itself */
	if (verdict == CGW_PASS && q->proto != IPPROTO_TCP) {
		fresh.ask = q->ask;
		fresh.verdict = CGW_PASS;
		bpf_map_update_elem(&granted, &flow, &fresh, BPF_ANY);
	}
	return verdict;
}

/* What was asked about this flow is decided otherwise: nobody is to be asked any more. */
static __noinline int answer_moot(const struct cgw_query *q, const struct cgw_who *w)
{
	struct cgw_question_key key;

	answer_key(q, w, &key);
	return q->dir == CGW_OUT ? bpf_map_delete_elem(&questions, &key)
				 : bpf_map_delete_elem(&questions_in, &key);
}

/* Was the flow that this datagram belongs to begun here, and let through by an answer? Its first datagram was
 * sent on by the agent: no packet of its own socket has told so yet. */
static __noinline bool answer_begun(struct cgw_query *q, __u64 cookie)
{
	struct cgw_flow_key flow;
	struct cgw_granted *g;

	q->dir = CGW_OUT;
	answer_flow(q, cookie, 0, &flow);
	g = bpf_map_lookup_elem(&granted, &flow);
	q->dir = CGW_IN;
	return g && g->verdict == CGW_PASS;
}

#endif
