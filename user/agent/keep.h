/* SPDX-License-Identifier: GPL-2.0-only */
/* The last policy that was in force, kept in the state folder in full (every text it was read from, every
 * list file), so that a machine can start with it when the policy's own files have an error.
 *
 *   STATE/last     the texts, the names of the list files with those of their copies, a checksum
 *   STATE/lists/   the copies
 */
#ifndef CGWALL_KEEP_H
#define CGWALL_KEEP_H

#include "../policy/texts.h"

struct image;

/* The copies of list files: pairs of (path as the policy has it, path of its copy). */
struct keep_lists {
	char *(*pairs)[2];
	size_t n;
};

/* Keeps t, with the list files that im was compiled from. One that has changed meanwhile is -EAGAIN, and what
 * was kept before stays. The folder is made where it is missing. 0, or -errno with a sentence in *message,
 * owned by the caller. */
int keep_save(const char *dir, const struct texts *t, const struct image *im, char **message);

/* Keeps t in place of the texts that were kept with these lists: an answer to a question was added or taken
 * out while the last good policy is in force. As keep_save(). */
int keep_save_again(const char *dir, const struct texts *t, const struct keep_lists *lists, char **message);

/* What was kept. 0; -ENOENT: nothing; or -errno with a sentence. t is freed by texts_free(). */
int keep_load(const char *dir, struct texts *t, struct keep_lists *lists, char **message);
void keep_lists_free(struct keep_lists *l);

/* Where the list file is to be read: as struct world wants it, arg is a struct keep_lists. */
const char *keep_list_file(void *arg, const char *path);

#endif
