/* SPDX-License-Identifier: GPL-2.0-only */
/* Taking everything out of the kernel: what is pinned is all that holds it there. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "private.h"

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
