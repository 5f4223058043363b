/* SPDX-License-Identifier: GPL-2.0-only */
/* `on`: what interfaces are to a policy, on its own; like enable.h it outlives policy and image.
 *
 * An interface's class is the set of the policy's patterns that its name matches; a set has a row in each
 * direction. Rows are taken from a reserve of the image as sets come up, and are never written again: what is
 * in force is only added to. An interface that no pattern matches needs no class.
 */
#ifndef CGWALL_COMPILE_IFACE_H
#define CGWALL_COMPILE_IFACE_H

#include "compile.h"

struct ifaces;

/* Does any rule of the image name an interface? */
bool iface_wanted(const struct image *im);

/* Rows that the image has to set aside for each direction, by the patterns and by world.nlinks. */
uint32_t iface_reserve(const struct image *im);

/* 0 or -ENOMEM. Freed by iface_free(); NULL is fine there. */
int iface_new(const struct image *im, struct ifaces **ret);
void iface_free(struct ifaces *s);

/* Does the name match a pattern? */
bool iface_matters(const struct ifaces *s, const char *name);

/* The class of an interface of that name, which must matter. `write` is called for each row that is new, with
 * its chunks as the image stores them; where it fails, so does this, and the set has no row yet.
 * 0, -ENOMEM, -ENOSPC where the reserve is used up, or what `write` gave. */
typedef int iface_write(void *arg, enum cgw_dir dir, uint32_t row, const struct cgw_chunk *chunks);
int iface_class(struct ifaces *s, const char *name, iface_write *write, void *arg, struct cgw_class *ret);

/* The row of a name in one direction for a question: that of its set, or one that is written anew for each
 * question and has no interface. 0: the direction asks for none. */
int iface_row(struct ifaces *s, const char *name, enum cgw_dir dir, iface_write *write, void *arg,
	      uint32_t *ret);

/* The key of an interface of the network namespace with that cookie. */
void iface_key(uint32_t index, uint64_t netns, struct cgw_key *ret);

/* An iface_write() into the image itself (arg), before it is published. */
iface_write iface_write_image;

/* Adds what will be published with the image. 0 or -ENOMEM. */
int iface_add(struct image *im, const struct cgw_key *key, const struct cgw_class *class);

#endif
