/* SPDX-License-Identifier: GPL-2.0-only */
/* The remembered answers in the run directory: a line of JSON each, behind one that names the boot they
 * belong to. Only the agent's user reads them. */
#ifndef CGWALL_REMEMBER_FILE_H
#define CGWALL_REMEMBER_FILE_H

#include "remember.h"

/* Puts them in place of what was there. 0 or -errno, and then the old file stays. */
int remember_write(const char *run_dir, const struct remembered *all, size_t n);

/* Reads them; *ret and what it holds are owned by the caller. Nothing where there is no file, where it is
 * another boot's, or where it belongs to somebody else; lines that say nothing sensible are left out.
 * *message (may be NULL) gets a sentence where something was left out. */
void remember_read(const char *run_dir, struct remembered **ret, size_t *n, char **message);

#endif
