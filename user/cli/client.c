// SPDX-License-Identifier: GPL-2.0-only
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../agent/buffer.h"
#include "../agent/rundir.h"
#include "../event/json.h"

#define READ_SIZE 65536
#define ANSWER_MAX (16u << 20) /* one line */

struct client {
	int fd;
	struct buffer input, output;
	size_t seen; /* bytes of input known to hold no newline */
};

int client_open(const char *run_dir, struct client **ret)
{
	struct sockaddr_un un;
	socklen_t len;
	struct client *c;
	int dir, fd, err = rundir_address(run_dir, &un, &len, &dir);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, len))
		err = -errno;
	if (dir >= 0)
		close(dir);
	c = err ? NULL : calloc(1, sizeof(*c));
	if (!c) {
		if (fd >= 0)
			close(fd);
		return err ? err : -ENOMEM;
	}
	c->fd = fd;
	*ret = c;
	return 0;
}

int client_fd(const struct client *c)
{
	return c->fd;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	close(c->fd);
	buffer_free(&c->input);
	buffer_free(&c->output);
	free(c);
}

/* Writes and reads what can be without waiting longer than timeout_ms. */
static int pump(struct client *c, int timeout_ms)
{
	struct pollfd p = {.fd = c->fd, .events = (short)(POLLIN | (buffer_len(&c->output) ? POLLOUT : 0))};
	ssize_t n = poll(&p, 1, timeout_ms);
	char *room;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (!n)
		return -ETIMEDOUT;
	if (p.revents & POLLIN) {
		if (buffer_len(&c->input) > ANSWER_MAX)
			return -EMSGSIZE;
		room = buffer_room(&c->input, READ_SIZE);
		if (!room)
			return -ENOMEM;
		n = recv(c->fd, room, READ_SIZE, MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
		c->input.end += (size_t)n;
	} else if (p.revents & (POLLERR | POLLHUP)) {
		return -EPIPE;
	}
	if (p.revents & POLLOUT) {
		n = send(c->fd, c->output.data + c->output.start, buffer_len(&c->output),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
		buffer_take(&c->output, (size_t)n);
	}
	return 0;
}

int client_send(struct client *c, struct json_object *o)
{
	const char *line = o ? json_line(o) : NULL;
	int err = 0;

	if (!line || buffer_add(&c->output, line, strlen(line)) || buffer_add(&c->output, "\n", 1))
		err = -ENOMEM;
	json_object_put(o);
	/* Small queues go out together with the next wait. */
	if (!err && buffer_len(&c->output) >= READ_SIZE)
		err = pump(c, -1);
	return err;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* A whole line that has come, or NULL. */
static char *take_line(struct client *c)
{
	char *start = c->input.data + c->input.start;
	size_t len = buffer_len(&c->input);
	char *end = len > c->seen ? memchr(start + c->seen, '\n', len - c->seen) : NULL;
	char *line;

	if (!end) {
		c->seen = len;
		return NULL;
	}
	c->seen = 0;
	line = strndup(start, (size_t)(end - start));
	buffer_take(&c->input, (size_t)(end - start) + 1);
	return line;
}

int client_recv(struct client *c, int timeout_ms, struct json_object **ret)
{
	int64_t limit = now_ms() + timeout_ms;
	struct json_object *o;
	char *line;
	int err;

	while (!(line = take_line(c))) {
		int64_t left = timeout_ms < 0 ? -1 : limit - now_ms();

		if (timeout_ms >= 0 && left < 0)
			return -ETIMEDOUT;
		err = pump(c, (int)left);
		if (err)
			return err;
	}
	o = json_tokener_parse(line);
	free(line);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return -EBADMSG;
	}
	*ret = o;
	return 0;
}

int client_call(struct client *c, const char *verb, int timeout_ms, struct json_object **ret)
{
	struct json_object *o = json_object_new_object();
	int err;

	if (!o)
		return -ENOMEM;
	json_put_text(o, "do", verb);
	err = client_send(c, o);
	return err ? err : client_recv(c, timeout_ms, ret);
}

void client_explain_failure(const char *run_dir, int err)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		fprintf(stderr, "cgwall: no agent is running with the run directory %s\n", run_dir);
	else if (err == -EACCES || err == -EPERM)
		fprintf(stderr,
			"cgwall: only root, the agent's user and members of its group may ask the agent at "
			"%s\n",
			run_dir);
	else if (err == -EPIPE)
		fprintf(stderr, "cgwall: the agent at %s has gone\n", run_dir);
	else if (err == -ETIMEDOUT)
		fprintf(stderr, "cgwall: the agent at %s does not answer\n", run_dir);
	else
		fprintf(stderr, "cgwall: the agent at %s cannot be asked: %s\n", run_dir, strerror(-err));
}

int client_start(const char *run_dir, const char *verb, struct json_object *extra, struct client **ret)
{
	struct json_object *o = extra ? extra : json_object_new_object();
	struct client *c = NULL;
	int err = client_open(run_dir, &c);

	if (err) {
		json_object_put(o);
	} else if (o) {
		json_put_text(o, "do", verb);
		err = client_send(c, o);
	} else {
		err = -ENOMEM;
	}
	if (err) {
		client_explain_failure(run_dir, err);
		client_close(c);
		return err;
	}
	*ret = c;
	return 0;
}
