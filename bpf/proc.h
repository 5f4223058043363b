/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes: who they are is written down when they execute a program, passed on when they fork, and
 * forgotten when the last thread has gone. mm->exe_file alone would not do: an unprivileged process can
 * exchange it (prctl PR_SET_MM_MAP in a user namespace of its own).
 *
 * The kernel leaves out a tracing program where another call of it has not ended on the same CPU. Since
 * tracepoints can be preempted (seen on Linux 7.3: of 100 programs that a shell starts, three) that is any
 * task's that was interrupted there. So each of these programs is there three times, and whichever comes
 * first does it; and what all of them have missed is told by what the record does not fit: a program that was
 * executed since has another count of execs, a task that left has its record still inside. Neither is
 * trusted.
 */
#ifndef CGWALL_BPF_PROC_H
#define CGWALL_BPF_PROC_H

/* Works out the path of the program that `file` is, into rec. Leaves CGW_PATH_UNKNOWN where it cannot. */
static __noinline int proc_path(struct file *file, struct cgw_proc *rec)
{
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
	struct cgw_ctl *c = ctl_get();
	struct scratch *s;
	__u32 off, len = 0;
	int r;

	if (!c)
		return -1;
	if (!BPF_CORE_READ(file, f_inode, i_nlink)) {
		rec->state = CGW_PATH_NONE; /* memfd, deleted: no path leads there any more */
		return 0;
	}
	s = scratch_get();
	if (!s)
		return -1;
	if (BPF_CORE_READ(m, mnt_ns, ns.inum) == c->mnt_ns) {
		off = walk_path(dentry, mnt, s);
		if (off && off < CGW_PATH_MAX) {
			len = CGW_PATH_MAX - 1 - off;
			if (!bpf_probe_read_kernel(rec->named.path.c, masked(len, CGW_PATH_MAX - 1),
						   &s->named.path.c[masked(off, CGW_PATH_MAX - 1)])) {
				rec->named.path.c[masked(len, CGW_PATH_MAX - 1)] = 0;
				rec->state = CGW_PATH_HOST;
			}
		}
	} else {
		off = walk_path(dentry, NULL, s);
		if (off && off < CGW_PATH_MAX) {
			r = host_path(rec->dev, s, off, &rec->named.path, &len);
			if (r >= 0)
				rec->state = r ? CGW_PATH_HOST : CGW_PATH_NONE;
		}
	}
	rec->len = len;
	if (rec->state == CGW_PATH_HOST) {
		struct cgw_key key = {};

		if (path_key(&rec->named.path, s, &key))
			rec->state = CGW_PATH_UNKNOWN;
		__builtin_memcpy(rec->key, key.data, sizeof(rec->key));
	}
	scratch_put(s);
	return rec->state == CGW_PATH_UNKNOWN ? -1 : 0;
}

/* Is this the record of what a process runs now? */
static __always_inline bool proc_fits(const struct cgw_proc *rec, struct task_struct *task)
{
	return rec->exec_id == task->self_exec_id && rec->start == task->group_leader->start_boottime;
}

/* Fills the record of a process from what it runs now. */
static __always_inline void proc_fill(struct task_struct *task, struct cgw_proc *rec)
{
	__u64 exec_id = task->self_exec_id; /* what is executed meanwhile must not fit */
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct inode *inode;

	rec->state = CGW_PATH_UNKNOWN;
	rec->named.classes[PATH_EXE] = 0;
	rec->named.path.c[0] = 0;
	rec->len = 0;
	rec->start = task->group_leader->start_boottime;
	rec->mnt_ns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	rec->user_ns = BPF_CORE_READ(task, cred, user_ns, ns.inum);
	rec->ino = 0;
	__builtin_memset(rec->key, 0, sizeof(rec->key));
	if (file) {
		inode = BPF_CORE_READ(file, f_inode);
		rec->ino = BPF_CORE_READ(inode, i_ino);
		rec->ino_gen = BPF_CORE_READ(inode, i_generation);
		rec->dev = BPF_CORE_READ(inode, i_sb, s_dev);
		proc_path(file, rec);
	} else {
		rec->state = CGW_PATH_NONE;
	}
	/* last: with it the record is good */
	asm volatile("" ::: "memory");
	rec->exec_id = exec_id;
}

/* Is a cgroup the guarded one or below it? */
static __always_inline bool cgroup_inside(struct cgroup *cgroup, const struct cgw_ctl *c)
{
	struct cgroup *above = NULL;
	__u32 level = c->guard_level;

	if (!c->guard)
		return true;
	if (BPF_CORE_READ(cgroup, level) < (int)level)
		return false;
	if (bpf_core_read(&above, sizeof(above), &cgroup->ancestors[level]))
		return false;
	return BPF_CORE_READ(above, kn, id) == c->guard;
}

/* The record of a task's process, made where there is none. */
static __always_inline struct cgw_proc *proc_make(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct cgw_proc *rec = bpf_map_lookup_elem(&procs, &tgid);
	struct cgw_ctl *c = ctl_get();
	__u32 zero = 0;
	void *empty;

	if (rec)
		return rec;
	empty = bpf_map_lookup_elem(&blank, &zero);
	if (!empty || bpf_map_update_elem(&procs, &tgid, empty, BPF_NOEXIST))
		count(CGW_ERR_PROC_FULL);
	rec = bpf_map_lookup_elem(&procs, &tgid);
	if (rec && c && cgroup_inside(BPF_CORE_READ(task, cgroups, dfl_cgrp), c))
		rec->flags = CGW_PROC_INSIDE;
	return rec;
}

/* Notes where a process is now. `own`: it went there by its own, or a guarded process's, doing. */
static __always_inline void proc_place(struct cgw_proc *rec, bool inside, bool own)
{
	__u32 flags = rec->flags;

	if (!own || inside)
		flags &= ~CGW_PROC_HELD;
	else if (flags & CGW_PROC_INSIDE)
		flags |= CGW_PROC_HELD;
	rec->flags = (flags & ~CGW_PROC_INSIDE) | (inside ? CGW_PROC_INSIDE : 0);
}

/* Does a process count as guarded that is not in the guarded cgroup? One whose record is still inside has
 * left it, and nobody saw how. */
static __always_inline bool proc_held(__u32 tgid)
{
	struct cgw_proc *rec = bpf_map_lookup_elem(&procs, &tgid);

	return rec && (rec->flags & (CGW_PROC_HELD | CGW_PROC_INSIDE));
}

/* Who leaves the guarded cgroup by his own doing stays guarded; whom somebody outside moves does not. What is
 * moved in another hierarchy (version 1) stays where it was in ours. Doing it again changes nothing. */
static __always_inline int proc_moved(struct cgroup *to, struct task_struct *task)
{
	__u32 tgid = task->tgid, mover = bpf_get_current_pid_tgid() >> 32;
	struct cgw_ctl *c = ctl_get();
	struct cgw_proc *rec, *by;
	bool own;

	if (!c || !c->guard || BPF_CORE_READ(task, cgroups, dfl_cgrp) != to)
		return 0;
	/* a mover that moved itself is outside by now, but its record still says where it was; one that has
	 * none was forked when there was no room for it, and may have been inside */
	by = bpf_map_lookup_elem(&procs, &mover);
	own = !by || (by->flags & (CGW_PROC_INSIDE | CGW_PROC_HELD));
	rec = bpf_map_lookup_elem(&procs, &tgid);
	if (!rec) {
		rec = proc_make(task);
		if (!rec)
			return 0;
		rec->flags = own ? CGW_PROC_INSIDE : 0;
	}
	proc_place(rec, cgroup_inside(to, c), own);
	return 0;
}

static __always_inline int proc_executed(struct task_struct *task)
{
	struct cgw_proc *rec = proc_make(task);

	if (rec && !proc_fits(rec, task)) {
		rec->seeded = 0;
		proc_fill(task, rec);
	}
	return 0;
}

static __always_inline int proc_forked(struct task_struct *parent, struct task_struct *child)
{
	__u32 from = parent->tgid, to = child->tgid;
	struct cgw_ctl *c = ctl_get();
	struct cgw_proc *rec;

	if (from == to)
		return 0; /* a thread */
	rec = bpf_map_lookup_elem(&procs, &to);
	if (rec && rec->start == child->start_boottime)
		return 0; /* done */
	rec = bpf_map_lookup_elem(&procs, &from);
	if (!rec)
		return 0; /* kernel threads; what they execute is seen at its exec */
	if (bpf_map_update_elem(&procs, &to, rec, BPF_ANY)) {
		count(CGW_ERR_PROC_FULL);
		return 0;
	}
	rec = bpf_map_lookup_elem(&procs, &to);
	if (rec && c) {
		rec->start = child->start_boottime;
		/* clone3() may have put it elsewhere */
		proc_place(rec, cgroup_inside(BPF_CORE_READ(child, cgroups, dfl_cgrp), c), true);
	}
	return 0;
}

static __always_inline int proc_exited(struct task_struct *task)
{
	__u32 tgid = task->tgid;

	/* the group's leader may be gone long before its last thread */
	if (!task->signal->live.counter)
		bpf_map_delete_elem(&procs, &tgid);
	return 0;
}

#define PROC_PROGRAMS(n)                                                                             \
	SEC("tp_btf/sched_process_fork")                                                             \
	int BPF_PROG(proc_fork##n, struct task_struct *parent, struct task_struct *child)            \
	{                                                                                            \
		return proc_forked(parent, child);                                                   \
	}                                                                                            \
	SEC("tp_btf/sched_process_exec")                                                             \
	int BPF_PROG(proc_exec##n, struct task_struct *task, int old_pid, struct linux_binprm *bprm) \
	{                                                                                            \
		return proc_executed(task);                                                          \
	}                                                                                            \
	SEC("tp_btf/sched_process_exit")                                                             \
	int BPF_PROG(proc_exit##n, struct task_struct *task)                                         \
	{                                                                                            \
		return proc_exited(task);                                                            \
	}                                                                                            \
	SEC("tp_btf/cgroup_attach_task")                                                             \
	int BPF_PROG(proc_move##n, struct cgroup *to, const char *path, struct task_struct *task,    \
		     bool group)                                                                     \
	{                                                                                            \
		return proc_moved(to, task);                                                         \
	}

PROC_PROGRAMS(1)
PROC_PROGRAMS(2)
PROC_PROGRAMS(3)

/* Writes down what ran before the agent: read once by it, after the programs above are attached. They may
 * have been attached before, and gone again: a record of then that fits no more is as good as none. */
SEC("iter/task")
int proc_seed(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cgw_proc *rec;
	__u32 tgid;

	if (!task || task->pid != task->tgid || !task->mm)
		return 0;
	tgid = task->tgid;
	rec = bpf_map_lookup_elem(&procs, &tgid);
	if (rec && proc_fits(rec, task))
		return 0; /* seen at its exec, or at its parent's */
	if (rec && rec->start != task->group_leader->start_boottime)
		bpf_map_delete_elem(&procs, &tgid); /* another process's, where that one was */
	rec = proc_make(task);
	if (rec) {
		rec->seeded = 1;
		proc_fill(task, rec);
	}
	return 0;
}

#endif
