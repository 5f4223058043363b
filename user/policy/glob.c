// SPDX-License-Identifier: GPL-2.0-only
#include "glob.h"

#include <stdlib.h>
#include <string.h>

#include "policy.h"

bool glob_is_plain(const char *glob)
{
	return !strpbrk(glob, "*?[\\");
}

/* The character of a class at *s, a quoted one without its quote; moves *s behind it. */
static unsigned char class_char(const char **s)
{
	if (**s == '\\' && (*s)[1])
		(*s)++;
	return (unsigned char)*(*s)++;
}

/* Reads the class that begins at glob ('['). Sets *end behind its ']' and *hit to whether c is in it. NULL,
 * or what is wrong with it. */
static const char *class_read(const char *glob, unsigned char c, const char **end, bool *hit)
{
	const char *s = glob + 1, *first;
	bool negated = *s == '!', in = false;

	s += negated;
	for (first = s; *s && (*s != ']' || s == first);) {
		unsigned char lo, hi;

		if (*s == '/')
			return "a class in [ ] cannot hold a slash";
		lo = hi = class_char(&s);
		if (*s == '-' && s[1] && s[1] != ']') {
			s++;
			hi = class_char(&s);
		}
		if (lo > hi)
			return "a range in [ ] runs backwards";
		in |= lo <= c && c <= hi;
	}
	if (!*s)
		return "a `[` without its `]`; a `[` that stands for itself is written `\\[`";
	*end = s + 1;
	*hit = in != negated && c != '/';
	return NULL;
}

const char *glob_check(const char *glob)
{
	const char *error;
	bool hit;

	while (*glob) {
		if (*glob == '[') {
			error = class_read(glob, 0, &glob, &hit);
			if (error)
				return error;
			continue;
		}
		if (*glob == '\\' && !*++glob)
			return "a `\\` at the end quotes nothing";
		glob++;
	}
	return NULL;
}

/* Where one element of the pattern ends; *hit: does it take c? Stars are not elements. */
static const char *element(const char *g, unsigned char c, bool *hit)
{
	const char *end;

	*hit = false;
	if (*g == '[')
		return class_read(g, c, &end, hit) ? NULL : end;
	if (*g == '?') {
		*hit = c != '/';
		return g + 1;
	}
	if (*g == '\\' && g[1])
		g++;
	*hit = (unsigned char)*g == c;
	return g + 1;
}

/* Marks g, and what lies behind stars at g, as reached. */
static void reach(const char *glob, const char *g, unsigned char *set)
{
	while (!set[g - glob]) {
		set[g - glob] = 1;
		if (*g != '*')
			return;
		g += strspn(g, "*");
	}
}

/* All places of the pattern that the path read so far can have led to, at once: what a recursive reading
 * tries one after the other. The cost is the product of the lengths, whatever the pattern. */
bool policy_glob(const char *glob, const char *path)
{
	size_t n = strlen(glob) + 1;
	unsigned char *now = calloc(2, n), *next;
	bool matched;

	if (!now)
		return false;
	next = now + n;
	reach(glob, glob, now);
	for (; *path; path++) {
		memset(next, 0, n);
		for (const char *g = glob; *g; g++) {
			const char *end;
			bool hit;

			if (!now[g - glob])
				continue;
			if (*g == '*') {
				if (g[1] == '*' || *path != '/')
					reach(glob, g, next);
				continue;
			}
			end = element(g, (unsigned char)*path, &hit);
			if (end && hit)
				reach(glob, end, next);
		}
		memcpy(now, next, n);
	}
	matched = now[n - 1];
	free(now);
	return matched;
}
