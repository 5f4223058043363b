// SPDX-License-Identifier: GPL-2.0-only
/* Classes of names as the image has them; whether they decide right is the differential tests' business. */
#include <string.h>

#include "compile_util.h"

#include "../../user/compile/judge.h"
#include "../../user/compile/nameclass.h"

static bool made_of(struct compiled *c, const char *text)
{
	return CHECK(compile_in(c, "/tmp", text)) && c->im;
}

static const struct cgw_class *class_of(const struct compiled *c, const char *name)
{
	struct cgw_key key;

	nameclass_key(c->im->head.seed, name, strlen(name), &key);
	return lookup_key(c->im, &key);
}

static uint32_t exactly(const struct compiled *c, const char *name)
{
	const struct cgw_class *found = class_of(c, name);

	return found ? found->row[0][0] : UINT32_MAX;
}

static uint32_t below(const struct compiled *c, const char *name)
{
	const struct cgw_class *found = class_of(c, name);

	return found ? found->row[0][1] : UINT32_MAX;
}

static size_t keys_of(const struct compiled *c, uint32_t kind)
{
	size_t n = 0;

	for (size_t i = 0; i < c->im->nkeys; i++)
		n += c->im->keys[i].key.kind == kind;
	return n;
}

static void classes(void)
{
	struct compiled c = {0};

	if (!made_of(&c, "pass out to domain \"a.org\"\n"
			 "pass out to host \"b.a.org\"\n"
			 "pass out to domain \"A.ORG.\" port 80\n"
			 "pass out to { host \"a.org\", domain \"c.a.org\" }\n"
			 "block out to { host \"one.net\", host \"two.net\", domain \"three.net\" }\n"))
		return;
	CHECK(exactly(&c, "a.org") && below(&c, "a.org") && exactly(&c, "a.org") != below(&c, "a.org"));
	CHECK(exactly(&c, "b.a.org") != below(&c, "b.a.org"));
	CHECK_INT(below(&c, "b.a.org"), below(&c, "a.org"));
	CHECK_INT(exactly(&c, "c.a.org"), below(&c, "c.a.org"));
	CHECK_INT(exactly(&c, "c.a.org"), exactly(&c, "a.org"));
	/* what stands in one list is one class, and what has a host alone has nothing below */
	CHECK_INT(exactly(&c, "one.net"), exactly(&c, "two.net"));
	CHECK_INT(exactly(&c, "one.net"), below(&c, "three.net"));
	CHECK_INT(below(&c, "one.net"), 0);
	CHECK_INT(c.im->head.names, 5);
	CHECK_INT(c.im->head.name_labels, 3);
	CHECK_INT(keys_of(&c, CGW_KEY_NAME), 6);
	CHECK(c.im->head.dir[CGW_OUT].name_rows &&
	      c.im->head.dir[CGW_OUT].name_not == c.im->head.dir[CGW_OUT].name_rows);
	CHECK(!c.im->head.dir[CGW_IN].name_rows && !c.im->head.dir[CGW_IN].name_not);
	CHECK(c.im->nrows[CGW_OUT] >= c.im->head.dir[CGW_OUT].name_rows + 5 + CGW_NAME_SPARE);
	compiled_free(&c);
}

/* What makes no difference has no key. */
static void redundant(void)
{
	struct compiled c = {0};

	if (!made_of(&c, "block out to { domain \"a.org\", domain \"b.a.org\", host \"c.b.a.org\", host "
			 "\"d.net\" }\n"
			 "pass in from domain \"a.org\"\n"))
		return;
	CHECK_INT(keys_of(&c, CGW_KEY_NAME), 2);
	CHECK_INT(exactly(&c, "b.a.org"), UINT32_MAX);
	CHECK_INT(c.im->head.name_labels, 2);
	CHECK_INT(c.im->head.names, 3);
	compiled_free(&c);
	if (!made_of(&c, "group unused = { domain \"a.org\" }\npass out to 192.0.2.1\n"))
		return;
	CHECK_INT(c.im->head.names, 1);
	CHECK_INT(c.im->head.name_labels, 0);
	CHECK_INT(keys_of(&c, CGW_KEY_NAME), 0);
	compiled_free(&c);
}

static void negated(void)
{
	struct compiled c = {0};
	const struct cgw_dirhead *h;
	const struct direction *d;

	if (!made_of(&c, "pass out to domain \"a.org\"\n"
			 "block out to not { domain \"b.org\", 192.0.2.0/24 }\n"
			 "pass out\n"))
		return;
	h = &c.im->head.dir[CGW_OUT];
	d = &c.im->tables->dir[CGW_OUT];
	CHECK_INT(d->nentries, 3);
	for (uint32_t i = 0; i < d->nentries; i++)
		CHECK_INT(rows_bits(&d->rows, h->name_not)[0] >> i & 1, d->entries[i].rule->number == 2);
	compiled_free(&c);
}

static void many_labels(void)
{
	char text[512] = "pass out to host \"", *at = text + strlen(text), *name = at;
	struct compiled c = {0};

	for (int i = 0; i < 126; i++)
		at = stpcpy(at, "a.");
	strcpy(at, "b\"\n");
	if (!made_of(&c, text))
		return;
	*strchr(name, '"') = '\0';
	CHECK_INT(c.im->head.name_labels, 127);
	CHECK_INT(exactly(&c, name), 1);
	CHECK_INT(below(&c, name), 0);
	compiled_free(&c);
}

static void resolvers(void)
{
	static uint8_t of_host[][16] = {{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 53},
					{[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 53},
					{[0] = 0xfe, [1] = 0x80, [15] = 1}};
	struct cgw_key key = {.kind = CGW_KEY_RESOLVER};
	struct compiled c = {.w = {.resolvers = of_host, .nresolvers = 3}};

	if (!made_of(&c, "set resolvers auto\n"))
		return;
	CHECK_INT(keys_of(&c, CGW_KEY_RESOLVER), 2);
	memcpy(key.data, of_host[2], 16);
	CHECK(lookup_key(c.im, &key));
	image_free(c.im);
	policy_free(c.p);
	if (!made_of(&c, "set resolvers { 192.0.2.53, 2001:db8::53, 192.0.2.53 }\n"))
		return;
	CHECK_INT(keys_of(&c, CGW_KEY_RESOLVER), 2);
	CHECK(!lookup_key(c.im, &key));
	compiled_free(&c);
}

int main(void)
{
	RUN(classes);
	RUN(redundant);
	RUN(negated);
	RUN(many_labels);
	RUN(resolvers);
	return test_done();
}
