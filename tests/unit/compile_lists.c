// SPDX-License-Identifier: GPL-2.0-only
/* List files: every kind of line, errors at their place, classes, limits. */
#include <sys/stat.h>
#include <unistd.h>

#include "compile_util.h"

static char dir[64];

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void write_list(const char *name, const char *text, size_t len)
{
	FILE *f = fopen(path_of(name), "w");

	if (!f || fwrite(text, 1, len, f) != len || fclose(f))
		abort();
}

static void kinds_of_lines(void)
{
	static const char text[] = "\xef\xbb\xbf# a list\n"
				   "192.0.2.1\n"
				   "  192.0.2.2\t# with a comment\r\n"
				   "198.51.100.0/24 ; SBL1\n"
				   "203.0.113.5-203.0.113.9\n"
				   "2001:db8::1\n"
				   "2001:db8:1::/48\n"
				   "::ffff:192.0.2.3\n"
				   "0.0.0.0 ads.example.com tracker.example.com # hosts file\n"
				   "127.0.0.1 localhost\n"
				   "fe80::1%lo0 localhost6\n"
				   "0.0.0.0 0.0.0.0\n"
				   "Bare.Example.ORG.\n"
				   ".below.example\n"
				   "*.under.example\n"
				   "domain \"dom.example\"\n"
				   "host \"host.example\"\n"
				   "10.9.8.7/16\n"
				   "last.example";
	struct compiled c = {0};

	write_list("kinds.txt", text, sizeof(text) - 1);
	if (!CHECK(compile_in(&c, dir, "pass out to { file \"kinds.txt\" }\n")))
		return compiled_free(&c);
	CHECK_INT(asked(&c, "out to=192.0.2.1:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=192.0.2.2:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=192.0.2.3:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=192.0.2.4:1", NULL), 0);
	CHECK_INT(asked(&c, "out to=198.51.100.255:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=198.51.101.0:1", NULL), 0);
	CHECK_INT(asked(&c, "out to=203.0.113.4:1", NULL), 0);
	CHECK_INT(asked(&c, "out to=203.0.113.5:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=203.0.113.9:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=203.0.113.10:1", NULL), 0);
	CHECK_INT(asked(&c, "out to=[2001:db8::1]:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=[2001:db8::2]:1", NULL), 0);
	CHECK_INT(asked(&c, "out to=[2001:db8:1:ffff::]:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=10.9.255.255:1", NULL), 1);
	CHECK_INT(asked(&c, "out to=127.0.0.1:1", NULL), 0);
	CHECK_INT(asked(&c, "out domain=ads.example.com", NULL), 1);
	CHECK_INT(asked(&c, "out domain=tracker.example.com", NULL), 1);
	CHECK_INT(asked(&c, "out domain=x.ads.example.com", NULL), 0);
	CHECK_INT(asked(&c, "out domain=localhost", NULL), 1);
	CHECK_INT(asked(&c, "out domain=localhost6", NULL), 1);
	CHECK_INT(asked(&c, "out domain=bare.example.org", NULL), 1);
	CHECK_INT(asked(&c, "out domain=a.bare.example.org", NULL), 0);
	CHECK_INT(asked(&c, "out domain=a.b.below.example", NULL), 1);
	CHECK_INT(asked(&c, "out domain=below.example", NULL), 1);
	CHECK_INT(asked(&c, "out domain=a.under.example", NULL), 1);
	CHECK_INT(asked(&c, "out domain=a.dom.example", NULL), 1);
	CHECK_INT(asked(&c, "out domain=host.example", NULL), 1);
	CHECK_INT(asked(&c, "out domain=a.host.example", NULL), 0);
	CHECK_INT(asked(&c, "out domain=last.example", NULL), 1);
	compiled_free(&c);
}

static void errors(void)
{
	static const char text[] = "192.0.2.1\n"
				   "300.1.2.3\n"
				   "\t10.0.0.0/33\n"
				   "two names\n"
				   "bad_char!.com\n"
				   "10.0.0.0/8 name\n"
				   "10.0.0.9-10.0.0.1\n";
	static const unsigned lines[] = {2, 3, 4, 5, 6, 7}, cols[] = {1, 2, 5, 1, 12, 1};
	struct compiled c = {0};

	write_list("errors.txt", text, sizeof(text) - 1);
	CHECK(!compile_in(&c, dir, "group g = { file \"errors.txt\" }\n"));
	if (CHECK_INT(c.d.nlines, 6)) {
		for (unsigned i = 0; i < 6; i++) {
			CHECK_STR(c.d.lines[i].file, path_of("errors.txt"));
			CHECK_INT(c.d.lines[i].line, lines[i]);
			CHECK_INT(c.d.lines[i].col, cols[i]);
		}
	}
	compiled_free(&c);
	write_list("nul.txt", "a.b\n1.2.3.4\n\0\n", 14);
	CHECK(!compile_in(&c, dir, "group g = { file \"nul.txt\" }\n"));
	CHECK(said(&c, 3, "NUL byte"));
	compiled_free(&c);
	CHECK(!compile_in(&c, dir, "\npass out to file \"missing.txt\"\n"));
	CHECK(said(&c, 2, "No such file"));
	compiled_free(&c);
	CHECK(!compile_in(&c, dir, "pass out to file \".\"\n"));
	CHECK(said(&c, 1, "Is a directory"));
	compiled_free(&c);
	if (!mkfifo(path_of("fifo.txt"), 0600)) {
		CHECK(!compile_in(&c, dir, "pass out to file \"fifo.txt\"\n"));
		CHECK(said(&c, 1, "not a regular file"));
		compiled_free(&c);
		unlink(path_of("fifo.txt"));
	}
}

/* Garbage is reported a few times, not a million times. */
static void many_errors(void)
{
	char *text = malloc(100000 * 3);
	struct compiled c = {0};

	for (unsigned i = 0; i < 100000; i++)
		memcpy(text + i * 3, "!!\n", 3);
	write_list("garbage.txt", text, 300000);
	free(text);
	CHECK(!compile_in(&c, dir, "group g = { file \"garbage.txt\" }\n"));
	CHECK_MSG(c.d.nlines < 15, "%zu", c.d.nlines);
	CHECK(said(&c, 0, "too many errors"));
	compiled_free(&c);
}

static void several_lists(void)
{
	struct compiled c = {0};
	char matched[256];

	write_list("a.txt", "10.0.0.0/8\n192.0.2.1\nx.com\n", 27);
	write_list("b.txt", "10.1.0.0/16\n192.0.2.1\n10.1.2.3\ny.com\n", 37);
	write_list("c.txt", "::/0\n2001:db8::1\n", 17);
	if (!CHECK(compile_in(&c, dir,
			      "group a = { file \"a.txt\" }\n"
			      "group unused = { file \"c.txt\" }\n"
			      "pass out to a\n"
			      "pass out to file \"b.txt\"\n"
			      "pass out to not { a, file \"b.txt\" }\n"
			      "pass in  to file \"c.txt\"\n"
			      "pass in  to not file \"c.txt\"\n")))
		return compiled_free(&c);
	asked(&c, "out to=10.2.0.1:1", matched);
	CHECK_STR(matched, "1");
	asked(&c, "out to=10.1.0.1:1", matched);
	CHECK_STR(matched, "1 2");
	asked(&c, "out to=10.1.2.3:1", matched);
	CHECK_STR(matched, "1 2");
	asked(&c, "out to=192.0.2.1:1", matched);
	CHECK_STR(matched, "1 2");
	asked(&c, "out to=192.0.2.2:1", matched);
	CHECK_STR(matched, "3");
	asked(&c, "out to=192.0.2.2:1 domain=y.com", matched);
	CHECK_STR(matched, "2");
	asked(&c, "in to=[2001:db8::9]:1", matched);
	CHECK_STR(matched, "1");
	asked(&c, "in to=10.0.0.1:1", matched); /* ::/0 says nothing of IPv4 */
	CHECK_STR(matched, "2");
	compiled_free(&c);
}

static struct image_lists lists_of(struct compiled *c, const char *text)
{
	static const struct image_lists none;

	return CHECK(compile_in(c, dir, text)) && c->im->lists ? *c->im->lists : none;
}

/* The tables of lists depend on nothing but the files. */
static void shared_between_policies(void)
{
	struct compiled c[3] = {0};
	struct image_lists l[3];

	write_list("a.txt", "10.0.0.0/8\n192.0.2.1\n", 21);
	write_list("b.txt", "10.1.0.0/16\n192.0.2.1\n", 22);
	l[0] = lists_of(&c[0], "pass out to file \"a.txt\"\npass out to file \"b.txt\"\n");
	l[1] = lists_of(
		&c[1],
		"block in quick from not { file \"b.txt\", 1.2.3.4 } user 5\npass in from file \"a.txt\"\n");
	write_list("b.txt", "10.1.0.0/16\n192.0.2.2\n", 22);
	l[2] = lists_of(&c[2], "pass out to file \"a.txt\"\npass out to file \"b.txt\"\n");
	CHECK(l[0].digest == l[1].digest);
	CHECK(l[0].digest != l[2].digest);
	CHECK_INT(l[0].nclasses, l[1].nclasses);
	CHECK_INT(l[0].n4, 1);
	CHECK_INT(l[2].n4, 2);
	if (CHECK_INT(l[0].n4, l[1].n4) && CHECK_INT(l[0].nprefixes, l[1].nprefixes)) {
		CHECK(!memcmp(l[0].v4, l[1].v4, l[0].n4 * sizeof(*l[0].v4)));
		CHECK(!memcmp(l[0].prefixes, l[1].prefixes, l[0].nprefixes * sizeof(*l[0].prefixes)));
	}
	for (int i = 0; i < 3; i++)
		compiled_free(&c[i]);
}

/* Enough IPv6 nets that they are sorted by digits. */
static void many_nets(void)
{
	enum { N = 70000 };
	char *text = malloc(N * 40), question[64];
	struct compiled c = {0};
	size_t len = 0;

	for (unsigned i = 0; i < N; i++) {
		unsigned k = i * 40503 % 65536 + (i / 65536) * 65536; /* in disorder */

		len += (size_t)sprintf(text + len, i % 2 ? "2001:db8:%x:%x::/64\n" : "2001:db8:%x:%x::1\n",
				       k >> 8, k & 255);
	}
	write_list("many.txt", text, len);
	free(text);
	if (!CHECK(compile_in(&c, dir, "pass out to file \"many.txt\"\n")))
		return compiled_free(&c);
	CHECK_INT(c.im->lists->n6 + c.im->lists->nprefixes, N);
	for (unsigned i = 0; i < N; i += 97) {
		unsigned k = i * 40503 % 65536 + (i / 65536) * 65536;

		snprintf(question, sizeof(question), "out to=[2001:db8:%x:%x::1]:1", k >> 8, k & 255);
		CHECK_INT(asked(&c, question, NULL), 1);
		snprintf(question, sizeof(question), "out to=[2001:db8:%x:%x::2]:1", k >> 8, k & 255);
		CHECK_INT(asked(&c, question, NULL), i % 2);
	}
	compiled_free(&c);
}

int main(void)
{
	static const char *const made[] = {"kinds.txt", "errors.txt", "nul.txt", "garbage.txt",
					   "a.txt",	"b.txt",      "c.txt",	 "many.txt"};

	snprintf(dir, sizeof(dir), "/tmp/cgwall-lists-XXXXXX");
	if (!mkdtemp(dir))
		return 2;
	RUN(kinds_of_lines);
	RUN(errors);
	RUN(many_errors);
	RUN(several_lists);
	RUN(shared_between_policies);
	RUN(many_nets);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		unlink(path_of(made[i]));
	rmdir(dir);
	return test_done();
}
