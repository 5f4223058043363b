// SPDX-License-Identifier: GPL-2.0-only
#include "whole.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int whole_fail(char **message, int err, const char *format, ...)
{
	char *old = *message; /* may be one of the arguments */
	va_list ap;

	va_start(ap, format);
	if (vasprintf(message, format, ap) < 0)
		*message = NULL;
	va_end(ap);
	free(old);
	return err;
}

int whole_read(const char *path, size_t max, char **text, size_t *len, char **message)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	char *buf;
	size_t n;

	if (!f)
		return errno == ENOENT
			       ? -ENOENT
			       : whole_fail(message, -errno, "cannot read %s: %s", path, strerror(errno));
	/* one byte more than there should be tells that it has grown */
	if (fstat(fileno(f), &st) || st.st_size < 0 || (uint64_t)st.st_size > max) {
		fclose(f);
		return whole_fail(message, -EFBIG, "%s is too large", path);
	}
	buf = malloc((size_t)st.st_size + 2);
	n = buf ? fread(buf, 1, (size_t)st.st_size + 1, f) : 0;
	if (!buf || ferror(f) || n > (size_t)st.st_size) {
		int err = !buf ? -ENOMEM : ferror(f) ? -EIO : -EAGAIN;

		free(buf);
		fclose(f);
		return whole_fail(message, err, "cannot read %s: %s", path, strerror(-err));
	}
	fclose(f);
	buf[n] = '\0';
	*text = buf;
	*len = n;
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

int whole_write(const char *path, const char *text, size_t len, mode_t mode, char **fresh, char **message)
{
	char *name;
	int fd, err;

	if (asprintf(&name, "%s.new", path) < 0)
		return whole_fail(message, -ENOMEM, "out of memory");
	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	err = fd < 0 ? -errno : 0;
	if (!err && fchmod(fd, mode))
		err = -errno;
	if (!err)
		err = write_all(fd, text, len);
	if (fd >= 0) {
		close(fd);
		if (err)
			unlink(name);
	}
	if (err) {
		whole_fail(message, err, "cannot write %s: %s", name, strerror(-err));
		free(name);
		return err;
	}
	*fresh = name;
	return 0;
}

int whole_replace(const char *fresh, const char *path, char **message)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd;

	if (rename(fresh, path)) {
		int err = -errno;

		unlink(fresh);
		return whole_fail(message, err, "cannot replace %s: %s", path, strerror(-err));
	}
	dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0) { /* a file system without it has done what it can */
		fsync(fd);
		close(fd);
	}
	free(dir);
	return 0;
}
