// SPDX-License-Identifier: GPL-2.0-only
/* Patterns, against examples and against a recursive reading of the same words. */
#include <stdlib.h>

#include "test.h"

#include "../../user/policy/glob.h"
#include "../../user/policy/policy.h"

static void examples(void)
{
	static const struct {
		const char *glob, *path;
		bool match;
	} t[] = {
		{"/usr/bin/curl", "/usr/bin/curl", true},
		{"/usr/bin/curl", "/usr/bin/curl2", false},
		{"/usr/bin/curl", "/usr/bin/cur", false},
		{"", "", true},
		{"", "a", false},
		{"/usr/bin/*", "/usr/bin/curl", true},
		{"/usr/bin/*", "/usr/bin/", true},
		{"/usr/bin/*", "/usr/bin/a/b", false},
		{"/usr/*/curl", "/usr/bin/curl", true},
		{"/usr/*/curl", "/usr/a/b/curl", false},
		{"/usr/**/curl", "/usr/a/b/curl", true},
		{"/usr/**/curl", "/usr/curl", false},
		{"/usr/**curl", "/usr/curl", true},
		{"**", "/any/thing", true},
		{"**", "", true},
		{"***", "/any/thing", true},
		{"**/curl", "/opt/x/curl", true},
		{"*/curl", "/curl", true},
		{"*/curl", "/a/curl", false},
		{"/a?c", "/abc", true},
		{"/a?c", "/a/c", false},
		{"/a?c", "/ac", false},
		{"/[a-c]", "/b", true},
		{"/[a-c]", "/d", false},
		{"/[!a-c]", "/d", true},
		{"/[!a-c]", "/b", false},
		{"/x[!a]y", "/x/y", false},
		{"/[]]", "/]", true},
		{"/[!]]", "/]", false},
		{"/[a-]", "/-", true},
		{"/[-a]", "/-", true},
		{"/[\\]]", "/]", true},
		{"/[\\a-\\c]", "/b", true},
		{"/[^a]", "/^", true},
		{"/\\*", "/*", true},
		{"/\\*", "/a", false},
		{"/\\\\", "/\\", true},
		{"/a*b*c", "/aXbYc", true},
		{"/a*b*c", "/abcabc", true},
		{"/a*b*c", "/a/b/c", false},
		{"/a**b*c", "/a/x/byc", true},
		{"/a**b*c", "/a/x/by/c", false},
		{"/[\x80-\xff]", "/\xc3", true},
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++)
		CHECK_MSG(policy_glob(t[i].glob, t[i].path) == t[i].match, "%s on %s", t[i].glob, t[i].path);
}

static void validity(void)
{
	static const char *const good[] = {"",	   "/a",	"*",   "[a]",	"[]]",
					   "[!]]", "[a-z0-9_]", "\\[", "[\\]]", "/**/x"};
	static const char *const bad[] = {"[",	 "[a",	  "[]",	   "[!]", "\\",
					  "a\\", "[z-a]", "[a/b]", "[a-", "[\\"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK_MSG(!glob_check(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK_MSG(glob_check(bad[i]), "%s", bad[i]);
	CHECK(glob_is_plain("/usr/bin/curl"));
	CHECK(!glob_is_plain("/usr/bin/*") && !glob_is_plain("a?") && !glob_is_plain("[a]") &&
	      !glob_is_plain("\\a"));
}

/* The same, read one way after the other; exponential, and obviously right. Without classes. */
static bool naive(const char *g, const char *s)
{
	if (!*g)
		return !*s;
	if (*g == '*' && g[1] == '*')
		return naive(g + 2, s) || (*s && naive(g, s + 1));
	if (*g == '*')
		return naive(g + 1, s) || (*s && *s != '/' && naive(g, s + 1));
	if (*g == '?')
		return *s && *s != '/' && naive(g + 1, s + 1);
	if (*g == '\\' && g[1])
		g++;
	return *g == *s && naive(g + 1, s + 1);
}

static unsigned long long state = 88172645463325252ull;

static unsigned next(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % n);
}

static void against_naive(void)
{
	static const char letters[] = "ab/*?\\";
	unsigned matches = 0;

	for (int i = 0; i < 200000; i++) {
		char glob[12] = "", path[12] = "";
		unsigned n = next(9), m = next(11);

		for (unsigned k = 0; k < n; k++)
			glob[k] = letters[next(6)];
		for (unsigned k = 0; k < m; k++)
			path[k] = letters[next(3)];
		if (glob_check(glob))
			continue;
		matches += naive(glob, path);
		if (!CHECK_MSG(policy_glob(glob, path) == naive(glob, path), "%s on %s", glob, path))
			return;
	}
	CHECK(matches > 1000);
}

/* A pattern on which reading one way after the other takes for ever. */
static void bounded(void)
{
	char glob[600] = "", path[1024];

	for (int i = 0; i < 150; i++)
		strcat(glob, "**a");
	strcat(glob, "b");
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CHECK(!policy_glob(glob, path));
}

int main(void)
{
	RUN(examples);
	RUN(validity);
	RUN(against_naive);
	RUN(bounded);
	return test_done();
}
