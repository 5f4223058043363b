/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CGWALL_METRICS_H
#define CGWALL_METRICS_H

#include <stdio.h>

struct json_object;

/* A status object (of the agent, or what the pins tell without one) as metrics in the text format of
 * Prometheus. What is not known is left out, and never 0 instead. */
void metrics_print(struct json_object *status, FILE *out);

#endif
