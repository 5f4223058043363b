// SPDX-License-Identifier: GPL-2.0-only
/* The third judge: the kernel's own tables, asked by the syscall program. Names of the remote end are bound
 * to its address in the kernel's tables of learned names, for a network namespace that nobody is in, so that
 * the kernel works out their classes and puts them together as it does for what was learned; or their classes
 * are given, and it puts those together. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <cgwall/names.h>

#include "../../user/compile/enable.h"
#include "../../user/compile/tables.h"
#include "../../user/kernel/kernel.h"
#include "differential.h"

#define NOWHERE 0xfffffffffffULL /* cookie of no network namespace */
#define FOR_EVER (~0ULL >> 3)	 /* boot clock */

struct kernel_judge {
	struct kernel *kernel;
	int names, bound; /* the maps */
	__u64 seed[2];
	uint32_t ids;	       /* given to names so far */
	struct enable *enable; /* of what was published */
	const struct cgw_chunk *row[CGW_DIRS];
	char run_dir[64];
	struct kernel_ask ask;
	struct cgw_chunk chunks[CGW_CHUNKS_MAX];
};

static int complain(const char *what, int error, char *message)
{
	fprintf(stderr, "%s: %s\n", what, message ? message : strerror(-error));
	free(message);
	return error;
}

static int publish(void *state, const struct image *im)
{
	struct kernel_judge *j = state;
	char *message = NULL;
	uint64_t gen;
	int error = kernel_publish(j->kernel, im, &gen, &message);

	j->ask.row = NULL;
	enable_free(j->enable);
	j->enable = NULL;
	if (!error)
		error = enable_new(im, &j->enable);
	return error ? complain("publish", error, message) : 0;
}

static int enable(void *state, const struct query *q, bool in_force)
{
	struct kernel_judge *j = state;
	struct pollfd grace = {.fd = kernel_grace_fd(j->kernel), .events = POLLIN};
	bool changed;
	int error;

	enable_evaluate(j->enable, q);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		j->row[dir] = j->enable->dir[dir].row;
	j->ask.row = in_force ? NULL : j->row;
	if (!in_force)
		return 0;
	while ((error = kernel_enable(j->kernel, j->row, &changed)) == -EAGAIN) {
		if (poll(&grace, 1, 10000) != 1)
			return -ETIMEDOUT;
		kernel_grace_read(j->kernel);
	}
	return error;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void collect(const struct kernel_judge *j, const struct direction *d, struct third_answer *ret)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < d->nentries && i < j->ask.nchunks * CGW_CHUNK_BITS; i++) {
		const struct cgw_chunk *c = &j->chunks[i / CGW_CHUNK_BITS];
		uint32_t number = d->entries[i].rule->number;

		if (!(c->w[i % CGW_CHUNK_BITS / 64] >> (i % 64) & 1) || number == last)
			continue;
		ret->matched[ret->nmatched++] = last = number;
	}
	qsort(ret->matched, ret->nmatched, sizeof(*ret->matched), compare);
}

/* Binds the names of q to its remote address, in place of what was bound before. 0 or -errno. */
static int bind_names(struct kernel_judge *j, const struct query *q, const struct cgw_query *cq)
{
	struct cgw_bound_set set = {0};
	struct cgw_bound *b = &set.way[0];
	__u64 addr[2];
	uint32_t at;

	memcpy(addr, cq->remote, sizeof(addr));
	memcpy(b->addr, cq->remote, sizeof(b->addr));
	at = cgw_bound_at(addr, NOWHERE, j->seed);
	b->netns = NOWHERE;
	b->until = b->kept = FOR_EVER;
	for (uint32_t i = 0; i < q->ndomains; i++) {
		struct cgw_name n = {.id = 1ULL << 63 | (__u64)++j->ids << 32 | i, .until = FOR_EVER};

		n.len = (__u32)snprintf(n.text, sizeof(n.text), "%s", q->domains[i]);
		if (bpf_map_update_elem(j->names, &i, &n, BPF_ANY))
			return -errno;
		b->names[i] = (struct cgw_binding){
			.name = CGW_NAME_REF(i, n.id), .until = FOR_EVER, .flags = CGW_BINDING_ASKED};
	}
	b->asked = b->names[0].name;
	return bpf_map_update_elem(j->bound, &at, &set, BPF_ANY) ? -errno : 0;
}

/* Where the image has no room for one more set of names the kernel refuses, as it should; then the row that
 * user space has made is asked. */
static int ask_names(struct kernel_judge *j, const struct query *q, const struct cgw_query *cq)
{
	bool bind = q->ndomains && q->ndomains <= CGW_BOUND_NAMES && (cq->known & CGW_Q_REMOTE);
	int error = bind ? bind_names(j, q, cq) : 0;

	if (error)
		return error;
	j->ask.query = *cq;
	j->ask.query.given[CGW_GIVEN_NAME] = 0;
	j->ask.domains = q->domains;
	j->ask.ndomains = bind ? 0 : q->ndomains;
	j->ask.netns = bind ? NOWHERE : 0;
	error = kernel_ask(j->kernel, &j->ask, j->chunks);
	if (error || !j->ask.answer.error || q->ndomains < 2)
		return error;
	j->ask.query = *cq;
	j->ask.ndomains = 0;
	j->ask.netns = 0;
	return kernel_ask(j->kernel, &j->ask, j->chunks);
}

static int ask(void *state, const struct image *im, const struct query *q, const struct cgw_query *cq,
	       uint32_t wild, struct third_answer *ret)
{
	struct kernel_judge *j = state;
	int error;

	j->ask.wild = wild;
	snprintf(j->ask.exe, sizeof(j->ask.exe), "%s", q->exe ? q->exe : "");
	snprintf(j->ask.cgroup, sizeof(j->ask.cgroup), "%s", q->cgroup ? q->cgroup : "");
	error = ask_names(j, q, cq);
	if (error)
		return error;
	if (j->ask.answer.error)
		return -EIO;
	ret->action = j->ask.answer.entry.action;
	ret->rule = j->ask.answer.entry.rule;
	ret->could = j->ask.could;
	ret->possible = j->ask.possible;
	ret->nmatched = 0;
	collect(j, &im->tables->dir[q->dir], ret);
	return 0;
}

static void close_judge(void *state)
{
	struct kernel_judge *j = state;
	char *message = NULL, path[96];
	bool found;

	enable_free(j->enable);
	if (j->names >= 0)
		close(j->names);
	if (j->bound >= 0)
		close(j->bound);
	if (j->kernel)
		kernel_close(j->kernel);
	if (kernel_detach(j->run_dir, &found, &message))
		complain("detach", -EIO, message);
	snprintf(path, sizeof(path), "%s/lock", j->run_dir);
	unlink(path);
	rmdir(j->run_dir);
	free(j);
}

static int open_map(const struct kernel_judge *j, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/map_%s", kernel_pins(j->kernel), name);
	return bpf_obj_get(path);
}

/* The maps of names, and what addresses are found by there. 0 or -errno. */
static int open_names(struct kernel_judge *j)
{
	struct cgw_ctl *c = calloc(1, sizeof(*c));
	int ctl = open_map(j, "ctl"), error = 0;
	uint32_t zero = 0;

	j->names = open_map(j, "names");
	j->bound = open_map(j, "bound");
	if (!c || ctl < 0 || j->names < 0 || j->bound < 0 || bpf_map_lookup_elem(ctl, &zero, c))
		error = -errno;
	else
		memcpy(j->seed, c->seed, sizeof(j->seed));
	if (ctl >= 0)
		close(ctl);
	free(c);
	return error;
}

int kernel_judge_open(const char *cgroup, struct third_judge *ret)
{
	struct kernel_judge *j = calloc(1, sizeof(*j));
	struct kernel_options o = {.cgroup = cgroup, .attach = cgroup};
	char *message = NULL;
	bool adopted;
	int error;

	j->names = j->bound = -1;
	snprintf(j->run_dir, sizeof(j->run_dir), "/run/cgwall-differential-%d", (int)getpid());
	o.run_dir = j->run_dir;
	if (mkdir(j->run_dir, 0700) && errno != EEXIST) {
		error = -errno;
		free(j);
		return complain("run folder", error, NULL);
	}
	error = kernel_open(&o, &j->kernel, &adopted, &message);
	if (!error)
		error = open_names(j);
	if (error) {
		complain("cannot use the kernel", error, message);
		close_judge(j);
		return error;
	}
	*ret = (struct third_judge){
		.state = j, .publish = publish, .enable = enable, .ask = ask, .close = close_judge};
	return 0;
}
