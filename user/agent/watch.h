/* SPDX-License-Identifier: GPL-2.0-only */
/* `run --watch`: tells when one of the files that a policy was read from changes, comes or goes. */
#ifndef CGWALL_WATCH_H
#define CGWALL_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct ev_loop;
struct policy;
struct watch;

/* fn is called from the loop, once for a burst of changes. 0 or -ENOMEM: where the host has no inotify
 * instance or watch left, the files are looked at every few seconds, and that is tried again. */
int watch_open(struct ev_loop *loop, void (*fn)(void *arg), void *arg, struct watch **ret);
void watch_close(struct watch *w);

/* Watches what p was read from: its files, the folders of its includes, its list files. A file that changed
 * after `since`, when reading began, counts as a change. What was watched before is forgotten, unless this
 * fails. 0 or -ENOMEM. */
int watch_set(struct watch *w, const struct policy *p, const struct timespec *since);

/* Is nothing being written just now, neither what is watched nor the files of p (may be NULL)? false: a
 * change will be told when the writer is done, and what was read meanwhile may be half of something. */
bool watch_settled(struct watch *w, const struct policy *p);

/* What is not as it should be, a sentence for `status` in ret; NULL: nothing. w may be NULL. */
const char *watch_note(const struct watch *w, char *ret, size_t size);

#endif
