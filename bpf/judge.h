/* SPDX-License-Identifier: GPL-2.0-only */
/* From a filled query and its who to what is done: counted, logged, observed. */
#ifndef CGWALL_BPF_JUDGE_H
#define CGWALL_BPF_JUDGE_H

#define JUDGE_ONCE EVENT_ONCE /* log a flow's first packet only */
#define JUDGE_AGAIN 0x400     /* the flow was counted already: count refusals only */
#define JUDGE_QUIET 0x200     /* the flow's line was written by an earlier hook: log refusals only */
#define JUDGE_USER EVENT_USER /* of somebody who uses another's socket: a refusal is always told */
#define JUDGE_UNHELD 0x1000   /* it cannot be held: what asks about it refuses it */
#define JUDGE_OBSERVE 0x2000  /* set by judge() itself: `set mode observe` */
/* Dimensions whose value is not known yet: CGW_LATER where it could come to a pass (or, with JUDGE_ASKS, to a
 * question). */
#define JUDGE_WILD(dims) ((__u64)(dims) << 16)
#define JUDGE_ASKS 0x800
#define JUDGE_EARLY (JUDGE_WILD(CGW_DIMS_LATE) | JUDGE_ASKS)
#define CGW_LATER CGW_ACTIONS

/* cgw_could(), with a buffer for what the stack has no room for. */
static __noinline int judge_could(const struct cgw_query *q, __u32 wild, struct cgw_answer *a)
{
	struct scratch *s = scratch_get();
	int r = CGW_COULD_NEVER;

	a->error = CGW_ERR_SCRATCH;
	if (!s)
		return r;
	r = cgw_could(q, wild, a, &s->scan);
	scratch_put(s);
	return r;
}

/* What becomes of an `ask`: its answer, what holds while nobody can be asked, or CGW_ASK: to be held. */
static __noinline __u32 judge_ask(struct cgw_query *q, struct cgw_who *w, struct cgw_answer *a, __u64 cookie,
				  __u32 how)
{
	__u32 verdict = a->entry.ask;

	if (q->ask && q->ask == verdict)
		return CGW_PASS;
	q->ask = verdict;
	verdict = answer_find(q, w, cookie);
	if (verdict != CGW_ASK)
		return verdict;
	if (!alive()) {
		verdict = alive_background(&a->entry);
		if (verdict == CGW_PASS)
			answer_moot(q, w); /* a question that an agent left open */
		return verdict;
	}
	if (!(how & JUDGE_UNHELD) && w->known)
		return CGW_ASK;
	a->error = CGW_ERR_HOLD;
	count(CGW_ERR_HOLD);
	return CGW_BLOCK;
}

/* CGW_PASS, CGW_BLOCK, CGW_REJECT, CGW_ASK or CGW_LATER. Never anything else. q->ask tells which `ask`
 * decided. */
__noinline int judge(struct cgw_query *q, struct cgw_who *w, __u64 cookie, __u64 how)
{
	const struct cgw_head *h;
	struct cgw_answer a = {};
	__u32 verdict = CGW_BLOCK;
	int r;

	if (!q || !w)
		return CGW_BLOCK;
	h = cgw_head_of(q->word);
	if (h && (h->flags & CGW_H_OBSERVE))
		how |= JUDGE_OBSERVE;
	r = who_classes(w, q);
	if (!r && q->given[CGW_GIVEN_NAME] == CGW_ROW_BROKEN)
		r = CGW_ERR_NAME;
	if (r)
		a.error = r;
	else if (!(how & JUDGE_WILD(0xffff)))
		cgw_decide(q, &a);
	else if (((how & JUDGE_ASKS) && (how & JUDGE_OBSERVE)) || /* packets are observed */
		 judge_could(q, (how >> 16 & 0xffff) | (how & JUDGE_ASKS ? CGW_WILD_ASK : 0), &a) ==
			 CGW_COULD_PASS)
		return CGW_LATER;
	if (a.error || a.entry.action != CGW_ASK || (how & JUDGE_OBSERVE))
		q->ask = 0;
	if (!a.error) {
		verdict = a.entry.action;
		if (verdict == CGW_ASK)
			verdict = how & JUDGE_OBSERVE ? CGW_BLOCK : judge_ask(q, w, &a, cookie, how);
		else if (verdict != CGW_PASS && verdict != CGW_REJECT)
			verdict = CGW_BLOCK;
		if (!(how & JUDGE_AGAIN) || (verdict != CGW_PASS && verdict != CGW_ASK))
			event_hit(q, &a);
	} else {
		count(a.error & (CGW_ERRORS - 1));
	}
	/* a refusal without a rule is always told, and one by which somebody else loses a socket; what is
	 * held comes again and again */
	if ((a.error || (a.entry.flags & CGW_E_LOG) ||
	     ((how & (JUDGE_OBSERVE | JUDGE_USER)) && verdict != CGW_PASS)) &&
	    !((how & JUDGE_QUIET) && verdict == CGW_PASS))
		event_emit(q, &a, w, cookie,
			   verdict | (how & ~0xffULL) | (verdict == CGW_ASK ? EVENT_ONCE : 0));
	if ((how & JUDGE_OBSERVE) && verdict != CGW_PASS) {
		count(CGW_CNT_OBSERVED);
		return CGW_PASS;
	}
	if (q->name && (verdict == CGW_ASK || verdict == CGW_PASS))
		names_use(q, w->netns, bpf_ktime_get_boot_ns(), 0);
	if (verdict == CGW_ASK) {
		if (!(how & JUDGE_AGAIN))
			count(CGW_CNT_ASK);
		return CGW_ASK;
	}
	count(verdict == CGW_PASS ? CGW_CNT_PASS : verdict == CGW_REJECT ? CGW_CNT_REJECT : CGW_CNT_BLOCK);
	return verdict;
}

#endif
