// SPDX-License-Identifier: GPL-2.0-only
/* The part of a desktop that shows notifications, or somebody who would like to be it, on the session bus.
 *
 *   desktop serve            shows them: prints `notify N|SUMMARY|BODY|KEY=LABEL,...`, lines of BODY joined
 * by `/`, and `close N`. Its input: `click N KEY`, `dismiss N`. Its own end is the end of input. desktop
 * forge TO N KEY   somebody else's word that KEY was pressed on N: to everybody, and to the name TO
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef CGW_DBUS

#include <dbus/dbus.h>

#define NAME "org.freedesktop.Notifications"
#define PATH "/org/freedesktop/Notifications"

static DBusConnection *bus;
static dbus_uint32_t last;

static void die(const char *what)
{
	fprintf(stderr, "desktop: %s\n", what);
	exit(1);
}

static void send_signal(const char *to, const char *name, dbus_uint32_t n, const char *key,
			dbus_uint32_t reason)
{
	DBusMessage *m = dbus_message_new_signal(PATH, NAME, name);

	if (!m || (to && !dbus_message_set_destination(m, to)))
		die("no memory");
	if (key)
		dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_STRING, &key, DBUS_TYPE_INVALID);
	else
		dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_UINT32, &reason,
					 DBUS_TYPE_INVALID);
	dbus_connection_send(bus, m, NULL);
	dbus_message_unref(m);
	dbus_connection_flush(bus);
}

static void reply_number(DBusMessage *call, dbus_uint32_t n)
{
	DBusMessage *m = dbus_message_new_method_return(call);

	if (n)
		dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
	dbus_connection_send(bus, m, NULL);
	dbus_message_unref(m);
}

static void capabilities(DBusMessage *call)
{
	const char *words[] = {"actions", "body", "body-markup"}, **w = words;
	DBusMessage *m = dbus_message_new_method_return(call);

	dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &w, 3, DBUS_TYPE_INVALID);
	dbus_connection_send(bus, m, NULL);
	dbus_message_unref(m);
}

static const char *next_text(DBusMessageIter *at)
{
	const char *text;

	if (dbus_message_iter_get_arg_type(at) != DBUS_TYPE_STRING)
		die("a string was expected");
	dbus_message_iter_get_basic(at, &text);
	dbus_message_iter_next(at);
	return text;
}

static void notify(DBusMessage *call)
{
	DBusMessageIter at, list;
	const char *summary, *body, *comma = "";

	if (strcmp(dbus_message_get_signature(call), "susssasa{sv}i"))
		die("another signature than the specification's");
	dbus_message_iter_init(call, &at);
	next_text(&at);
	dbus_message_iter_next(&at); /* replaces */
	next_text(&at);
	summary = next_text(&at);
	body = next_text(&at);
	printf("notify %u|%s|", ++last, summary);
	for (; *body; body++)
		putchar(*body == '\n' ? '/' : *body);
	putchar('|');
	dbus_message_iter_recurse(&at, &list);
	while (dbus_message_iter_get_arg_type(&list) == DBUS_TYPE_STRING) {
		const char *key = next_text(&list);

		printf("%s%s=%s", comma, key, next_text(&list));
		comma = ",";
	}
	putchar('\n');
	reply_number(call, last);
}

static void take(DBusMessage *m)
{
	dbus_uint32_t n;

	if (dbus_message_is_method_call(m, NAME, "GetCapabilities")) {
		capabilities(m);
	} else if (dbus_message_is_method_call(m, NAME, "Notify")) {
		notify(m);
	} else if (dbus_message_is_method_call(m, NAME, "CloseNotification") &&
		   dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID)) {
		printf("close %u\n", n);
		reply_number(m, 0);
		send_signal(NULL, "NotificationClosed", n, NULL, 3);
	}
}

static void command(char *line)
{
	char key[16];
	dbus_uint32_t n;

	if (sscanf(line, "click %u %15s", &n, key) == 2) {
		send_signal(NULL, "ActionInvoked", n, key, 0);
		send_signal(NULL, "NotificationClosed", n, NULL, 2);
	} else if (sscanf(line, "dismiss %u", &n) == 1) {
		send_signal(NULL, "NotificationClosed", n, NULL, 2);
	}
}

static int serve(void)
{
	char line[256];
	int fd;

	if (dbus_bus_request_name(bus, NAME, DBUS_NAME_FLAG_DO_NOT_QUEUE, NULL) !=
	    DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
		die("another desktop is there");
	puts("ready");
	dbus_connection_get_unix_fd(bus, &fd);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
		DBusMessage *m;

		dbus_connection_read_write(bus, 0);
		while ((m = dbus_connection_pop_message(bus))) {
			take(m);
			dbus_message_unref(m);
		}
		dbus_connection_flush(bus);
		if (!dbus_connection_get_is_connected(bus))
			return 0;
		poll(p, 2, -1);
		if (p[1].revents) {
			if (!fgets(line, sizeof(line), stdin))
				return 0;
			command(line);
		}
	}
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	bus = dbus_bus_get_private(DBUS_BUS_SESSION, NULL);
	if (!bus)
		die("no session bus");
	dbus_connection_set_exit_on_disconnect(bus, FALSE);
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	if (argc == 5 && !strcmp(argv[1], "forge")) {
		dbus_uint32_t n = (dbus_uint32_t)strtoul(argv[3], NULL, 10);

		send_signal(NULL, "ActionInvoked", n, argv[4], 0);
		send_signal(argv[2], "ActionInvoked", n, argv[4], 0);
		return 0;
	}
	die("serve, or forge TO N KEY");
}

#else

int main(void)
{
	fputs("desktop: built without libdbus\n", stderr);
	return 77;
}

#endif
