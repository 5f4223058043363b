/* SPDX-License-Identifier: GPL-2.0-only */
/* From a filled query and its who to what is done: counted, logged, observed. */
#ifndef CGWALL_BPF_JUDGE_H
#define CGWALL_BPF_JUDGE_H

#define JUDGE_ONCE EVENT_ONCE /* log a flow's first packet only */
#define JUDGE_AGAIN 0x400     /* the flow was counted already: count refusals only */
#define JUDGE_QUIET 0x200     /* the flow's line was written by an earlier hook: log refusals only */

/* CGW_PASS, CGW_BLOCK or CGW_REJECT. Never anything else. */
__noinline int judge(struct cgw_query *q, struct cgw_who *w, __u64 cookie, __u32 how)
{
	const struct cgw_head *h;
	struct cgw_answer a = {};
	__u32 verdict = CGW_BLOCK;
	int r;

	if (!q || !w)
		return CGW_BLOCK;
	h = cgw_head_of(q->word);
	r = who_classes(w, q);
	if (r)
		a.error = r;
	else
		cgw_decide(q, &a);
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
		event_emit(q, &a, w, cookie, verdict | (how & EVENT_ONCE));
	if (h && (h->flags & CGW_H_OBSERVE) && verdict != CGW_PASS) {
		count(CGW_CNT_OBSERVED);
		return CGW_PASS;
	}
	count(verdict == CGW_PASS ? CGW_CNT_PASS : verdict == CGW_REJECT ? CGW_CNT_REJECT : CGW_CNT_BLOCK);
	return verdict;
}

#endif
