// SPDX-License-Identifier: GPL-2.0-only
#include "cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUPS_SLOTS 256  /* of the cache, by id; a newcomer takes the place of whoever is there */
#define KERNFS_HANDLE 0xfe /* FILEID_KERNFS: the handle is the 64-bit id */

struct cgroups {
	int mount;     /* the root, open for reading: handles are resolved in its file system */
	size_t prefix; /* length of the mount's path */
	struct {
		uint64_t id;
		char *path;
	} slot[CGROUPS_SLOTS];
};

/* The mount point of the cgroup v2 tree: the first one in mountinfo whose root is the tree's own. */
static int find_mount(char *out, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t n = 0;
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && getline(&line, &n, f) > 0) {
		char root[PATH_MAX], point[PATH_MAX];
		const char *type = strstr(line, " - ");

		if (!type || strncmp(type, " - cgroup2 ", 11))
			continue;
		if (sscanf(line, "%*s %*s %*s %4095s %4095s", root, point) != 2 || strcmp(root, "/"))
			continue;
		err = snprintf(out, size, "%s", point) < (int)size ? 0 : -ENAMETOOLONG;
	}
	free(line);
	fclose(f);
	return err;
}

int cgroups_open(struct cgroups **ret)
{
	char path[PATH_MAX];
	struct cgroups *c;
	int err = find_mount(path, sizeof(path));

	if (err)
		return err;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->prefix = strlen(path);
	c->mount = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->mount < 0) {
		err = -errno;
		free(c);
		return err;
	}
	*ret = c;
	return 0;
}

void cgroups_close(struct cgroups *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CGROUPS_SLOTS; i++)
		free(c->slot[i].path);
	close(c->mount);
	free(c);
}

static char *look_up(const struct cgroups *c, uint64_t id)
{
	union {
		struct file_handle head;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} handle = {.head = {.handle_bytes = sizeof(id), .handle_type = KERNFS_HANDLE}};
	char link[64], path[PATH_MAX];
	ssize_t n;
	int fd;

	memcpy(handle.head.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(c->mount, &handle.head, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	close(fd);
	if (n < (ssize_t)c->prefix)
		return NULL;
	path[n] = '\0';
	return strdup(path[c->prefix] ? path + c->prefix + 1 : "/");
}

const char *cgroups_path(struct cgroups *c, uint64_t id)
{
	size_t at = (id ^ id >> 32) % CGROUPS_SLOTS;
	char *path;

	if (!c || !id)
		return NULL;
	if (c->slot[at].path && c->slot[at].id == id)
		return c->slot[at].path;
	path = look_up(c, id);
	if (!path)
		return NULL;
	free(c->slot[at].path);
	c->slot[at].path = path;
	c->slot[at].id = id;
	return path;
}
