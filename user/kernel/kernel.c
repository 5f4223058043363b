/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading or adopting the kernel side, and asking it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "closed.h"
#include "diag.h"
#include "guard.h"
#include "mounts.h"
#include "place.h"
#include "private.h"
#include "cgwall.skel.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, Linux 5.14 */
#endif

static bool kernel_verbose;

__attribute__((format(printf, 2, 0))) static int kernel_log(enum libbpf_print_level level, const char *format,
							    va_list ap)
{
	if (!kernel_verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, ap);
}

void kernel_print(bool verbose)
{
	kernel_verbose = verbose;
	libbpf_set_print(kernel_log);
}

/* FNV-1a over the ELF image, never 0. */
uint32_t kernel_build(void)
{
	size_t n;
	const unsigned char *elf = cgwall_bpf__elf_bytes(&n);
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ elf[i]) * 16777619u;
	return h ? h : 1;
}

void *kernel_map(int fd, size_t size, bool write)
{
	void *p = mmap(NULL, size, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

size_t kernel_pages(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

int kernel_check_pins(const char *pins, bool *found, char **message)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info);
	const struct cgw_ctl *c = NULL;
	char path[512];
	int fd, r;

	*found = false;
	pin_path(pins, "map", "ctl", path, sizeof(path));
	fd = bpf_obj_get(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : kernel_fail(message, -errno, "%s: %s", path, strerror(errno));
	r = bpf_obj_get_info_by_fd(fd, &info, &size) ? -errno : 0;
	if (!r && info.value_size != sizeof(*c))
		r = -EPROTO;
	if (!r) {
		c = kernel_map(fd, kernel_pages(sizeof(*c)), false);
		r = c ? 0 : -errno;
	}
	close(fd);
	if (c) {
		/* a load that was cut off before the header was written left nothing in force */
		*found = c->magic == CGW_MAGIC;
		if (c->magic && (c->magic != CGW_MAGIC || c->abi != CGW_ABI))
			r = -EPROTO;
		munmap((void *)(uintptr_t)c, kernel_pages(sizeof(*c)));
	}
	if (r == -EPROTO)
		return kernel_fail(message, r,
				   "%s was made by another version of cgwall%s; to let this one take over, "
				   "run `cgwall detach` first",
				   pins,
				   pin_any_link(pins) ? " and goes on enforcing the policy it has" : "");
	return r ? kernel_fail(message, r, "%s: %s", path, strerror(-r)) : 0;
}

/* LSM programs load everywhere, but are called only where the boot parameters say so. */
static bool kernel_has_lsm(void)
{
	char names[512] = "", *at = names, *name;
	FILE *f = fopen("/sys/kernel/security/lsm", "re");
	bool found = false;

	if (!f)
		return false;
	if (fgets(names, sizeof(names), f))
		while ((name = strsep(&at, ",\n")))
			found |= !strcmp(name, "bpf");
	fclose(f);
	return found && libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_LSM, NULL) == 1;
}

/* What is loaded only where this kernel calls it. all: everything is guarded, and no socket comes from
 * outside to listen. */
static void kernel_choose(struct kernel *k, bool all)
{
	struct bpf_program *programs[KERNEL_HOOKS_MAX], *watch[KERNEL_HOOKS_MAX] = {NULL};

	k->lsm = kernel_has_lsm();
	for (size_t i = 0; i < kernel_nhooks; i++) {
		programs[i] = bpf_object__find_program_by_name(k->skel->obj, kernel_hooks[i].program);
		if (kernel_hooks[i].place == PLACE_USE || kernel_hooks[i].place == PLACE_ALTER)
			watch[i] = programs[i];
	}
	k->uses = trace_choose(watch, kernel_nhooks, k->watched);
	k->others = k->lsm;
	for (size_t i = 0; i < kernel_nhooks; i++) {
		/* a security module sees the call, too, and can refuse it */
		if (k->lsm && (programs[i] == k->skel->progs.watch_send ||
			       programs[i] == k->skel->progs.watch_receive ||
			       programs[i] == k->skel->progs.watch_getsockopt))
			k->watched[i] = false;
		if (all && programs[i] == k->skel->progs.watch_accept)
			k->watched[i] = false;
		k->others |= k->watched[i] && programs[i] == k->skel->progs.alter_socket_create;
		if (k->lsm && kernel_hooks[i].place == PLACE_ALTER &&
		    programs[i] != k->skel->progs.alter_mount)
			k->watched[i] = false;
		k->mounts |= k->watched[i] && programs[i] == k->skel->progs.alter_mount;
		if (all && programs[i] == k->skel->progs.alter_mount)
			k->watched[i] = false;
	}
	for (size_t i = 0; i < kernel_nhooks; i++)
		if (kernel_hooks[i].place == PLACE_LSM || kernel_hooks[i].place == PLACE_USE ||
		    kernel_hooks[i].place == PLACE_ALTER)
			bpf_program__set_autoload(programs[i], attach_wanted(k, &kernel_hooks[i]));
}

static int kernel_load(struct kernel *k, bool all, char **message)
{
	struct bpf_map *map;
	struct utsname u;
	char path[512];
	int r;

	k->skel = cgwall_bpf__open();
	if (!k->skel)
		return kernel_fail(message, -errno, "the BPF object cannot be opened: %s", strerror(errno));
	bpf_object__for_each_map(map, k->skel->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		pin_path(k->pins, "map", bpf_map__name(map), path, sizeof(path));
		r = bpf_map__set_pin_path(map, path);
		if (r)
			return kernel_fail(message, r, "%s: %s", path, strerror(-r));
	}
	k->destroys = diag_works();
	kernel_choose(k, all);
	r = cgwall_bpf__load(k->skel);
	if (r) {
		uname(&u);
		return kernel_fail(
			message, r, "kernel %s does not take the programs: %s%s", u.release, strerror(-r),
			r == -EPERM
				? " (root, or CAP_BPF with CAP_NET_ADMIN and CAP_PERFMON, is needed)"
				: "; Linux 6.1 or later with BTF is needed, `--verbose` shows what it says");
	}
	return 0;
}

static int kernel_maps(struct kernel *k, char **message)
{
	int r;

	k->ctl_size = kernel_pages(sizeof(struct cgw_ctl));
	k->ask_size = kernel_pages(sizeof(struct cgw_ask));
	k->matches_size = kernel_pages(sizeof(struct cgw_chunk) * CGW_CHUNKS_MAX);
	k->ctl = kernel_map(bpf_map__fd(k->skel->maps.ctl), k->ctl_size, true);
	k->ask = k->ctl ? kernel_map(bpf_map__fd(k->skel->maps.asks), k->ask_size, true) : NULL;
	k->matches = k->ask ? kernel_map(bpf_map__fd(k->skel->maps.matches), k->matches_size, false) : NULL;
	r = k->matches ? 0 : -errno;
	return r ? kernel_fail(message, r, "cannot map the control word: %s", strerror(-r)) : 0;
}

/* Whoever makes records as fast as they are read shall not keep the agent from everything else. Negative ends
 * the reading, and the record counts as read. */
static int kernel_burst(struct kernel *k)
{
	return --k->burst ? 0 : -EAGAIN;
}

static int kernel_ring_event(void *arg, void *data, size_t size)
{
	struct kernel *k = arg;
	const struct cgw_event *e = data;

	if (!k->event || size < offsetof(struct cgw_event, path))
		return 0;
	if (e->kind == CGW_EV_CUT || e->kind == CGW_EV_NAMES_FULL ||
	    ((e->kind == CGW_EV_VERDICT || e->kind == CGW_EV_ALARM) &&
	     size > offsetof(struct cgw_event, path)))
		k->event(k->event_arg, e);
	return kernel_burst(k);
}

/* Tells the agent's network namespace apart from others; 0: the kernel does not say. */
static __u64 kernel_netns(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	__u64 cookie = 0;
	socklen_t size = sizeof(cookie);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		cookie = 0;
	close(fd);
	return cookie;
}

static int kernel_ring_asked(void *arg, void *data, size_t size)
{
	struct kernel *k = arg;

	if (k->asked && size >= sizeof(struct cgw_asked))
		k->asked(k->asked_arg, data);
	return kernel_burst(k);
}

/* Both buffers behind one descriptor. 0 or -errno. */
static int kernel_rings(struct kernel *k)
{
	const int maps[2] = {bpf_map__fd(k->skel->maps.events), bpf_map__fd(k->skel->maps.asking)};
	const ring_buffer_sample_fn fn[2] = {kernel_ring_event, kernel_ring_asked};

	k->events_fd = epoll_create1(EPOLL_CLOEXEC);
	if (k->events_fd < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		struct epoll_event in = {.events = EPOLLIN};

		k->ring[i] = ring_buffer__new(maps[i], fn[i], k, NULL);
		if (!k->ring[i] ||
		    epoll_ctl(k->events_fd, EPOLL_CTL_ADD, ring_buffer__epoll_fd(k->ring[i]), &in))
			return -errno;
	}
	return 0;
}

/* A new control map gets its header; an adopted one must fit what was asked for. */
static int kernel_identify(struct kernel *k, const struct guard *g, bool adopted, char **message)
{
	__u64 seed[2];
	struct stat ns;

	if (stat("/proc/self/ns/mnt", &ns))
		return kernel_fail(message, -errno, "/proc/self/ns/mnt: %s", strerror(errno));
	if (adopted) {
		if (k->ctl->guard != g->id || k->ctl->guard_level != g->level)
			return kernel_fail(message, -EBUSY,
					   "%s guards another cgroup than %s; run `cgwall detach` "
					   "first, or use another --run-dir",
					   k->pins, g->cgroup);
		if (!attach_at(k, g->attach_id))
			return kernel_fail(message, -EBUSY,
					   "the programs of %s are attached at another cgroup than %s; start "
					   "with the --attach that they have, or run `cgwall detach` first",
					   k->pins, g->attach);
		k->ctl->mnt_ns = (uint32_t)ns.st_ino;
		k->ctl->netns = kernel_netns();
		return 0;
	}
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return kernel_fail(message, -EIO, "no random numbers: %s", strerror(errno));
	memset(k->ctl, 0, sizeof(*k->ctl));
	k->ctl->abi = CGW_ABI;
	k->ctl->guard = g->id;
	k->ctl->guard_level = g->level;
	k->ctl->mnt_ns = (uint32_t)ns.st_ino;
	k->ctl->netns = kernel_netns();
	memcpy(k->ctl->seed, seed, sizeof(seed));
	__atomic_store_n(&k->ctl->magic, CGW_MAGIC, __ATOMIC_RELEASE);
	return 0;
}

/* The kernel side learns which process the agent is: what it sends on is not judged again. */
static int kernel_enroll(struct kernel *k, char **message)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int r = bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.enroll), &opts);

	if (r || opts.retval)
		return kernel_fail(message, r ? -errno : -EIO,
				   "the kernel cannot be told which process we are: %s",
				   r ? strerror(errno) : "no control map");
	return 0;
}

int kernel_open(const struct kernel_options *o, struct kernel **ret, bool *adopted, char **message)
{
	struct kernel *k = calloc(1, sizeof(*k));
	struct guard g;
	bool found = false;
	int r;

	if (!k)
		return -ENOMEM;
	k->events_fd = k->attach_fd = k->mounts_fd = k->mounts_poll = k->slot.ifaces_fd = -1;
	k->grace_outer = k->grace_inner = -1;
	k->lists_slot = ~0u;
	kernel_print(o->verbose);
	r = guard_find(o->cgroup, o->attach, &g, message);
	if (r)
		goto fail;
	strcpy(k->guard, g.cgroup);
	strcpy(k->attach, g.attach);
	k->attach_fd = open(g.attach, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (k->attach_fd < 0) {
		r = kernel_fail(message, -errno, "%s: %s", g.attach, strerror(errno));
		goto fail;
	}
	r = pin_folder(o->run_dir, k->pins, sizeof(k->pins), true, message);
	if (!r) {
		r = kernel_check_pins(k->pins, &found, message);
		if (r == -EPROTO && o->occupied)
			*o->occupied = true;
	}
	if (r)
		goto fail;
	if (o->refused)
		*o->refused = true; /* unless all goes well from here */
	r = kernel_load(k, !g.id, message);
	if (!r)
		r = kernel_maps(k, message);
	if (!r) {
		r = kernel_identify(k, &g, found, message);
		if (r == -EBUSY && o->refused)
			*o->refused = false;
		if (r == -EBUSY && o->occupied)
			*o->occupied = true;
	}
	if (!r)
		r = mounts_open(k, message);
	if (!r) {
		r = state_open(k);
		if (r)
			kernel_fail(message, r, "there is nothing to wait for the kernel with: %s",
				    strerror(-r));
	}
	if (r)
		goto fail;
	r = kernel_rings(k);
	if (r) {
		kernel_fail(message, r, "the event buffer cannot be read: %s", strerror(-r));
		goto fail;
	}
	if (found) {
		uint32_t build = kernel_build();

		r = attach_adopt(k, k->ctl->build != build, message);
		if (r)
			goto fail;
		k->ctl->build = build;
	} else {
		k->ctl->build = kernel_build();
	}
	r = kernel_enroll(k, message);
	if (r)
		goto fail;
	if (o->refused)
		*o->refused = false;
	*adopted = found && k->attached && k->ctl->word;
	*ret = k;
	return 0;
fail:
	kernel_close(k);
	return r;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	state_close(k);
	for (int i = 0; i < 2; i++)
		ring_buffer__free(k->ring[i]);
	if (k->events_fd >= 0)
		close(k->events_fd);
	for (size_t i = 0; i < kernel_nhooks; i++)
		bpf_link__destroy(k->links[i]); /* pinned: only lets go */
	publish_let_go(&k->slot);
	if (k->ctl)
		munmap(k->ctl, k->ctl_size);
	if (k->ask)
		munmap(k->ask, k->ask_size);
	if (k->matches)
		munmap((void *)(uintptr_t)k->matches, k->matches_size);
	cgwall_bpf__destroy(k->skel);
	mounts_close(k);
	place_close(k);
	if (k->attach_fd >= 0)
		close(k->attach_fd);
	free(k);
}

uint64_t kernel_generation(const struct kernel *k)
{
	return CGW_WORD_GEN(__atomic_load_n(&k->ctl->word, __ATOMIC_ACQUIRE));
}

bool kernel_enforcing(const struct kernel *k, char **message)
{
	if (!kernel_generation(k)) {
		kernel_fail(message, 0, "no policy is in force");
		return false;
	}
	for (size_t i = 0; i < kernel_nhooks; i++) {
		struct bpf_link_info info = {0};
		uint32_t size = sizeof(info);

		if (!attach_wanted(k, &kernel_hooks[i]))
			continue;
		if (!k->links[i] || !pin_exists(k->pins, "link", kernel_hooks[i].program)) {
			kernel_fail(message, 0, "%s is not attached", kernel_hooks[i].program);
			return false;
		}
		if (kernel_hooks[i].place != PLACE_CGROUP)
			continue;
		if (bpf_obj_get_info_by_fd(bpf_link__fd(k->links[i]), &info, &size) ||
		    !info.cgroup.cgroup_id) {
			kernel_fail(message, 0, "%s was attached at %s, which is gone",
				    kernel_hooks[i].program, k->attach);
			return false;
		}
	}
	return true;
}

int kernel_ask(struct kernel *k, struct kernel_ask *ask, struct cgw_chunk *chunks)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int r, variant = -1;

	if (ask->ndomains > CGW_ASK_NAMES_MAX)
		return -E2BIG;
	r = names_classes(k, ask->domains, ask->ndomains, k->ask->classes);
	if (r)
		return r;
	k->ask->nclasses = (uint32_t)ask->ndomains;
	memset(&k->ask->who, 0, sizeof(k->ask->who));
	k->ask->who.netns = ask->netns;
	if (ask->row) {
		/* they are few, and free again within a grace period */
		while ((variant = kernel_ask_variant(k, ask->row)) == -EAGAIN)
			if (state_grace(k))
				return -EAGAIN;
		if (variant < 0)
			return variant;
	}
	k->ask->query = ask->query;
	k->ask->variant = variant;
	k->ask->has_exe = ask->exe[0] != 0;
	k->ask->has_cgroup = ask->cgroup[0] != 0;
	k->ask->want_matches = chunks != NULL;
	k->ask->nchunks = 0;
	k->ask->wild = ask->wild;
	memcpy(k->ask->exe.c, ask->exe, sizeof(ask->exe));
	memcpy(k->ask->cgroup.c, ask->cgroup, sizeof(ask->cgroup));
	r = bpf_prog_test_run_opts(bpf_program__fd(k->skel->progs.ask), &opts);
	if (r)
		return -errno;
	if (opts.retval)
		return -EIO;
	ask->query = k->ask->query;
	ask->answer = k->ask->answer;
	ask->learned = k->ask->learned;
	ask->nchunks = k->ask->nchunks;
	ask->could = k->ask->could;
	ask->possible = k->ask->possible;
	if (chunks && !ask->answer.error)
		memcpy(chunks, k->matches, sizeof(*chunks) * ask->nchunks);
	return 0;
}

int kernel_event_fd(const struct kernel *k)
{
	return k->events_fd;
}

int kernel_read_events(struct kernel *k, void (*fn)(void *arg, const struct cgw_event *e), void *arg)
{
	int err = 0;

	k->event = fn;
	k->event_arg = arg;
	for (int i = 0; i < 2; i++) {
		int r;

		k->burst = KERNEL_BURST;
		r = ring_buffer__consume(k->ring[i]);
		if (r < 0 && r != -EAGAIN)
			err = r;
	}
	k->event = NULL;
	return err;
}

const char *kernel_guard(const struct kernel *k)
{
	return k->guard;
}

const char *kernel_attached_at(const struct kernel *k)
{
	return k->attach;
}

const char *kernel_pins(const struct kernel *k)
{
	return k->pins;
}

bool kernel_guards_all(const struct kernel *k)
{
	return !k->ctl->guard;
}

uint64_t kernel_processes(const struct kernel *k)
{
	int fd = bpf_map__fd(k->skel->maps.procs);
	uint32_t key, next;
	uint64_t n = 0;

	if (bpf_map_get_next_key(fd, NULL, &next))
		return 0;
	do {
		n++;
		key = next;
	} while (n < CGW_PROCS_MAX && !bpf_map_get_next_key(fd, &key, &next));
	return n;
}
