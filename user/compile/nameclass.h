/* SPDX-License-Identifier: GPL-2.0-only */
/* Names to classes, as the kernel looks them up while it reads an answer and as questions are looked up here:
 * the longest of its ends that the policy mentions says which class a name has. */
#ifndef CGWALL_COMPILE_NAMECLASS_H
#define CGWALL_COMPILE_NAMECLASS_H

#include "tables.h"

/* The classes with their rows, into t->names, and the keys of names and resolvers. 0, or -E2BIG, which has
 * been reported. */
int nameclass_build(struct tables *t);

/* Writes the rows of one direction where the image has room for them, class by class; that of class 0, whose
 * row is the direction's none[], takes the entries that ask for names not to be bound. */
void nameclass_rows(const struct tables *t, enum cgw_dir dir, struct cgw_chunk *to);

/* The key of a name: lower case, ASCII, len bytes without a dot at the end. */
void nameclass_key(const __u64 seed[2], const char *name, size_t len, struct cgw_key *ret);

#endif
