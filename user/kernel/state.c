// SPDX-License-Identifier: GPL-2.0-only
/* Changes of the surroundings, put in force without a new policy. Whatever a program may be reading is left
 * alone: an enabled row is written into a variant that nobody uses, a row for interfaces into one that was
 * never referred to, and an element of the hash is not taken for another key before a grace period has passed
 * since it was given back. Then the control word gets a new epoch, and what was decided under the old one is
 * decided again. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "worker.h"

/* The kernel returns from the update of an element that is a map when nobody can read the former one any more
 * (synchronize_rcu()); whoever has the descriptors may do it. membarrier() would not do: it fails where the
 * kernel runs with nohz_full=, and does not wait at all on a single CPU, where a program may be preempted all
 * the same. Our programs that may sleep are run by the agent alone, which waits for their end anyway. */
int state_grace(const struct kernel *k)
{
	const uint32_t zero = 0;

	return bpf_map_update_elem(k->grace_outer, &zero, &k->grace_inner, BPF_ANY) ? -errno : 0;
}

static int grace_open(struct kernel *k)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);

	k->grace_inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgw_grace_in", 4, 4, 1, NULL);
	if (k->grace_inner < 0)
		return -errno;
	opts.inner_map_fd = (uint32_t)k->grace_inner;
	k->grace_outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "cgw_grace", 4, 4, 1, &opts);
	return k->grace_outer < 0 ? -errno : 0;
}

static int work_grace(void *arg)
{
	return state_grace(arg);
}

static int work_cut(void *arg)
{
	struct kernel *k = arg;
	size_t n;
	int err = kernel_cut(k, &n);

	__atomic_fetch_add(&k->ncut, n, __ATOMIC_RELAXED);
	if (err)
		__atomic_store_n(&k->cut_error, err, __ATOMIC_RELAXED);
	return 0;
}

int state_open(struct kernel *k)
{
	int err = grace_open(k);

	if (!err)
		err = worker_open(work_grace, k, true, &k->grace);
	if (!err)
		err = worker_open(work_cut, k, false, &k->cutter);
	return err ? err : used_open(k);
}

void state_close(struct kernel *k)
{
	used_close(k);
	worker_close(k->cutter);
	worker_close(k->grace);
	k->cutter = k->grace = NULL;
	if (k->grace_outer >= 0)
		close(k->grace_outer);
	if (k->grace_inner >= 0)
		close(k->grace_inner);
	k->grace_outer = k->grace_inner = -1;
}

void kernel_cut_begin(struct kernel *k)
{
	worker_ask(k->cutter);
}

int kernel_cut_fd(const struct kernel *k)
{
	return worker_fd(k->cutter);
}

int kernel_cut_end(struct kernel *k, size_t *ncut)
{
	worker_read(k->cutter);
	*ncut = __atomic_exchange_n(&k->ncut, 0, __ATOMIC_RELAXED);
	return __atomic_exchange_n(&k->cut_error, 0, __ATOMIC_RELAXED);
}

static const struct cgw_head *head_in_force(const struct kernel *k)
{
	return &k->ctl->head[CGW_WORD_SLOT(k->ctl->word)];
}

/* Where a row of the slot in force is mapped; NULL: nowhere. */
static struct cgw_chunk *row_at(const struct kernel *k, int dir, uint32_t row)
{
	const struct cgw_dirhead *d = &head_in_force(k)->dir[dir];
	const struct kernel_window *w = &k->slot.rows[dir];
	uint64_t at = d->rows + (uint64_t)row * d->stride;

	if (!row || !w->at || at < w->first || at + d->stride > (uint64_t)w->first + w->n)
		return NULL;
	return w->at + (at - w->first);
}

/* Are there variants of these rows? 0, -ENOENT without a policy in force, -EINVAL. */
static int check_rows(const struct kernel *k, const struct cgw_chunk *const row[CGW_DIRS])
{
	const struct cgw_head *h = head_in_force(k);

	if (!k->ctl->word)
		return -ENOENT;
	for (int dir = 0; dir < CGW_DIRS; dir++)
		for (int v = 0; row[dir] && v < CGW_VARIANTS; v++)
			if (!row_at(k, dir, h->dir[dir].enabled[v]))
				return -EINVAL;
	return 0;
}

static bool variant_is(const struct kernel *k, uint32_t variant, const struct cgw_chunk *const row[CGW_DIRS])
{
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct cgw_dirhead *d = &head_in_force(k)->dir[dir];

		if (row[dir] &&
		    memcmp(row_at(k, dir, d->enabled[variant]), row[dir], d->stride * sizeof(*row[dir])) != 0)
			return false;
	}
	return true;
}

static void variant_write(const struct kernel *k, uint32_t variant,
			  const struct cgw_chunk *const row[CGW_DIRS])
{
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct cgw_dirhead *d = &head_in_force(k)->dir[dir];

		if (row[dir])
			memcpy(row_at(k, dir, d->enabled[variant]), row[dir], d->stride * sizeof(*row[dir]));
	}
}

/* The variant with these rows, or one that may get them. CGW_VARIANTS: none before a grace period has passed.
 */
static uint32_t variant_for(const struct kernel *k, const struct cgw_chunk *const row[CGW_DIRS])
{
	uint32_t now = CGW_WORD_VARIANT(k->ctl->word), v;

	/* also one that was left a moment ago may come back, as long as nothing of it is changed */
	for (v = 0; v < CGW_VARIANTS; v++)
		if (variant_is(k, v, row))
			return v;
	for (v = 0; v < CGW_VARIANTS; v++) {
		if (v != now && worker_done(k->grace, k->left[v])) {
			variant_write(k, v, row);
			break;
		}
	}
	return v;
}

static void flip(struct kernel *k, uint32_t variant)
{
	uint64_t word = k->ctl->word;

	__atomic_store_n(&k->ctl->word,
			 CGW_WORD(CGW_WORD_GEN(word), CGW_WORD_SLOT(word), variant, CGW_WORD_EPOCH(word) + 1),
			 __ATOMIC_RELEASE);
}

int kernel_enable(struct kernel *k, const struct cgw_chunk *const row[CGW_DIRS], bool *changed)
{
	uint32_t now = CGW_WORD_VARIANT(k->ctl->word), v;
	int err = check_rows(k, row);

	if (err)
		return err;
	*changed = false;
	if (variant_is(k, now, row))
		return 0;
	v = variant_for(k, row);
	if (v == CGW_VARIANTS)
		return -EAGAIN;
	flip(k, v);
	k->left[now] = worker_ask(k->grace);
	*changed = true;
	return 0;
}

int kernel_ask_variant(struct kernel *k, const struct cgw_chunk *const row[CGW_DIRS])
{
	int err = check_rows(k, row);
	uint32_t v;

	if (err)
		return err;
	v = variant_for(k, row);
	return v == CGW_VARIANTS ? -EAGAIN : (int)v;
}

int kernel_row(struct kernel *k, enum cgw_dir dir, uint32_t row, const struct cgw_chunk *chunks)
{
	const struct cgw_dirhead *d = &head_in_force(k)->dir[dir];
	struct cgw_chunk *to = row_at(k, dir, row);

	if (!to)
		return -EINVAL;
	memcpy(to, chunks, d->stride * sizeof(*chunks));
	return 0;
}

int kernel_iface_put(struct kernel *k, const struct cgw_key *key, const struct cgw_class *class)
{
	struct cgw_class old;
	bool there;

	if (k->slot.ifaces_fd < 0)
		return -ENOENT;
	there = !bpf_map_lookup_elem(k->slot.ifaces_fd, key, &old);
	if (there && !memcmp(&old, class, sizeof(old)))
		return 0;
	if (!worker_done(k->grace, k->freed))
		return -EAGAIN;
	if (bpf_map_update_elem(k->slot.ifaces_fd, key, class, BPF_ANY))
		return errno == E2BIG ? -ENOSPC : -errno;
	if (there)
		k->freed = worker_ask(k->grace);
	return 0;
}

int kernel_iface_drop(struct kernel *k, const struct cgw_key *key)
{
	if (k->slot.ifaces_fd < 0)
		return -ENOENT;
	if (bpf_map_delete_elem(k->slot.ifaces_fd, key))
		return errno == ENOENT ? 0 : -errno;
	k->freed = worker_ask(k->grace);
	return 0;
}

void kernel_new_epoch(struct kernel *k)
{
	if (k->ctl->word)
		flip(k, CGW_WORD_VARIANT(k->ctl->word));
}

int kernel_grace_fd(const struct kernel *k)
{
	return worker_fd(k->grace);
}

void kernel_grace_read(struct kernel *k)
{
	worker_read(k->grace);
}
