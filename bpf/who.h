/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is calling: the path classes of the calling process and its cgroup, its user and group. */
#ifndef CGWALL_BPF_WHO_H
#define CGWALL_BPF_WHO_H

/* Is the calling process one that this agent guards? */
static __always_inline bool who_guarded(const struct cgw_ctl *c)
{
	return !c->guard || bpf_get_current_ancestor_cgroup_id(c->guard_level) == c->guard;
}

/* The calling program's classes into q. 0 or enum cgw_error. */
static __always_inline int who_program(struct task_struct *task, struct cgw_query *q)
{
	__u32 tgid = task->tgid;
	struct cgw_proc *rec;
	struct file *exe;
	__u64 classes;

	if (!task->mm || (task->flags & PF_KTHREAD))
		return 0; /* the kernel itself: no program, matched by no exe selector */
	rec = bpf_map_lookup_elem(&procs, &tgid);
	if (!rec || rec->start != task->group_leader->start_boottime)
		return CGW_ERR_NO_PROC;
	/* what it pretends to be now must still be what it executed */
	exe = task->mm->exe_file;
	if (!exe || exe->f_inode->i_ino != rec->ino || exe->f_inode->i_sb->s_dev != rec->dev)
		return CGW_ERR_PATH;
	if (rec->state == CGW_PATH_NONE)
		return 0;
	if (rec->state != CGW_PATH_HOST)
		return CGW_ERR_PATH;
	classes = *(volatile __u64 *)&rec->classes;
	if (!classes || CGW_PATH_WORD_GEN(classes) != (CGW_WORD_GEN(q->word) & 0xfffffff)) {
		if (path_classes(q->word, &rec->path, PATH_EXE, &classes))
			return CGW_ERR_TABLE;
		*(volatile __u64 *)&rec->classes = classes;
	}
	q->exe_lit = CGW_PATH_WORD_LIT(classes);
	q->exe_glob = CGW_PATH_WORD_GLOB(classes);
	return 0;
}

/* The calling process's cgroup's classes into q. 0 or enum cgw_error. */
static __noinline int who_cgroup(struct task_struct *task, struct cgw_query *q)
{
	__u64 id = bpf_get_current_cgroup_id(), classes = 0, *known;

	known = bpf_map_lookup_elem(&cgroups, &id);
	if (known)
		classes = *(volatile __u64 *)known;
	if (!classes || CGW_PATH_WORD_GEN(classes) != (CGW_WORD_GEN(q->word) & 0xfffffff)) {
		struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
		struct scratch *s = scratch_get();
		int r;

		if (!s)
			return CGW_ERR_SCRATCH;
		r = cgroup_path(cgroup, s);
		if (r)
			r = CGW_ERR_CGROUP;
		else if (path_classes(q->word, &s->path, PATH_CGROUP, &classes))
			r = CGW_ERR_TABLE;
		scratch_put(s);
		if (r)
			return r;
		bpf_map_update_elem(&cgroups, &id, &classes, BPF_ANY);
	}
	q->cg_lit = CGW_PATH_WORD_LIT(classes);
	q->cg_glob = CGW_PATH_WORD_GLOB(classes);
	return 0;
}

#define WHO_PROGRAM (1u << CGW_DIM_EXE_PATH | 1u << CGW_DIM_EXE_GLOB)
#define WHO_CGROUP (1u << CGW_DIM_CG_PATH | 1u << CGW_DIM_CG_GLOB)

/* All that the policy in force wants to know of the caller. 0 or enum cgw_error. */
static __always_inline int who_fill(struct cgw_query *q)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cgw_head *h = cgw_head_of(q->word);
	__u32 dims;
	int r;

	if (!h)
		return CGW_ERR_TABLE;
	dims = h->dir[q->dir & 1].dims;
	q->uid = task->cred->euid.val;
	q->gid = task->cred->egid.val;
	q->known |= CGW_Q_UID | CGW_Q_GID;
	if (dims & WHO_PROGRAM) {
		r = who_program(task, q);
		if (r)
			return r;
	}
	if (dims & WHO_CGROUP) {
		r = who_cgroup(task, q);
		if (r)
			return r;
	}
	return 0;
}

#endif
