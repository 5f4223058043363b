// SPDX-License-Identifier: GPL-2.0-only
/* How the kernel side is: its counters and the agent's beat, by who has it loaded and by who only looks at
 * the pins. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "closed.h"
#include "private.h"
#include "cgwall.skel.h"

int kernel_beat(struct kernel *k, bool alive)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (!alive) {
		__atomic_store_n(&k->ctl->heartbeat, 0, __ATOMIC_RELEASE);
		return 0;
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.beat), &opts))
		return -errno;
	return opts.retval ? -EIO : 0;
}

static double beat_age(const struct cgw_ctl *c)
{
	uint64_t beat = __atomic_load_n(&c->heartbeat, __ATOMIC_ACQUIRE), now;
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* the clock of bpf_ktime_get_ns() */
	now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	return !beat ? -1 : now > beat ? (double)(now - beat) / 1e9 : 0;
}

double kernel_beat_age(const struct kernel *k)
{
	return beat_age(k->ctl);
}

static int read_counters(int fd, uint64_t out[CGW_COUNTERS])
{
	int ncpu = libbpf_num_possible_cpus();
	uint64_t *values;

	if (ncpu <= 0)
		return ncpu ? ncpu : -EIO;
	values = calloc((size_t)ncpu, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < CGW_COUNTERS; i++) {
		out[i] = 0;
		if (bpf_map_lookup_elem(fd, &i, values))
			continue;
		for (int c = 0; c < ncpu; c++)
			out[i] += values[c];
	}
	free(values);
	return 0;
}

int kernel_counters(struct kernel *k, uint64_t out[CGW_COUNTERS])
{
	return read_counters(bpf_map__fd(k->skel->maps.counters), out);
}

static bool peek_counters(const char *pins, uint64_t out[CGW_COUNTERS])
{
	char path[512];
	int fd, err;

	pin_path(pins, "map", "counters", path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	err = read_counters(fd, out);
	close(fd);
	return !err;
}

/* Pins of this version. 0 or -errno. */
static int peek_ctl(struct kernel_peek *p)
{
	char path[512];
	struct cgw_ctl *c;
	uint32_t build;
	int fd;

	pin_path(p->pins, "map", "ctl", path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	c = kernel_map(fd, kernel_pages(sizeof(*c)), false);
	close(fd);
	if (!c)
		return -errno;
	p->gen = CGW_WORD_GEN(__atomic_load_n(&c->word, __ATOMIC_ACQUIRE));
	p->beat = beat_age(c);
	build = c->build;
	munmap(c, kernel_pages(sizeof(*c)));
	p->counted = peek_counters(p->pins, p->counters);
	p->enforcing = p->gen != 0;
	for (size_t i = 0; i < kernel_nhooks; i++)
		if ((kernel_hooks[i].place == PLACE_TRACE || kernel_hooks[i].place == PLACE_CGROUP) &&
		    !pin_exists(p->pins, "link", kernel_hooks[i].program))
			p->enforcing = false;
	/* another build's may have other names */
	p->other = !p->enforcing && p->gen && pin_any_link(p->pins) && build != kernel_build();
	return 0;
}

int kernel_peek(const char *run_dir, struct kernel_peek *ret)
{
	struct kernel_peek p = {.beat = -1};
	int r;

	r = pin_folder(run_dir, p.pins, sizeof(p.pins), false, NULL);
	if (!r) {
		r = kernel_check_pins(p.pins, &p.pinned, NULL);
		p.closed = closed_pinned(p.pins);
		if (!r && p.pinned)
			r = peek_ctl(&p);
		if (r)
			p.other = pin_any_link(p.pins);
		if (r == -EPROTO) {
			p.pinned = true;
			r = 0;
		}
	}
	*ret = p;
	return r;
}
