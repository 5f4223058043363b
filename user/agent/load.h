/* SPDX-License-Identifier: GPL-2.0-only */
/* From a policy file to an image: reading and compiling it with what this host is. */
#ifndef CGWALL_LOAD_H
#define CGWALL_LOAD_H

#include <stdbool.h>

#include "../state/world.h"

struct texts;
struct keep_lists;

struct load {
	struct policy *policy;
	struct world_host host;
	struct image *image;
};

/* Reads and compiles the file at `path`; `strict` as in world_read(). Errors are reported to d. 0, or -EINVAL
 * (or another -errno, reported as well), and l holds nothing then. Freed by load_free(). */
int load_compile(struct load *l, const char *path, bool strict, struct diag *d);

/* The same, and refuses what cannot be put in force: expectations that do not hold, and what the kernel side
 * cannot enforce. */
int load_enforceable(struct load *l, const char *path, struct diag *d);

/* As load_enforceable(), from kept texts, and from kept list files where `lists` is not NULL. */
int load_texts(struct load *l, const struct texts *t, struct keep_lists *lists, struct diag *d);

void load_free(struct load *l);

#endif
