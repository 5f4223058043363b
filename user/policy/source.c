// SPDX-License-Identifier: GPL-2.0-only
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *source_dir(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	char cwd[4096], *dir;

	if (*path == '/')
		return arena_strn(a, path, n ? n : 1);
	if (!getcwd(cwd, sizeof(cwd)))
		return arena_strn(a, n ? path : ".", n ? n : 1);
	if (!slash)
		return arena_strn(a, cwd, strlen(cwd));
	while (n > 1 && path[0] == '.' && path[1] == '/') {
		path += 2;
		n -= 2;
	}
	if (n == 1 && *path == '.')
		return arena_strn(a, cwd, strlen(cwd));
	dir = arena_strn(a, path, n);
	return source_join(a, cwd, dir);
}

char *source_join(struct arena *a, const char *dir, const char *path)
{
	size_t ndir = strlen(dir), n = strlen(path);
	char *joined;

	if (*path == '/')
		return arena_strn(a, path, n);
	while (path[0] == '.' && path[1] == '/') {
		path += 2;
		n -= 2;
	}
	if (ndir && dir[ndir - 1] == '/')
		ndir--;
	joined = arena_alloc(a, ndir + n + 2);
	memcpy(joined, dir, ndir);
	joined[ndir] = '/';
	memcpy(joined + ndir + 1, path, n);
	return joined;
}

/* Reads to the end of fd, but no more than max + 1 bytes. 0 or -errno. */
static int read_all(struct arena *a, int fd, size_t guess, size_t max, char **text, size_t *len)
{
	size_t size = guess < max ? guess + 1 : max + 1, n = 0;
	char *buf = arena_grow(a, NULL, 0, size + 1);

	for (;;) {
		ssize_t got = read(fd, buf + n, size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		n += (size_t)got;
		if (!got || n > max)
			break;
		if (n == size) {
			size_t larger = size < max / 2 ? size * 2 : max + 1;

			buf = arena_grow(a, buf, size + 1, larger + 1);
			size = larger;
		}
	}
	buf[n] = '\0';
	*text = buf;
	*len = n;
	return 0;
}

static const char *read_open(struct arena *a, int fd, bool included, size_t max, char **text, size_t *len,
			     struct source_id *id)
{
	static const char large[] =
		"the file is too large: all files of a policy together have at most 64 MiB";
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return strerror(errno);
	if (S_ISDIR(st.st_mode))
		return "this is a directory";
	if (!S_ISREG(st.st_mode) && included)
		return "this is not a regular file";
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
		return large;
	/* O_NONBLOCK was only for the opening of a pipe that nobody writes to */
	if (!S_ISREG(st.st_mode) && fcntl(fd, F_SETFL, 0) < 0)
		return strerror(errno);
	r = read_all(a, fd, S_ISREG(st.st_mode) ? (size_t)st.st_size : 65536, max, text, len);
	if (r)
		return strerror(-r);
	if (*len > max)
		return large;
	if (!*len && S_ISFIFO(st.st_mode))
		return "nothing came out of this pipe";
	id->dev = st.st_dev;
	id->ino = st.st_ino;
	return NULL;
}

const char *source_read(struct arena *a, const char *path, bool included, size_t max, char **text,
			size_t *len, struct source_id *id)
{
	const char *error;
	struct stat st;
	int fd;

	/* opening a device can do something; look first where a pattern may have led to one */
	if (included && !stat(path, &st) && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? "this is a directory" : "this is not a regular file";
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return strerror(errno);
	error = read_open(a, fd, included, max, text, len, id);
	close(fd);
	return error;
}

/* Length of the valid UTF-8 character at s, 0 where there is none: overlong forms, surrogates and what lies
 * beyond U+10FFFF are none. */
static size_t valid(const unsigned char *s, size_t left)
{
	static const unsigned char least[256] = {[0xe0] = 0xa0, [0xf0] = 0x90};
	static const unsigned char most[256] = {[0xed] = 0x9f, [0xf4] = 0x8f};
	size_t n = s[0] < 0x80	 ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;

	if (!n || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n > 2 && least[s[0]] && s[1] < least[s[0]])
		return 0;
	if (n > 2 && most[s[0]] && s[1] > most[s[0]])
		return 0;
	return n;
}

ssize_t source_check(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0, n;

	while (i < len) {
		if (!s[i])
			return (ssize_t)i;
		n = valid(s + i, len - i);
		if (!n)
			return (ssize_t)i;
		i += n;
	}
	return -1;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A folder that is not there matches nothing; one that cannot be read is an error, since rules in it would be
 * left out without a word. */
static int unreadable(const char *path, int error)
{
	(void)path;
	errno = error;
	return error != ENOENT && error != ENOTDIR;
}

/* The pattern with the folder of `path` before it, whose own name is no pattern. */
static char *pattern_beside(struct arena *a, const char *path, const char *pattern)
{
	const char *slash = strrchr(path, '/');
	char *full;
	size_t n = 0;

	while (pattern[0] == '.' && pattern[1] == '/')
		pattern += 2;
	if (*pattern == '/' || !slash)
		return arena_strn(a, pattern, strlen(pattern));
	full = arena_alloc(a, 2 * strlen(path) + strlen(pattern) + 1);
	for (; path <= slash; path++) {
		if (strchr("*?[\\", *path))
			full[n++] = '\\';
		full[n++] = *path;
	}
	memcpy(full + n, pattern, strlen(pattern));
	return full;
}

const char *source_glob(struct arena *a, const char *path, const char *pattern, char ***paths, size_t *n)
{
	char *full = pattern_beside(a, path, pattern), **list = NULL;
	const char *error = NULL;
	size_t count = 0;
	glob_t g = {0};

	errno = 0;
	switch (glob(full, GLOB_NOSORT, unreadable, &g)) {
	case 0:
	case GLOB_NOMATCH:
		break;
	case GLOB_ABORTED:
		error = errno ? strerror(errno) : "a folder cannot be read";
		break;
	default:
		error = strerror(ENOMEM);
		break;
	}
	for (size_t i = 0; !error && i < g.gl_pathc && i <= POLICY_FILES_MAX; i++)
		*ARENA_ADD(a, &list, &count) = arena_strn(a, g.gl_pathv[i], strlen(g.gl_pathv[i]));
	globfree(&g);
	if (error)
		return error;
	if (count)
		qsort(list, count, sizeof(*list), by_bytes);
	*paths = list;
	*n = count;
	return NULL;
}
