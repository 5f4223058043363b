/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching, adopting and replacing programs. Links are pinned as they are made; a link that is there stays
 * until its successor works. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "closed.h"
#include "iter.h"
#include "private.h"
#include "cgwall.skel.h"

/* Identity first: no call may be judged before its program is known. Then what makes sockets known; then what
 * judges them. */
const struct kernel_hook kernel_hooks[] = {
	{"proc_fork1", PLACE_TRACE},	      {"proc_exec1", PLACE_TRACE},
	{"proc_exit1", PLACE_TRACE},	      {"proc_move1", PLACE_TRACE},
	{"proc_fork2", PLACE_TRACE},	      {"proc_exec2", PLACE_TRACE},
	{"proc_exit2", PLACE_TRACE},	      {"proc_move2", PLACE_TRACE},
	{"proc_fork3", PLACE_TRACE},	      {"proc_exec3", PLACE_TRACE},
	{"proc_exit3", PLACE_TRACE},	      {"proc_move3", PLACE_TRACE},
	{"hook_sock_create", PLACE_CGROUP},   {"hook_connect4", PLACE_CGROUP},
	{"hook_connect6", PLACE_CGROUP},      {"hook_sendmsg4", PLACE_CGROUP},
	{"hook_sendmsg6", PLACE_CGROUP},      {"hook_setsockopt", PLACE_CGROUP},
	{"hook_bind4", PLACE_CGROUP},	      {"hook_bind6", PLACE_CGROUP},
	{"hook_sock_release", PLACE_CGROUP},  {"hook_egress", PLACE_CGROUP},
	{"hook_ingress", PLACE_CGROUP},	      {"lsm_socket_create", PLACE_LSM},
	{"lsm_socket_setsockopt", PLACE_LSM}, {"lsm_socket_sendmsg", PLACE_LSM},
	{"lsm_socket_recvmsg", PLACE_LSM},    {"lsm_socket_getsockopt", PLACE_LSM},
	{"alter_socket_create", PLACE_ALTER}, {"alter_socket_setsockopt", PLACE_ALTER},
	{"alter_send", PLACE_ALTER},	      {"alter_receive", PLACE_ALTER},
	{"alter_mount", PLACE_ALTER},	      {"watch_send", PLACE_USE},
	{"watch_receive", PLACE_USE},	      {"watch_getsockopt", PLACE_USE},
	{"watch_sendpage", PLACE_USE},	      {"watch_splice", PLACE_USE},
	{"watch_splice_mptcp", PLACE_USE},    {"watch_accept", PLACE_USE},
	{"watch_shutdown", PLACE_USE},	      {"watch_queue", PLACE_USE},
	{"watch_copied", PLACE_USE},	      {"watch_sent", PLACE_USE},
	{"watch_received", PLACE_USE},	      {"hook_getsockopt", PLACE_ERROR},
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
	switch (hook->place) {
	case PLACE_CGROUP:
	case PLACE_ERROR:
		return bpf_program__attach_cgroup(p, k->attach_fd);
	case PLACE_LSM:
		return bpf_program__attach_lsm(p);
	case PLACE_TRACE:
	case PLACE_USE:
	case PLACE_ALTER:
		break;
	}
	return bpf_program__attach_trace(p);
}

bool attach_wanted(const struct kernel *k, const struct kernel_hook *hook)
{
	switch (hook->place) {
	case PLACE_ERROR:
		return false;
	case PLACE_LSM:
		return k->lsm;
	case PLACE_USE:
	case PLACE_ALTER:
		return k->watched[hook - kernel_hooks];
	case PLACE_TRACE:
	case PLACE_CGROUP:
		break;
	}
	return true;
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
				   hook->place == PLACE_CGROUP ? k->attach : "its place in the kernel",
				   strerror(errno));
	unlink(fresh);
	r = bpf_link__pin(link, fresh);
	if (!r && rename(fresh, path))
		r = -errno;
	if (r) {
		bpf_link__destroy(link);
		return kernel_fail(message, r, "cannot pin %s: %s", path, strerror(-r));
	}
	k->links[i] = link; /* its pin keeps it there when we let go */
	return 0;
}

/* What a hook follows, and what is therefore not known as a whole while it is new: CGW_SEEDED_*. */
static uint32_t attach_follows(const struct kernel_hook *hook)
{
	if (hook->place == PLACE_TRACE)
		return CGW_SEEDED_PROGRAMS;
	return strcmp(hook->program, "hook_sock_create") ? 0 : CGW_SEEDED_SOCKETS;
}

static int attach_seed(struct kernel *k, struct bpf_program *p, uint32_t seeded, const char *what,
		       char **message)
{
	int err;

	if (k->ctl->seeded & seeded)
		return 0;
	err = iter_walk(p, 0, NULL, NULL);
	if (err)
		return kernel_fail(message, err, "the running %s cannot be read: %s", what, strerror(-err));
	k->ctl->seeded |= seeded;
	return 0;
}

/* What was there before hook i was attached has to be written down, once: programs when those that follow
 * programs are in place, sockets when those that are made are seen. An agent that was killed meanwhile leaves
 * it to the next one. */
static int attach_seed_after(struct kernel *k, size_t i, char **message)
{
	if (!strcmp(kernel_hooks[i].program, "proc_move3"))
		return attach_seed(k, k->skel->progs.proc_seed, CGW_SEEDED_PROGRAMS, "programs", message);
	if (!strcmp(kernel_hooks[i].program, "hook_sock_create"))
		return attach_seed(k, k->skel->progs.sock_seed, CGW_SEEDED_SOCKETS, "programs' sockets",
				   message);
	return 0;
}

/* What another build has pinned, and this one has not, goes, and what an agent that was cut off has left. */
static void attach_sweep(const struct kernel *k)
{
	DIR *d = opendir(k->pins);
	const struct dirent *e;
	char path[1024];

	while (d && (e = readdir(d))) {
		bool link = !strncmp(e->d_name, "link_", 5), keep = link && closed_program(e->d_name + 5);

		if (!link && strncmp(e->d_name, "new_", 4))
			continue;
		for (size_t i = 0; link && !keep && i < kernel_nhooks; i++)
			keep = k->links[i] && !strcmp(kernel_hooks[i].program, e->d_name + 5);
		snprintf(path, sizeof(path), "%s/%s", k->pins, e->d_name);
		if (!keep)
			unlink(path);
	}
	if (d)
		closedir(d);
}

int attach_all(struct kernel *k, char **message)
{
	bool made[KERNEL_HOOKS_MAX] = {false};
	int r = 0;

	for (size_t i = 0; i < kernel_nhooks && !r; i++) {
		if (!attach_wanted(k, &kernel_hooks[i]))
			continue;
		if (!k->links[i]) {
			k->ctl->seeded &= ~attach_follows(&kernel_hooks[i]);
			r = attach_pin(k, i, message);
			made[i] = !r;
		}
		if (!r)
			r = attach_seed_after(k, i, message);
	}
	if (!r) {
		attach_sweep(k);
		k->attached = true;
		return 0;
	}
	for (size_t i = 0; i < kernel_nhooks; i++) {
		char path[512];

		if (!made[i])
			continue;
		k->ctl->seeded &= ~attach_follows(&kernel_hooks[i]);
		pin_path(k->pins, "link", kernel_hooks[i].program, path, sizeof(path));
		unlink(path);
		bpf_link__destroy(k->links[i]);
		k->links[i] = NULL;
	}
	return r;
}

void attach_errors(struct kernel *k, bool wanted)
{
	for (size_t i = 0; i < kernel_nhooks; i++) {
		char path[512];

		if (kernel_hooks[i].place != PLACE_ERROR || !k->links[i] == !wanted)
			continue;
		if (wanted) {
			attach_pin(k, i, NULL);
			continue;
		}
		pin_path(k->pins, "link", kernel_hooks[i].program, path, sizeof(path));
		unlink(path);
		bpf_link__destroy(k->links[i]);
		k->links[i] = NULL;
	}
}

bool attach_at(const struct kernel *k, uint64_t cgroup)
{
	bool there = true;

	for (size_t i = 0; there && i < kernel_nhooks; i++) {
		struct bpf_link_info info = {0};
		uint32_t size = sizeof(info);
		char path[512];
		int fd;

		if (kernel_hooks[i].place != PLACE_CGROUP && kernel_hooks[i].place != PLACE_ERROR)
			continue;
		pin_path(k->pins, "link", kernel_hooks[i].program, path, sizeof(path));
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue;
		there = bpf_obj_get_info_by_fd(fd, &info, &size) || info.cgroup.cgroup_id == cgroup;
		close(fd);
	}
	return there;
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
		/* of another build, for which this one has no use: attach_all() takes it out */
		if (replace && hook->place != PLACE_ERROR && !attach_wanted(k, hook))
			continue;
		link = bpf_link__open(path);
		if (!link)
			return kernel_fail(message, -errno, "%s: %s", path, strerror(errno));
		k->links[i] = link;
		if (!replace)
			continue;
		if (hook->place == PLACE_CGROUP || hook->place == PLACE_ERROR) {
			r = bpf_link__update_program(link, p);
			if (r)
				return kernel_fail(message, r, "cannot replace %s: %s", path, strerror(-r));
			continue;
		}
		/* Other links cannot change their program. Two of them at once do no harm: both write
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
