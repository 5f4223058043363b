// SPDX-License-Identifier: GPL-2.0-only
/* Names that live flows use hold on as long as the flows: every network namespace with guarded processes is
 * walked for connections, and the table of what has none, by programs that put off what would expire. */
#include <time.h>

#include "iter.h"
#include "place.h"
#include "private.h"
#include "worker.h"
#include "cgwall.skel.h"

#define USED_SHARE 20 /* one part in so many of a CPU's time */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* The connections of the namespace that the caller is in. */
static int used_here(struct kernel *k, void *arg)
{
	(void)arg;
	return iter_walk(k->skel->progs.used_tcp, 0, NULL, NULL);
}

/* What fails is tried again in time: names that are used hold for longer than the pause between two walks. */
static int work_used(void *arg)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct kernel *k = arg;
	uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	place_each(k, used_here, NULL);
	bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.used_noted_all), &opts);
	__atomic_store_n(&k->use_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID) - start, __ATOMIC_RELAXED);
	__atomic_store_n(&k->used, clock_ns(CLOCK_MONOTONIC), __ATOMIC_RELAXED);
	return 0;
}

int used_open(struct kernel *k)
{
	return worker_open(work_used, k, false, &k->user);
}

void used_close(struct kernel *k)
{
	worker_close(k->user);
	k->user = NULL;
}

void kernel_names_use(struct kernel *k)
{
	uint64_t last = __atomic_load_n(&k->ctl->names_used, __ATOMIC_RELAXED);
	uint64_t end = __atomic_load_n(&k->used, __ATOMIC_RELAXED);
	uint64_t took = __atomic_load_n(&k->use_ns, __ATOMIC_RELAXED);

	/* an agent that was away for a while may find flows whose names have run out */
	if (end && last + CGW_NAME_USE_NS < clock_ns(CLOCK_BOOTTIME))
		return;
	if (clock_ns(CLOCK_MONOTONIC) < end + took * (USED_SHARE - 1))
		return;
	worker_ask(k->user);
}

bool kernel_mentions(const struct kernel *k)
{
	uint64_t word = __atomic_load_n(&k->ctl->word, __ATOMIC_ACQUIRE);

	return word && k->ctl->head[CGW_WORD_SLOT(word)].name_labels;
}
