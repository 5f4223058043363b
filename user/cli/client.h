/* SPDX-License-Identifier: GPL-2.0-only */
/* The other end of the agent's control socket. Sending and receiving go on at the same time, so that
 * thousands of requests can be under way without either side waiting for the other for ever. */
#ifndef CGWALL_CLIENT_H
#define CGWALL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

struct client;
struct json_object;

/* Connects to the agent of a (resolved) run directory. 0, or -errno: -ENOENT and -ECONNREFUSED where none
 * runs. */
int client_open(const char *run_dir, struct client **ret);
void client_close(struct client *c);

/* To wait for: readable where the agent has sent something. What has come already may be more than one line:
 * client_recv() with a timeout of 0 until it has none. */
int client_fd(const struct client *c);

/* Queues a request; takes o over. 0 or -errno. */
int client_send(struct client *c, struct json_object *o);

/* Waits for the next line of an answer. timeout_ms -1: for ever. 0; -ETIMEDOUT; -EPIPE where the agent has
 * gone; or -errno. *ret is owned by the caller. */
int client_recv(struct client *c, int timeout_ms, struct json_object **ret);

/* One request of one line, {"do": verb}, and its one line of answer. As client_recv(). */
int client_call(struct client *c, const char *verb, int timeout_ms, struct json_object **ret);

/* Why client_open() failed, as a sentence on standard error. */
void client_explain_failure(const char *run_dir, int err);

/* client_open() and {"do": verb}, with sentences on standard error for what goes wrong. `extra` (may be NULL)
 * has further members and is taken over. 0, or -errno. */
int client_start(const char *run_dir, const char *verb, struct json_object *extra, struct client **ret);

#endif
