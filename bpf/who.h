/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is calling, and whose a socket is: struct cgw_who names paths by key; classes come from them under the
 * generation in force. */
#ifndef CGWALL_BPF_WHO_H
#define CGWALL_BPF_WHO_H

/* Is the calling process one that this agent guards? */
static __always_inline bool who_guarded(const struct cgw_ctl *c)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (!c->guard || bpf_get_current_ancestor_cgroup_id(c->guard_level) == c->guard)
		return true;
	return proc_held(tgid);
}

/* Makes sure that a path is in the table of paths, under its key. 0 or -1. */
static __always_inline int who_named(const struct cgw_key *key, struct cgw_named *n)
{
	if (bpf_map_lookup_elem(&paths, key))
		return 0;
	return bpf_map_update_elem(&paths, key, n, BPF_ANY) ? -1 : 0;
}

/* The calling program into w. */
static __always_inline void who_program(struct task_struct *task, struct cgw_who *w)
{
	struct cgw_key key = {.kind = CGW_KEY_PATH};
	struct cgw_ctl *c = ctl_get();
	__u32 tgid = task->tgid;
	struct cgw_proc *rec;
	struct file *exe;

	w->state = CGW_PATH_NONE;
	if (!task->mm || (task->flags & PF_KTHREAD))
		return; /* the kernel itself: no program, matched by no exe selector */
	w->state = CGW_PATH_UNKNOWN;
	rec = bpf_map_lookup_elem(&procs, &tgid);
	if (!rec || !proc_fits(rec, task)) {
		count(CGW_ERR_NO_PROC);
		return;
	}
	/* what it pretends to be now must still be what it executed */
	exe = task->mm->exe_file;
	if (!exe || exe->f_inode->i_ino != rec->ino || exe->f_inode->i_sb->s_dev != rec->dev)
		return;
	if (rec->state == CGW_PATH_HOST) {
		__u64 gen = c ? CGW_WORD_GEN(*(volatile __u64 *)&c->word) : 0;

		/* once a generation is enough: its classes are at hand then, and that they are says that this
		 * was done */
		w->classes[PATH_EXE] = *(volatile __u64 *)&rec->named.classes[PATH_EXE];
		if (!gen || CGW_PATH_WORD_GEN(w->classes[PATH_EXE]) != gen) {
			__builtin_memcpy(key.data, rec->key, sizeof(key.data));
			if (who_named(&key, &rec->named) ||
			    (gen && named_classes(c->word, &rec->named, PATH_EXE, &w->classes[PATH_EXE])))
				return;
		}
		__builtin_memcpy(w->path[PATH_EXE], rec->key, sizeof(rec->key));
	}
	w->state = rec->state;
}

/* A cgroup, whose id w has already, into w; leaves the key zero where it cannot be told. */
static __always_inline void who_cgroup(struct cgroup *cgroup, struct cgw_who *w)
{
	__u64 id = w->cgroup_id;
	struct cgw_cgroup *known = bpf_map_lookup_elem(&cgroups, &id);
	struct cgw_key key = {};
	struct scratch *s;

	if (known) {
		key.kind = CGW_KEY_PATH;
		__builtin_memcpy(key.data, known->path, sizeof(key.data));
		/* the table of paths forgets, too, and this entry may have been given to another cgroup while
		 * it was read; then it is worked out again */
		if (bpf_map_lookup_elem(&cgroups, &id) == known && bpf_map_lookup_elem(&paths, &key)) {
			__builtin_memcpy(w->path[PATH_CGROUP], key.data, sizeof(key.data));
			return;
		}
	}
	s = scratch_get();
	if (!s)
		return;
	if (!cgroup_path(cgroup, s) && !path_key(&s->named.path, s, &key)) {
		s->named.classes[0] = s->named.classes[1] = 0;
		if (!who_named(&key, &s->named)) {
			__builtin_memcpy(w->path[PATH_CGROUP], key.data, sizeof(key.data));
			/* as a struct cgw_cgroup, for which the stack has no room besides */
			bpf_map_update_elem(&cgroups, &id, key.data, BPF_ANY);
		}
	}
	scratch_put(s);
}

/* All that there is to know of a task, as far as it can be told. */
static __always_inline void who_task(struct task_struct *task, __u64 cgroup_id, struct cgw_who *w)
{
	__u64 netns = w->netns; /* the socket's, which nobody changes */

	__builtin_memset(w, 0, sizeof(*w));
	w->netns = netns;
	w->start = task->group_leader->start_boottime;
	w->exec_id = task->self_exec_id;
	w->cgroup_id = cgroup_id;
	w->uid = task->cred->euid.val;
	w->gid = task->cred->egid.val;
	w->pid = task->tgid;
	bpf_probe_read_kernel_str(w->comm, sizeof(w->comm), task->comm);
	who_program(task, w);
	who_cgroup(BPF_CORE_READ(task, cgroups, dfl_cgrp), w);
	/* last: others may look at the record of a socket while it is written */
	asm volatile("" ::: "memory");
	w->known = 1;
}

/* The same of the caller. 0. */
__noinline int who_caller(struct cgw_who *w)
{
	/* packet programs have no helper for the cgroup */
	struct task_struct *task = bpf_get_current_task_btf();

	if (w)
		who_task(task, BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id), w);
	return 0;
}

/* The kernel itself, which has made the socket at this address for its own use: no program, no process, root;
 * the cgroup is that in which the socket was made, the root where that was a worker's doing. 0. */
__noinline int who_kernel(struct cgw_who *w, __u64 address)
{
	struct sock *at = (void *)address;
	struct cgroup *cgroup = BPF_CORE_READ(at, sk_cgrp_data.cgroup);

	if (!w)
		return 0;
	__builtin_memset(w, 0, sizeof(*w));
	w->netns = BPF_CORE_READ(at, __sk_common.skc_net.net, net_cookie);
	w->cgroup_id = BPF_CORE_READ(cgroup, kn, id);
	w->state = CGW_PATH_NONE;
	__builtin_memcpy(w->comm, "kernel", sizeof("kernel"));
	who_cgroup(cgroup, w);
	asm volatile("" ::: "memory"); /* as above */
	w->known = 1;
	return 0;
}

/* Is the caller the very process that w tells of, unchanged? */
static __always_inline bool who_same(const struct cgw_who *w)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return w->known && w->pid == (__u32)task->tgid && w->start == task->group_leader->start_boottime &&
	       w->exec_id == task->self_exec_id && w->cgroup_id == bpf_get_current_cgroup_id() &&
	       w->uid == task->cred->euid.val && w->gid == task->cred->egid.val;
}

/* The path of the program that opened a socket, as long as it runs: for when the table of paths has lost it.
 */
static __always_inline struct cgw_named *who_living(const struct cgw_who *w)
{
	__u32 pid = w->pid;
	struct cgw_proc *rec = bpf_map_lookup_elem(&procs, &pid);

	if (!rec || rec->start != w->start || rec->state != CGW_PATH_HOST)
		return NULL;
	for (int i = 0; i < 16; i++)
		if (rec->key[i] != w->path[PATH_EXE][i])
			return NULL; /* it has executed something else since */
	return &rec->named;
}

/* One path's classes under q->word. 0 or enum cgw_error. */
static __always_inline int who_path(__u64 word, struct cgw_who *w, __u32 which, __u32 *lit, __u32 *glob)
{
	__u64 classes = w->classes[which];

	if (!classes || CGW_PATH_WORD_GEN(classes) != CGW_WORD_GEN(word)) {
		struct cgw_key key = {.kind = CGW_KEY_PATH};
		struct cgw_named *n;

		__builtin_memcpy(key.data, w->path[which], sizeof(key.data));
		n = bpf_map_lookup_elem(&paths, &key);
		if (n) {
			if (named_classes(word, n, which, &classes))
				return CGW_ERR_TABLE;
			/* an entry may be evicted and given to another path while it is read */
			if (bpf_map_lookup_elem(&paths, &key) != n)
				return CGW_ERR_TABLE;
		} else {
			n = which == PATH_EXE ? who_living(w) : NULL;
			if (!n)
				return which == PATH_EXE ? CGW_ERR_PATH : CGW_ERR_CGROUP;
			if (named_classes(word, n, which, &classes))
				return CGW_ERR_TABLE;
		}
		w->classes[which] = classes;
	}
	*lit = CGW_PATH_WORD_LIT(classes);
	*glob = CGW_PATH_WORD_GLOB(classes);
	return 0;
}

#define WHO_PROGRAM (1u << CGW_DIM_EXE_PATH | 1u << CGW_DIM_EXE_GLOB)
#define WHO_CGROUP (1u << CGW_DIM_CG_PATH | 1u << CGW_DIM_CG_GLOB)

/* What the policy of q->word makes of w, into q: as much as it wants to know. 0 or enum cgw_error. */
__noinline int who_classes(struct cgw_who *w, struct cgw_query *q)
{
	const struct cgw_head *h;
	__u32 dims;
	int r;

	if (!w || !q)
		return CGW_ERR_TABLE;
	h = cgw_head_of(q->word);
	if (!h)
		return CGW_ERR_TABLE;
	dims = h->dir[q->dir & 1].dims;
	q->uid = w->uid;
	q->gid = w->gid;
	if (w->known)
		q->known |= CGW_Q_UID | CGW_Q_GID;
	else if (dims & (1u << CGW_DIM_UID | 1u << CGW_DIM_GID | WHO_PROGRAM | WHO_CGROUP))
		return CGW_ERR_OWNER;
	if ((dims & WHO_PROGRAM) && w->state != CGW_PATH_NONE) {
		if (w->state != CGW_PATH_HOST)
			return CGW_ERR_PATH;
		r = who_path(q->word, w, PATH_EXE, &q->exe_lit, &q->exe_glob);
		if (r)
			return r;
	}
	if (dims & WHO_CGROUP) {
		r = who_path(q->word, w, PATH_CGROUP, &q->cg_lit, &q->cg_glob);
		if (r)
			return r;
	}
	return 0;
}

#endif
