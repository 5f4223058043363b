/* SPDX-License-Identifier: GPL-2.0-only */
/* The pin folder: /sys/fs/bpf/cgwall/NAME/ with map_* and link_*. It is made before the first policy is in
 * force, is never emptied while an agent replaces another, and goes with `cgwall detach` alone. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "closed.h"
#include "private.h"

#define BPFFS "/sys/fs/bpf"
#define BPFFS_MAGIC 0xcafe4a11 /* linux/magic.h BPF_FS_MAGIC */

int kernel_fail(char **message, int error, const char *format, ...)
{
	va_list ap;

	if (message) {
		free(*message);
		va_start(ap, format);
		if (vasprintf(message, format, ap) < 0)
			*message = NULL;
		va_end(ap);
	}
	return error;
}

/* FNV-1a, 32 bits (Fowler, Noll, Vo): tells two run directories of the same last name apart. */
static uint32_t pin_hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

int pin_folder(const char *run_dir, char *ret, size_t size, bool make, char **message)
{
	char real[PATH_MAX], name[65];
	const char *last;
	struct statfs fs;
	size_t n = 0;

	if (!realpath(run_dir, real)) {
		if (make || strlen(run_dir) >= sizeof(real))
			return kernel_fail(message, -errno, "%s: %s", run_dir, strerror(errno));
		strcpy(real, run_dir);
	}
	last = strrchr(real, '/');
	last = last ? last + 1 : real;
	/* bpffs refuses dots in names */
	for (; n < sizeof(name) - 1 && last[n]; n++)
		name[n] = last[n] == '.' ? '_' : last[n];
	name[n] = 0;
	if (make && (statfs(BPFFS, &fs) || (uint32_t)fs.f_type != BPFFS_MAGIC)) {
		if (mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
			return kernel_fail(message, -errno,
					   "no bpf file system at " BPFFS
					   " and none can be mounted: %s; mount one there",
					   strerror(errno));
	}
	if (make && mkdir(BPFFS "/cgwall", 0700) && errno != EEXIST)
		return kernel_fail(message, -errno, BPFFS "/cgwall: %s", strerror(errno));
	if ((size_t)snprintf(ret, size, BPFFS "/cgwall/%s-%08x", name, pin_hash(real)) >= size)
		return kernel_fail(message, -ENAMETOOLONG, "%s: the name is too long", run_dir);
	if (make && mkdir(ret, 0700) && errno != EEXIST)
		return kernel_fail(message, -errno, "%s: %s", ret, strerror(errno));
	return 0;
}

void pin_path(const char *folder, const char *kind, const char *name, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%s_%s", folder, kind, name);
}

bool pin_exists(const char *folder, const char *kind, const char *name)
{
	char path[512];

	pin_path(folder, kind, name, path, sizeof(path));
	return !access(path, F_OK);
}

bool pin_any_link(const char *folder)
{
	const struct dirent *e;
	DIR *d = opendir(folder);
	bool any = false;

	while (d && !any && (e = readdir(d)))
		any = !strncmp(e->d_name, "link_", 5) && !closed_program(e->d_name + 5);
	if (d)
		closedir(d);
	return any;
}
