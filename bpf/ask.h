/* SPDX-License-Identifier: GPL-2.0-only */
/* The syscall program through which user space asks the very tables that the hooks decide on. */
#ifndef CGWALL_BPF_ASK_H
#define CGWALL_BPF_ASK_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgw_ask);
} asks SEC(".maps");

/* One chunk of the whole AND into the map of matches. */
static int ask_chunk(__u32 k, struct cgw_scan *s)
{
	struct cgw_chunk *m = bpf_map_lookup_elem(&matches, &k);

	s->prio = 1;
	if (!m)
		return 1;
#pragma unroll
	for (int quad = 0; quad < CGW_CHUNK_WORDS / CGW_QUAD_WORDS; quad++) {
		if (cgw_scan_and(s, s->stride - s->nchunks + k, quad))
			return 1;
		for (int w = 0; w < CGW_QUAD_WORDS; w++)
			m->w[quad * CGW_QUAD_WORDS + w] = s->quad[w];
	}
	s->prio = 0;
	return 0;
}

/* All of it. s.prio is left at 1 where a chunk failed. */
static __noinline int ask_matches(const struct cgw_query *q, __u32 *nchunks)
{
	struct cgw_scan s = {};

	if (!q || !nchunks || cgw_rows(q, &s, 0))
		return -1;
	if (bpf_loop(s.nchunks, ask_chunk, &s, 0) < 0 || s.prio)
		return -1;
	*nchunks = s.nchunks;
	return 0;
}

static __noinline int ask_could(const struct cgw_query *q, __u32 wild, struct cgw_answer *a)
{
	struct cgw_scan s = {};

	return cgw_could(q, wild, a, &s);
}

/* The row of the names that are given, or else of those that were learned. Always 0. */
static __noinline int ask_names(struct cgw_ask *ask)
{
	struct cgw_query *q = &ask->query;
	const struct cgw_head *h = cgw_head_of(q->word);
	const struct cgw_dirhead *d;
	__u32 sum = 0;

	ask->learned = 0;
	if (!h || q->given[CGW_GIVEN_NAME])
		return 0;
	if (!ask->nclasses) {
		if (!ask->who.netns)
			return 0;
		names_given(q, &ask->who, 0);
		ask->learned = names_shown(q);
		return 0;
	}
	d = &h->dir[q->dir & 1];
	if (!(d->dims & (1u << CGW_DIM_NAME)))
		return 0;
	CGW_ROLLED
	for (__u32 i = 0; i < CGW_ASK_NAMES_MAX; i++) {
		if (i >= ask->nclasses)
			break;
		if (names_unite(q->word, sum, ask->classes[i], &sum)) {
			q->given[CGW_GIVEN_NAME] = CGW_ROW_BROKEN;
			return 0;
		}
	}
	if (sum)
		q->given[CGW_GIVEN_NAME] = d->name_rows + sum;
	return 0;
}

SEC("syscall")
int ask(void *ctx)
{
	struct cgw_ctl *c = ctl_get();
	__u32 zero = 0;
	struct cgw_ask *ask = bpf_map_lookup_elem(&asks, &zero);
	struct cgw_query *q;
	__u64 classes;

	if (!c || !ask)
		return 1;
	q = &ask->query;
	q->word = *(volatile __u64 *)&c->word;
	if (q->word && ask->variant >= 0)
		q->word = CGW_WORD(CGW_WORD_GEN(q->word), CGW_WORD_SLOT(q->word), ask->variant,
				   CGW_WORD_EPOCH(q->word));
	q->exe_lit = q->exe_glob = q->cg_lit = q->cg_glob = 0;
	ask->answer.error = CGW_ERR_NO_POLICY;
	if (!q->word)
		return 0;
	ask->answer.error = CGW_ERR_TABLE;
	if (ask->has_exe) {
		if (path_classes(q->word, &ask->exe, PATH_EXE, &classes))
			return 0;
		q->exe_lit = CGW_PATH_WORD_LIT(classes);
		q->exe_glob = CGW_PATH_WORD_GLOB(classes);
	}
	if (ask->has_cgroup) {
		if (path_classes(q->word, &ask->cgroup, PATH_CGROUP, &classes))
			return 0;
		q->cg_lit = CGW_PATH_WORD_LIT(classes);
		q->cg_glob = CGW_PATH_WORD_GLOB(classes);
	}
	ask_names(ask);
	cgw_decide(q, &ask->answer);
	if (ask->wild)
		ask->could = ask_could(q, ask->wild, &ask->possible);
	if (ask->want_matches && !ask->answer.error && ask_matches(q, &ask->nchunks))
		ask->answer.error = CGW_ERR_TABLE;
	return 0;
}

#endif
