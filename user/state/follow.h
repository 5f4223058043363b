/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells when a file is another one than before, by inotify: written and closed, replaced, removed, or reached
 * by other links. Each folder and link on the way to it is watched, also where the way ends before the file
 * (/run/systemd/resolve may come later). Where the host has no inotify instance or watch left, the files are
 * looked at every few seconds, and that is tried again. */
#ifndef CGWALL_FOLLOW_H
#define CGWALL_FOLLOW_H

#include <stddef.h>

struct ev_loop;
struct follow;

/* `paths`: absolute, n of them, borrowed for as long as this lives. fn is called from the loop, once for what
 * was read at once. 0 or -ENOMEM. */
int follow_open(struct ev_loop *loop, const char *const *paths, size_t n, void (*fn)(void *arg), void *arg,
		struct follow **ret);
/* Why not everything is watched just now, -errno; 0: it is. fn is called when that changes for the better. f
 * may be NULL. */
int follow_error(const struct follow *f);

void follow_close(struct follow *f); /* NULL is fine */

#endif
