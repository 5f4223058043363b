/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files with requests share. */
#ifndef CGWALL_REQUESTS_H
#define CGWALL_REQUESTS_H

#include <stdbool.h>

struct agent;
struct json_object;
struct server_client;

/* {"ok": true} to be added to, {"ok": false, "error": MESSAGE}. NULL without memory. */
struct json_object *requests_ok(void);
struct json_object *requests_error(const char *message);

/* For what a stream asks the kernel: where the agent has let go of it, the stream's last line, with *end set.
 * NULL: it has not. */
struct json_object *requests_over(const struct agent *a, bool *end);

/* requests_ask.c */
void requests_questions(struct agent *a, struct server_client *c, struct json_object *request);
void requests_answer(struct agent *a, struct server_client *c, struct json_object *request);
void requests_answers(struct agent *a, struct server_client *c, struct json_object *request);

#endif
