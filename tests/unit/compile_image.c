// SPDX-License-Identifier: GPL-2.0-only
/* From policy to tables to verdict: what the language page says, and what only a struct world can bring. */
#include <errno.h>

#include "compile_util.h"

#define BAD "/nonexistent"

static void order(void)
{
	struct compiled c = {0};
	char matched[256];

	if (!CHECK(compile_in(&c, BAD,
			      "default out block\n"
			      "pass out\n"			  /* 1 */
			      "block out to 10.0.0.0/8\n"	  /* 2 */
			      "pass out quick to 10.1.0.0/16\n"	  /* 3 */
			      "block out to 10.1.2.3\n"		  /* 4 */
			      "reject out quick to 10.1.2.3\n"))) /* 5 */
		return compiled_free(&c);
	CHECK_INT(asked(&c, "out to=192.0.2.1:80", NULL), 1);
	CHECK_INT(asked(&c, "out to=10.2.0.1:80", NULL), 2);
	CHECK_INT(asked(&c, "out to=10.1.2.3:80", matched), 3);
	CHECK_STR(matched, "1 2 3 4 5");
	CHECK_INT(asked(&c, "in from=10.1.2.3:80", NULL), 0);
	compiled_free(&c);
}

static void nothing_known(void)
{
	struct compiled c = {0};
	char matched[256];

	if (!CHECK(compile_in(&c, BAD,
			      "app notcurl = not exe \"/usr/bin/curl\"\n"
			      "pass out to 0.0.0.0/0\n"
			      "pass out to ::/0\n"
			      "pass out to not { 0.0.0.0/0, ::/0 }\n"
			      "pass out app notcurl\n"
			      "pass out exe \"**\"\n"
			      "pass out proto tcp\n"
			      "pass out to any port 0-65535\n"
			      "pass out to any\n"
			      "pass out user 0\n")))
		return compiled_free(&c);
	CHECK_INT(asked(&c, "out", matched), 8);
	CHECK_STR(matched, "3 4 8");
	asked(&c, "out to=1.2.3.4 exe=/usr/bin/curl user=0", matched);
	CHECK_STR(matched, "1 5 8 9");
	asked(&c, "out to=[2001:db8::1]:80 proto=17", matched);
	CHECK_STR(matched, "2 4 7 8");
	asked(&c, "out to=[::ffff:1.2.3.4]:80", matched); /* of some protocol that has ports */
	CHECK_STR(matched, "1 4 7 8");
	asked(&c, "out proto=1", matched);
	CHECK_STR(matched, "3 4 8");
	compiled_free(&c);
}

/* IPv6 nets end where the IPv4 part begins, whatever lies around it. */
static void v6_around_v4(void)
{
	struct compiled c = {0};
	char matched[256];

	if (!CHECK(compile_in(&c, BAD,
			      "pass out to ::/0\n"
			      "pass out to ::/64\n"
			      "pass out to 10.0.0.0-10.0.0.9\n"
			      "pass out to ::-::fffe:ffff:ffff\n"
			      "pass out to not ::/80\n"
			      "pass out to { 10.0.0.4/30, 10.0.0.5 }\n")))
		return compiled_free(&c);
	asked(&c, "out to=1.2.3.4", matched);
	CHECK_STR(matched, "5");
	asked(&c, "out to=10.0.0.5", matched);
	CHECK_STR(matched, "3 5 6");
	asked(&c, "out to=10.0.0.10", matched);
	CHECK_STR(matched, "5");
	asked(&c, "out to=[::2]", matched);
	CHECK_STR(matched, "1 2 4");
	asked(&c, "out to=[::fffe:ffff:ffff]", matched);
	CHECK_STR(matched, "1 2 4");
	asked(&c, "out to=[::1:0:0:0]", matched);
	CHECK_STR(matched, "1 2 5");
	asked(&c, "out to=[ff02::1]", matched);
	CHECK_STR(matched, "1 5");
	compiled_free(&c);
}

static int users(void *arg, const char *name, uint32_t *ret)
{
	CHECK_STR(arg, "world");
	if (strcmp(name, "alice"))
		return -ENOENT;
	*ret = 1000;
	return 0;
}

static void world(void)
{
	static const char *const aliases[][2] = {{"/bin/sh", "/usr/bin/dash"}, {"/bin/*", "/usr/bin/*"}};
	uint8_t self[1][16] = {{0x20, 1, 0x0d, 0xb8, [15] = 1}},
		resolvers[1][16] = {{0x20, 1, 0x0d, 0xb8, [15] = 2}};
	char host[] = "world";
	struct compiled c = {.w = {.self = self,
				   .nself = 1,
				   .resolvers = resolvers,
				   .nresolvers = 1,
				   .user = users,
				   .aliases = aliases,
				   .naliases = 2,
				   .arg = host}};
	char matched[256];

	if (CHECK(compile_in(&c, BAD,
			     "pass out exe \"/bin/sh\"\n"
			     "pass out exe \"/bin/*\"\n"
			     "pass out user alice\n"
			     "pass out to self\n"
			     "pass out to resolvers\n"))) {
		asked(&c, "out exe=/usr/bin/dash", matched);
		CHECK_STR(matched, "1 2");
		asked(&c, "out exe=/bin/sh", matched);
		CHECK_STR(matched, "1 2");
		asked(&c, "out exe=/usr/bin/x user=1000 to=[2001:db8::1]", matched);
		CHECK_STR(matched, "2 3 4");
		asked(&c, "out user=nobody to=[2001:db8::2]", matched);
		CHECK_STR(matched, "5");
	}
	image_free(c.im);
	policy_free(c.p);
	diag_free(&c.d);
	CHECK(!compile_in(&c, BAD, "pass out\npass out user bob\n"));
	CHECK(said(&c, 2, "no user `bob`"));
	compiled_free(&c);
}

/* More entries than one chunk of a row holds, and more than one quad. */
static void many_rules(void)
{
	static const unsigned sizes[] = {255, 256, 257, 1023, 1024, 1025, 5000};
	char *text = malloc(5000 * 64), question[64];

	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct compiled c = {0};
		size_t len = 0;

		for (unsigned i = 0; i < sizes[k]; i++)
			len += (size_t)sprintf(text + len, "pass out %s to 10.%u.%u.0/24\n",
					       i % 3 ? "" : "quick", i / 256, i % 256);
		if (CHECK(compile_in(&c, BAD, text))) {
			for (unsigned i = 0; i < sizes[k]; i += 7) {
				snprintf(question, sizeof(question), "out to=10.%u.%u.9", i / 256, i % 256);
				CHECK_INT(asked(&c, question, NULL), i + 1);
			}
			CHECK_INT(asked(&c, "out to=11.0.0.1", NULL), 0);
		}
		compiled_free(&c);
	}
	free(text);
}

static void conditions(void)
{
	struct compiled c = {0};
	char matched[256];

	if (!CHECK(compile_in(&c, BAD,
			      "condition home = ssid \"home\" secured or active \"en*\"\n"
			      "pass out if home\n"
			      "pass out unless home\n"
			      "pass out if time 22:00-06:00 and days fri\n"
			      "pass out until 2026-01-01\n"
			      "block in if home\n")))
		return compiled_free(&c);
	asked(&c, "out ssid=home time=1767400000", matched);
	CHECK_STR(matched, "2");
	asked(&c, "out ssid=cafe,home secured=yes time=1767400000", matched);
	CHECK_STR(matched, "1");
	asked(&c, "out active=wg0,en5 time=1767225599", matched); /* Wednesday 23:59:59 */
	CHECK_STR(matched, "1 4");
	asked(&c, "out active=en5 time=1767225600", matched); /* Thursday 0:00 */
	CHECK_STR(matched, "1");
	asked(&c, "out time=1767312000", matched); /* Friday 0:00 */
	CHECK_STR(matched, "2 3");
	asked(&c, "out time=1767333600", matched); /* Friday 6:00 */
	CHECK_STR(matched, "2");
	CHECK_INT(asked(&c, "in active=en0", NULL), 1);
	CHECK_INT(asked(&c, "in active=eth0", NULL), 0);
	compiled_free(&c);
}

/* Rows that a question needs and the image has not are made in the spare ones, again and again. */
static void spare_rows(void)
{
	char text[200 * 40] = "", question[64], matched[256], want[16];
	struct compiled c = {0};

	for (unsigned i = 0; i < 200; i++)
		sprintf(text + strlen(text), "pass out package \"p%u\"\n", i);
	if (!CHECK(compile_in(&c, BAD, text)))
		return compiled_free(&c);
	for (unsigned i = 0; i < 400; i++) {
		snprintf(question, sizeof(question), "out package=p%u", i % 200);
		snprintf(want, sizeof(want), "%u", i % 200 + 1);
		asked(&c, question, matched);
		CHECK_STR(matched, want);
	}
	CHECK_INT(asked(&c, "out package=q", NULL), 0);
	compiled_free(&c);
}

static void names(void)
{
	struct compiled c = {0};
	char matched[256];

	if (!CHECK(compile_in(&c, BAD,
			      "pass out to domain \"example.com\"\n"
			      "pass out to host \"example.com\"\n"
			      "pass out to not domain \"example.com\"\n"
			      "pass out to { host \"a.b\", 192.0.2.1 }\n")))
		return compiled_free(&c);
	asked(&c, "out domain=example.com", matched);
	CHECK_STR(matched, "1 2");
	asked(&c, "out domain=www.example.com.", matched);
	CHECK_STR(matched, "1");
	asked(&c, "out domain=wexample.com,com", matched);
	CHECK_STR(matched, "3");
	asked(&c, "out domain=x.org,A.b", matched);
	CHECK_STR(matched, "3 4");
	asked(&c, "out to=192.0.2.1:80", matched);
	CHECK_STR(matched, "3 4");
	compiled_free(&c);
}

static void refused(void)
{
	struct compiled c = {0};
	char text[4096] = "";

	/* 13 times an `or` over two dimensions: 8,192 products */
	for (unsigned i = 0; i < 13; i++)
		sprintf(text + strlen(text), "app a%u = exe \"/a%u\" or user %u\n", i, i, i);
	strcat(text, "app all = a0");
	for (unsigned i = 1; i < 13; i++)
		sprintf(text + strlen(text), " and a%u", i);
	strcat(text, "\npass out app all\n");
	CHECK(!compile_in(&c, BAD, text));
	CHECK(said(&c, 15, "too complex"));
	compiled_free(&c);
}

static void warnings(void)
{
	struct compiled c = {0};

	if (!CHECK(compile_in(&c, BAD,
			      "group none = { }\n"
			      "app never = exe \"/x\" and not exe \"/x\"\n"
			      "pass out to 10.0.0.0/8\n"
			      "pass out to 10.1.0.0/16 user 5\n"
			      "block out to { 10.0.0.0-10.255.255.255, 192.0.2.1 }\n"
			      "pass out to none\n"
			      "pass out app never\n"
			      "pass out to 192.0.2.9 if ssid \"a\" unless ssid \"a\" or active \"b\"\n"
			      "pass in quick cgroup \"a\"\n"
			      "block in cgroup \"a/b\" to 192.0.2.1\n"
			      "pass in quick service { tcp/80-90 } from any if ssid \"a\"\n"
			      "pass in service tcp/85\n"
			      "pass in service tcp/86\n"
			      "pass in quick proto tcp\n")))
		return compiled_free(&c);
	image_warn(c.im, &c.d);
	CHECK(said(&c, 3, "out rule 3"));
	CHECK(said(&c, 4, "out rule 3"));
	CHECK(!said(&c, 5, ""));
	CHECK(said(&c, 6, "nothing can match"));
	CHECK(said(&c, 7, "nothing can match"));
	CHECK(said(&c, 8, "`if` and `unless`"));
	CHECK(!said(&c, 9, ""));
	CHECK(said(&c, 10, "in rule 1"));
	CHECK(!said(&c, 11, ""));
	CHECK(said(&c, 12, "in rule 6"));
	CHECK(said(&c, 13, "in rule 6"));
	CHECK_INT(c.d.warnings, 8);
	CHECK_INT(c.d.errors, 0);
	compiled_free(&c);
}

static void expectations(void)
{
	struct compiled c = {0};

	if (!CHECK(compile_in(&c, BAD,
			      "block out to 10.0.0.0/8\n"
			      "expect block out to=10.1.1.1:80\n"
			      "expect pass out to=10.1.1.1:80\n"
			      "expect block out to=11.1.1.1:80\n"
			      "expect pass in from=11.1.1.1:80\n")))
		return compiled_free(&c);
	CHECK_INT(judge_expects(c.im, &c.d), 2);
	CHECK(said(&c, 3, "out rule 1"));
	CHECK(said(&c, 3, "gives block"));
	CHECK(said(&c, 4, "`default out`"));
	CHECK_INT(c.d.nlines, 2);
	compiled_free(&c);
}

/* The same policy gives the same tables and the same dumps. */
static void deterministic(void)
{
	static const char text[] =
		"app a = { exe \"/a/*\", exe \"/b\", cgroup \"c\", unit \"d.service\", user 1 }\n"
		"pass out app a to { 10.0.0.0/8, domain \"x.y\" } port 80\n"
		"block in service dns if ssid \"h\"\n";
	struct compiled c[2] = {0};
	char *dump[2] = {NULL, NULL};
	size_t len;

	for (int i = 0; i < 2; i++) {
		FILE *out = open_memstream(&dump[i], &len);

		if (CHECK(compile_in(&c[i], BAD, text))) {
			CHECK_INT(image_print_rules(c[i].im, out), 0);
			CHECK_INT(image_print_order(c[i].im, out), 0);
			CHECK_INT(image_print_classes(c[i].im, out), 0);
			CHECK_INT(image_print_image(c[i].im, out), 0);
		}
		fclose(out);
	}
	CHECK_STR(dump[0], dump[1]);
	if (c[0].im && c[1].im && CHECK_INT(c[0].im->head.nchunks, c[1].im->head.nchunks))
		CHECK(!memcmp(c[0].im->chunks, c[1].im->chunks,
			      c[0].im->head.nchunks * sizeof(*c[0].im->chunks)));
	for (int i = 0; i < 2; i++) {
		free(dump[i]);
		compiled_free(&c[i]);
	}
}

/* The verdicts do not depend on the seed; the keys of paths do. */
static void seeds(void)
{
	static const __u64 seed[2] = {0x1234567890abcdefULL, 42}, zero[2];
	struct compiled c[2] = {0};

	CHECK(compile_in(&c[0], BAD, "pass out exe \"/a\" cgroup \"b/c\"\n"));
	image_seed(seed);
	CHECK(compile_in(&c[1], BAD, "pass out exe \"/a\" cgroup \"b/c\"\n"));
	image_seed(zero);
	for (int i = 0; i < 2; i++) {
		CHECK_INT(asked(&c[i], "out exe=/a cgroup=b/c/d", NULL), 1);
		CHECK_INT(asked(&c[i], "out exe=/a cgroup=b", NULL), 0);
	}
	CHECK_INT(c[0].im->nkeys, 2);
	CHECK(memcmp(&c[0].im->keys[0].key, &c[1].im->keys[0].key, sizeof(c[0].im->keys[0].key)));
	compiled_free(&c[0]);
	compiled_free(&c[1]);
}

/* What the deciding entry says about the time when nobody can be asked. */
static int background(struct compiled *c, const char *question)
{
	char *words[1] = {(char *)(uintptr_t)(strchr(question, ' ') + 1)}, *message = NULL;
	enum cgw_dir dir = strncmp(question, "in ", 3) ? CGW_OUT : CGW_IN;
	struct judgement j = {0};
	struct query q;
	int flags = -1;

	if (!query_parse_words(&q, dir, words, 1, &message)) {
		if (!judge(c->im, &q, &j))
			flags = j.answer.entry.flags & CGW_E_BACK_PASS;
		query_free(&q);
	}
	free(j.matched);
	free(message);
	return flags;
}

static void backgrounds(void)
{
	struct compiled c = {0};

	if (!CHECK(compile_in(&c, BAD,
			      "default out ask background pass\n"
			      "default in block background pass\n"
			      "ask out to 10.0.0.0/8\n"
			      "block out to 10.1.0.0/16\n"
			      "ask in from 10.0.0.0/8\n")))
		return compiled_free(&c);
	CHECK_INT(background(&c, "out to=192.0.2.1:1"), CGW_E_BACK_PASS);
	CHECK_INT(background(&c, "out to=10.0.0.1:1"), CGW_E_BACK_PASS);
	CHECK_INT(background(&c, "out to=10.1.0.1:1"), 0);
	CHECK_INT(background(&c, "in from=10.0.0.1:1"), CGW_E_BACK_PASS);
	CHECK_INT(background(&c, "in from=192.0.2.1:1"), 0); /* it does not ask */
	compiled_free(&c);
	if (!CHECK(compile_in(&c, BAD,
			      "default out ask background block\n"
			      "ask out to 10.0.0.0/8\n"
			      "ask in from 10.0.0.0/8\n")))
		return compiled_free(&c);
	CHECK_INT(background(&c, "out to=192.0.2.1:1"), 0);
	CHECK_INT(background(&c, "out to=10.0.0.1:1"), 0);
	CHECK_INT(background(&c, "in from=10.0.0.1:1"), 0);
	compiled_free(&c);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	RUN(order);
	RUN(nothing_known);
	RUN(v6_around_v4);
	RUN(world);
	RUN(many_rules);
	RUN(conditions);
	RUN(spare_rows);
	RUN(names);
	RUN(refused);
	RUN(warnings);
	RUN(expectations);
	RUN(deterministic);
	RUN(seeds);
	RUN(backgrounds);
	return test_done();
}
