// SPDX-License-Identifier: GPL-2.0-only
/* Messages: their place, what stands below them, what is kept, and suggestions. */
#include <stdlib.h>

#include "test.h"

#include "../../user/policy/policy.h"

/* What is printed while `text` is read; *d is left to be freed where it is given. */
static char *report(const char *text, bool color, struct diag *keep)
{
	char *printed = NULL;
	size_t size = 0;
	struct diag d = {.out = open_memstream(&printed, &size), .color = color};
	struct policy *p = policy_read_text("p.conf", text, strlen(text), &d);

	policy_free(p);
	fclose(d.out);
	d.out = NULL;
	if (keep)
		*keep = d;
	else
		diag_free(&d);
	return printed;
}

static void check_report(const char *text, const char *want)
{
	char *got = report(text, false, NULL);

	CHECK_STR(got, want);
	free(got);
}

static void carets(void)
{
	check_report("pass out foo\n",
		     "p.conf:1:10: error: expected a match or the end of the rule, found 'foo'\n"
		     "pass out foo\n"
		     "         ^\n");
	check_report("\tpass\tout foo",
		     "p.conf:1:11: error: expected a match or the end of the rule, found 'foo'\n"
		     "\tpass\tout foo\n"
		     "\t    \t    ^\n");
	check_report("pass out label \"\xe6\x97\xa5\xc3\xa4\" foo\r\n",
		     "p.conf:1:24: error: expected a match or the end of the rule, found 'foo'\n"
		     "pass out label \"\xe6\x97\xa5\xc3\xa4\" foo\n"
		     "                     ^\n");
	check_report("", "");
	check_report("\n\npass", "p.conf:3:5: error: expected `in` or `out`, found the end of the file\n"
				 "pass\n"
				 "    ^\n");
}

/* What a terminal would take as a command is not printed. */
static void harmless(void)
{
	char *got = report("pass out label \"\xc2\x9b\" foo\npass \033[2J\n", false, NULL);

	CHECK(!strchr(got, '\033'));
	CHECK(!strstr(got, "\xc2\x9b"));
	free(got);
	got = report("pass out foo", true, NULL);
	CHECK(strstr(got, "\033[31merror") != NULL);
	free(got);
}

static void kept(void)
{
	struct diag d;
	char *got = report("group office = { 192.0.2.1/24 }\npass out foo\npass out to offfice\n", false, &d);

	CHECK(d.errors == 2 && d.warnings == 1);
	if (CHECK_INT(d.nlines, 3)) {
		CHECK(!d.lines[0].error && d.lines[1].error && d.lines[2].error);
		CHECK(d.lines[2].line == 3 && d.lines[2].col == 13);
		CHECK_STR(d.lines[2].file, "p.conf");
		CHECK_STR(d.lines[2].message,
			  "no group named 'offfice' is defined above; did you mean 'office'?");
	}
	diag_free(&d);
	CHECK(!d.nlines && !d.lines);
	free(got);
}

static void bounded(void)
{
	char *text = calloc(1, 1 << 20), *got;
	struct diag d;

	for (int i = 0; i < 10000; i++)
		strcpy(text + i * 9, "nonsense\n");
	got = report(text, false, &d);
	CHECK_INT(d.nlines, DIAG_MAX);
	CHECK(strstr(got, "further errors are not shown\n") != NULL);
	diag_free(&d);
	free(got);
	free(text);
}

static void without_output(void)
{
	struct diag d = {0};

	CHECK(!policy_read_text("p.conf", "foo", 3, &d));
	CHECK_INT(d.errors, 1);
	diag_free(&d);
	CHECK(!policy_read("/nonexistent/policy.conf", &d));
	CHECK_INT(d.errors, 2);
	CHECK(d.nlines == 1 && d.lines[0].line == 0);
	diag_free(&d);
}

static void suggestions(void)
{
	static const char *const words[] = {"office", "resolvers", "to", "proto", "quick", "log"};
	const size_t n = sizeof(words) / sizeof(*words);

	CHECK_STR(diag_closest("ofice", words, n), "office");
	CHECK_STR(diag_closest("ofifce", words, n), "office");
	CHECK_STR(diag_closest("OFFICE", words, n), "office");
	CHECK_STR(diag_closest("resovler", words, n), "resolvers");
	CHECK_STR(diag_closest("ot", words, n), "to");
	CHECK_STR(diag_closest("lgo", words, n), "log");
	CHECK_STR(diag_closest("kuick", words, n), "quick");
	CHECK_STR(diag_closest("banana", words, n), NULL);
	CHECK_STR(diag_closest("x", words, n), NULL);
	CHECK_STR(diag_closest("", words, n), NULL);
	CHECK_STR(diag_closest("office", words, 0), NULL);
}

int main(void)
{
	RUN(carets);
	RUN(harmless);
	RUN(kept);
	RUN(bounded);
	RUN(without_output);
	RUN(suggestions);
	return test_done();
}
