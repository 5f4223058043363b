// SPDX-License-Identifier: GPL-2.0-only
#include "rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest part that exists, with links followed, and the rest behind it as it is. */
char *rundir_resolve(const char *given)
{
	char *path, *real = NULL, *found = NULL;
	size_t n;

	if (!given || !*given)
		given = getenv("CGWALL_RUN_DIR");
	if (!given || !*given)
		given = RUNDIR_DEFAULT;
	if (*given == '/') {
		path = strdup(given);
	} else {
		char *here = getcwd(NULL, 0);

		if (!here || asprintf(&path, "%s/%s", here, given) < 0)
			path = NULL;
		free(here);
	}
	if (!path)
		return NULL;
	for (n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	for (;;) {
		char cut = path[n];

		path[n] = '\0';
		real = realpath(n ? path : "/", NULL);
		path[n] = cut;
		if (real || !n)
			break;
		while (n && path[--n] != '/')
			;
	}
	if (real && asprintf(&found, "%s%s", strcmp(real, "/") || !path[n] ? real : "", path + n) < 0)
		found = NULL;
	free(real);
	free(path);
	return found;
}

int rundir_state(const char *run_dir, const char *given, char **ret)
{
	char *here, *path = NULL;

	if (!given && !strcmp(run_dir, RUNDIR_DEFAULT))
		given = RUNDIR_STATE;
	if (!given || !strcmp(given, "none")) {
		*ret = NULL;
		return 0;
	}
	if (*given == '/') {
		path = strdup(given);
	} else {
		here = getcwd(NULL, 0);
		if (here && asprintf(&path, "%s/%s", here, given) < 0)
			path = NULL;
		free(here);
	}
	if (!path)
		return -ENOMEM;
	*ret = path;
	return 0;
}

static int fail(int err, char **message, const char *what, const char *path)
{
	if (asprintf(message, "%s %s: %s", what, path, strerror(-err)) < 0)
		*message = NULL;
	return err;
}

static int make_parents(const char *path)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i < n; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int rundir_make(const char *path, char **message)
{
	struct stat st;
	int err = make_parents(path);

	if (!err && mkdir(path, 0700) && errno != EEXIST)
		err = -errno;
	if (err)
		return fail(err, message, "cannot make the run directory", path);
	if (stat(path, &st))
		return fail(-errno, message, "cannot look at the run directory", path);
	if (!S_ISDIR(st.st_mode))
		return fail(-ENOTDIR, message, "cannot use as a run directory", path);
	if (st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	if (asprintf(message,
		     "the run directory %s may be written to by others than the agent: make it belong to uid "
		     "%u with mode "
		     "0700, or name another one with --run-dir",
		     path, geteuid()) < 0)
		*message = NULL;
	return -EPERM;
}

int rundir_holder(const char *path)
{
	char file[PATH_MAX], pid[16] = "";
	int fd;

	if (snprintf(file, sizeof(file), "%s/" RUNDIR_LOCK, path) >= (int)sizeof(file))
		return 0;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 0;
	if (read(fd, pid, sizeof(pid) - 1) < 0)
		pid[0] = '\0';
	close(fd);
	return atoi(pid);
}

int rundir_lock(const char *path, char **message)
{
	char file[PATH_MAX], pid[16] = "";
	int fd, err, holder;
	ssize_t n;

	if (snprintf(file, sizeof(file), "%s/" RUNDIR_LOCK, path) >= (int)sizeof(file))
		return fail(-ENAMETOOLONG, message, "cannot lock", path);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail(-errno, message, "cannot open the lock", file);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = -errno;
		close(fd);
		if (err != -EWOULDBLOCK)
			return fail(err, message, "cannot take the lock", file);
		holder = rundir_holder(path);
		if (holder > 0)
			snprintf(pid, sizeof(pid), "%d", holder);
		if (asprintf(message,
			     "another agent%s%s%s already runs with the run directory %s: stop it first, or "
			     "name another "
			     "directory with --run-dir",
			     *pid ? " (pid " : "", pid, *pid ? ")" : "", path) < 0)
			*message = NULL;
		return err;
	}
	/* Only for the sentence above; a failure costs nothing else. */
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)n, 0) != n)
		errno = 0;
	return fd;
}

int rundir_address(const char *path, struct sockaddr_un *ret, socklen_t *len, int *dir)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = -1;

	if (snprintf(un.sun_path, sizeof(un.sun_path), "%s/" RUNDIR_SOCKET, path) >=
	    (int)sizeof(un.sun_path)) {
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/" RUNDIR_SOCKET, fd);
	}
	*ret = un;
	*len = sizeof(un);
	*dir = fd;
	return 0;
}
