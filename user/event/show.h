/* SPDX-License-Identifier: GPL-2.0-only */
/* Words and numbers as every output writes them: log, explain, status. */
#ifndef CGWALL_SHOW_H
#define CGWALL_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cgwall/abi.h>

#define SHOW_END_MAX 64	 /* an address with its port */
#define SHOW_TIME_MAX 32 /* RFC 3339 */

/* "pass", "block", "reject", "ask"; "out", "in". */
const char *show_action(unsigned action);
const char *show_dir(unsigned dir);

/* The stable short name of enum cgw_error ("path"), NULL for none; and the sentence for people. */
const char *show_error(unsigned error);
const char *show_error_meaning(unsigned error);

/* The stable short name of enum cgw_alarm ("dns-unasked"), and the sentence for people. */
const char *show_alarm(unsigned alarm);
const char *show_alarm_meaning(unsigned alarm);

/* "tcp", "udp" …, or the number; `buf` holds 4 bytes at least and may be what is given back. */
const char *show_proto(uint8_t proto, char buf[4]);
/* Has the protocol ports (so that an end is written with one)? */
bool show_proto_has_ports(uint8_t proto);

/* "192.0.2.1", "2001:db8::1" from 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. */
void show_addr(const uint8_t addr[16], char *out, size_t size);

/* One end of a flow: "192.0.2.1:443", "[2001:db8::1]:443", without the port "192.0.2.1" and
 * "[2001:db8::1]"; an unknown address is `*`, an unknown port is left out. */
void show_end(const uint8_t addr[16], bool has_addr, uint16_t port, bool has_port, char *out, size_t size);

/* RFC 3339 in UTC with microseconds, from nanoseconds since the epoch. */
void show_time(int64_t ns, char *out, size_t size);

/* Bytes of the UTF-8 character at s, which ends with NUL, if that may be printed as it is. 0 where it is not
 * valid, or could forge a line, deceive a reader or reach the terminal as a command: control characters, of
 * one byte or two, and those that break lines or turn the direction of what follows (U+061C, U+200E-F,
 * U+2028-E, U+2066-9). */
size_t show_plain(const char *s);

/* All that show_plain() refuses, blanks and backslashes are written as \xNN. Cuts where `size` ends. */
void show_quote(const char *text, char *out, size_t size);

/* The same, but blanks stay. */
void show_quote_blanks(const char *text, char *out, size_t size);

/* Bytes of the UTF-8 sequence at s, which ends with NUL; 0 where it is not valid. */
size_t show_utf8(const char *s);

#endif
