// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <string.h>

#include "../event/show.h"
#include "../policy/source.h"
#include "suggest.h"

/* Programs that are whatever they are told to be. */
static bool is_interpreter(const char *exe)
{
	static const char *const names[] = {
		"sh",	"bash", "dash", "zsh", "ash",  "ksh", "busybox", "python", "perl", "ruby",
		"node", "java", "php",	"lua", "deno", "bun", "tclsh",	 "guile",  "env",
	};
	const char *slash = strrchr(exe, '/'), *base = slash ? slash + 1 : exe;
	size_t n = strcspn(base, "0123456789.-"); /* python3.11, lua5.4, php-fpm8.2 */

	if (!strncmp(base, "ld-", 3) || !strncmp(base, "ld.so", 5))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == n && !strncmp(base, names[i], n))
			return true;
	return false;
}

static bool ends_with(const char *text, size_t n, const char *end)
{
	size_t m = strlen(end);

	return n > m && !strncmp(text + n - m, end, m);
}

/* The service that a cgroup belongs to, as the selector `unit` has it: below a service or a scope there are
 * no units, unless it is a user's service manager. NULL: none. */
static const char *unit_of(struct sighted *s, const char *cgroup)
{
	const char *found = NULL;

	while (cgroup && *cgroup) {
		size_t n = strcspn(cgroup, "/");

		if (ends_with(cgroup, n, ".scope"))
			break;
		if (ends_with(cgroup, n, ".service")) {
			found = suggest_text(s, "%.*s", (int)n, cgroup);
			if (strncmp(cgroup, "user@", 5))
				break;
		}
		cgroup += n + (cgroup[n] == '/');
	}
	return found;
}

/* Text that a policy can hold, and whoever reads it sees as it is; NULL for what is not so. */
static const char *printable(const char *text)
{
	size_t n;

	for (const char *c = text; c && *c; c += n) {
		n = show_plain(c);
		if (!n)
			return NULL;
	}
	return text && source_check(text, strlen(text)) < 0 ? text : NULL;
}

static const char *expr_of(struct sighted *s, const struct flow *f, enum suggest_by by, const char **what)
{
	const char *exe = printable(f->exe), *cgroup = printable(f->cgroup), *unit = unit_of(s, cgroup);
	bool prefer_unit = by == SUGGEST_UNIT || !exe || (by == SUGGEST_AUTO && is_interpreter(exe));

	if (unit && prefer_unit) {
		*what = unit;
		return suggest_text(s, "unit %s", suggest_quoted(s, unit, true));
	}
	if (exe) {
		*what = exe;
		return suggest_text(s, "exe %s", suggest_quoted(s, exe, true));
	}
	if (cgroup && *cgroup && strcmp(cgroup, "/")) {
		*what = cgroup;
		return suggest_text(s, "cgroup %s", suggest_quoted(s, cgroup, true));
	}
	if (f->has_uid) {
		*what = suggest_text(s, "user %u", f->uid);
		return *what;
	}
	return NULL;
}

static bool name_taken(const struct subjects *all, const char *name)
{
	static const char *const words[] = {"and", "or", "not", "any"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], name))
			return true;
	for (size_t i = 1; i < all->n; i++)
		if (!strcmp(all->all[i].name, name))
			return true;
	return false;
}

/* A name for an app: the last part of what it is, as far as a name may hold it. */
static const char *new_name(struct sighted *s, const struct subjects *all, const char *what)
{
	const char *slash = strrchr(what, '/'), *name;
	char base[64];
	size_t n = 0;

	if (slash && slash[1])
		what = slash + 1;
	for (; *what && n < sizeof(base) - 1; what++) {
		bool good = isalnum((unsigned char)*what) || *what == '_' || (n && strchr(".-", *what));

		if (!n && isdigit((unsigned char)*what))
			base[n++] = '_';
		base[n++] = good ? *what : '_';
		if (n == sizeof(base) - 1)
			break;
	}
	base[n] = '\0';
	if (n > 8 && !strcmp(base + n - 8, ".service"))
		base[n - 8] = '\0';
	name = suggest_text(s, "%s", *base ? base : "app");
	for (unsigned i = 2; name_taken(all, name); i++)
		name = suggest_text(s, "%s-%u", *base ? base : "app", i);
	return name;
}

uint32_t subject_of(struct sighted *s, struct subjects *all, const struct flow *f, enum suggest_by by)
{
	const char *what = NULL, *expr = expr_of(s, f, by, &what);
	struct subject *subject;
	uint32_t number;

	if (!all->n) {
		intern_init(&all->known, s->arena);
		intern_add(&all->known, "", 1);
		ARENA_ADD(s->arena, &all->all, &all->n);
	}
	number = expr ? intern_add(&all->known, expr, strlen(expr) + 1) : 0;
	if (number == all->n && what) {
		const char *name = new_name(s, all, what);

		subject = ARENA_ADD(s->arena, &all->all, &all->n);
		*subject = (struct subject){.name = name, .expr = expr, .what = what};
	}
	all->all[number].flows += f->count;
	return number;
}
