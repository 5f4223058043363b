/* SPDX-License-Identifier: GPL-2.0-only */
/* Does what was parsed make sense: names are resolved, and what the grammar alone cannot forbid is reported.
 */
#ifndef CGWALL_CHECK_H
#define CGWALL_CHECK_H

#include "parse.h"

/* Checks one statement, in text order, defines its name and adds it to the policy. bad: it has an error
 * already, and only its names are looked at. */
void check_statement(struct context *ctx, const struct stmt *stmt, bool bad);

/* What settings say together, once all have been read. */
void check_settings(struct context *ctx);

#endif
