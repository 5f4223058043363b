/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers with a meaning, as a policy writes them. Each reader takes s of len bytes and returns NULL with its
 * outputs set, or what is wrong, a constant, with its outputs untouched. Printers write what the readers
 * take.
 */
#ifndef CGWALL_VALUE_H
#define CGWALL_VALUE_H

#include "policy.h"

/* Decimal digits only, without a leading zero; at most max. */
bool value_number(const char *s, size_t len, uint64_t max, uint64_t *ret);

/* 500ms 30s 2m 1h 7d; at most ten years. */
const char *value_duration(const char *s, size_t len, uint64_t *ret_ms);
void value_print_duration(uint64_t ms, FILE *out);

/* 200kB/s 2MB/s 10Mbit/s: bytes a second, decimal multiples. */
const char *value_rate(const char *s, size_t len, uint64_t *ret);
void value_print_rate(uint64_t bytes, FILE *out);

/* 2026-12-01 (its beginning), 2026-12-01T18:00[:30], local time: seconds since the epoch. */
const char *value_time(const char *s, size_t len, int64_t *ret, bool *ret_dated);
void value_print_time(int64_t at, bool dated, FILE *out);

/* HH:MM: minute of the day. */
bool value_clock(const char *s, size_t len, uint16_t *ret);

/* HH:MM-HH:MM; the second may be 24:00. */
const char *value_clock_range(const char *s, size_t len, uint16_t *ret_from, uint16_t *ret_to);

/* mon-fri, sat, sun-tue: bits of days are added to *days. */
const char *value_days(const char *s, size_t len, uint8_t *days);
void value_print_days(uint8_t days, FILE *out);

/* aa:bb:cc:dd:ee:ff */
bool value_bssid(const char *s, uint8_t ret[6]);

/* A DNS name, also an international one in UTF-8: in its ASCII form, lower-cased, without its trailing dot,
 * in ret (at least VALUE_DNS_MAX + 1 bytes). */
#define VALUE_DNS_MAX 253
const char *value_dns_name(const char *s, size_t len, char *ret);

/* 64 hex digits, lower-cased in ret (65 bytes). */
const char *value_sha256(const char *s, size_t len, char *ret);

#endif
