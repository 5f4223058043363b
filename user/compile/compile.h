/* SPDX-License-Identifier: GPL-2.0-only */
/* From a checked policy to the tables that the kernel decides on. Pure: no system calls but reading
 * list files; whatever has to be known of the host is handed in as struct world.
 *
 *   expand  rules -> entries: each a conjunction over dimensions; an `or` over several makes several
 *   order   entries -> priority list (quick in text order, then the others reversed)
 *   classes values of each dimension -> classes -> rows
 *   image   all of it as chunks, keys and prefixes, as abi.h lays them out
 *
 * judge.c asks the finished image in user space with decide(), the way the kernel does.
 */
#ifndef CGWALL_COMPILE_H
#define CGWALL_COMPILE_H

#include "../policy/policy.h"
#include "../policy/query.h"

/* What the compiler is told of the host. Borrowed for the length of the call. */
struct world {
	uint8_t (*self)[16]; /* this host's addresses */
	size_t nself;
	uint8_t (*resolvers)[16]; /* used where the policy says `set resolvers auto` */
	size_t nresolvers;
	/* Name to number: 0 and *ret, or -ENOENT. NULL: every name gets a number of its own that no real
	 * user has (0x80000000 | hash), so that equal names still match. */
	int (*user)(void *arg, const char *name, uint32_t *ret);
	int (*group)(void *arg, const char *name, uint32_t *ret);
	/* Paths that a literal `exe` path (or `ancestor`), or the literal directory part of a pattern, really
	 * is once symlinks are followed: pairs of (pattern as written, pattern with links resolved). The
	 * second matches too. */
	const char *const (*aliases)[2];
	size_t naliases;
	size_t nlinks; /* interfaces that there are: as many may have to be told apart */
	void *arg;     /* handed to user() and group() */
	/* Where the list file that the policy names is read from. NULL: where it says. */
	const char *(*list_file)(void *list_arg, const char *path);
	void *list_arg;
};

struct image_key {
	struct cgw_key key;
	struct cgw_class class;
};

struct image_prefix {
	struct cgw_prefix key;
	struct cgw_class class;
};

/* Addresses from `file` items; shared between generations as long as the files are the same. */
struct image_lists {
	uint64_t digest;   /* of the contents and their order; equal digests: equal tables */
	uint32_t nclasses; /* with class 0 */
	size_t n4, n6, nprefixes;
	struct list4 {
		uint8_t addr[4];
		uint32_t class;
	} * v4; /* full-length IPv4 addresses */
	struct list6 {
		uint8_t addr[16];
		uint32_t class;
	} * v6;
	struct listp {
		struct cgw_prefix key; /* IPv4 as ::ffff:0:0/96 + n */
		uint32_t class;
	} * prefixes;	     /* all three sorted */
	struct arena *arena; /* owns this */
};

/* One dynamic dimension (PROPS, NAME, IFACE, ENABLED) is evaluated in user space; spare rows for what
 * comes up at run time lie at the end of the row section. */
#define IMAGE_SPARE_ROWS 64

struct image {
	struct cgw_head head;	  /* gen left 0; lists is 0 or ~0, publish fills in the real slot */
	struct cgw_chunk *chunks; /* head.nchunks of them */
	struct image_key *keys;
	size_t nkeys;
	struct image_prefix *prefixes;
	size_t nprefixes;
	struct image_key *ifaces; /* of the host's interfaces, see iface.h */
	size_t nifaces;
	struct image_lists *lists; /* NULL: none. Owned by the image */
	size_t nlisted;		   /* names in list files */
	uint32_t nrows[CGW_DIRS];  /* rows in use, with row 0; spare ones follow */
	/* of those: rows for interfaces, written as they come up (iface.h) */
	uint32_t iface_rows[CGW_DIRS], niface_rows[CGW_DIRS];
	struct tables *tables; /* what judge and print need: entries, atoms; opaque (classes.h) */
};

/* Compiles p. Errors (a list file that cannot be read, too many entries, an unknown user) are reported to d
 * at their place. NULL on error. p and w must outlive the image. */
struct image *image_compile(const struct policy *p, const struct world *w, struct diag *d);
void image_free(struct image *im);

/* The key of the hash under which literal paths are found: 16 random bytes for the kernel, fixed ones for
 * tests. Call before image_compile to change the process's default (zeros). */
void image_seed(const __u64 seed[2]);

/* check --print=rules|order|classes|image. 0 or -EIO. */
int image_print_rules(const struct image *im, FILE *out);
int image_print_order(const struct image *im, FILE *out);
int image_print_classes(const struct image *im, FILE *out);
int image_print_image(const struct image *im, FILE *out);

/* Rules that can never decide: shadowed by an earlier quick (or later non-quick) rule that matches
 * whatever they match, empty (an empty group, proto icmp with a port), contradictory (`if` and `unless`
 * the same). Reported as warnings. */
void image_warn(const struct image *im, struct diag *d);

/* ---- asking the image ---- */

struct judgement {
	struct cgw_answer answer;
	const struct rule *rule;	 /* NULL: the default */
	const struct fallback *fallback; /* of the direction */
	uint32_t *matched; /* numbers of all rules in force that match, ascending; owned, free() */
	size_t nmatched;
};

/* Turns a query into what decide() takes, by the image's tables: path classes, given rows (the image's spare
 * rows get what is new). Which rules are in force is not its business: judge_enable(). 0 or -errno. */
int judge_query(struct image *im, const struct query *q, struct cgw_query *ret);

/* Decides q over the image in user space. 0 or -errno. ret->matched must be freed. Writes the enabled row of
 * variant 0 for the facts in q. */
int judge(struct image *im, const struct query *q, struct judgement *ret);

/* Can q be let through, whatever the dimensions in `wild` turn out to be (cgw_could() of decide.h; what q
 * says of them is not looked at)? Gives enum cgw_could; *ret as there. q as judge_query() makes it. */
int judge_could(struct image *im, const struct cgw_query *q, uint32_t wild, struct cgw_answer *ret);

/* Evaluates `if`, `unless`, `until` of every rule for the facts in q and writes them into the enabled
 * row of `variant` of both directions of the image. */
void judge_enable(struct image *im, const struct query *q, unsigned variant);

/* Holds every `expect` of the policy against the image; reports those that fail at their place, naming
 * the rule that decided instead. Number of failures. */
size_t judge_expects(struct image *im, struct diag *d);

#endif
