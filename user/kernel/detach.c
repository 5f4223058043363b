/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking everything out of the kernel: what is pinned is all that holds it there. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "private.h"

#define AWAIT_MS 10000
#define AWAIT_STEP_MS 5

int kernel_detach(const char *run_dir, bool *found, char **message)
{
	char pins[256], path[1024];
	struct dirent *e;
	int r;
	DIR *d;

	*found = false;
	r = pin_folder(run_dir, pins, sizeof(pins), false, message);
	if (r)
		return r;
	d = opendir(pins);
	if (!d)
		return errno == ENOENT ? 0 : kernel_fail(message, -errno, "%s: %s", pins, strerror(errno));
	/* links first: no program may run on while its maps go */
	for (int pass = 0; pass < 2; pass++) {
		rewinddir(d);
		while ((e = readdir(d))) {
			if (e->d_name[0] == '.' || (!pass && !strncmp(e->d_name, "map_", 4)))
				continue;
			snprintf(path, sizeof(path), "%s/%s", pins, e->d_name);
			if (unlink(path) && errno != ENOENT)
				r = kernel_fail(message, -errno, "%s: %s", path, strerror(errno));
			*found = true;
		}
	}
	closedir(d);
	if (!r && rmdir(pins))
		r = kernel_fail(message, -errno, "%s: %s", pins, strerror(errno));
	rmdir("/sys/fs/bpf/cgwall"); /* stays where another agent has pins */
	return r;
}

void kernel_attached_note(const char *run_dir, struct kernel_attached *ret)
{
	char pins[256], path[1024], *message = NULL;
	struct dirent *e;
	DIR *d;

	ret->n = 0;
	d = pin_folder(run_dir, pins, sizeof(pins), false, &message) ? NULL : opendir(pins);
	free(message);
	while (d && (e = readdir(d)) && ret->n < KERNEL_ATTACHED_MAX) {
		struct bpf_link_info info = {0};
		__u32 size = sizeof(info);
		int fd;

		if (strncmp(e->d_name, "link_", 5))
			continue;
		snprintf(path, sizeof(path), "%s/%s", pins, e->d_name);
		fd = bpf_obj_get(path);
		if (fd < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(fd, &info, &size)) {
			ret->id[ret->n] = info.prog_id;
			ret->link[ret->n++] = info.id;
		}
		close(fd);
	}
	if (d)
		closedir(d);
}

int kernel_attached_await(const struct kernel_attached *a)
{
	const struct timespec step = {.tv_nsec = AWAIT_STEP_MS * 1000000L};
	int left = AWAIT_MS / AWAIT_STEP_MS;

	for (size_t i = 0; i < a->n; i++) {
		for (; left; left--) {
			int fd = bpf_prog_get_fd_by_id(a->id[i]);

			if (fd < 0)
				break;
			close(fd);
			nanosleep(&step, NULL);
		}
	}
	/* somebody may hold a program that is attached nowhere */
	for (size_t i = 0; i < a->n; i++) {
		int fd = bpf_link_get_fd_by_id(a->link[i]);

		if (fd < 0)
			continue;
		close(fd);
		return -EBUSY;
	}
	return 0;
}
