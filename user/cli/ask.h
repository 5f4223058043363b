/* SPDX-License-Identifier: GPL-2.0-only */
/* The screen of `cgwall ask`: what it knows, and how it looks. */
#ifndef CGWALL_ASK_H
#define CGWALL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct client;
struct json_object;

/* How an answer is meant that a key gives; places in the lists below. */
struct ask_choice {
	size_t life, scope, who;
};

struct ask {
	struct json_object **questions; /* open ones, oldest first */
	size_t n, selected;
	struct ask_choice choice;
	char message[256];  /* what became of the last answer */
	bool color, listed; /* listed: all that were open at the start have come */
};

/* How long an answer holds. */
extern const char *const ask_lives[];
extern const size_t ask_nlives;

/* The words of the choice for a question; the first where the list is shorter. */
const char *ask_scope(struct json_object *question, size_t which);
const char *ask_who(struct json_object *question, size_t which);

/* Begins to read the questions, and what becomes of them, on a connection of its own. 0 or -errno. */
int ask_follow(const char *run_dir, struct client **ret);

/* Answers one, meant as the words say; what became of it into message. 0, -EPERM where the agent refuses, or
 * -errno. */
int ask_answer(struct client *c, struct json_object *question, const char *verdict, const char *life,
	       const char *scope, const char *who, char *message, size_t size);

/* Questions as notifications on the desktop, answered there, until the session ends or a signal comes; a
 * click is meant for `life`. The exit code. */
int ask_notify(const char *run_dir, const char *life);

/* The whole screen, of that size, into out. */
void ask_draw(const struct ask *a, unsigned rows, unsigned cols, FILE *out);

#endif
