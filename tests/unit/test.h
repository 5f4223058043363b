/* SPDX-License-Identifier: GPL-2.0-only */
/* A unit test is a plain C program: functions with CHECK()s, a main() that calls them through RUN()
 * and ends with `return test_done();`. Failures are printed with their place, the last line is
 * "N passed, N failed", and the exit code is 1 where one failed.
 */
#ifndef CGWALL_TEST_H
#define CGWALL_TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TEST_UNUSED __attribute__((unused))

static unsigned long test_passed, test_failed;
static const char *test_name = "";

/* Counts one check. Prints where it failed; `format` (may be NULL) says more. Returns ok, so that a test
 * can leave where going on makes no sense: if (!CHECK(p)) return; */
static TEST_UNUSED __attribute__((format(printf, 5, 6))) bool
test_check(bool ok, const char *what, const char *file, int line, const char *format, ...)
{
	va_list args;

	if (ok) {
		test_passed++;
		return true;
	}
	test_failed++;
	fprintf(stderr, "%s:%d: %s: failed: %s", file, line, test_name, what);
	if (format && *format) {
		fputs(": ", stderr);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
	}
	fputc('\n', stderr);
	return false;
}

static TEST_UNUSED bool test_int(long long a, long long b, const char *what, const char *file, int line)
{
	return test_check(a == b, what, file, line, "%lld is not %lld", a, b);
}

static TEST_UNUSED bool test_str(const char *a, const char *b, const char *what, const char *file, int line)
{
	bool same = a == b || (a && b && !strcmp(a, b));

	return test_check(same, what, file, line, "\"%s\" is not \"%s\"", a ? a : "(null)", b ? b : "(null)");
}

#define CHECK(condition) test_check(!!(condition), #condition, __FILE__, __LINE__, NULL)
/* With a printf-like message: CHECK_MSG(n == 1, "seed %lu", seed) */
#define CHECK_MSG(condition, ...) test_check(!!(condition), #condition, __FILE__, __LINE__, __VA_ARGS__)
#define CHECK_INT(a, b) test_int((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_STR(a, b) test_str((a), (b), #a " == " #b, __FILE__, __LINE__)

#define RUN(function)                  \
	do {                           \
		test_name = #function; \
		function();            \
	} while (0)

static TEST_UNUSED int test_done(void)
{
	printf("%lu passed, %lu failed\n", test_passed, test_failed);
	return test_failed ? 1 : 0;
}

#endif
