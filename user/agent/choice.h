/* SPDX-License-Identifier: GPL-2.0-only */
/* What somebody chose as the answer to a question: pass or block, for how long, for whom, to where. */
#ifndef CGWALL_CHOICE_H
#define CGWALL_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cgwall/abi.h>

enum choice_life {
	CHOICE_ONCE,	/* the flows that wait now */
	CHOICE_TIME,	/* so many milliseconds */
	CHOICE_PROGRAM, /* until the process that asked ends */
	CHOICE_TODAY,	/* until midnight, local time */
	CHOICE_REBOOT,
	CHOICE_EVER, /* a rule in the policy folder */
	CHOICE_LIVES
};

enum choice_whom {
	CHOICE_ADDRESS, /* the remote address */
	CHOICE_NAME,	/* the name that it was found by */
	CHOICE_DOMAIN,	/* that name's domain, and every name below it */
	CHOICE_ANY,	/* whatever address */
	CHOICE_WHOMS
};

enum choice_who {
	CHOICE_EXE, /* the program */
	CHOICE_UNIT,
	CHOICE_CONTAINER,
	CHOICE_USER,
	CHOICE_CGROUP,
	CHOICE_ANYBODY,
	CHOICE_WHOS
};

struct choice {
	enum cgw_action verdict; /* CGW_PASS or CGW_BLOCK */
	enum choice_life life;
	uint64_t ms; /* of CHOICE_TIME */
	enum choice_whom whom;
	bool port; /* this protocol and port alone; else every one */
	enum choice_who who;
};

/* Reads the words of a request or of the command line; a NULL stands for what is meant where nothing is said:
 * `once`, `address,port`, `program`. NULL with *ret set, or what is wrong, a constant. */
const char *choice_read(const char *verdict, const char *life, const char *scope, const char *who,
			struct choice *ret);

/* The words again. choice_life() and choice_scope() write into `out`. */
const char *choice_life(const struct choice *c, char *out, size_t size);
const char *choice_scope(const struct choice *c, char *out, size_t size);
const char *choice_who(const struct choice *c);
#define CHOICE_WORD_MAX 32

#endif
