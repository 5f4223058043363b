// SPDX-License-Identifier: GPL-2.0-only
/* The automaton against the plain reading of the same patterns, on random patterns and paths. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "test.h"

#include "../../user/compile/glob.h"

static uint64_t state = 20260101;

static unsigned below(unsigned n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(state >> 33) % n;
}

/* From a small alphabet, so that much matches. */
static void random_pattern(char *s)
{
	static const char *const parts[] = {"a", "b",	 "ab",	 "/",	  "*",	  "**",	 "?",
					    ".", "[ab]", "[!a]", "[b-z]", "[]a]", "\\*", "\\a"};
	unsigned n = 1 + below(6);

	*s = '\0';
	while (n--)
		strcat(s, parts[below(sizeof(parts) / sizeof(parts[0]))]);
}

static void random_path(char *s)
{
	static const char *const parts[] = {"a", "b", "ab", "/", "*", ".", "]", "z", "/a"};
	unsigned n = 1 + below(7);

	*s = '\0';
	while (n--)
		strcat(s, parts[below(sizeof(parts) / sizeof(parts[0]))]);
}

static bool in_set(const struct sets *sets, uint32_t set, uint32_t atom)
{
	size_t n;
	const uint32_t *atoms = sets_get(sets, set, &n);

	for (size_t i = 0; i < n; i++)
		if (atoms[i] == atom)
			return true;
	return false;
}

/* The path or a directory above it. */
static bool below_matches(const char *pattern, const char *path)
{
	char part[128];

	for (size_t i = 0; i <= strlen(path); i++) {
		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (policy_glob(pattern, part))
			return true;
	}
	return false;
}

static void one_automaton(unsigned round)
{
	char text[5][64], path[64];
	struct glob_pattern patterns[5];
	struct arena *a = arena_new();
	struct glob_dfa dfa;
	struct sets sets;
	unsigned n = 1 + below(5);
	size_t bad;

	sets_init(&sets, a);
	for (unsigned i = 0; i < n; i++) {
		random_pattern(text[i]);
		patterns[i] = (struct glob_pattern){.text = text[i], .atom = i};
		patterns[i].mode = below(2) ? GLOB_BELOW : GLOB_WHOLE;
	}
	if (CHECK_INT(glob_build(&dfa, a, &sets, patterns, n, &bad), 0)) {
		for (unsigned k = 0; k < 50; k++) {
			uint32_t set;

			random_path(path);
			set = glob_run(&dfa, path);
			for (unsigned i = 0; i < n; i++) {
				bool want = patterns[i].mode == GLOB_BELOW ? below_matches(text[i], path)
									   : policy_glob(text[i], path);

				CHECK_MSG(in_set(&sets, set, i) == want, "round %u: \"%s\" on \"%s\"", round,
					  text[i], path);
			}
		}
	}
	arena_free(a);
}

static void agrees_with_policy_glob(void)
{
	for (unsigned round = 0; round < 2000; round++)
		one_automaton(round);
}

static bool unit(const char *name, const char *path)
{
	struct glob_pattern pattern = {.text = name, .atom = 7, .mode = GLOB_UNIT};
	struct arena *a = arena_new();
	struct glob_dfa dfa;
	struct sets sets;
	bool matched;
	size_t bad;

	sets_init(&sets, a);
	matched = !glob_build(&dfa, a, &sets, &pattern, 1, &bad) && in_set(&sets, glob_run(&dfa, path), 7);
	arena_free(a);
	return matched;
}

static void units(void)
{
	CHECK(unit("a.service", "system.slice/a.service"));
	CHECK(unit("a.service", "a.service"));
	CHECK(unit("a.service", "x/y/a.service/worker/1"));
	CHECK(unit("system.slice", "system.slice/a.service"));
	CHECK(!unit("a.service", "system.slice/aa.service"));
	CHECK(!unit("a.service", "system.slice/a.services"));
	CHECK(!unit("a.service", "system.slice/a.servic"));
	CHECK(!unit("a.service", "system.slice"));
	CHECK(!unit("a.service", ""));
	/* a service's own children are no units, whatever they are called; those of a user's manager are */
	CHECK(!unit("a.service", "system.slice/b.service/a.service"));
	CHECK(!unit("a.service", "system.slice/b.scope/x/a.service"));
	CHECK(unit("a.service", "user.slice/user-1.slice/user@1.service/app.slice/a.service"));
	CHECK(unit("user@1.service", "user.slice/user-1.slice/user@1.service/app.slice/a.service"));
	CHECK(!unit("a.service", "user.slice/user@1.service/b.service/a.service"));
	CHECK(!unit("a.service", "user@1.scope/a.service"));
	/* backslashes are part of names */
	CHECK(unit("dev-disk\\x2d1.mount", "system.slice/dev-disk\\x2d1.mount"));
	CHECK(!unit("dev-disk\\x2d1.mount", "system.slice/dev-diskx2d1.mount"));
}

static void empty_path_matches_nothing(void)
{
	struct glob_pattern pattern = {.text = "**", .atom = 1};
	struct arena *a = arena_new();
	struct glob_dfa dfa;
	struct sets sets;
	size_t bad;

	sets_init(&sets, a);
	CHECK_INT(glob_build(&dfa, a, &sets, &pattern, 1, &bad), 0);
	CHECK_INT(glob_run(&dfa, ""), 0);
	CHECK(glob_run(&dfa, "a/b"));
	CHECK(glob_run(&dfa, "/"));
	arena_free(a);
}

/* Which of 16 letters came by has 65,536 answers: the pattern that is one too many is named. */
static void too_many(void)
{
	struct glob_pattern patterns[16];
	struct arena *a = arena_new();
	struct glob_dfa dfa;
	struct sets sets;
	char text[16][8];
	size_t bad = 99;

	sets_init(&sets, a);
	for (unsigned i = 0; i < 16; i++) {
		snprintf(text[i], sizeof(text[i]), "**%c**", 'a' + i);
		patterns[i] = (struct glob_pattern){.text = text[i], .atom = i};
	}
	CHECK_INT(glob_build(&dfa, a, &sets, patterns, 16, &bad), -E2BIG);
	CHECK_MSG(bad > 8 && bad < 16, "%zu", bad);
	sets_init(&sets, a);
	CHECK_INT(glob_build(&dfa, a, &sets, patterns, bad, &bad), 0);
	arena_free(a);
}

/* Hundreds of units are an everyday policy. */
static void many_units(void)
{
	enum { N = 500 };
	struct glob_pattern *patterns = calloc(N, sizeof(*patterns));
	char(*text)[32] = calloc(N, sizeof(*text)), path[64];
	struct arena *a = arena_new();
	struct glob_dfa dfa;
	struct sets sets;
	size_t bad;

	sets_init(&sets, a);
	for (uint32_t i = 0; i < N; i++) {
		snprintf(text[i], sizeof(text[i]), "unit-%u.service", i * 7919);
		patterns[i] = (struct glob_pattern){.text = text[i], .atom = i, .mode = GLOB_UNIT};
	}
	if (CHECK_INT(glob_build(&dfa, a, &sets, patterns, N, &bad), 0)) {
		CHECK_MSG(dfa.states <= CGW_DFA_STATES_MAX, "%u", dfa.states);
		for (uint32_t i = 0; i < N; i++) {
			snprintf(path, sizeof(path), "system.slice/%s/x", text[i]);
			CHECK(in_set(&sets, glob_run(&dfa, path), i));
			CHECK(!in_set(&sets, glob_run(&dfa, path), (i + 1) % N));
		}
	}
	arena_free(a);
	free(patterns);
	free(text);
}

int main(void)
{
	RUN(agrees_with_policy_glob);
	RUN(units);
	RUN(empty_path_matches_nothing);
	RUN(too_many);
	RUN(many_units);
	return test_done();
}
