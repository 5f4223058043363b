// SPDX-License-Identifier: GPL-2.0-only
/* Paths to classes. A literal executable's class is the set of literals that name it; a literal cgroup's
 * holds those of the directories above it as well, so that the deepest one found says everything. Patterns of
 * a kind are one automaton, whose accepting states give a class. */
#include <errno.h>
#include <string.h>

#include <cgwall/pathhash.h>

#include "classes.h"
#include "glob.h"

static struct cgw_key path_key(const struct tables *t, uint32_t kind, const char *path, size_t len)
{
	struct cgw_key key = {.kind = kind};
	struct cgw_hash h;

	cgw_hash_start(&h, t->seed);
	for (size_t i = 0; i < len; i++)
		cgw_hash_byte(&h, (uint8_t)path[i]);
	cgw_hash_value(&h, key.data);
	return key;
}

/* ---- literals ---- */

static const char *atom_text(const struct tables *t, enum space space, uint32_t atom)
{
	return ((const struct atom_text *)intern_get(&t->atoms[space].in, atom))->text;
}

/* path -> atoms, in the order in which paths first come up. */
struct literals {
	struct intern paths;
	struct literal {
		uint32_t *atoms;
		uint32_t n;
	} * of;
};

static void name_path(struct tables *t, struct literals *l, const char *path, uint32_t atom)
{
	uint32_t known = l->paths.n, id = intern_add(&l->paths, path, strlen(path));
	struct literal *lit;

	if (id == known)
		l->of = arena_room(t->scratch, l->of, known, sizeof(*l->of));
	lit = &l->of[id];
	*ARENA_ADD(t->scratch, &lit->atoms, &lit->n) = atom;
}

static void exe_literals(struct tables *t, struct literals *l)
{
	const struct world *w = t->world;
	const struct intern *in = &t->atoms[SPACE_EXE_PATH].in;

	for (uint32_t atom = 0; atom < in->n; atom++)
		name_path(t, l, atom_text(t, SPACE_EXE_PATH, atom), atom);
	for (size_t i = 0; i < w->naliases; i++) {
		char buf[CGW_PATH_MAX + 1];
		size_t len = strlen(w->aliases[i][0]);
		uint32_t atom;

		if (len >= CGW_PATH_MAX)
			continue;
		buf[0] = 0; /* the atom's kind */
		memcpy(buf + 1, w->aliases[i][0], len);
		atom = intern_find(in, buf, len + 1);
		if (atom != INTERN_NONE)
			name_path(t, l, w->aliases[i][1], atom);
	}
}

static void cgroup_literals(struct tables *t, struct literals *l)
{
	const struct intern *in = &t->atoms[SPACE_CG_PATH].in;

	for (uint32_t atom = 0; atom < in->n; atom++)
		name_path(t, l, atom_text(t, SPACE_CG_PATH, atom), atom);
	for (uint32_t id = 0; id < l->paths.n; id++) {
		const char *path = intern_get(&l->paths, id);

		for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
			uint32_t up = intern_find(&l->paths, path, (size_t)(s - path));

			if (up != INTERN_NONE) /* paths and atoms have the same numbers here */
				*ARENA_ADD(t->scratch, &l->of[id].atoms, &l->of[id].n) = up;
		}
	}
}

static int build_literals(struct tables *t, uint32_t dim, uint32_t kind)
{
	struct path_classes *pc = &t->paths[dim];
	struct literals l = {0};

	intern_init(&l.paths, t->scratch);
	if (kind == CGW_KEY_EXE)
		exe_literals(t, &l);
	else
		cgroup_literals(t, &l);
	for (uint32_t id = 0; id < l.paths.n; id++) {
		const struct intern_item *path = &l.paths.items[id];
		struct literal *lit = &l.of[id];
		struct image_key *k = ARENA_ADD(t->arena, &t->keys, &t->nkeys);

		k->key = path_key(t, kind, path->data, path->len);
		k->class.row[0][0] = sets_of(&pc->sets, lit->atoms, sets_sort(lit->atoms, lit->n));
	}
	if (pc->sets.in.n <= CGW_LIT_CLASSES_MAX)
		return 0;
	diag_error(t->diag, t->policy, (struct loc){0}, "too many paths: a policy names at most %d",
		   CGW_LIT_CLASSES_MAX - 1);
	return -E2BIG;
}

/* ---- patterns ---- */

/* Where the policy writes this selector first; line 0: nowhere. */
static struct loc find_expr(const struct expr *e, enum selector sel, const char *text)
{
	struct loc loc = {0};

	if (!e)
		return loc;
	if (e->op == EXPR_SELECTOR && e->sel == sel && e->text && strstr(e->text, text))
		return e->loc;
	for (size_t i = 0; i < e->nkids && !loc.line; i++)
		loc = find_expr(e->kids[i], sel, text);
	return loc;
}

static void report(struct tables *t, const struct glob_pattern *p, enum selector sel)
{
	const struct policy *policy = t->policy;
	struct loc loc = {0};

	for (size_t i = 0; i < policy->nstmts && !loc.line; i++) {
		const struct stmt *s = &policy->stmts[i];

		if (s->kind == STMT_APP)
			loc = find_expr(s->app->expr, sel, p->text);
		else if (s->kind == STMT_RULE)
			loc = find_expr(s->rule->who, sel, p->text);
	}
	diag_error(t->diag, policy, loc,
		   "the patterns up to \"%s\" are too many to be told apart in one pass (at most %d states)",
		   p->text, CGW_DFA_STATES_MAX);
}

static int build_patterns(struct tables *t, uint32_t dim, int dfa)
{
	enum space space = tables_space(dim);
	const struct intern *in = &t->atoms[space].in;
	struct glob_pattern *list = NULL;
	const struct world *w = t->world;
	size_t n = 0, bad = 0;
	int error;

	for (uint32_t atom = 0; atom < in->n; atom++) {
		const struct atom_text *text = intern_get(in, atom);
		struct glob_pattern *p = ARENA_ADD(t->scratch, &list, &n);

		*p = (struct glob_pattern){.text = text->text, .atom = atom};
		if (space == SPACE_CG_GLOB)
			p->mode = text->kind == SEL_UNIT ? GLOB_UNIT : GLOB_BELOW;
		for (size_t i = 0; space == SPACE_EXE_GLOB && i < w->naliases; i++)
			if (!strcmp(w->aliases[i][0], text->text))
				*ARENA_ADD(t->scratch, &list, &n) =
					(struct glob_pattern){.text = w->aliases[i][1], .atom = atom};
	}
	t->dfa[dfa] = arena_alloc(t->arena, sizeof(*t->dfa[dfa]));
	error = glob_build(t->dfa[dfa], t->arena, &t->paths[dim].sets, list, n, &bad);
	if (error == -E2BIG && list)
		report(t, &list[bad], list[bad].mode == GLOB_UNIT ? SEL_UNIT : dfa ? SEL_CGROUP : SEL_EXE);
	return error;
}

/* ---- rows ---- */

static void build_rows(struct tables *t, struct direction *d, uint32_t dim)
{
	const struct sets *sets = &t->paths[dim].sets;

	d->nclasses[dim] = sets->in.n;
	d->class_rows[dim] = arena_alloc(t->arena, d->nclasses[dim] * sizeof(*d->class_rows[dim]));
	for (uint32_t class = 0; class < d->nclasses[dim]; class ++) {
		size_t n;
		const uint32_t *atoms = sets_get(sets, class, &n);

		d->class_rows[dim][class] = sweep_row_of(&d->sweeps[dim], atoms, n);
	}
}

int paths_build(struct tables *t)
{
	int error;

	for (uint32_t dim = CGW_DIM_EXE_PATH; dim <= CGW_DIM_CG_GLOB; dim++)
		sets_init(&t->paths[dim].sets, t->arena);
	error = build_literals(t, CGW_DIM_EXE_PATH, CGW_KEY_EXE);
	if (!error)
		error = build_literals(t, CGW_DIM_CG_PATH, CGW_KEY_CGROUP);
	if (!error)
		error = build_patterns(t, CGW_DIM_EXE_GLOB, 0);
	if (!error)
		error = build_patterns(t, CGW_DIM_CG_GLOB, 1);
	if (error)
		return error;
	for (int dir = 0; dir < CGW_DIRS; dir++)
		for (uint32_t dim = CGW_DIM_EXE_PATH; dim <= CGW_DIM_CG_GLOB; dim++)
			if (t->dir[dir].dims & (1u << dim))
				build_rows(t, &t->dir[dir], dim);
	return 0;
}
