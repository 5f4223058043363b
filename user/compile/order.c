// SPDX-License-Identifier: GPL-2.0-only
/* "The last rule that matches decides, unless a quick one matched before" is the same as "the first match
 * decides" in this list: the quick rules in text order, then the others from the last to the first. For the
 * first quick rule that matches ends the reading, whatever stands behind or before it; where there is none,
 * what the reading ends with is the last of the others that matches. Example:
 *
 *   1 block        priority: 2 pass quick A, 4 block quick C, 3 pass B, 1 block
 *   2 pass quick A
 *   3 pass B
 *   4 block quick C
 */
#include <string.h>

#include "expand.h"

void order_direction(struct tables *t, enum cgw_dir dir)
{
	struct rule **rules = t->policy->rules[dir];
	size_t n = t->policy->nrules[dir];
	struct direction *d = &t->dir[dir];
	struct entry *sorted = arena_alloc(t->arena, (d->nentries + 1) * sizeof(*sorted));
	uint32_t at = 0;

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t k = 0; k < n; k++) {
			size_t i = pass ? n - 1 - k : k;
			struct span *s = &d->spans[i];

			if (rules[i]->quick != (pass == 0) || !s->n)
				continue;
			memcpy(sorted + at, d->entries + s->first, s->n * sizeof(*sorted));
			s->first = at;
			at += s->n;
		}
	}
	d->entries = sorted;
	for (uint32_t i = 0; i < d->nentries; i++) {
		const struct rule *r = sorted[i].rule;

		if (r->when || r->unless || r->has_until)
			*ARENA_ADD(t->arena, &d->conditional, &d->nconditional) = i;
	}
}
