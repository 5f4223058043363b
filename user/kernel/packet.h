/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that were taken down on their way out and are to go on later. */
#ifndef CGWALL_KERNEL_PACKET_H
#define CGWALL_KERNEL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The i-th of the datagrams that a packet of `len` bytes stands for: itself, or where `gso` is not 0 as many
 * as its payload has pieces of that many bytes, each with the packet's headers. Written to out, which has
 * room for len bytes; its length, 0 where there is no i-th or the packet makes no sense. */
size_t packet_part(const uint8_t *packet, size_t len, uint16_t gso, size_t i, uint8_t *out);

/* Makes it whole: lengths and checksums, which the network device was to fill in; and a TCP timestamp that is
 * `age` nanoseconds old is moved on by as much, or the other end's answer would look as if it had taken that
 * long. false: it is none of TCP, UDP and ICMP in IPv4 or IPv6, or cut short. */
bool packet_refresh(uint8_t *packet, size_t len, uint64_t age);

#endif
