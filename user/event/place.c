// SPDX-License-Identifier: GPL-2.0-only
#include "place.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define CONTAINER_ID_MIN 32

static bool ends(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && !memcmp(text + len - n, end, n);
}

/* The deepest component for which `fits` finds something: its place in it and its length. */
static char *deepest(const char *path, const char *(*fits)(const char *part, size_t len, size_t *ret))
{
	const char *found = NULL;
	size_t found_len = 0;

	while (path && *path) {
		size_t len = strcspn(path, "/"), n = 0;
		const char *at = fits(path, len, &n);

		if (at) {
			found = at;
			found_len = n;
		}
		path += len + (path[len] == '/');
	}
	return found ? strndup(found, found_len) : NULL;
}

static const char *unit(const char *part, size_t len, size_t *ret)
{
	if (!ends(part, len, ".service") && !ends(part, len, ".scope"))
		return NULL;
	*ret = len;
	return part;
}

static const char *container(const char *part, size_t len, size_t *ret)
{
	size_t n = 0;

	if (ends(part, len, ".scope"))
		len -= strlen(".scope");
	while (n < len && strchr("0123456789abcdef", part[len - n - 1]))
		n++;
	if (n < CONTAINER_ID_MIN || (n < len && part[len - n - 1] != '-'))
		return NULL;
	*ret = n;
	return part + len - n;
}

char *place_unit(const char *path)
{
	return deepest(path, unit);
}

char *place_container(const char *path)
{
	return deepest(path, container);
}
