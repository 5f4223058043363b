/* SPDX-License-Identifier: GPL-2.0-only */
/* What `explain` answers, whoever was asked: user space over the image, or the kernel's tables. */
#ifndef CGWALL_ANSWER_H
#define CGWALL_ANSWER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cgwall/abi.h>

#include "rules.h"

struct json_object;

/* The object that `explain --json` prints. `matched` may be NULL where n is 0. gen 0: not told. */
struct json_object *answer_json(const struct rules *r, enum cgw_dir dir, const struct cgw_answer *a,
				const uint32_t *matched, size_t n, uint64_t gen);

/* The object for a query that could not be understood. */
struct json_object *answer_error(const char *message);

/* The one-line form of such an object, with a newline. */
void answer_print(struct json_object *answer, FILE *out);

/* The exit code that belongs to it: 0 pass, 1 block or reject, 3 ask, 2 not understood. */
int answer_exit(struct json_object *answer);

#endif
