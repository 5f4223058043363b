// SPDX-License-Identifier: GPL-2.0-only
/* The control socket: many requests at once, clients that do not read, do not end their lines, go away, or
 * send nonsense. The loop goes on for the others in every case. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#include "../../user/agent/rundir.h"
#include "../../user/agent/server.h"
#include "../../user/event/json.h"
#include "test.h"

static char dir[] = "/tmp/cgwall-unit.XXXXXX";
static struct ev_loop *loop;
static struct server *server;
static unsigned handled, released;
static int stream_left;

static struct json_object *next_line(void *state, bool *end)
{
	struct json_object *o = json_object_new_object();

	(void)state;
	if (!stream_left) {
		json_object_put(o);
		return NULL;
	}
	stream_left--;
	*end = stream_left == 0;
	json_put_bool(o, "more", stream_left > 0);
	return o;
}

static void release(void *state)
{
	(void)state;
	released++;
}

static void handler(void *arg, struct server_client *c, struct json_object *request)
{
	const char *what = json_get_text(request, "do", "");

	(void)arg;
	handled++;
	if (!strcmp(what, "echo") || !*what) {
		server_reply(c, json_object_get(request));
	} else if (!strcmp(what, "big")) {
		struct json_object *o = json_object_new_object();
		char *text = calloc(1, 100001);

		memset(text, 'x', 100000);
		json_put_text(o, "text", text);
		free(text);
		server_reply(c, o);
	} else {
		server_stream(c, next_line, release, NULL);
	}
}

static int connect_client(void)
{
	struct sockaddr_un un;
	socklen_t len;
	int d, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	CHECK(!rundir_address(dir, &un, &len, &d));
	CHECK(!connect(fd, (struct sockaddr *)&un, len));
	if (d >= 0)
		close(d);
	return fd;
}

static void turn(void)
{
	for (int i = 0; i < 50; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

/* What can be read now, counted in lines. -1: closed. */
static int read_lines(int fd)
{
	static char buf[1 << 20];
	int lines = 0;
	ssize_t n;

	for (;;) {
		turn();
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return n == 0 && !lines ? -1 : lines;
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	}
}

static void send_text(int fd, const char *text)
{
	size_t len = strlen(text);

	CHECK_INT(send(fd, text, len, MSG_NOSIGNAL), len);
}

static void answers(void)
{
	static char many[1000 * 16];
	int fd = connect_client();

	send_text(fd, "{\"do\":\"echo\"}\n");
	CHECK_INT(read_lines(fd), 1);
	send_text(fd, "{\"do\":");
	CHECK_INT(read_lines(fd), 0);
	send_text(fd, "\"echo\"}\n{\"do\":\"echo\"}\n");
	CHECK_INT(read_lines(fd), 2);
	for (int i = 0; i < 1000; i++)
		strcpy(many + strlen(many), "{\"do\":\"echo\"}\n");
	send_text(fd, many);
	shutdown(fd, SHUT_WR);
	CHECK_INT(read_lines(fd), 1000);
	CHECK_INT(read_lines(fd), -1);
	close(fd);
}

static void nonsense(void)
{
	static const char *const lines[] = {"\n", "nonsense\n", "[1]\n", "{\"a\":\n", "{}}\n", "\"x\"\n"};
	int fd = connect_client();
	char deep[200];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		send_text(fd, lines[i]);
		CHECK_MSG(read_lines(fd) == 1, "line %zu", i);
	}
	memset(deep, '[', 100);
	strcpy(deep + 100, "\n");
	send_text(fd, deep);
	CHECK_INT(read_lines(fd), 1);
	close(fd);
	turn();
}

/* A line without an end is refused, and the client closed. */
static void endless(void)
{
	int fd = connect_client(), lines = 0;
	char part[4096];
	size_t sent = 0;

	memset(part, 'x', sizeof(part));
	while (sent < 4 * SERVER_LINE_MAX) {
		ssize_t n = send(fd, part, sizeof(part), MSG_NOSIGNAL);

		turn();
		if (n < 0 && errno != EAGAIN)
			break;
		sent += n > 0 ? (size_t)n : 0;
	}
	CHECK(sent < 2 * SERVER_LINE_MAX);
	lines = read_lines(fd);
	CHECK(lines == 1 || lines == -1);
	close(fd);
	turn();
}

/* Somebody who asks and asks and never reads: what waits for him is bounded, others are served, and when he
 * reads at last he gets all of it. */
static void stuck(void)
{
	int fd = connect_client(), other = connect_client(), total = 0, n;
	unsigned before = handled;

	for (int i = 0; i < 200; i++)
		send_text(fd, "{\"do\":\"big\"}\n");
	turn();
	CHECK_MSG(handled - before < 20, "%u requests were answered", handled - before);
	send_text(other, "{\"do\":\"echo\"}\n");
	CHECK_INT(read_lines(other), 1);
	while (total < 200 && (n = read_lines(fd)) > 0)
		total += n;
	CHECK_INT(total, 200);
	close(fd);
	close(other);
	turn();
}

static void streams(void)
{
	int fd = connect_client();
	unsigned before = released;

	stream_left = 10000;
	send_text(fd, "{\"do\":\"stream\"}\n{\"do\":\"echo\"}\n");
	CHECK_INT(read_lines(fd), 10001);
	CHECK_INT(released, before + 1);
	/* One that waits, is woken, and goes away. */
	stream_left = 0;
	send_text(fd, "{\"do\":\"stream\"}\n");
	CHECK_INT(read_lines(fd), 0);
	stream_left = 5;
	server_wake(server);
	stream_left = 0;
	CHECK_INT(read_lines(fd), 5);
	close(fd);
	turn();
	CHECK_INT(released, before + 2);
}

static void gone(void)
{
	for (int i = 0; i < 100; i++) {
		int fd = connect_client();

		send_text(fd, "{\"do\":\"big\"}\n{\"do\":\"big\"}\n{\"do\":\"big\"}\n{\"do\":\"big\"}\n");
		if (i % 2)
			turn();
		close(fd);
	}
	turn();
}

static void too_many(void)
{
	int fds[SERVER_CLIENTS_MAX + 1];

	for (int i = 0; i <= SERVER_CLIENTS_MAX; i++) {
		fds[i] = connect_client();
		turn();
	}
	CHECK_INT(read_lines(fds[SERVER_CLIENTS_MAX]), 1);
	CHECK_INT(read_lines(fds[SERVER_CLIENTS_MAX]), -1);
	send_text(fds[0], "{\"do\":\"echo\"}\n");
	CHECK_INT(read_lines(fds[0]), 1);
	for (int i = 0; i <= SERVER_CLIENTS_MAX; i++)
		close(fds[i]);
	turn();
}

static void socket_file(void)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" RUNDIR_SOCKET, dir);
	CHECK(!stat(path, &st));
	CHECK_INT(st.st_mode & 07777, 0600);
}

int main(void)
{
	char *message = NULL, path[64];

	CHECK(mkdtemp(dir));
	loop = ev_default_loop(EVFLAG_NOENV);
	if (!CHECK(!server_open(loop, dir, handler, NULL, &server, &message)))
		return test_done();
	RUN(socket_file);
	RUN(answers);
	RUN(nonsense);
	RUN(endless);
	RUN(stuck);
	RUN(streams);
	RUN(gone);
	RUN(too_many);
	server_close(server);
	snprintf(path, sizeof(path), "%s/" RUNDIR_SOCKET, dir);
	CHECK(access(path, F_OK));
	ev_loop_destroy(loop);
	rmdir(dir);
	return test_done();
}
