/* SPDX-License-Identifier: GPL-2.0-only */
/* A policy as it was written: the tree that the parser builds, the checker resolves, and every later
 * stage reads. One header, so that the whole model can be read in one place.
 *
 * Everything in a policy is owned by the policy and freed by policy_free(). Addresses are 16 bytes in
 * network order, IPv4 as ::ffff:a.b.c.d; ports and numbers are in host order.
 */
#ifndef CGWALL_POLICY_H
#define CGWALL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cgwall/abi.h>

#define POLICY_FILE_MAX (64u << 20) /* bytes of one policy file */
#define POLICY_FILES_MAX 4096	    /* included, in all */
#define POLICY_TEXT_MAX (64u << 20) /* bytes of all files together */
#define POLICY_DEPTH_MAX 64	    /* nested parentheses, lists, includes; names that refer to names */
#define POLICY_NAME_MAX 255	    /* characters of a defined name */
#define POLICY_STRING_MAX 4095	    /* bytes of a string */
#define POLICY_EXPANDED_MAX \
	(1u << 24) /* items of a group, nodes of an expression, with all that it refers to */

/* Where something stands in the text. line and col from 1; col counts bytes. */
struct loc {
	uint32_t file; /* index into policy.files */
	uint32_t line, col;
};

struct source {
	char *path;
	char *text; /* NUL-terminated copy, for diagnostics */
	size_t len;
	struct loc included; /* from where; line 0: the first file */
};

/* ---- addresses ---- */

enum item_kind {
	ITEM_ANY,	/* built-in `any` */
	ITEM_NET,	/* an address, CIDR or range: lo..hi, both included */
	ITEM_DOMAIN,	/* text and every name below it; text in lower case, no trailing dot */
	ITEM_HOST,	/* text alone */
	ITEM_FILE,	/* text: path, relative to the policy file already resolved */
	ITEM_GROUP,	/* another group */
	ITEM_SELF,	/* this host's addresses (a fact) */
	ITEM_RESOLVERS, /* the trusted resolvers (a fact, or `set resolvers`) */
};

struct item {
	enum item_kind kind;
	struct loc loc;
	uint8_t lo[16], hi[16]; /* ITEM_NET */
	uint8_t prefix;		/* ITEM_NET: bits as written (0..32 for IPv4), PREFIX_RANGE for a range */
	bool v6; /* ITEM_NET: an IPv6 item, which never covers IPv4 addresses (::/0 does not) */
	char *text;
	struct group *group; /* ITEM_GROUP; set by the checker */
};
#define PREFIX_RANGE 255

struct group {
	char *name;
	struct item *items;
	size_t nitems;
	struct loc loc;
	bool builtin;
};

/* HOSTS of a rule. nitems 0: not given. */
struct hosts {
	bool negated;
	struct item *items;
	size_t nitems;
	struct loc loc;
};

struct range {
	uint16_t lo, hi;
};

struct ports {
	struct range *ranges;
	size_t n; /* 0: not given */
};

/* ---- services ---- */

#define PROTO_ANY_PORTS (-1) /* every protocol that has ports */

struct service_item {
	struct loc loc;
	int proto;	/* number, PROTO_ANY_PORTS, or -2 where it names another service */
	bool has_ports; /* false: the protocol alone (icmp, or tcp/... never) */
	struct range ports;
	char *text;		 /* name of the other service */
	struct service *service; /* set by the checker */
};
#define PROTO_SERVICE (-2)

struct service {
	char *name;
	struct service_item *items;
	size_t nitems;
	struct loc loc;
	bool builtin;
};

/* ---- who and when: boolean expressions ---- */

enum expr_op { EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_SELECTOR, EXPR_FACT, EXPR_APP, EXPR_CONDITION };

enum selector {
	SEL_ANY,
	SEL_EXE,
	SEL_SHA256,
	SEL_PACKAGE,
	SEL_PACKAGED,
	SEL_CGROUP,
	SEL_UNIT,
	SEL_CONTAINER,
	SEL_SCRIPT,
	SEL_ANCESTOR,
	SEL_USER,
	SEL_GROUP,
	SELECTORS
};

enum fact { FACT_SSID, FACT_ACTIVE, FACT_TIME, FACT_DAYS, FACTS };

struct expr {
	enum expr_op op;
	struct loc loc;
	struct expr **kids; /* AND, OR: two or more; NOT: one */
	size_t nkids;

	enum selector sel; /* EXPR_SELECTOR */
	enum fact fact;	   /* EXPR_FACT */
	char *text; /* glob, name, hex digest (lower case); user or group as written; ssid; interface glob */
	bool numeric; /* SEL_USER, SEL_GROUP: text is a number, in id */
	uint32_t id;
	bool secured; /* FACT_SSID */
	bool has_bssid;
	uint8_t bssid[6];
	uint16_t from, to; /* FACT_TIME: minutes of the day, the second one excluded (1440: midnight); from >
			      to wraps */
	uint8_t days;	   /* FACT_DAYS: bit 0 Monday .. bit 6 Sunday */

	struct app *app; /* EXPR_APP, EXPR_CONDITION: set by the checker */
	struct condition *condition;
};

struct app {
	char *name;
	struct loc loc;
	struct expr *expr;
};

struct condition {
	char *name;
	struct loc loc;
	struct expr *expr;
};

/* ---- rules ---- */

/* What a rule or default does. */
struct act {
	enum cgw_action action;
	uint64_t timeout_ms; /* ask: 0 where not given (then settings.ask_timeout_ms) */
	bool has_else;
	enum cgw_action otherwise; /* ask: the `else` part, CGW_PASS or CGW_BLOCK */
	uint64_t else_for_ms;	   /* 0: for that flow alone */
};

struct limit {
	uint64_t up, down; /* bytes a second; 0: none */
};

struct rule {
	struct loc loc;
	uint32_t number; /* from 1, in its direction */
	enum cgw_dir dir;
	struct act act;
	bool quick, log;

	struct expr *who; /* NULL: anybody. Several selectors of different kinds are joined by `and` here */
	struct service_item *protos; /* `proto`: items without ports */
	size_t nprotos;
	struct service_item *services; /* `service`: names or literal items */
	size_t nservices;
	struct hosts from, to;
	struct ports from_ports, to_ports;
	char *iface;	     /* `on`, NULL: any */
	struct expr *when;   /* `if`, NULL: always */
	struct expr *unless; /* NULL: never */
	struct limit limit;
	bool has_until;
	int64_t until;	  /* seconds since the epoch */
	bool until_dated; /* written as a date without a time */
	char *label;	  /* NULL: none */
};

struct fallback {	/* a default statement */
	struct loc loc; /* line 0: not written; then pass */
	struct act act;
	bool log;
	bool has_background;
	enum cgw_action background; /* CGW_PASS or CGW_BLOCK */
};

/* The keys of `explain` and `expect`, as written and as understood (query.h). */
struct keyval {
	char *key, *value;
	struct loc loc;
};

struct expect {
	struct loc loc;
	enum cgw_action verdict;
	enum cgw_dir dir;
	struct keyval *keys;
	size_t nkeys;
};

/* ---- settings ---- */

struct settings {
	bool observe;
	bool established_keep;
	bool resolvers_given;	/* false: auto */
	struct item *resolvers; /* ITEM_NET */
	size_t nresolvers;
	uint64_t dns_min_ttl_ms, dns_max_ttl_ms;
	uint64_t ask_timeout_ms;
	int sockets_other; /* -1 not set, CGW_PASS, CGW_BLOCK */
	bool dns_rebind_allow;
	bool on_failure_pass;
	uint32_t given; /* bit per key in the order above: which were written */
};

/* Statements in text order, for the printer; includes are replaced by what they bring. */
enum stmt_kind {
	STMT_SET,
	STMT_GROUP,
	STMT_SERVICE,
	STMT_APP,
	STMT_CONDITION,
	STMT_DEFAULT,
	STMT_EXPECT,
	STMT_RULE
};

struct stmt {
	enum stmt_kind kind;
	struct loc loc;
	union {
		int setting; /* index of the key, settings.given's bit */
		struct group *group;
		struct service *service;
		struct app *app;
		struct condition *condition;
		enum cgw_dir fallback;
		struct expect *expect;
		struct rule *rule;
	};
};

struct policy {
	struct source *files;
	size_t nfiles;
	struct stmt *stmts;
	size_t nstmts;
	struct rule **rules[CGW_DIRS]; /* by number - 1 */
	size_t nrules[CGW_DIRS];
	struct fallback fallback[CGW_DIRS];
	struct settings settings;
	struct expect **expects;
	size_t nexpects;
	struct arena *arena; /* owns everything above */
};

/* ---- diagnostics ---- */

/* Errors and warnings of one run, each printed as FILE:LINE:COL: error: MESSAGE with the source line
 * and a caret. At most DIAG_MAX are printed, then a sentence that says so. */
#define DIAG_MAX 50

struct diag {
	FILE *out; /* where they are printed (stderr); NULL: they are only counted */
	bool color;
	size_t errors, warnings;
	/* Also kept, for --json. */
	struct diag_line {
		char *file;
		uint32_t line, col;
		bool error;
		char *message;
	} * lines;
	size_t nlines;
};

void diag_free(struct diag *d);

/* Reports at `loc` of p (loc.line 0: at the file as a whole). Takes no ownership. */
void diag_error(struct diag *d, const struct policy *p, struct loc loc, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void diag_warning(struct diag *d, const struct policy *p, struct loc loc, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The closest of `names` to `name` (edit distance at most a third of its length, at least 1), or NULL. */
const char *diag_closest(const char *name, const char *const *names, size_t n);

/* ---- reading and printing ---- */

/* Reads, parses and checks the file, what it includes, and the answers beside it (texts.h). Never asks the
 * live host: no user, interface or name is looked up (ports are, in the services database). Returns NULL
 * where there was an error; every error has been reported to d then. */
struct policy *policy_read(const char *path, struct diag *d);

/* The same from memory; `name` stands for the path in messages. text need not be terminated. */
struct policy *policy_read_text(const char *name, const char *text, size_t len, struct diag *d);

void policy_free(struct policy *p);

/* Prints p in canonical form: one statement a line, includes replaced by what they bring. Reading that
 * text gives the same policy, and printing that the same text. 0, or -EIO. */
int policy_print(const struct policy *p, FILE *out);

/* One rule in canonical form, without a newline. */
int policy_print_rule(const struct rule *r, FILE *out);

/* The tree, indented, with locations: `check --print=ast`. */
int policy_print_ast(const struct policy *p, FILE *out);

/* Does a path match a glob? `*` stays within one component, `**` crosses them, `?` is one byte that is
 * not a slash, `[a-z]` and `[!a-z]` a class, which never holds a slash (`]` first in it stands for itself),
 * `\` quotes, also in a class. This is the plain reading; the compiler's automata are held against it. A
 * pattern of a policy has been checked; a malformed class here matches nothing. */
bool policy_glob(const char *glob, const char *path);

#endif
