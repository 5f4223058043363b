// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables.h"

static const struct {
	const char *name;
	enum space space;
} dims[] = {
	[CGW_DIM_EXE_PATH] = {"exe-path", SPACE_EXE_PATH},
	[CGW_DIM_EXE_GLOB] = {"exe-glob", SPACE_EXE_GLOB},
	[CGW_DIM_CG_PATH] = {"cgroup-path", SPACE_CG_PATH},
	[CGW_DIM_CG_GLOB] = {"cgroup-glob", SPACE_CG_GLOB},
	[CGW_DIM_UID] = {"user", SPACE_UID},
	[CGW_DIM_GID] = {"group", SPACE_GID},
	[CGW_DIM_PROPS] = {"properties", SPACE_PROPS},
	[CGW_DIM_REMOTE] = {"remote", SPACE_NET},
	[CGW_DIM_REMOTE_LIST] = {"remote-list", SPACE_LIST},
	[CGW_DIM_NAME] = {"name", SPACE_NAME},
	[CGW_DIM_RPORT] = {"remote-port", SPACE_PORT},
	[CGW_DIM_LOCAL] = {"local", SPACE_NET},
	[CGW_DIM_LOCAL_LIST] = {"local-list", SPACE_LIST},
	[CGW_DIM_LPORT] = {"local-port", SPACE_PORT},
	[CGW_DIM_IFACE] = {"interface", SPACE_IFACE},
	[CGW_DIM_ENABLED] = {"enabled", SPACES},
};
static_assert(sizeof(dims) / sizeof(dims[0]) == CGW_DIMS, "a line for every dimension");

int tables_too_large(struct tables *t)
{
	diag_error(t->diag, t->policy, (struct loc){0}, "this policy needs tables of more than %u MB",
		   TABLES_CHUNKS_MAX / (1024 * 1024 / CGW_CHUNK_BYTES));
	return -E2BIG;
}

enum space tables_space(enum cgw_dim dim)
{
	return dims[dim].space;
}

const char *tables_dim_name(enum cgw_dim dim)
{
	return dims[dim].name;
}

uint32_t atoms_text(struct tables *t, enum space space, uint8_t kind, const char *text, size_t len)
{
	char small[256], *buf = len < sizeof(small) ? small : arena_alloc(t->scratch, len + 1);

	buf[0] = (char)kind;
	memcpy(buf + 1, text, len);
	return intern_add(&t->atoms[space].in, buf, len + 1);
}

uint32_t atoms_number(struct tables *t, enum space space, uint32_t number)
{
	return intern_add(&t->atoms[space].in, &number, sizeof(number));
}

uint32_t atoms_net(struct tables *t, const uint8_t lo[16], const uint8_t hi[16], bool v6)
{
	struct atom_net net = {.v6 = v6};

	memcpy(net.lo, lo, 16);
	memcpy(net.hi, hi, 16);
	return intern_add(&t->atoms[SPACE_NET].in, &net, sizeof(net));
}

uint32_t atoms_port(struct tables *t, int proto, bool has_ports, uint16_t lo, uint16_t hi)
{
	struct atom_port port = {.proto = (int16_t)proto, .has_ports = has_ports};

	if (has_ports) {
		port.lo = lo;
		port.hi = hi;
	}
	return intern_add(&t->atoms[SPACE_PORT].in, &port, sizeof(port));
}

uint32_t atoms_clause(struct tables *t, enum space space, bool negated, const uint32_t *atoms, size_t n)
{
	uint32_t small[64], *buf = n < 64 ? small : arena_alloc(t->scratch, (n + 1) * sizeof(*buf));

	buf[0] = negated;
	memcpy(buf + 1, atoms, n * sizeof(*buf));
	return intern_add(&t->atoms[space].clauses, buf, (n + 1) * sizeof(*buf));
}

const uint32_t *atoms_of_clause(const struct tables *t, enum space space, uint32_t clause, bool *negated,
				size_t *n)
{
	const struct intern *in = &t->atoms[space].clauses;
	const uint32_t *buf = intern_get(in, clause);

	*negated = buf[0];
	*n = in->items[clause].len / sizeof(*buf) - 1;
	return buf + 1;
}

static void index_space(struct tables *t, enum space space)
{
	struct atoms *as = &t->atoms[space];
	uint32_t n = as->clauses.n, *from, *to;
	size_t npairs = 0, at = 0;

	for (uint32_t c = 0; c < n; c++)
		npairs += as->clauses.items[c].len / sizeof(uint32_t) - 1;
	from = arena_alloc(t->scratch, (npairs + 1) * sizeof(*from));
	to = arena_alloc(t->scratch, (npairs + 1) * sizeof(*to));
	as->negated = arena_alloc(t->arena, n + 1);
	for (uint32_t c = 0; c < n; c++) {
		const uint32_t *atoms;
		size_t natoms;
		bool negated;

		atoms = atoms_of_clause(t, space, c, &negated, &natoms);
		as->negated[c] = negated;
		for (size_t i = 0; i < natoms; i++, at++) {
			from[at] = atoms[i];
			to[at] = c;
		}
	}
	mentions_build(&as->in_clauses, t->arena, as->in.n, from, to, npairs);
}

void atoms_index(struct tables *t)
{
	for (enum space space = 0; space < SPACES; space++)
		index_space(t, space);
}
