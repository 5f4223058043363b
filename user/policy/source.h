/* SPDX-License-Identifier: GPL-2.0-only */
/* Policy files: where they are and what is in them. */
#ifndef CGWALL_SOURCE_H
#define CGWALL_SOURCE_H

#include <sys/types.h>

#include "arena.h"
#include "policy.h"

/* The folder of a file as an absolute path; of the working directory where `path` is relative. */
char *source_dir(struct arena *a, const char *path);

/* A path as a file in `dir` means it. */
char *source_join(struct arena *a, const char *dir, const char *path);

/* Which file it is, by whatever name it was reached. */
struct source_id {
	dev_t dev;
	ino_t ino;
};

/* Reads a file of at most `max` bytes. `included`: only a regular file will do; else also what one can read,
 * such as a pipe. *text is the arena's, with a NUL behind its *len bytes. NULL, or what is wrong, a constant
 * or strerror()'s. */
const char *source_read(struct arena *a, const char *path, bool included, size_t max, char **text,
			size_t *len, struct source_id *id);

/* Is it valid UTF-8 without NUL? -1, or the offset of the first byte that is not. */
ssize_t source_check(const char *text, size_t len);

/* Files that match `pattern` beside the file at `path`, in byte order and named relative to what `path` is
 * relative to; *paths and what it points to are the arena's. NULL, or what is wrong, as above. */
const char *source_glob(struct arena *a, const char *path, const char *pattern, char ***paths, size_t *n);

#endif
