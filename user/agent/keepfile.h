/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kept policy looks like, for those who write and read it:
 *
 *   cgwall-policy 1
 *   file PATHLEN LEN FILE LINE COL        a text, and where it was included (struct source)
 *   PATH
 *   TEXT
 *   list PATHLEN COPY                     a list file, and the name of its copy
 *   PATH
 *   end CHECKSUM                          of everything before this line
 */
#ifndef CGWALL_KEEPFILE_H
#define CGWALL_KEEPFILE_H

#include <stddef.h>
#include <stdint.h>

#include "keep.h"

#define KEEP_FILE "last"
#define KEEP_LISTS "lists"
#define KEEP_MAGIC "cgwall-policy 1\n"
#define KEEP_MAX (POLICY_TEXT_MAX + (16u << 20)) /* bytes */
#define KEEP_COPY_MAX 128			 /* of a copy's name, with NUL */

uint64_t keep_hash(const char *s, size_t n);

#endif
