/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's counters by their names: for the agent's status, and for who looks at the pins without one. */
#ifndef CGWALL_COUNTERS_H
#define CGWALL_COUNTERS_H

#include <stdint.h>

#include <cgwall/abi.h>

struct json_object;

/* {"pass": N, ...}: verdicts, and what was refused or lost without one. NULL without memory. */
struct json_object *counters_json(const uint64_t value[CGW_COUNTERS]);

/* What was learned from DNS, and under "alarms" what was not believed. NULL without memory. */
struct json_object *counters_dns_json(const uint64_t value[CGW_COUNTERS]);

#endif
