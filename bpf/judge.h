/* SPDX-License-Identifier: GPL-2.0-only */
/* From a filled query and its who to what is done: counted, logged, observed. */
#ifndef CGWALL_BPF_JUDGE_H
#define CGWALL_BPF_JUDGE_H

#define JUDGE_ONCE EVENT_ONCE /* log a flow's first packet only */
#define JUDGE_AGAIN 0x400     /* the flow was counted already: count refusals only */
#define JUDGE_QUIET 0x200     /* the flow's line was written by an earlier hook: log refusals only */
#define JUDGE_EARLY 0x800     /* local end and interface are not known yet: CGW_LATER where they matter */

/* From JUDGE_EARLY alone: only a packet can tell. */
#define CGW_LATER CGW_ACTIONS

/* cgw_could(), with a buffer for what the stack has no room for. */
static __always_inline int judge_could(const struct cgw_query *q, __u32 wild, struct cgw_answer *a)
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

/* CGW_PASS, CGW_BLOCK, CGW_REJECT or CGW_LATER. Never anything else. */
__noinline int judge(struct cgw_query *q, struct cgw_who *w, __u64 cookie, __u64 how)
{
	const struct cgw_head *h;
	struct cgw_answer a = {};
	__u32 verdict = CGW_BLOCK;
	int r;

	if (!q || !w)
		return CGW_BLOCK;
	h = cgw_head_of(q->word);
	r = who_classes(w, q);
	if (!r && q->given[CGW_GIVEN_NAME] == CGW_ROW_BROKEN)
		r = CGW_ERR_NAME;
	if (r)
		a.error = r;
	else if (!(how & JUDGE_EARLY))
		cgw_decide(q, &a);
	else if ((h && (h->flags & CGW_H_OBSERVE)) ||
		 judge_could(q, CGW_DIMS_LATE | CGW_WILD_ASK, &a) == CGW_COULD_PASS)
		return CGW_LATER;
	if (!a.error) {
		verdict = a.entry.action;
		if (verdict == CGW_ASK)
			verdict = alive() ? CGW_BLOCK : alive_background(&a.entry);
		else if (verdict != CGW_PASS && verdict != CGW_REJECT)
			verdict = CGW_BLOCK;
		if (!(how & JUDGE_AGAIN) || verdict != CGW_PASS)
			event_hit(q, &a);
	} else {
		count(a.error & (CGW_ERRORS - 1));
	}
	/* a refusal without a rule is always told */
	if ((a.error || (a.entry.flags & CGW_E_LOG) ||
	     (h && (h->flags & CGW_H_OBSERVE) && verdict != CGW_PASS)) &&
	    !((how & JUDGE_QUIET) && verdict == CGW_PASS))
		event_emit(q, &a, w, cookie, verdict | (how & ~0xffULL));
	if (h && (h->flags & CGW_H_OBSERVE) && verdict != CGW_PASS) {
		count(CGW_CNT_OBSERVED);
		return CGW_PASS;
	}
	count(verdict == CGW_PASS ? CGW_CNT_PASS : verdict == CGW_REJECT ? CGW_CNT_REJECT : CGW_CNT_BLOCK);
	return verdict;
}

#endif
