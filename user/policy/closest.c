// SPDX-License-Identifier: GPL-2.0-only
/* "Did you mean": the name at the smallest edit distance, where two letters swapped count as one edit
 * (optimal string alignment). */
#include "diag.h"

#include <ctype.h>
#include <string.h>

#define LONGEST 64 /* longer names get no suggestion, so that the cost is bounded */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letter case counts as half of nothing: it is never what was meant. */
static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Distance of a and b, or more than `limit`. Three rows of the usual table are alive at a time. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb, size_t limit)
{
	size_t rows[3][LONGEST + 1];

	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *now = rows[i % 3], *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3], best = i;

		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t d = least(above[j], now[j - 1]) + 1;

			d = least(d, above[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				d = least(d, higher[j - 2] + 1);
			now[j] = d;
			best = least(best, d);
		}
		if (best > limit)
			return best;
	}
	return rows[na % 3][nb];
}

bool closest_better(const char *name, const char *other, struct closest *c)
{
	size_t len = strlen(name), nother = strlen(other), limit, found;

	if (!len || len > LONGEST || nother > LONGEST)
		return false;
	limit = c->name ? c->distance : len / 3 ? len / 3 : 1;
	if (nother > len + limit || len > nother + limit)
		return false;
	found = distance(name, len, other, nother, limit);
	if (found > limit || found >= nother) /* a name that shares nothing with this one is no help */
		return false;
	if (c->name && found == c->distance && strcmp(other, c->name) >= 0)
		return false;
	c->name = other;
	c->distance = found;
	return true;
}

const char *diag_closest(const char *name, const char *const *names, size_t n)
{
	struct closest c = {0};

	for (size_t i = 0; i < n; i++)
		closest_better(name, names[i], &c);
	return c.name;
}
