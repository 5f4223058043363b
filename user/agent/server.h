/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket: lines of JSON in, lines of JSON out, many clients, none of which can hold up the loop.
 *
 * Memory for a client is bounded: a request line by SERVER_LINE_MAX; answers are made only while less than
 * SERVER_OUT_HIGH bytes wait to be read. Long answers (a log that is followed) are given as a stream that is
 * asked for the next line when there is room.
 */
#ifndef CGWALL_SERVER_H
#define CGWALL_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct json_object;
struct server;
struct server_client;

#define SERVER_LINE_MAX (256u << 10)
#define SERVER_OUT_HIGH (256u << 10)
#define SERVER_CLIENTS_MAX 512
#define SERVER_MEMBERS_MAX 64 /* of them: whom the group alone admits must not keep root out */

/* Called for each request, an object. Answers with server_reply() or server_stream(). */
typedef void (*server_handler)(void *arg, struct server_client *c, struct json_object *request);

/* Gives the next line of a stream (owned by the server then), or NULL with *end telling whether the stream is
 * over or has nothing at present. */
typedef struct json_object *(*server_next)(void *state, bool *end);

/* Listens at the run directory's socket; the lock is held, so an old socket there is nobody's. Only root and
 * the agent's own user are served. 0 or -errno with a sentence in *message, owned by the caller. */
int server_open(struct ev_loop *loop, const char *run_dir, server_handler handler, void *arg,
		struct server **ret, char **message);

/* Lets the members of a group connect, too: the socket and the run directory become theirs to reach. Their
 * requests are told from others by server_peer(). To be called while the agent may still change owners. 0 or
 * -errno. */
int server_admit(struct server *s, uint32_t gid);

/* Who is at the other end, as the kernel says: whoever called connect(). */
struct server_peer {
	uint32_t uid, gid;
	int32_t pid;
	uint64_t since;	  /* boot clock, ns, when the connection was taken */
	bool member_only; /* neither root nor the agent's own user: admitted by the group */
};
const struct server_peer *server_peer(const struct server_client *c);

/* Takes no more clients and removes the socket; after this the lock may go. s may be NULL. */
void server_unlisten(struct server *s);

/* The same, writes what can be written at once, and closes everything. */
void server_close(struct server *s);

/* Queues one line; takes o over. NULL (no memory) closes the client. */
void server_reply(struct server_client *c, struct json_object *o);

/* Answers with a stream; `release` is called with state at its end, also where the client goes. Requests that
 * the client sends meanwhile wait. */
void server_stream(struct server_client *c, server_next next, void (*release)(void *state), void *state);

/* There may be something new for streams that had nothing. Not from within a handler, nor a stream's `next`:
 * it frees clients that are gone. */
void server_wake(struct server *s);

#endif
