/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of the dumps behind `check --print=`: image_print_rules() and _order() stand in print.c,
 * image_print_classes() and _image() in print_tables.c. */
#ifndef CGWALL_COMPILE_PRINT_H
#define CGWALL_COMPILE_PRINT_H

#include "tables.h"

/* An atom as the policy would write it. */
void print_atom(const struct tables *t, enum space space, uint32_t atom, FILE *out);

/* `{ a, b }` */
void print_atoms(const struct tables *t, enum space space, const uint32_t *atoms, size_t n, FILE *out);

#endif
