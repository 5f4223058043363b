/* SPDX-License-Identifier: GPL-2.0-only */
/* Notifications on the desktop of the session that this process belongs to (org.freedesktop.Notifications on
 * the session bus). libdbus is looked for when it is needed: who never opens a bus does not need it. */
#ifndef CGWALL_BUS_H
#define CGWALL_BUS_H

#include <stdbool.h>
#include <stdint.h>

#define BUS_LINES 4

struct bus;

enum bus_kind {
	BUS_NOTHING,   /* nothing more for now */
	BUS_SHOWN,     /* what `serial` asked for is shown as `note` */
	BUS_REFUSED,   /* ... is not */
	BUS_CLICKED,   /* the user chose `key` on `note` */
	BUS_CLOSED,    /* `note` is gone: the user's doing, the desktop's or ours */
	BUS_STARTED,   /* a desktop that shows notifications is there, where none was */
	BUS_RESTARTED, /* it has gone, and another one may have come: no note is there any more */
};

struct bus_event {
	enum bus_kind kind;
	uint32_t serial, note;
	char key[16];
};

/* Any bytes: a line stays one, and what cannot be shown is written as \xNN. */
struct bus_note {
	const char *summary;
	const char *lines[BUS_LINES + 1]; /* of the body, then NULL */
	const char *actions[5];		  /* key, label, key, label, NULL */
	bool stays;			  /* until it is answered or withdrawn */
};

/* Joins the session bus. *why, on failure, is the sentence for the user: a constant, or kept until the next
 * call. 0; -EEXIST where this session has one already; -ENOTSUP without libdbus; -ECONNREFUSED without a bus.
 */
int bus_open(struct bus **ret, const char **why);
void bus_close(struct bus *b);

/* To wait for with poll(): the descriptor, and for what. Call bus_next() until it has nothing before. */
int bus_fd(const struct bus *b);
short bus_events(const struct bus *b);

/* Is there a desktop that shows notifications? One may yet be started by the first. */
bool bus_has_desktop(const struct bus *b);

/* Asks for one to be shown. *serial comes again with BUS_SHOWN or BUS_REFUSED. 0 or -errno. */
int bus_notify(struct bus *b, const struct bus_note *n, uint32_t *serial);
int bus_withdraw(struct bus *b, uint32_t note);

/* What has come, one after the other. Only what the desktop itself says counts, whoever else is on the bus.
 * 0, or -EPIPE where the bus has gone. */
int bus_next(struct bus *b, struct bus_event *ret);

#endif
