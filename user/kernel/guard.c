/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "private.h"

int guard_root(char *ret, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	int r = -ENOENT;

	if (!f)
		return -errno;
	while (r && (m = getmntent(f))) {
		if (!strcmp(m->mnt_type, "cgroup2") && strlen(m->mnt_dir) < size) {
			strcpy(ret, m->mnt_dir);
			r = 0;
		}
	}
	endmntent(f);
	return r;
}

/* The kernel's id of a cgroup is what its directory's file handle holds (kernfs). */
static int guard_id(const char *dir, uint64_t *ret)
{
	struct {
		struct file_handle h;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = {.h.handle_bytes = MAX_HANDLE_SZ};
	int mount_id;

	if (name_to_handle_at(AT_FDCWD, dir, &handle.h, &mount_id, 0))
		return -errno;
	if (handle.h.handle_bytes != sizeof(*ret))
		return -EINVAL;
	memcpy(ret, handle.h.f_handle, sizeof(*ret));
	return 0;
}

/* Is `dir` the directory `above` or below it? Both real paths. */
static bool guard_below(const char *dir, const char *above)
{
	size_t n = strlen(above);

	return !strncmp(dir, above, n) && (!dir[n] || dir[n] == '/');
}

static int guard_real(const char *dir, const char *root, char *ret, size_t size, char **message)
{
	char real[PATH_MAX];

	if (!realpath(dir, real))
		return kernel_fail(message, -errno, "%s: %s", dir, strerror(errno));
	if (!guard_below(real, root))
		return kernel_fail(message, -EINVAL, "%s is not a cgroup v2 directory (those are below %s)",
				   dir, root);
	if (strlen(real) >= size)
		return kernel_fail(message, -ENAMETOOLONG, "%s: the path is too long", dir);
	strcpy(ret, real);
	return 0;
}

int guard_find(const char *cgroup, const char *attach, struct guard *ret, char **message)
{
	char mount[1024], root[PATH_MAX];
	uint64_t root_id = 0;
	struct guard g = {0};
	int r;

	r = guard_root(mount, sizeof(mount));
	if (r || !realpath(mount, root))
		return kernel_fail(message, -ENOENT,
				   "no cgroup v2 hierarchy is mounted; mount one: "
				   "mount -t cgroup2 none /sys/fs/cgroup");
	r = guard_id(root, &root_id);
	if (r)
		return kernel_fail(message, r, "%s: %s", root, strerror(-r));
	/* the hierarchy's true root has inode 1; in a cgroup namespace something else is mounted */
	if (root_id != 1)
		return kernel_fail(message, -EXDEV,
				   "%s is not the root of the cgroup hierarchy: start cgwall in the "
				   "host's cgroup namespace",
				   root);
	r = guard_real(cgroup ? cgroup : root, root, g.cgroup, sizeof(g.cgroup), message);
	if (!r)
		r = guard_real(attach ? attach : root, root, g.attach, sizeof(g.attach), message);
	if (r)
		return r;
	if (!guard_below(g.cgroup, g.attach))
		return kernel_fail(message, -EINVAL, "--attach %s is not %s or above it", g.attach, g.cgroup);
	r = guard_id(g.cgroup, &g.id);
	if (r)
		return kernel_fail(message, r, "%s: %s", g.cgroup, strerror(-r));
	r = guard_id(g.attach, &g.attach_id);
	if (r)
		return kernel_fail(message, r, "%s: %s", g.attach, strerror(-r));
	for (const char *c = g.cgroup + strlen(root); *c; c++)
		g.level += *c == '/';
	if (!g.level)
		g.id = 0;
	*ret = g;
	return 0;
}
