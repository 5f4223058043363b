/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that are read and written as a whole: a reader sees the old one or the new one, also after a crash.
 * What fails says so in *message, a sentence owned by the caller (one that stood there is freed). */
#ifndef CGWALL_WHOLE_H
#define CGWALL_WHOLE_H

#include <stddef.h>
#include <sys/types.h>

/* Puts a sentence into *message. Always gives err back. */
int whole_fail(char **message, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* At most `max` bytes of a file, with a NUL behind them; *text is owned by the caller. 0, -ENOENT (then
 * without a sentence), -EFBIG, or another -errno. */
int whole_read(const char *path, size_t max, char **text, size_t *len, char **message);

/* Writes a file beside `path`, down to the disk: `path`.new. Its name is given in *fresh, owned by the
 * caller. 0 or -errno, and then there is none. */
int whole_write(const char *path, const char *text, size_t len, mode_t mode, char **fresh, char **message);

/* Puts it in the place of `path`, for good. 0 or -errno; `fresh` is gone in any case. */
int whole_replace(const char *fresh, const char *path, char **message);

#endif
