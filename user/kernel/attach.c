/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching, adopting and replacing programs. Links are pinned as they are made; a link that is there stays
 * until its successor works. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "cgwall.skel.h"

/* Identity first: no call may be judged before its program is known. */
const struct kernel_hook kernel_hooks[] = {
	{"proc_fork", false},	    {"proc_exec", false},    {"proc_exit", false},    {"proc_move", false},
	{"hook_connect4", true},    {"hook_connect6", true}, {"hook_sendmsg4", true}, {"hook_sendmsg6", true},
	{"hook_sock_create", true}, {"hook_egress", true},   {"hook_ingress", true},
};
const size_t kernel_nhooks = sizeof(kernel_hooks) / sizeof(kernel_hooks[0]);
_Static_assert(sizeof(kernel_hooks) / sizeof(kernel_hooks[0]) <= KERNEL_HOOKS_MAX, "room for every link");

static struct bpf_link *attach_one(struct kernel *k, const struct kernel_hook *hook)
{
	struct bpf_program *p = bpf_object__find_program_by_name(k->skel->obj, hook->program);

	if (!p) {
		errno = ENOENT;
		return NULL;
	}
	return hook->cgroup ? bpf_program__attach_cgroup(p, k->attach_fd) : bpf_program__attach_trace(p);
}

/* Makes a link and pins it, beside or over whatever is pinned under that name. */
static int attach_pin(struct kernel *k, size_t i, char **message)
{
	const struct kernel_hook *hook = &kernel_hooks[i];
	char path[512], fresh[512];
	struct bpf_link *link;
	int r;

	pin_path(k->pins, "link", hook->program, path, sizeof(path));
	pin_path(k->pins, "new", hook->program, fresh, sizeof(fresh));
	link = attach_one(k, hook);
	if (!link)
		return kernel_fail(message, -errno, "cannot attach %s at %s: %s", hook->program,
				   hook->cgroup ? k->attach : "its tracepoint", strerror(errno));
	unlink(fresh);
	r = bpf_link__pin(link, fresh);
	if (!r && rename(fresh, path))
		r = -errno;
	if (r) {
		bpf_link__destroy(link);
		return kernel_fail(message, r, "cannot pin %s: %s", path, strerror(-r));
	}
	bpf_link__disconnect(link); /* letting go of it must not take it down */
	k->links[i] = link;
	return 0;
}

int attach_all(struct kernel *k, char **message)
{
	bool made[KERNEL_HOOKS_MAX] = {false}, seed = false;
	int r = 0;

	for (size_t i = 0; i < kernel_nhooks && !r; i++) {
		if (kernel_hooks[i].cgroup && seed) {
			r = attach_seed(k, message);
			seed = false;
			if (r)
				break;
		}
		if (k->links[i])
			continue;
		r = attach_pin(k, i, message);
		made[i] = !r;
		/* programs that ran while nobody looked have to be written down, once */
		seed |= !r && !kernel_hooks[i].cgroup;
	}
	if (!r) {
		k->attached = true;
		return 0;
	}
	for (size_t i = 0; i < kernel_nhooks; i++) {
		char path[512];

		if (!made[i])
			continue;
		pin_path(k->pins, "link", kernel_hooks[i].program, path, sizeof(path));
		unlink(path);
		bpf_link__destroy(k->links[i]);
		k->links[i] = NULL;
	}
	return r;
}

int attach_adopt(struct kernel *k, bool replace, char **message)
{
	size_t found = 0;
	int r;

	for (size_t i = 0; i < kernel_nhooks; i++) {
		const struct kernel_hook *hook = &kernel_hooks[i];
		struct bpf_program *p = bpf_object__find_program_by_name(k->skel->obj, hook->program);
		struct bpf_link *link;
		char path[512];

		pin_path(k->pins, "link", hook->program, path, sizeof(path));
		if (access(path, F_OK))
			continue;
		found++;
		link = bpf_link__open(path);
		if (!link)
			return kernel_fail(message, -errno, "%s: %s", path, strerror(errno));
		bpf_link__disconnect(link);
		k->links[i] = link;
		if (!replace)
			continue;
		if (hook->cgroup) {
			r = bpf_link__update_program(link, p);
			if (r)
				return kernel_fail(message, r, "cannot replace %s: %s", path, strerror(-r));
			continue;
		}
		/* A tracepoint's link cannot change its program. Two of them at once do no harm: both write
		 * the same. */
		k->links[i] = NULL;
		r = attach_pin(k, i, message);
		if (r) {
			k->links[i] = link;
			return r;
		}
		bpf_link__destroy(link);
	}
	if (!found)
		return 0;
	/* some are missing where an older version had fewer hooks, or somebody removed a pin */
	return attach_all(k, message);
}

int attach_seed(struct kernel *k, char **message)
{
	struct bpf_link *link = bpf_program__attach_iter(k->skel->progs.proc_seed, NULL);
	char buf[256];
	ssize_t n;
	int fd, r = 0;

	if (!link)
		return kernel_fail(message, -errno, "the running programs cannot be read: %s",
				   strerror(errno));
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		r = kernel_fail(message, -errno, "the running programs cannot be read: %s", strerror(errno));
	} else {
		while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
			;
		if (n < 0)
			r = kernel_fail(message, -errno, "the running programs cannot be read: %s",
					strerror(errno));
		close(fd);
	}
	bpf_link__destroy(link);
	return r;
}
