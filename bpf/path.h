/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths in the kernel: reading them, and turning them into the policy's path classes.
 *
 * Both happen here, so that a program that was installed and a cgroup that was made a microsecond ago are
 * judged right on their first call: nobody in user space has to be asked first.
 *
 * A program's path is the one that the host's mount namespace has for its file. Where the program was
 * started in the host's own namespace that is a walk from the file's dentry over mount points to the root.
 * Elsewhere (a container, a sandboxed service, `ip netns exec`) mounts may lie: another binary may be
 * bind-mounted over an allowed path. There the walk stays inside the file system, up to its own root, and
 * the table of the host's mounts says where the host has that directory, if at all; the deepest mount point
 * on the resulting path must be that very mount, or the host sees another file there. Example: in a
 * namespace with /tmp/evil bound over /usr/bin/curl, running /usr/bin/curl gives /tmp/evil; running the
 * genuine file under `unshare -m` gives /usr/bin/curl.
 */
#ifndef CGWALL_BPF_PATH_H
#define CGWALL_BPF_PATH_H

/* ---- buffers ---- */

/* A buffer of one's own, or NULL. To be given back with scratch_put(). */
static __always_inline struct scratch *scratch_get(void)
{
	__u32 at = bpf_get_smp_processor_id();
	int i;

	for (i = 0; i < 8; i++) {
		__u32 k = (at * 4 + i) % CGW_SCRATCH_MAX;
		struct scratch *s = bpf_map_lookup_elem(&scratches, &k);

		if (s && !__sync_val_compare_and_swap(&s->taken, 0, 1))
			return s;
	}
	count(CGW_ERR_SCRATCH);
	return NULL;
}

static __always_inline void scratch_put(struct scratch *s)
{
	__sync_lock_test_and_set(&s->taken, 0);
}

/* ---- path -> class ---- */

enum path_kind { PATH_EXE, PATH_CGROUP, PATH_POINT, PATH_KEY };

/* What the literal tables say of the path up to here, into c->lit. Always 0. */
__noinline int classify_literal(struct classify *c)
{
	struct cgw_key key = {};

	if (!c)
		return 0;
	cgw_hash_value_in(&c->hash, c->work, key.data);
	if (c->kind == PATH_POINT) {
		__u32 *id;

		key.kind = CGW_KEY_POINT;
		id = bpf_map_lookup_elem(&points, &key);
		if (id)
			c->lit = *id;
	} else {
		const struct cgw_class *class;

		key.kind = c->kind == PATH_CGROUP ? CGW_KEY_CGROUP : CGW_KEY_EXE;
		class = cgw_class_of(c->word, &key);
		if (class)
			c->lit = class->row[0][0];
	}
	return 0;
}

/* One byte more. A global function, so that the verifier looks at it once and not once a byte. 0 or -1. */
__noinline int classify_byte(struct classify *c, __u32 byte)
{
	const struct cgw_chunk *m;
	__u32 class;

	if (!c)
		return -1;
	byte &= 0xff;
	cgw_hash_byte(&c->hash, byte);
	if (!c->dfa.classes)
		return 0;
	m = cgw_chunk_at(c->word, c->dfa.bytes + (byte >> 7));
	if (!m)
		return -1;
	class = ((const __u8 *)m)[byte & 127];
	return cgw_u16_at(c->word, c->dfa.trans, c->state * c->dfa.classes + class, &c->state);
}

struct classify_loop {
	const struct cgw_path *path;
	struct classify *c;
	__u32 broken;
	__u32 reserved;
};

static int classify_step(__u32 i, struct classify_loop *l)
{
	const struct cgw_path *path = l->path;
	struct classify *c = l->c;
	__u8 b;

	if (i >= CGW_PATH_MAX)
		return 1;
	b = path->c[masked(i, CGW_PATH_MAX - 1)];
	if (!b)
		return 1;
	if (b == '/' && c->kind != PATH_EXE && c->kind != PATH_KEY)
		classify_literal(c);
	if (classify_byte(c, b)) {
		l->broken = 1;
		return 1;
	}
	return 0;
}

/* Runs a path through the hash and, where there is one, the automaton; the result stays in s. 0 on success.
 */
static __always_inline int classify_path(__u64 word, const struct cgw_path *path, __u32 kind,
					 struct scratch *s)
{
	struct classify_loop l = {.path = path, .c = &s->classify};
	const struct cgw_head *h = cgw_head_of(word);
	struct cgw_ctl *c = ctl_get();

	if (!h || !c)
		return -1;
	__builtin_memset(&s->classify, 0, sizeof(s->classify));
	s->classify.word = word;
	s->classify.kind = kind;
	if (kind == PATH_EXE)
		s->classify.dfa = h->dfa[0];
	else if (kind == PATH_CGROUP)
		s->classify.dfa = h->dfa[1];
	/* what is not looked up in the slot's tables is hashed under a seed that no policy changes */
	cgw_hash_start(&s->classify.hash, kind == PATH_EXE || kind == PATH_CGROUP ? h->seed : c->seed);
	if (bpf_loop(CGW_PATH_MAX, classify_step, &l, 0) < 0 || l.broken)
		return -1;
	return 0;
}

/* The classes of a path under `word`: CGW_PATH_WORD for PATH_EXE and PATH_CGROUP; for PATH_POINT the id of
 * the deepest mount point on it. 0 on success. */
__noinline int path_classes(__u64 word, const struct cgw_path *path, __u32 kind, __u64 *ret)
{
	struct scratch *s;
	__u32 glob = 0;
	int r = -1;

	if (!path || !ret)
		return -1;
	s = scratch_get();
	if (!s)
		return -1;
	if (!classify_path(word, path, kind, s)) {
		classify_literal(&s->classify);
		r = s->classify.dfa.classes
			    ? cgw_u16_at(word, s->classify.dfa.accept, s->classify.state, &glob)
			    : 0;
		*ret = kind == PATH_POINT ? s->classify.lit
					  : CGW_PATH_WORD(CGW_WORD_GEN(word), s->classify.lit, glob);
	}
	scratch_put(s);
	return r;
}

/* The key of a path in the table of paths, worked out in s. 0 on success. */
static __always_inline int path_key(const struct cgw_path *path, struct scratch *s, struct cgw_key *ret)
{
	if (classify_path(0, path, PATH_KEY, s))
		return -1;
	ret->kind = CGW_KEY_PATH;
	cgw_hash_value(&s->classify.hash, ret->data);
	return 0;
}

/* The classes of a named path under `word`, from its cache where that is fresh. which: PATH_EXE or
 * PATH_CGROUP. 0 on success. */
static __always_inline int named_classes(__u64 word, struct cgw_named *n, __u32 which, __u64 *ret)
{
	__u64 classes = *(volatile __u64 *)&n->classes[which & 1];

	if (!classes || CGW_PATH_WORD_GEN(classes) != CGW_WORD_GEN(word)) {
		if (path_classes(word, &n->path, which, &classes))
			return -1;
		*(volatile __u64 *)&n->classes[which & 1] = classes;
	}
	*ret = classes;
	return 0;
}

/* ---- reading a program's path ---- */

struct walk {
	struct dentry *dentry;
	struct vfsmount *mnt; /* NULL: stay inside the file system */
	struct scratch *s;
	__u32 off; /* start of what was read so far */
	__u32 done;
};

/* One component, from the leaf upwards. */
static int walk_step(__u32 i, struct walk *w)
{
	struct dentry *dentry = w->dentry, *parent;
	struct vfsmount *mnt = w->mnt; /* CO-RE would take w's own fields for the kernel's */
	struct scratch *s = w->s;
	const unsigned char *name;
	__u32 len, off = w->off;

	if (mnt && dentry == BPF_CORE_READ(mnt, mnt_root)) {
		struct mount *m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *up = BPF_CORE_READ(m, mnt_parent);

		if (up == m || !up) {
			w->done = 1;
			return 1;
		}
		w->dentry = BPF_CORE_READ(m, mnt_mountpoint);
		w->mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (parent == dentry || !parent) {
		w->done = !mnt; /* with mounts, a root that is no mount's root is cut off from the tree */
		return 1;
	}
	len = BPF_CORE_READ(dentry, d_name.len);
	name = BPF_CORE_READ(dentry, d_name.name);
	if (len > 255 || off < len + 1)
		return 1; /* too long */
	off -= len;
	if (off >= CGW_PATH_MAX ||
	    bpf_probe_read_kernel(&s->named.path.c[masked(off, CGW_PATH_MAX - 1)], masked(len, 255), name))
		return 1;
	off--;
	s->named.path.c[masked(off, CGW_PATH_MAX - 1)] = '/';
	w->off = off;
	w->dentry = parent;
	return 0;
}

/* Reads the path into s->named.path, right-aligned. Its start, or 0 where it could not be read whole. */
static __noinline __u32 walk_path(struct dentry *dentry, struct vfsmount *mnt, struct scratch *s)
{
	/* Before Linux 6.7 the verifier looks at a loop's body once, for the first round, and takes out what
	 * that round does not do: where a loop starts must not be known to it. */
	struct walk w = {.dentry = dentry, .mnt = mnt, .s = s, .off = CGW_PATH_MAX - 1 + s->zero};

	s->named.path.c[CGW_PATH_MAX - 1] = 0;
	if (bpf_loop(CGW_PATH_MAX / 2, walk_step, &w, 0) < 0 || !w.done)
		return 0;
	return w.off;
}

struct compare {
	const struct cgw_mount *m;
	const struct scratch *s;
	__u32 off;
	__u32 differ;
};

static int compare_byte(__u32 i, struct compare *c)
{
	const struct cgw_mount *m = c->m;
	const struct scratch *s = c->s;

	if (i >= m->root_len)
		return 1;
	if (m->root[masked(i, CGW_MOUNT_PATH_MAX - 1)] !=
	    s->named.path.c[masked(c->off + i, CGW_PATH_MAX - 1)]) {
		c->differ = 1;
		return 1;
	}
	return 0;
}

/* Bytes below a mount point, in another mount namespace: what surely fits behind the longest mount point. */
#define HOST_REST_MAX 511

/* Puts together what the host calls the file at s->path[off..] of the file system that `m` mounts. 1 where
 * it does have it there, 0 where not, -1 where that cannot be told. */
static __noinline int host_path_by(const struct cgw_mount *m, struct scratch *s, __u32 off,
				   struct cgw_path *out, __u32 *len)
{
	struct compare c = {.m = m, .s = s, .off = off};
	__u32 rest, root_len = m->root_len, point_len = m->point_len;
	struct cgw_ctl *ctl_value = ctl_get();
	__u64 id;

	if (!ctl_value || root_len >= CGW_MOUNT_PATH_MAX || point_len >= CGW_MOUNT_PATH_MAX)
		return -1;
	if (root_len) {
		if (bpf_loop(CGW_MOUNT_PATH_MAX, compare_byte, &c, 0) < 0)
			return -1;
		if (c.differ || s->named.path.c[masked(off + root_len, CGW_PATH_MAX - 1)] != '/')
			return 0;
	}
	off += root_len;
	rest = CGW_PATH_MAX - 1 - off;
	if (off >= CGW_PATH_MAX || rest > HOST_REST_MAX)
		return -1;
	if (bpf_probe_read_kernel(out->c, masked(point_len, CGW_MOUNT_PATH_MAX - 1), m->point))
		return -1;
	if (bpf_probe_read_kernel(&out->c[masked(point_len, CGW_MOUNT_PATH_MAX - 1)],
				  masked(rest, HOST_REST_MAX),
				  &s->named.path.c[masked(off, CGW_PATH_MAX - 1)]))
		return -1;
	*len = rest + point_len;
	out->c[masked(*len, CGW_PATH_MAX - 1)] = 0;
	if (path_classes(ctl_value->word, out, PATH_POINT, &id))
		return -1;
	return id == m->id;
}

/* What the host calls the file at s->path[off..] of the file system on device dev. */
static __always_inline int host_path(__u32 dev, struct scratch *s, __u32 off, struct cgw_path *out,
				     __u32 *len)
{
	struct cgw_mount_key key = {.dev = dev};

	for (int i = 0; i < CGW_MOUNTS_PER_DEV; i++) {
		struct cgw_mount *m;
		int r;

		key.index = i;
		m = bpf_map_lookup_elem(&mounts, &key);
		if (!m)
			return 0;
		r = host_path_by(m, s, off, out, len);
		if (r)
			return r;
	}
	return 0;
}

/* ---- reading a cgroup's path ---- */

struct climb {
	struct cgroup *cgroup;
	struct scratch *s;
	__u32 off;
	__u32 level;
	__u32 failed;
};

/* One component, from the root downwards. */
static int climb_step(__u32 i, struct climb *c)
{
	struct scratch *s = c->s;
	struct cgroup *cgroup = c->cgroup, *up = NULL;
	__u32 off = c->off;
	const char *name;
	long n;

	if (i >= c->level)
		return 1;
	if (off && off < CGW_PATH_MAX)
		s->named.path.c[masked(off++, CGW_PATH_MAX - 1)] = '/';
	bpf_core_read(&up, sizeof(up), &cgroup->ancestors[i + 1]);
	name = BPF_CORE_READ(up, kn, name);
	if (off >= CGW_PATH_MAX) {
		c->failed = 1;
		return 1;
	}
	n = bpf_probe_read_kernel_str(&s->named.path.c[masked(off, CGW_PATH_MAX - 1)], 256, name);
	if (n <= 1 || off + n > CGW_PATH_MAX) {
		c->failed = 1;
		return 1;
	}
	c->off = off + n - 1;
	return 0;
}

/* The path of a cgroup below the cgroup v2 root, without a leading slash, into s->path. 0 or -1. */
static __noinline int cgroup_path(struct cgroup *cgroup, struct scratch *s)
{
	struct climb c = {.cgroup = cgroup, .s = s, .off = s->zero};

	c.level = BPF_CORE_READ(cgroup, level);
	s->named.path.c[0] = 0;
	if (c.level > CGW_PATH_MAX / 2 || bpf_loop(c.level, climb_step, &c, 0) < 0 || c.failed)
		return -1;
	return 0;
}

#endif
