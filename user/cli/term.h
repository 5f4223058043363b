/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal as a screen: its size, its keys, and that it is as it was when we leave, whatever the reason.
 */
#ifndef CGWALL_TERM_H
#define CGWALL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum term_key {
	TERM_NONE = 0,
	TERM_UP = 256,
	TERM_DOWN,
	TERM_PAGE_UP,
	TERM_PAGE_DOWN,
	TERM_HOME,
	TERM_END,
	TERM_OTHER, /* a key that means nothing here */
};

/* Takes standard input and output over. 0, -ENOTTY where one of them is no terminal, or -errno. */
int term_start(void);

/* Gives them back; more than once does no harm. Also called at exit and by the signals that end a program. */
void term_stop(void);

void term_size(unsigned *rows, unsigned *cols);

/* The next key that was pressed, a byte or an enum term_key; TERM_NONE: none. Never waits. */
int term_key(void);

/* Was there a signal that ends the program? */
bool term_ended(void);

/* Writes at most `cols` columns of text, whatever bytes it has; what cannot be shown is a `?`. Gives the
 * number of columns. */
unsigned term_text(const char *text, unsigned cols, FILE *out);

#endif
