/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files with requests share. */
#ifndef CGWALL_REQUESTS_H
#define CGWALL_REQUESTS_H

struct agent;
struct json_object;
struct server_client;

/* {"ok": true} to be added to, {"ok": false, "error": MESSAGE}. NULL without memory. */
struct json_object *requests_ok(void);
struct json_object *requests_error(const char *message);

/* requests_ask.c */
void requests_questions(struct agent *a, struct server_client *c, struct json_object *request);
void requests_answer(struct agent *a, struct server_client *c, struct json_object *request);
void requests_answers(struct agent *a, struct server_client *c, struct json_object *request);

#endif
