/* SPDX-License-Identifier: GPL-2.0-only */
/* The compiler's model, shared by its stages.
 *
 * An *atom* is one thing that a rule can ask of one value: a path, a user, a net, a port range. Atoms live
 * in *spaces*, one for each kind of value; the remote and the local end share theirs, and so do the two
 * directions. A *clause* is a set of atoms of one space: it holds where one of them is true or, negated,
 * where none is. An *entry* is a conjunction of clauses, each about one dimension; a rule is the `or` of its
 * entries. Of a value that is not known no atom is true.
 */
#ifndef CGWALL_COMPILE_TABLES_H
#define CGWALL_COMPILE_TABLES_H

#include "compile.h"
#include "intern.h"
#include "rows.h"

enum space {
	SPACE_EXE_PATH,
	SPACE_EXE_GLOB,
	SPACE_CG_PATH,
	SPACE_CG_GLOB,
	SPACE_UID,
	SPACE_GID,
	SPACE_PROPS,
	SPACE_NET,
	SPACE_LIST,
	SPACE_NAME,
	SPACE_PORT,
	SPACE_IFACE,
	SPACES
};

/* An atom's bytes are one of these; text is not terminated by anything but the copy's own NUL.
 * kind: enum selector in CG_GLOB (SEL_CGROUP, SEL_UNIT) and PROPS; enum item_kind in NAME (ITEM_DOMAIN,
 * ITEM_HOST; ITEM_FILE: text is the number of the list file, 4 bytes); else 0. UID, GID, LIST: uint32_t. */
struct atom_text {
	uint8_t kind;
	char text[];
};

struct atom_net {
	uint8_t lo[16], hi[16];
	uint8_t v6; /* never covers IPv4 addresses */
};

struct atom_port {
	int16_t proto; /* PROTO_ANY_PORTS: every protocol that has ports */
	uint16_t lo, hi;
	uint16_t has_ports; /* 0: the protocol alone */
};

struct atoms {
	struct intern in;
	struct intern clauses; /* uint32_t negated, then the atoms, sorted */
	/* made by atoms_index(), when no more clauses come */
	struct mentions in_clauses;
	uint8_t *negated;
};

struct ref {
	uint32_t dim;
	uint32_t clause;
};

struct entry {
	const struct rule *rule;
	struct ref *refs; /* sorted by dimension */
	uint32_t nrefs;
};

/* A path's class is the number of the set of atoms that it makes true. */
struct path_classes {
	struct sets sets;
};

/* Classes of names; class 0 is what no rule tells from a name that nobody mentions. Rows stay in scratch
 * until they are written. */
struct name_classes {
	uint32_t n;		    /* with class 0 */
	uint32_t labels;	    /* most labels of a name that has a key */
	struct rows rows[CGW_DIRS]; /* of their own, since the image has them in a row */
	uint32_t *row_of[CGW_DIRS]; /* by class */
};

struct direction {
	struct entry *entries; /* in order of priority; in text order before order_direction() */
	uint32_t nentries;
	struct span {
		uint32_t first, n;
	} * spans; /* by rule number - 1: where its entries are */
	struct rows rows;
	uint32_t dims; /* bit per dimension that an entry constrains */
	/* Kept for what is evaluated when a question comes: PROPS, NAME, IFACE. */
	struct sweep sweeps[CGW_DIMS];
	uint32_t none[CGW_DIMS];
	uint32_t open[CGW_DIMS], passing[2]; /* as in struct cgw_dirhead */
	/* Rows by class of each dimension; which values those classes are is the dimension's own business. */
	uint32_t *class_rows[CGW_DIMS];
	uint32_t nclasses[CGW_DIMS];
	uint32_t *conditional; /* entries with `if`, `unless` or `until` */
	uint32_t nconditional;
	uint32_t spare_used; /* rows; counts on when the first ones are used again */
	uint64_t spare_hash[IMAGE_SPARE_ROWS];
};

struct tables {
	const struct policy *policy;
	const struct world *world;
	struct diag *diag;     /* while compiling */
	struct arena *arena;   /* lives as long as the image */
	struct arena *scratch; /* lives until it is compiled; NULL after that */
	jmp_buf *failure;      /* where the arenas go when memory runs out */
	struct atoms atoms[SPACES];
	struct direction dir[CGW_DIRS];
	struct listset *listset;      /* list files and their names (lists.h) */
	struct image_lists *lists;    /* NULL: none, or taken */
	struct path_classes paths[4]; /* by CGW_DIM_EXE_PATH..CG_GLOB */
	struct name_classes names;
	uint32_t nports;      /* port classes, as in struct cgw_head */
	uint8_t proto[256];   /* protocol -> index */
	uint16_t *port_class; /* by port; NULL: no rule looks at ports */
	struct image_key *keys;
	uint32_t nkeys;
	struct image_prefix *prefixes;
	uint32_t nprefixes;
	struct glob_dfa *dfa[2]; /* executables, cgroups */
	__u64 seed[2];
	struct judge *judge; /* what judge.c keeps between questions */
};

#define TABLES_CHUNKS_MAX (8u << 20) /* 1 GB */

/* Reports that; gives -E2BIG. */
int tables_too_large(struct tables *t);

/* The space of a dimension, for all but CGW_DIM_ENABLED. */
enum space tables_space(enum cgw_dim dim);
const char *tables_dim_name(enum cgw_dim dim);

/* atoms.c. Numbers of atoms and clauses. */
uint32_t atoms_text(struct tables *t, enum space space, uint8_t kind, const char *text, size_t len);
uint32_t atoms_number(struct tables *t, enum space space, uint32_t number);
uint32_t atoms_net(struct tables *t, const uint8_t lo[16], const uint8_t hi[16], bool v6);
uint32_t atoms_port(struct tables *t, int proto, bool has_ports, uint16_t lo, uint16_t hi);
uint32_t atoms_clause(struct tables *t, enum space space, bool negated, const uint32_t *atoms, size_t n);
const uint32_t *atoms_of_clause(const struct tables *t, enum space space, uint32_t clause, bool *negated,
				size_t *n);
void atoms_index(struct tables *t);

#endif
