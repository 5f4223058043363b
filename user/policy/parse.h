/* SPDX-License-Identifier: GPL-2.0-only */
/* Tokens to tree, one statement at a time, by recursive descent. Internal to the front end: read.c drives it.
 *
 *   parse.c        what all share: tokens, errors, recovery at the end of a statement
 *   parse_stmt.c   which statement; include, definitions, expect
 *   parse_set.c    settings
 *   parse_rule.c   rules and defaults
 *   parse_net.c    hosts, ports, protocols, services
 *   parse_expr.c   and, or, not
 *   parse_who.c    selectors and apps
 *   parse_when.c   facts and conditions
 *
 * Functions return false (or NULL) where the statement cannot be read on; the error has been reported then.
 * Where a value is wrong but its end is clear they report, set p->bad and return true, so that one run finds
 * several errors in a statement.
 */
#ifndef CGWALL_PARSE_H
#define CGWALL_PARSE_H

#include "lex.h"
#include "names.h"
#include "source.h"
#include "symbols.h"

struct texts;

/* What all files of one policy share while it is read. */
struct context {
	struct policy *policy;
	struct diag *diag;
	struct arena *arena;
	struct symbols symbols;
	struct loc settings[SETTINGS]; /* where each was written first */
	size_t bytes;		       /* of text, in all files */
	const struct texts *texts;     /* read from these instead of files; NULL: from files */
	struct source_id *ids;	       /* of the policy's files, by number */
	size_t nids;
};

struct parser {
	struct context *ctx;
	const char *dir; /* the file's directory, absolute; for what it names relatively */
	struct lexer lex;
	struct token tok; /* the one to be read next */
	unsigned depth;	  /* of what is nested */
	bool bad;	  /* the present statement has an error */
};

/* Begins with a file's text. */
void parse_start(struct parser *p, struct context *ctx, const char *dir, uint32_t file);

enum parsed {
	PARSED_END,	/* nothing is left */
	PARSED_STMT,	/* *stmt; where p->bad, only its name is of use, to the definitions */
	PARSED_INCLUDE, /* *include: the pattern as written; stmt->loc: where */
	PARSED_NOTHING, /* a statement with an error, which has been skipped */
};
enum parsed parse_statement(struct parser *p, struct stmt *stmt, char **include);

/* ---- parse.c ---- */

void parse_advance(struct parser *p);
/* The token after the present one. */
struct token parse_peek(const struct parser *p);
/* Reports an error of the statement. Always false. */
bool parse_error(struct parser *p, struct loc loc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "expected WANTED, found ...", or what the lexer found wrong. Always false. */
bool parse_unexpected(struct parser *p, const char *wanted);
/* The same for a word out of a set, with a suggestion. */
bool parse_unknown(struct parser *p, const char *wanted, const char *const *words, size_t n);
bool parse_is(const struct parser *p, const char *word);
/* Over the word, where it is the present token. */
bool parse_take(struct parser *p, const char *word);
bool parse_mark(struct parser *p, enum tok kind, const char *wanted);
/* A string, `what` says of what. NULL on failure. */
char *parse_string(struct parser *p, const char *what);
/* A name of its own for a definition. NULL on failure. */
char *parse_name(struct parser *p, const char *what);
/* One level deeper; false with an error where it is too deep. Its like is p->depth--. */
bool parse_nest(struct parser *p);

/* A { list }: calls `element` for each, which reads one. The present token is its brace. */
bool parse_list(struct parser *p, bool (*element)(struct parser *p, void *arg), void *arg);
/* A { list } or a single element. */
bool parse_some(struct parser *p, bool (*element)(struct parser *p, void *arg), void *arg);

/* Does a statement begin at the present token, whatever is still open? */
bool parse_at_statement(const struct parser *p);

/* Where something else stands, for messages about `near`: "line 3", "FILE:3" in another file, "built in". The
 * text is the arena's. */
const char *parse_place(const struct context *ctx, struct loc at, struct loc near);

/* ---- values, in parse.c: a word that value.h reads ---- */

bool parse_duration(struct parser *p, uint64_t *ret_ms, bool zero);

/* ---- parse_expr.c ---- */

/* These give NULL on failure. */
typedef struct expr *parse_operand(struct parser *p);
struct expr *parse_expr(struct parser *p, parse_operand *operand);
struct expr *parse_new_expr(struct parser *p, enum expr_op op, struct loc loc);
/* The name of an app or condition. */
struct expr *parse_reference(struct parser *p, enum expr_op op, const char *what);
/* Appends to an AND or OR; takes *list NULL, one expression, or one made by this. */
void parse_join(struct parser *p, enum expr_op op, struct expr **list, struct expr *kid);

/* ---- parse_who.c, parse_when.c ---- */

/* An expression of selectors and apps, or of facts and conditions. NULL on failure. */
struct expr *parse_who(struct parser *p);
struct expr *parse_when(struct parser *p);
/* The value of a selector whose word has been read, or a { list } of them. NULL on failure. */
struct expr *parse_selector(struct parser *p, enum selector sel, struct loc loc);
/* `app` NAME or { list } in a rule. NULL on failure. */
struct expr *parse_apps(struct parser *p);
/* Is it an interface's name or pattern? Reports where not. */
void parse_iface(struct parser *p, struct loc loc, const char *text);

/* ---- parse_net.c ---- */

/* One item into *ret. */
bool parse_item(struct parser *p, struct item *ret);
bool parse_items(struct parser *p, struct item **items, size_t *n);
bool parse_hosts(struct parser *p, struct hosts *ret);
bool parse_ports(struct parser *p, struct ports *ret);
bool parse_services(struct parser *p, struct service_item **items, size_t *n);
bool parse_protos(struct parser *p, struct service_item **items, size_t *n);

/* ---- parse_rule.c, parse_set.c ---- */

/* The present token is the action. */
bool parse_rule(struct parser *p, struct rule *ret);
/* These come after their keyword. */
bool parse_default(struct parser *p, struct loc loc, enum cgw_dir *ret);
bool parse_set(struct parser *p, struct loc loc, int *ret);

#endif
