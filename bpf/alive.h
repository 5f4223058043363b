/* SPDX-License-Identifier: GPL-2.0-only */
/* Is there an agent that can be asked, and what holds while there is none. */
#ifndef CGWALL_BPF_ALIVE_H
#define CGWALL_BPF_ALIVE_H

static __always_inline bool alive(void)
{
	struct cgw_ctl *c = ctl_get();
	__u64 beat = c ? *(volatile __u64 *)&c->heartbeat : 0, now = bpf_ktime_get_ns();

	/* one that came while we looked is later than `now` */
	return beat && (now < beat || now - beat < CGW_BEAT_LIFE_NS);
}

/* What an `ask` nobody can be asked about does: CGW_PASS or CGW_BLOCK. */
static __always_inline __u32 alive_background(const struct cgw_entry *e)
{
	return e->flags & CGW_E_BACK_PASS ? CGW_PASS : CGW_BLOCK;
}

/* The agent's sign of life. It is written here, by the kernel's clock: the agent's own may be that of another
 * time namespace. */
SEC("syscall")
int beat(void *ctx)
{
	struct cgw_ctl *c = ctl_get();

	if (!c)
		return 1;
	*(volatile __u64 *)&c->heartbeat = bpf_ktime_get_ns();
	return 0;
}

#endif
