/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses as they are written. 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. */
#ifndef CGWALL_ADDR_H
#define CGWALL_ADDR_H

#include "policy.h"

/* Room for an address as text. */
#define ADDR_TEXT 48

bool addr_is_v4(const uint8_t a[16]);

/* One address; IPv4 written into IPv6 comes out as IPv4 like everything in this representation. 0, or
 * -EINVAL. */
int addr_parse(const char *s, size_t len, uint8_t ret[16]);

/* ADDR, ADDR/BITS or ADDR-ADDR into lo, hi, prefix and v6 of *ret (ITEM_NET). NULL, or what is wrong with it,
 * a constant. *masked: bits below the prefix were set, and have been cleared. */
const char *addr_parse_item(const char *s, size_t len, struct item *ret, bool *masked);

/* As text, IPv4 in dotted form. */
void addr_format(const uint8_t a[16], char ret[ADDR_TEXT]);

/* An item as a policy writes it: address, CIDR or range. */
void addr_print_item(const struct item *it, FILE *out);

#endif
