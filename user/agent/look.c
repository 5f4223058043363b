// SPDX-License-Identifier: GPL-2.0-only
#include "look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A lease for reading is given only where nobody has it open for writing. */
int look_writer(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), writer = 0;

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_SETLEASE, F_RDLCK))
		writer = errno == EAGAIN ? 1 : -1;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	close(fd);
	return writer;
}

static uint64_t mix(uint64_t h, uint64_t n)
{
	h = (h ^ n) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

int look_sum(const char *folder, const char *pattern, const char *other, uint64_t *sum)
{
	DIR *dir = opendir(folder);
	const struct dirent *d;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while ((d = readdir(dir))) {
		uint64_t h = 0;
		struct stat st;

		if ((fnmatch(pattern, d->d_name, 0) && strcmp(d->d_name, other)) ||
		    fstatat(dirfd(dir), d->d_name, &st, 0))
			continue;
		for (const char *c = d->d_name; *c; c++)
			h = mix(h, (unsigned char)*c);
		h = mix(mix(h, st.st_dev), st.st_ino);
		h = mix(mix(h, (uint64_t)st.st_ctim.tv_sec), (uint64_t)st.st_ctim.tv_nsec);
		*sum += mix(h, (uint64_t)st.st_size); /* they come in no order */
	}
	closedir(dir);
	return 0;
}
