// SPDX-License-Identifier: GPL-2.0-only
#include "keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../compile/lists.h"
#include "keepfile.h"
#include "whole.h"

static int64_t ns_of(const struct timespec *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

static int make_folder(const char *dir, char **message)
{
	char lists[PATH_MAX];

	if (snprintf(lists, sizeof(lists), "%s/" KEEP_LISTS, dir) >= (int)sizeof(lists))
		return whole_fail(message, -ENAMETOOLONG, "%s: the name is too long", dir);
	if ((mkdir(dir, 0700) && errno != EEXIST) || (mkdir(lists, 0700) && errno != EEXIST))
		return whole_fail(message, -errno, "cannot make the state folder %s: %s", dir,
				  strerror(errno));
	return 0;
}

/* ---- list files ---- */

/* The copy's name tells which version of which file it is. */
static void copy_name(const char *path, const struct list_file *f, char out[KEEP_COPY_MAX])
{
	snprintf(out, KEEP_COPY_MAX, "%016" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64,
		 keep_hash(path, strlen(path)), f->ino, f->size, (uint64_t)f->mtime, (uint64_t)f->ctime);
}

/* Is it the version that was read? */
static bool same_version(int fd, const struct list_file *f)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_ino == f->ino && (uint64_t)st.st_size == f->size &&
	       ns_of(&st.st_mtim) == f->mtime && ns_of(&st.st_ctim) == f->ctime;
}

static int copy_bytes(int from, int to, off_t size)
{
	while (size > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EAGAIN;
		size -= n;
	}
	return fsync(to) ? -errno : 0;
}

/* A copy of the version that was compiled, unless there is one; its name into `name`. */
static int copy_list(const char *dir, const char *path, const struct list_file *f, char name[KEEP_COPY_MAX])
{
	char whole[PATH_MAX], fresh[PATH_MAX];
	struct stat there;
	int from, to, err;

	copy_name(path, f, name);
	if (snprintf(whole, sizeof(whole), "%s/" KEEP_LISTS "/%s", dir, name) >= (int)sizeof(whole) ||
	    snprintf(fresh, sizeof(fresh), "%s/" KEEP_LISTS "/new", dir) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	if (!stat(whole, &there) && (uint64_t)there.st_size == f->size)
		return 0;
	from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (from < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	unlink(fresh);
	to = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	err = to < 0 ? -errno : copy_bytes(from, to, (off_t)f->size);
	if (!err && !same_version(from, f))
		err = -EAGAIN;
	if (!err && rename(fresh, whole))
		err = -errno;
	if (err)
		unlink(fresh);
	if (to >= 0)
		close(to);
	close(from);
	return err;
}

/* Copies that the kept policy does not name any more. */
static void sweep(const char *dir, char (*names)[KEEP_COPY_MAX], size_t n)
{
	char lists[PATH_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(lists, sizeof(lists), "%s/" KEEP_LISTS, dir);
	d = opendir(lists);
	while (d && (e = readdir(d))) {
		bool named = e->d_name[0] == '.';

		for (size_t i = 0; i < n && !named; i++)
			named = !strcmp(names[i], e->d_name);
		if (!named)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* ---- writing ---- */

/* A path that means the same wherever the reader stands. Owned by the caller. */
static char *absolute(const char *path)
{
	char *here, *whole = NULL;

	if (*path == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	if (here && asprintf(&whole, "%s/%s", here, path) < 0)
		whole = NULL;
	free(here);
	return whole;
}

static int print_texts(const struct texts *t, FILE *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct source *f = &t->files[i];
		char *path = absolute(f->path);

		if (!path)
			return -ENOMEM;
		fprintf(out, "file %zu %zu %u %u %u\n%s\n", strlen(path), f->len, f->included.file,
			f->included.line, f->included.col, path);
		fwrite(f->text, 1, f->len, out);
		fputc('\n', out);
		free(path);
	}
	return 0;
}

/* The checksum, behind all the rest; `err` is what went wrong before. Closes out. */
static int end_text(FILE *out, char **text, size_t *len, int err, char **message)
{
	if (!err && fflush(out))
		err = -ENOMEM;
	if (!err)
		fprintf(out, "end %016" PRIx64 "\n", keep_hash(*text, *len));
	if (fclose(out) && !err)
		err = whole_fail(message, -ENOMEM, "out of memory");
	return err;
}

/* Text and list, with a copy of each list. *text is owned by the caller. */
static int compose(const char *dir, const struct texts *t, const struct listset *set,
		   char (*names)[KEEP_COPY_MAX], char **text, size_t *len, char **message)
{
	const struct intern *paths = &set->paths;
	FILE *out = open_memstream(text, len);
	int err;

	if (!out)
		return whole_fail(message, -ENOMEM, "out of memory");
	fputs(KEEP_MAGIC, out);
	err = print_texts(t, out);
	for (uint32_t i = 0; i < paths->n && !err; i++) {
		const char *path = intern_get(paths, i);

		err = copy_list(dir, path, &set->files[i], names[i]);
		if (err)
			whole_fail(message, err, "%s cannot be copied to %s: %s", path, dir,
				   err == -EAGAIN ? "it has just changed" : strerror(-err));
		else
			fprintf(out, "list %zu %s\n%s\n", strlen(path), names[i], path);
	}
	return end_text(out, text, len, err, message);
}

/* Disks are not written to for nothing: a policy is read again whenever an interface comes or goes. */
static bool is_there(const char *path, const char *text, size_t len)
{
	char *there = NULL, *message = NULL;
	size_t n;
	bool same =
		!whole_read(path, KEEP_MAX, &there, &n, &message) && n == len && !memcmp(there, text, len);

	free(there);
	free(message);
	return same;
}

static int write_text(const char *dir, const char *text, size_t len, char **message)
{
	char path[PATH_MAX], *fresh = NULL;
	int err = 0;

	if (snprintf(path, sizeof(path), "%s/" KEEP_FILE, dir) >= (int)sizeof(path))
		return whole_fail(message, -ENAMETOOLONG, "%s: the name is too long", dir);
	if (!is_there(path, text, len))
		err = whole_write(path, text, len, 0600, &fresh, message);
	if (!err && fresh)
		err = whole_replace(fresh, path, message);
	free(fresh);
	return err;
}

int keep_save(const char *dir, const struct texts *t, const struct image *im, char **message)
{
	size_t n = im->tables->listset->paths.n, len = 0;
	char(*names)[KEEP_COPY_MAX] = calloc(n + 1, sizeof(*names)), *text = NULL;
	int err;

	if (!names)
		return whole_fail(message, -ENOMEM, "out of memory");
	err = make_folder(dir, message);
	if (!err)
		err = compose(dir, t, im->tables->listset, names, &text, &len, message);
	if (!err)
		err = write_text(dir, text, len, message);
	if (!err)
		sweep(dir, names, n);
	free(text);
	free(names);
	return err;
}

int keep_save_again(const char *dir, const struct texts *t, const struct keep_lists *lists, char **message)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int err;

	if (!out)
		return whole_fail(message, -ENOMEM, "out of memory");
	fputs(KEEP_MAGIC, out);
	err = print_texts(t, out);
	for (size_t i = 0; i < lists->n && !err; i++)
		fprintf(out, "list %zu %s\n%s\n", strlen(lists->pairs[i][0]),
			strrchr(lists->pairs[i][1], '/') + 1, lists->pairs[i][0]);
	err = end_text(out, &text, &len, err, message);
	if (!err)
		err = write_text(dir, text, len, message);
	free(text);
	return err;
}
