/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of the canonical form; shared by both printers. */
#ifndef CGWALL_PRINT_H
#define CGWALL_PRINT_H

#include "policy.h"

/* In quotes, with what needs it escaped. */
void print_string(const char *s, FILE *out);
/* One item of a group. */
void print_item(const struct item *it, FILE *out);
/* PROTO/PORTS, a protocol, or a service's name. */
void print_service_item(const struct service_item *it, FILE *out);
/* N or N-M. */
void print_range(const struct range *r, FILE *out);
/* A selector's value without its word. */
void print_selector_value(const struct expr *e, FILE *out);
/* An operand: selector, fact, app or condition. */
void print_operand(const struct expr *e, FILE *out);
void print_expr(const struct expr *e, FILE *out);
/* ACTION of a rule or default. */
void print_act(const struct act *a, FILE *out);
/* VALUE of the setting with this index. */
void print_setting(const struct settings *s, int setting, FILE *out);
/* KEY=VALUE */
void print_keyval(const struct keyval *k, FILE *out);

#endif
