/* SPDX-License-Identifier: GPL-2.0-only */
/* Literal addresses to keys (full-length ones) and prefixes, with the rows of both directions and ends. */
#ifndef CGWALL_COMPILE_NETS_H
#define CGWALL_COMPILE_NETS_H

#include "tables.h"

void nets_build(struct tables *t);

#endif
