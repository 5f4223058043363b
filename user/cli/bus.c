// SPDX-License-Identifier: GPL-2.0-only
#include "bus.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef CGW_DBUS

#include <dbus/dbus.h>
#include <dlfcn.h>

#include "../event/show.h"

#define LIBRARY "libdbus-1.so.3"
#define DESKTOP "org.freedesktop.Notifications"
#define DESKTOP_PATH "/org/freedesktop/Notifications"
#define OWN_NAME "org.cgwall.Ask" /* one of us in a session is enough */
#define CALL_MS 5000
#define TEXT_MAX_ 2048

/* All that is called, so that one list makes the table and fills it. */
#define FUNCTIONS(X)                                 \
	X(dbus_bus_add_match)                        \
	X(dbus_bus_get_private)                      \
	X(dbus_bus_request_name)                     \
	X(dbus_connection_close)                     \
	X(dbus_connection_flush)                     \
	X(dbus_connection_get_is_connected)          \
	X(dbus_connection_get_unix_fd)               \
	X(dbus_connection_has_messages_to_send)      \
	X(dbus_connection_pop_message)               \
	X(dbus_connection_read_write)                \
	X(dbus_connection_send)                      \
	X(dbus_connection_send_with_reply_and_block) \
	X(dbus_connection_set_exit_on_disconnect)    \
	X(dbus_connection_unref)                     \
	X(dbus_error_free)                           \
	X(dbus_error_init)                           \
	X(dbus_free_string_array)                    \
	X(dbus_message_append_args)                  \
	X(dbus_message_get_args)                     \
	X(dbus_message_get_reply_serial)             \
	X(dbus_message_get_sender)                   \
	X(dbus_message_get_type)                     \
	X(dbus_message_is_signal)                    \
	X(dbus_message_iter_append_basic)            \
	X(dbus_message_iter_close_container)         \
	X(dbus_message_iter_init_append)             \
	X(dbus_message_iter_open_container)          \
	X(dbus_message_new_method_call)              \
	X(dbus_message_set_no_reply)                 \
	X(dbus_message_unref)                        \
	X(dbus_shutdown)                             \
	X(dbus_validate_utf8)

static struct {
#define X(f) __typeof__(&f) f;
	FUNCTIONS(X)
#undef X
} dbus;

struct bus {
	void *library;
	DBusConnection *c;
	char owner[64]; /* the desktop's own name on the bus; empty: there is none */
	bool markup;	/* a body is read as marked up text */
};

static int load(void **ret)
{
	static const struct {
		const char *name;
		void **at;
	} wanted[] = {
#define X(f) {#f, (void **)&dbus.f},
		FUNCTIONS(X)
#undef X
	};
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return -ENOTSUP;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		*wanted[i].at = dlsym(library, wanted[i].name);
		if (!*wanted[i].at) {
			dlclose(library);
			return -ENOTSUP;
		}
	}
	*ret = library;
	return 0;
}

/* One question to `to`, with one string or none; NULL where it is not answered. */
static DBusMessage *call(struct bus *b, const char *to, const char *path, const char *method,
			 const char *text)
{
	DBusMessage *m = dbus.dbus_message_new_method_call(to, path, to, method), *reply;

	if (m && text && !dbus.dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID)) {
		dbus.dbus_message_unref(m);
		return NULL;
	}
	reply = m ? dbus.dbus_connection_send_with_reply_and_block(b->c, m, CALL_MS, NULL) : NULL;
	if (m)
		dbus.dbus_message_unref(m);
	return reply;
}

static void look_for_desktop(struct bus *b)
{
	DBusMessage *reply = call(b, DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, "GetNameOwner", DESKTOP);
	const char *owner;

	b->owner[0] = '\0';
	if (!reply)
		return;
	if (dbus.dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID) &&
	    strlen(owner) < sizeof(b->owner))
		snprintf(b->owner, sizeof(b->owner), "%s", owner);
	dbus.dbus_message_unref(reply);
}

static void ask_for_markup(struct bus *b)
{
	DBusMessage *reply = call(b, DESKTOP, DESKTOP_PATH, "GetCapabilities", NULL);
	char **words;
	int n;

	b->markup = true; /* where it does not tell, nothing is to be read as a link */
	if (!reply)
		return;
	if (dbus.dbus_message_get_args(reply, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &words, &n,
				       DBUS_TYPE_INVALID)) {
		b->markup = false;
		for (int i = 0; i < n; i++)
			b->markup |= !strcmp(words[i], "body-markup");
		dbus.dbus_free_string_array(words);
	}
	dbus.dbus_message_unref(reply);
}

static int join(struct bus *b, const char **why)
{
	static char text[512];
	DBusError e;
	int got;

	dbus.dbus_error_init(&e);
	b->c = dbus.dbus_bus_get_private(DBUS_BUS_SESSION, &e);
	if (!b->c) {
		snprintf(text, sizeof(text), "there is no session bus: %s", e.message);
		dbus.dbus_error_free(&e);
		*why = text;
		return -ECONNREFUSED;
	}
	dbus.dbus_connection_set_exit_on_disconnect(b->c, FALSE);
	got = dbus.dbus_bus_request_name(b->c, OWN_NAME, DBUS_NAME_FLAG_DO_NOT_QUEUE, NULL);
	if (got != DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER) {
		*why = got < 0 ? "the session bus does not let it in"
			       : "'cgwall ask --notify' runs already in this session";
		return got < 0 ? -ECONNREFUSED : -EEXIST;
	}
	dbus.dbus_bus_add_match(b->c, "type='signal',interface='" DESKTOP "',path='" DESKTOP_PATH "'", NULL);
	dbus.dbus_bus_add_match(b->c,
				"type='signal',sender='" DBUS_SERVICE_DBUS
				"',member='NameOwnerChanged',arg0='" DESKTOP "'",
				NULL);
	dbus.dbus_connection_flush(b->c);
	look_for_desktop(b);
	ask_for_markup(b);
	if (!b->owner[0]) /* the question may have started one */
		look_for_desktop(b);
	return 0;
}

int bus_open(struct bus **ret, const char **why)
{
	struct bus *b = calloc(1, sizeof(*b));
	int err;

	*why = "there is no memory";
	if (!b)
		return -ENOMEM;
	err = load(&b->library);
	if (err)
		*why = "notifications need " LIBRARY " (package libdbus-1-3, dbus-libs)";
	else
		err = join(b, why);
	if (err) {
		bus_close(b);
		return err;
	}
	*ret = b;
	return 0;
}

void bus_close(struct bus *b)
{
	if (!b)
		return;
	if (b->c) {
		if (dbus.dbus_connection_get_is_connected(b->c))
			dbus.dbus_connection_flush(b->c);
		dbus.dbus_connection_close(b->c);
		dbus.dbus_connection_unref(b->c);
		dbus.dbus_shutdown();
	}
	if (b->library)
		dlclose(b->library);
	free(b);
}

int bus_fd(const struct bus *b)
{
	int fd = -1;

	return dbus.dbus_connection_get_unix_fd(b->c, &fd) ? fd : -1;
}

short bus_events(const struct bus *b)
{
	return (short)(POLLIN | (dbus.dbus_connection_has_messages_to_send(b->c) ? POLLOUT : 0));
}

bool bus_has_desktop(const struct bus *b)
{
	return b->owner[0];
}

/* One line, behind those that are there; what a desktop would read as markup is written so that it does not.
 */
static void add_line(const char *text, bool markup, char *out, size_t size)
{
	char line[TEXT_MAX_];
	size_t n = strlen(out);

	show_quote_blanks(text, line, sizeof(line));
	if (n && n + 8 <= size)
		n += (size_t)snprintf(out + n, size - n, "\n");
	for (const char *p = line; *p && n + 8 <= size; p++) {
		const char *entity = !markup	 ? NULL
				     : *p == '&' ? "&amp;"
				     : *p == '<' ? "&lt;"
				     : *p == '>' ? "&gt;"
						 : NULL;

		n += (size_t)(entity ? snprintf(out + n, size - n, "%s", entity)
				     : snprintf(out + n, size - n, "%c", *p));
	}
	/* cut within a character */
	while (n && !dbus.dbus_validate_utf8(out, NULL))
		out[--n] = '\0';
}

static bool put_hint(DBusMessageIter *hints, const char *name, int type, const char *signature,
		     const void *value)
{
	DBusMessageIter entry, variant;

	return dbus.dbus_message_iter_open_container(hints, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
	       dbus.dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &name) &&
	       dbus.dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, signature, &variant) &&
	       dbus.dbus_message_iter_append_basic(&variant, type, value) &&
	       dbus.dbus_message_iter_close_container(&entry, &variant) &&
	       dbus.dbus_message_iter_close_container(hints, &entry);
}

static bool put_note(const struct bus *b, DBusMessage *m, const struct bus_note *n)
{
	char summary[TEXT_MAX_] = "", body[TEXT_MAX_] = "";
	const char *app = "cgwall", *icon = "security-medium", *s = summary, *t = body, *category = "network";
	dbus_int32_t expires = n->stays ? 0 : -1;
	dbus_uint32_t replaces = 0;
	uint8_t urgency = n->stays ? 2 : 1;
	DBusMessageIter all, list;
	bool good;

	add_line(n->summary, false, summary, sizeof(summary)); /* never marked up */
	for (size_t i = 0; n->lines[i]; i++)
		add_line(n->lines[i], b->markup, body, sizeof(body));
	dbus.dbus_message_iter_init_append(m, &all);
	good = dbus.dbus_message_iter_append_basic(&all, DBUS_TYPE_STRING, &app) &&
	       dbus.dbus_message_iter_append_basic(&all, DBUS_TYPE_UINT32, &replaces) &&
	       dbus.dbus_message_iter_append_basic(&all, DBUS_TYPE_STRING, &icon) &&
	       dbus.dbus_message_iter_append_basic(&all, DBUS_TYPE_STRING, &s) &&
	       dbus.dbus_message_iter_append_basic(&all, DBUS_TYPE_STRING, &t) &&
	       dbus.dbus_message_iter_open_container(&all, DBUS_TYPE_ARRAY, "s", &list);
	for (size_t i = 0; good && n->actions[i]; i++)
		good = dbus.dbus_message_iter_append_basic(&list, DBUS_TYPE_STRING, &n->actions[i]);
	return good && dbus.dbus_message_iter_close_container(&all, &list) &&
	       dbus.dbus_message_iter_open_container(&all, DBUS_TYPE_ARRAY, "{sv}", &list) &&
	       put_hint(&list, "urgency", DBUS_TYPE_BYTE, "y", &urgency) &&
	       put_hint(&list, "category", DBUS_TYPE_STRING, "s", &category) &&
	       dbus.dbus_message_iter_close_container(&all, &list) &&
	       dbus.dbus_message_iter_append_basic(&all, DBUS_TYPE_INT32, &expires);
}

int bus_notify(struct bus *b, const struct bus_note *n, uint32_t *serial)
{
	DBusMessage *m = dbus.dbus_message_new_method_call(DESKTOP, DESKTOP_PATH, DESKTOP, "Notify");
	dbus_uint32_t number;
	bool good = m && put_note(b, m, n) && dbus.dbus_connection_send(b->c, m, &number);

	if (m)
		dbus.dbus_message_unref(m);
	if (!good)
		return -ENOMEM;
	*serial = number;
	return 0;
}

int bus_withdraw(struct bus *b, uint32_t note)
{
	DBusMessage *m =
		dbus.dbus_message_new_method_call(DESKTOP, DESKTOP_PATH, DESKTOP, "CloseNotification");
	dbus_uint32_t number = note;
	bool good = m && dbus.dbus_message_append_args(m, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);

	if (good) {
		dbus.dbus_message_set_no_reply(m, TRUE);
		good = dbus.dbus_connection_send(b->c, m, NULL);
	}
	if (m)
		dbus.dbus_message_unref(m);
	return good ? 0 : -ENOMEM;
}

static void read_owner(struct bus *b, DBusMessage *m, struct bus_event *ret)
{
	const char *name, *before, *after;

	if (!dbus.dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &before,
					DBUS_TYPE_STRING, &after, DBUS_TYPE_INVALID) ||
	    strcmp(name, DESKTOP) || !strcmp(after, b->owner))
		return;
	/* one that is started by our own first call is still to answer that one */
	ret->kind = b->owner[0] ? BUS_RESTARTED : BUS_STARTED;
	snprintf(b->owner, sizeof(b->owner), "%s", strlen(after) < sizeof(b->owner) ? after : "");
	if (b->owner[0])
		ask_for_markup(b);
}

static void read_desktop(DBusMessage *m, struct bus_event *ret)
{
	dbus_uint32_t number, reason;
	const char *key;

	switch (dbus.dbus_message_get_type(m)) {
	case DBUS_MESSAGE_TYPE_METHOD_RETURN:
		ret->serial = dbus.dbus_message_get_reply_serial(m);
		ret->kind = BUS_REFUSED;
		if (dbus.dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID)) {
			ret->note = number;
			ret->kind = BUS_SHOWN;
		}
		break;
	case DBUS_MESSAGE_TYPE_ERROR:
		ret->serial = dbus.dbus_message_get_reply_serial(m);
		ret->kind = BUS_REFUSED;
		break;
	case DBUS_MESSAGE_TYPE_SIGNAL:
		if (dbus.dbus_message_is_signal(m, DESKTOP, "ActionInvoked") &&
		    dbus.dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_STRING, &key,
					       DBUS_TYPE_INVALID)) {
			ret->kind = BUS_CLICKED;
			ret->note = number;
			snprintf(ret->key, sizeof(ret->key), "%s", key);
		} else if (dbus.dbus_message_is_signal(m, DESKTOP, "NotificationClosed") &&
			   dbus.dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_UINT32,
						      &reason, DBUS_TYPE_INVALID)) {
			ret->kind = BUS_CLOSED;
			ret->note = number;
		}
		break;
	default:
		break;
	}
}

int bus_next(struct bus *b, struct bus_event *ret)
{
	DBusMessage *m;

	*ret = (struct bus_event){.kind = BUS_NOTHING};
	dbus.dbus_connection_read_write(b->c, 0);
	while (ret->kind == BUS_NOTHING && (m = dbus.dbus_connection_pop_message(b->c))) {
		const char *sender = dbus.dbus_message_get_sender(m);

		/* The bus itself writes the sender: another program's signals and answers have another one.
		 */
		if (sender && !strcmp(sender, DBUS_SERVICE_DBUS)) {
			if (dbus.dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameOwnerChanged"))
				read_owner(b, m, ret);
			else if (dbus.dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_ERROR)
				read_desktop(m, ret); /* nobody is there to show it */
		} else if (sender && b->owner[0] && !strcmp(sender, b->owner)) {
			read_desktop(m, ret);
		}
		dbus.dbus_message_unref(m);
	}
	if (ret->kind == BUS_NOTHING && !dbus.dbus_connection_get_is_connected(b->c))
		return -EPIPE;
	return 0;
}

#else

int bus_open(struct bus **ret, const char **why)
{
	(void)ret;
	*why = "this cgwall was built without libdbus, which notifications need";
	return -ENOTSUP;
}

void bus_close(struct bus *b)
{
	(void)b;
}

int bus_fd(const struct bus *b)
{
	(void)b;
	return -1;
}

short bus_events(const struct bus *b)
{
	(void)b;
	return 0;
}

bool bus_has_desktop(const struct bus *b)
{
	(void)b;
	return false;
}

int bus_notify(struct bus *b, const struct bus_note *n, uint32_t *serial)
{
	(void)b;
	(void)n;
	(void)serial;
	return -ENOTSUP;
}

int bus_withdraw(struct bus *b, uint32_t note)
{
	(void)b;
	(void)note;
	return -ENOTSUP;
}

int bus_next(struct bus *b, struct bus_event *ret)
{
	(void)b;
	(void)ret;
	return -EPIPE;
}

#endif
