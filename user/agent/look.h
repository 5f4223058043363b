/* SPDX-License-Identifier: GPL-2.0-only */
/* What can be told of files by looking at them: where nobody tells of their changes. */
#ifndef CGWALL_LOOK_H
#define CGWALL_LOOK_H

#include <stdint.h>

/* Has somebody the file open for writing? 1, 0 (also where there is no file), or -1 where that cannot be
 * told: not all file systems let it be seen. */
int look_writer(const char *path);

/* Adds to *sum a number that becomes another one when one of a folder's files does whose names fit the
 * pattern (of fnmatch()) or are `other`. 0, or -errno where the folder cannot be read just now; one that is
 * not there has no files. */
int look_sum(const char *folder, const char *pattern, const char *other, uint64_t *sum);

#endif
