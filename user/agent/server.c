// SPDX-License-Identifier: GPL-2.0-only
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "../event/json.h"
#include "buffer.h"
#include "rundir.h"

#define READ_SIZE 16384
#define TURN 64	      /* requests answered for one client before the others have their turn */
#define JSON_DEPTH 16 /* of nested values in a request */

struct server_client {
	struct server *server;
	struct server_client *next, **at; /* in the server's list */
	ev_io in, out;
	ev_timer turn;
	int fd;
	struct buffer input, output;
	struct json_tokener *tokener;
	server_next stream;
	void (*release)(void *state);
	void *state;
	struct server_peer peer;
	bool eof;     /* it sends no more; what came is still answered */
	bool closing; /* nothing more is answered; closed when the output is gone */
};

struct server {
	struct ev_loop *loop;
	ev_io listen;
	ev_timer pause;
	int fd;
	struct server_client *clients;
	size_t nclients, nmembers; /* the latter of the former: admitted by the group */
	server_handler handler;
	void *arg;
	char *run_dir;
	bool has_group;
	gid_t group; /* whose members are admitted */
};

const struct server_peer *server_peer(const struct server_client *c)
{
	return &c->peer;
}

static void client_free(struct server_client *c)
{
	struct ev_loop *loop = c->server->loop;

	ev_io_stop(loop, &c->in);
	ev_io_stop(loop, &c->out);
	ev_timer_stop(loop, &c->turn);
	if (c->stream)
		c->release(c->state);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	c->server->nclients--;
	c->server->nmembers -= c->peer.member_only;
	close(c->fd);
	buffer_free(&c->input);
	buffer_free(&c->output);
	json_tokener_free(c->tokener);
	free(c);
}

void server_reply(struct server_client *c, struct json_object *o)
{
	const char *line = o ? json_line(o) : NULL;

	if (!line || buffer_add(&c->output, line, strlen(line)) || buffer_add(&c->output, "\n", 1))
		c->closing = true;
	json_object_put(o);
}

static void reply_error(struct server_client *c, const char *message)
{
	struct json_object *o = json_object_new_object();

	if (o) {
		json_put_bool(o, "ok", false);
		json_put_text(o, "error", message);
	}
	server_reply(c, o);
}

void server_stream(struct server_client *c, server_next next, void (*release)(void *state), void *state)
{
	c->stream = next;
	c->release = release;
	c->state = state;
}

/* Lines of the stream, as long as there is room. */
static void pump_stream(struct server_client *c)
{
	while (c->stream && !c->closing && buffer_len(&c->output) < SERVER_OUT_HIGH) {
		bool end = false;
		struct json_object *o = c->stream(c->state, &end);

		if (o)
			server_reply(c, o);
		if (end) {
			c->release(c->state);
			c->stream = NULL;
		} else if (!o) {
			break;
		}
	}
}

static void handle_line(struct server_client *c, const char *line, size_t len)
{
	struct json_object *o;

	json_tokener_reset(c->tokener);
	o = json_tokener_parse_ex(c->tokener, line, (int)len);
	if (!json_object_is_type(o, json_type_object))
		reply_error(c, "a request is one JSON object on one line");
	else
		c->server->handler(c->server->arg, c, o);
	json_object_put(o);
}

/* Answers the lines that have come, a limited number at a time. */
static void handle_input(struct server_client *c)
{
	int n = 0;

	while (!c->closing && !c->stream && buffer_len(&c->output) < SERVER_OUT_HIGH) {
		const char *line = c->input.data + c->input.start;
		const char *end = buffer_len(&c->input) ? memchr(line, '\n', buffer_len(&c->input)) : NULL;
		size_t len;

		if (!end) {
			if (buffer_len(&c->input) >= SERVER_LINE_MAX) {
				reply_error(c, "the request is too long");
				c->closing = true;
			}
			c->closing |= c->eof;
			return;
		}
		if (n++ == TURN) {
			if (!ev_is_active(&c->turn)) {
				ev_timer_set(&c->turn, 0., 0.);
				ev_timer_start(c->server->loop, &c->turn);
			}
			return;
		}
		len = (size_t)(end - line) + 1;
		handle_line(c, line, len);
		buffer_take(&c->input, len);
		pump_stream(c);
	}
}

/* Writes what can be written. false: the client is gone. */
static bool flush_output(struct server_client *c)
{
	while (buffer_len(&c->output)) {
		ssize_t n = send(c->fd, c->output.data + c->output.start, buffer_len(&c->output),
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0)
			return false;
		buffer_take(&c->output, (size_t)n);
	}
	return true;
}

/* Whatever happened to a client: go on as far as possible, then wait for the right things. Frees it when it
 * is done with. */
static void advance(struct server_client *c)
{
	struct ev_loop *loop = c->server->loop;
	size_t before;

	do {
		pump_stream(c);
		handle_input(c);
		before = buffer_len(&c->output);
		if (!flush_output(c)) {
			client_free(c);
			return;
		}
	} while (before >= SERVER_OUT_HIGH && buffer_len(&c->output) < SERVER_OUT_HIGH && !c->closing);
	if (c->closing && !buffer_len(&c->output)) {
		client_free(c);
		return;
	}
	if (buffer_len(&c->output))
		ev_io_start(loop, &c->out);
	else
		ev_io_stop(loop, &c->out);
	if (!c->closing && !c->eof && buffer_len(&c->input) < SERVER_LINE_MAX)
		ev_io_start(loop, &c->in);
	else
		ev_io_stop(loop, &c->in);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
	struct server_client *c = w->data;
	char *room = buffer_room(&c->input, READ_SIZE);
	ssize_t n;

	(void)loop;
	(void)events;
	n = room ? recv(c->fd, room, READ_SIZE, MSG_DONTWAIT) : -1;
	if (room && n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	if (n <= 0) {
		if (n < 0 || c->stream) { /* a stream has nobody to go to */
			client_free(c);
			return;
		}
		c->eof = true;
	} else {
		c->input.end += (size_t)n;
	}
	advance(c);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	advance(w->data);
}

static void on_turn(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	advance(w->data);
}

/* Is the other end in the group, by its own or a supplementary one? */
static bool in_group(int fd, const struct ucred *cred, gid_t group)
{
	gid_t few[64], *all = few, *more = NULL;
	socklen_t len = sizeof(few);
	bool found = cred->gid == group;
	int r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &len);

	if (r && errno == ERANGE) {
		all = more = malloc(len);
		r = more ? getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, more, &len) : -1;
	}
	for (size_t i = 0; !r && !found && i < len / sizeof(*all); i++)
		found = all[i] == group;
	free(more);
	return found;
}

static bool may_ask(const struct server *s, int fd, struct server_peer *peer)
{
	struct ucred cred;
	struct timespec now;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	clock_gettime(CLOCK_BOOTTIME, &now);
	peer->uid = cred.uid;
	peer->gid = cred.gid;
	peer->pid = cred.pid;
	peer->since = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	peer->member_only = cred.uid != 0 && cred.uid != geteuid();
	return !peer->member_only || (s->has_group && in_group(fd, &cred, s->group));
}

static void client_new(struct server *s, int fd, const struct server_peer *peer)
{
	struct server_client *c = calloc(1, sizeof(*c));

	if (!c || !(c->tokener = json_tokener_new_ex(JSON_DEPTH))) {
		free(c);
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	c->peer = *peer;
	c->next = s->clients;
	c->at = &s->clients;
	if (c->next)
		c->next->at = &c->next;
	s->clients = c;
	s->nclients++;
	s->nmembers += peer->member_only;
	ev_io_init(&c->in, on_readable, fd, EV_READ);
	ev_io_init(&c->out, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->turn, on_turn, 0., 0.);
	c->in.data = c->out.data = c->turn.data = c;
	ev_io_start(s->loop, &c->in);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *w, int events)
{
	struct server *s = w->data;

	(void)events;
	ev_io_start(loop, &s->listen);
}

static void on_connection(struct ev_loop *loop, ev_io *w, int events)
{
	static const char refused[] = "{\"ok\":false,\"error\":\"not allowed\"}\n";
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
	struct server *s = w->data;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct server_peer peer = {0};
	const char *no = NULL;

	(void)events;
	if (fd < 0) {
		/* Out of descriptors or memory: it would poll readable for ever, so look away for a while. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			ev_io_stop(loop, &s->listen);
			ev_timer_set(&s->pause, 0.2, 0.);
			ev_timer_start(loop, &s->pause);
		}
		return;
	}
	if (!may_ask(s, fd, &peer))
		no = refused;
	else if (s->nclients >= SERVER_CLIENTS_MAX || (peer.member_only && s->nmembers >= SERVER_MEMBERS_MAX))
		no = full;
	if (no) {
		if (send(fd, no, strlen(no), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			errno = 0; /* then it sees the end of the connection only */
		close(fd);
		return;
	}
	client_new(s, fd, &peer);
}

static int listen_at(const char *run_dir)
{
	struct sockaddr_un un;
	socklen_t len;
	int dir = -1, fd, err = rundir_address(run_dir, &un, &len, &dir);
	mode_t mask;

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		err = -errno;
		goto out;
	}
	if (unlink(un.sun_path) && errno != ENOENT) {
		err = -errno;
		goto out;
	}
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&un, len) || listen(fd, 128))
		err = -errno;
	umask(mask);
out:
	if (dir >= 0)
		close(dir);
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int server_open(struct ev_loop *loop, const char *run_dir, server_handler handler, void *arg,
		struct server **ret, char **message)
{
	struct server *s = calloc(1, sizeof(*s));
	int fd = s ? listen_at(run_dir) : -ENOMEM;

	if (fd >= 0 && !(s->run_dir = strdup(run_dir))) {
		close(fd);
		fd = -ENOMEM;
	}
	if (fd < 0) {
		if (asprintf(message, "cannot listen at %s/" RUNDIR_SOCKET ": %s", run_dir, strerror(-fd)) <
		    0)
			*message = NULL;
		free(s);
		return fd;
	}
	s->loop = loop;
	s->fd = fd;
	s->handler = handler;
	s->arg = arg;
	ev_io_init(&s->listen, on_connection, fd, EV_READ);
	ev_timer_init(&s->pause, on_pause_over, 0., 0.);
	s->listen.data = s->pause.data = s;
	ev_io_start(loop, &s->listen);
	*ret = s;
	return 0;
}

int server_admit(struct server *s, uint32_t gid)
{
	struct sockaddr_un un;
	struct stat st = {0};
	socklen_t len;
	int dir, err = rundir_address(s->run_dir, &un, &len, &dir);

	if (err)
		return err;
	if (lchown(un.sun_path, (uid_t)-1, gid) || chmod(un.sun_path, 0660) || stat(s->run_dir, &st))
		err = -errno;
	/* whoever may pass through it anyway needs no more */
	if (!err && !(st.st_mode & S_IXOTH) &&
	    (chown(s->run_dir, (uid_t)-1, gid) || chmod(s->run_dir, (st.st_mode & 07777) | S_IXGRP)))
		err = -errno;
	if (dir >= 0)
		close(dir);
	if (err)
		return err;
	s->group = gid;
	s->has_group = true;
	return 0;
}

void server_wake(struct server *s)
{
	for (struct server_client *c = s->clients, *next; c; c = next) {
		next = c->next;
		if (c->stream)
			advance(c);
	}
}

void server_unlisten(struct server *s)
{
	struct sockaddr_un un;
	socklen_t len;
	int dir;

	if (!s || s->fd < 0)
		return;
	ev_io_stop(s->loop, &s->listen);
	ev_timer_stop(s->loop, &s->pause);
	if (!rundir_address(s->run_dir, &un, &len, &dir)) {
		unlink(un.sun_path);
		if (dir >= 0)
			close(dir);
	}
	close(s->fd);
	s->fd = -1;
}

void server_close(struct server *s)
{
	if (!s)
		return;
	server_unlisten(s);
	for (struct server_client *c = s->clients, *next; c; c = next) {
		next = c->next;
		flush_output(c);
		client_free(c);
	}
	free(s->run_dir);
	free(s);
}
