// SPDX-License-Identifier: GPL-2.0-only
#include "closed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "private.h"
#include "bpf/closed.skel.h"

/* By the names of their programs. What refuses packets first, the rest is for a clear error. */
static const char *const hooks[] = {
	"closed_egress",   "closed_ingress",  "closed_connect4",
	"closed_connect6", "closed_sendmsg4", "closed_sendmsg6",
};
#define HOOKS (sizeof(hooks) / sizeof(hooks[0]))

bool closed_pinned(const char *pins)
{
	return pin_exists(pins, "link", hooks[0]) && pin_exists(pins, "link", hooks[1]);
}

bool closed_program(const char *name)
{
	for (size_t i = 0; i < HOOKS; i++)
		if (!strcmp(hooks[i], name))
			return true;
	return false;
}

int closed_take_out(const char *pins)
{
	char path[512];
	int err = 0;

	for (size_t i = 0; i < HOOKS; i++) {
		pin_path(pins, "link", hooks[i], path, sizeof(path));
		if (unlink(path) && errno != ENOENT)
			err = -errno;
	}
	return err;
}

static int put_one(struct closed_bpf *skel, const char *pins, int cgroup, const char *name, char **message)
{
	struct bpf_program *p = bpf_object__find_program_by_name(skel->obj, name);
	char path[512], fresh[512];
	struct bpf_link *link;
	int err = 0;

	pin_path(pins, "link", name, path, sizeof(path));
	pin_path(pins, "new", name, fresh, sizeof(fresh));
	link = p ? bpf_program__attach_cgroup(p, cgroup) : NULL;
	if (!link)
		return kernel_fail(message, p ? -errno : -ENOENT, "cannot attach %s: %s", name,
				   strerror(p ? errno : ENOENT));
	unlink(fresh);
	err = bpf_link__pin(link, fresh);
	if (!err && rename(fresh, path))
		err = -errno;
	bpf_link__destroy(link); /* pinned: only lets go */
	return err ? kernel_fail(message, err, "cannot pin %s: %s", path, strerror(-err)) : 0;
}

int closed_put(const struct kernel_options *o, char **message)
{
	struct closed_bpf *skel = NULL;
	char pins[256];
	struct guard g;
	int fd = -1, err;

	kernel_print(o->verbose);
	err = guard_find(o->cgroup, o->attach, &g, message);
	if (!err)
		err = pin_folder(o->run_dir, pins, sizeof(pins), true, message);
	if (err)
		return err;
	fd = open(g.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return kernel_fail(message, -errno, "%s: %s", g.cgroup, strerror(errno));
	skel = closed_bpf__open_and_load();
	if (!skel)
		err = kernel_fail(message, -errno, "the kernel does not even take the minimal program: %s",
				  strerror(errno));
	for (size_t i = 0; i < HOOKS && !err; i++)
		err = put_one(skel, pins, fd, hooks[i], message);
	closed_bpf__destroy(skel);
	close(fd);
	return err;
}
