/* SPDX-License-Identifier: GPL-2.0-only */
/* Which names are defined: groups, services, apps, conditions, each kind by itself. Also remembers ports that
 * were looked up in the services database. Lives in the policy's arena.
 */
#ifndef CGWALL_SYMBOLS_H
#define CGWALL_SYMBOLS_H

#include "arena.h"
#include "policy.h"

enum symbol_kind { SYM_GROUP, SYM_SERVICE, SYM_APP, SYM_CONDITION, SYM_PORT, SYM_KINDS };

struct symbol {
	enum symbol_kind kind;
	const char *name;
	struct loc loc; /* line 0: built in */
	void *object;	/* struct group and so on; NULL for a port */
	bool broken;	/* its definition had an error: known, so that its use is none */
	bool has_names; /* a group that holds names, itself or through others */
	unsigned depth; /* how deep it refers to others; 0: to none */
	uint64_t size;	/* items or expression nodes with all that it refers to; a port: its number */
};

struct symbols {
	struct arena *arena;
	struct symbol **slots;
	size_t nslots, n; /* nslots is a power of two */
};

/* Names that are built in are defined. */
void symbols_init(struct symbols *t, struct arena *a);

struct symbol *symbols_find(const struct symbols *t, enum symbol_kind kind, const char *name);

/* The name must not be there yet; it is not copied. */
struct symbol *symbols_add(struct symbols *t, enum symbol_kind kind, const char *name, struct loc loc,
			   void *object);

/* The defined name closest to one that is not there, or NULL. */
const char *symbols_closest(const struct symbols *t, enum symbol_kind kind, const char *name);

#endif
