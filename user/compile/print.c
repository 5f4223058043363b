// SPDX-License-Identifier: GPL-2.0-only
/* The first two stages: what each rule asks, and in which order they are looked at. */
#include "print.h"

#include <errno.h>

#include "../policy/names.h"

static void print_place(const struct policy *p, struct loc loc, FILE *out)
{
	if (loc.line)
		fprintf(out, "%s:%u", p->files[loc.file].path, loc.line);
	else
		fputs("not written", out);
}

static void print_ref(const struct tables *t, const struct ref *ref, FILE *out)
{
	const uint32_t *atoms;
	bool negated;
	size_t n;

	atoms = atoms_of_clause(t, tables_space(ref->dim), ref->clause, &negated, &n);
	fprintf(out, "%s %s ", tables_dim_name(ref->dim), negated ? "none of" : "in");
	print_atoms(t, tables_space(ref->dim), atoms, n, out);
}

static void print_entry(const struct tables *t, const struct entry *e, FILE *out)
{
	if (!e->nrefs)
		fputs("anything", out);
	for (uint32_t i = 0; i < e->nrefs; i++) {
		if (i)
			fputs("; ", out);
		print_ref(t, &e->refs[i], out);
	}
}

static void print_fallback(const struct policy *p, enum cgw_dir dir, FILE *out)
{
	const struct fallback *f = &p->fallback[dir];

	fprintf(out, "%s rule 0 (default): %s, ", names_dir[dir],
		f->loc.line ? names_action[f->act.action] : names_action[CGW_PASS]);
	print_place(p, f->loc, out);
	fputc('\n', out);
}

int image_print_rules(const struct image *im, FILE *out)
{
	const struct tables *t = im->tables;
	const struct policy *p = t->policy;

	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct direction *d = &t->dir[dir];

		print_fallback(p, dir, out);
		for (size_t i = 0; i < p->nrules[dir]; i++) {
			const struct rule *r = p->rules[dir][i];

			fprintf(out, "%s rule %u, ", names_dir[dir], r->number);
			print_place(p, r->loc, out);
			fputs(": ", out);
			policy_print_rule(r, out);
			fputc('\n', out);
			if (!d->spans[i].n)
				fputs("\tnothing\n", out);
			for (uint32_t k = 0; k < d->spans[i].n; k++) {
				fputc('\t', out);
				print_entry(t, &d->entries[d->spans[i].first + k], out);
				fputc('\n', out);
			}
		}
	}
	return ferror(out) ? -EIO : 0;
}

int image_print_order(const struct image *im, FILE *out)
{
	const struct tables *t = im->tables;

	for (int dir = 0; dir < CGW_DIRS; dir++) {
		const struct direction *d = &t->dir[dir];

		for (uint32_t i = 0; i < d->nentries; i++) {
			const struct rule *r = d->entries[i].rule;

			fprintf(out, "%s %u: rule %u %s%s%s%s: ", names_dir[dir], i, r->number,
				names_action[r->act.action], r->quick ? " quick" : "", r->log ? " log" : "",
				r->when || r->unless || r->has_until ? " conditional" : "");
			print_entry(t, &d->entries[i], out);
			fputc('\n', out);
		}
		fputs("else ", out);
		print_fallback(t->policy, dir, out);
	}
	return ferror(out) ? -EIO : 0;
}
