/* SPDX-License-Identifier: GPL-2.0-only */
/* Values to classes, classes to rows: one file for each kind of value. Between classes_begin() and
 * classes_end() each fills its part of the tables; nets.c has the addresses, lists.h what stands in lists. */
#ifndef CGWALL_COMPILE_CLASSES_H
#define CGWALL_COMPILE_CLASSES_H

#include "tables.h"

/* The row stores of both directions, a sweep for every dimension in use, the rows of values that no table
 * knows. */
void classes_begin(struct tables *t);

/* Users, groups and lists. */
void classes_simple(struct tables *t);

/* Executables and cgroups, literal and by pattern (paths.c). 0, or -E2BIG, which has been reported. */
int paths_build(struct tables *t);

/* Protocols with ports (ports.c). 0, or -E2BIG, which has been reported. */
int ports_build(struct tables *t);

/* Rows for values that are not known yet; when all others are made. */
void classes_wild(struct tables *t);

#endif
