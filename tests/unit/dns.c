// SPDX-License-Identifier: GPL-2.0-only
/* The reader of DNS messages: what counts as an answer, and what does not. */
#include <stdlib.h>
#include <string.h>

#include <cgwall/dns.h>

#include "test.h"

static struct cgw_dns *d;

static void put(const void *p, size_t n)
{
	memcpy(d->msg + d->len, p, n);
	d->len += (__u32)n;
}

static void put16(unsigned x)
{
	__u8 b[2] = {(__u8)(x >> 8), (__u8)x};

	put(b, 2);
}

static void put_name(const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");
		__u8 len = (__u8)n;

		put(&len, 1);
		put(name, n);
		name += n + (name[n] == '.');
	}
	put("", 1);
}

/* Header and question. */
static void begin(const char *name, unsigned type, unsigned flags, unsigned answers)
{
	memset(d, 0, sizeof(*d));
	d->seed[0] = 1;
	d->seed[1] = 2;
	put16(0x1234);
	put16(flags);
	put16(1);
	put16(answers);
	put16(0);
	put16(0);
	put_name(name);
	put16(type);
	put16(1);
}

static void record(unsigned type, unsigned ttl, const void *data, size_t n)
{
	put16(type);
	put16(1);
	put16(ttl >> 16);
	put16(ttl & 0xffff);
	put16((unsigned)n);
	put(data, n);
}

static void add_a(const char *owner, unsigned ttl, const char *addr)
{
	put_name(owner);
	record(CGW_DNS_A, ttl, addr, 4);
}

static void add_cname(const char *owner, unsigned ttl, const char *to)
{
	__u32 at;

	put_name(owner);
	record(CGW_DNS_CNAME, ttl, "", 0);
	at = d->len;
	put_name(to);
	d->msg[at - 2] = (__u8)((d->len - at) >> 8);
	d->msg[at - 1] = (__u8)(d->len - at);
}

static int read_all(void)
{
	int r = cgw_dns_question(d, 1);

	return r ? r : cgw_dns_answer(d);
}

static void one_address(void)
{
	begin("www.DeepL.com", CGW_DNS_A, 0x8180, 1);
	add_a("www.deepl.com", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_GOOD);
	CHECK_INT(d->id, 0x1234);
	CHECK_INT(d->nchain, 1);
	CHECK_INT(d->naddrs, 1);
	CHECK_STR(d->names[0].text, "www.deepl.com");
	CHECK_INT(d->names[0].len, 13);
	CHECK_INT(d->addrs[0].ttl, 300);
	CHECK(!memcmp(d->msg + d->addrs[0].at, "\1\2\3\4", 4));
}

static void aliases_in_any_order(void)
{
	static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	for (int i = 0; i < 6; i++) {
		begin("a.test", CGW_DNS_A, 0x8180, 3);
		for (int k = 0; k < 3; k++) {
			if (order[i][k] == 0)
				add_cname("a.test", 100, "b.test");
			else if (order[i][k] == 1)
				add_cname("B.test", 50, "c.test");
			else
				add_a("c.TEST", 300, "\1\2\3\4");
		}
		CHECK_INT(read_all(), CGW_DNS_GOOD);
		CHECK_INT(d->nchain, 3);
		CHECK_INT(d->ttl, 50);
		CHECK_STR(d->names[d->chain[0]].text, "a.test");
		CHECK_STR(d->names[d->chain[1]].text, "b.test");
		CHECK_STR(d->names[d->chain[2]].text, "c.test");
	}
	/* the same alias twice is one */
	begin("a.test", CGW_DNS_A, 0x8180, 3);
	add_cname("a.test", 100, "b.test");
	add_cname("a.test", 100, "b.test");
	add_a("b.test", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_GOOD);
	CHECK_INT(d->nchain, 2);
}

static void fifteen_backwards(void)
{
	char from[16], to[16];

	begin("n0.test", CGW_DNS_A, 0x8180, 16);
	add_a("n15.test", 1, "\1\2\3\4");
	for (int i = 14; i >= 0; i--) {
		snprintf(from, sizeof(from), "n%d.test", i);
		snprintf(to, sizeof(to), "n%d.test", i + 1);
		add_cname(from, 1, to);
	}
	CHECK_INT(read_all(), CGW_DNS_GOOD);
	CHECK_INT(d->nchain, 16);
	CHECK_STR(d->names[d->chain[15]].text, "n15.test");

	begin("n0.test", CGW_DNS_A, 0x8180, 17);
	for (int i = 0; i < 16; i++) {
		snprintf(from, sizeof(from), "n%d.test", i);
		snprintf(to, sizeof(to), "n%d.test", i + 1);
		add_cname(from, 1, to);
	}
	add_a("n16.test", 1, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_HUGE);
}

static void not_led_to(void)
{
	begin("a.test", CGW_DNS_A, 0x8180, 1);
	add_a("b.test", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_UNRELATED);
	begin("a.test", CGW_DNS_A, 0x8180, 2);
	add_a("a.test", 300, "\1\2\3\4");
	add_cname("c.test", 300, "b.test");
	CHECK_INT(read_all(), CGW_DNS_UNRELATED);
	begin("a.test", CGW_DNS_A, 0x8180, 3);
	add_cname("a.test", 300, "b.test");
	add_cname("b.test", 300, "a.test");
	add_a("a.test", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_UNRELATED);
	begin("a.test", CGW_DNS_A, 0x8180, 2);
	add_cname("a.test", 300, "a.test");
	add_a("a.test", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_UNRELATED);
	/* below it is not it */
	begin("a.test", CGW_DNS_A, 0x8180, 1);
	add_a("x.a.test", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_UNRELATED);
}

static void nothing_to_learn(void)
{
	begin("a.test", CGW_DNS_A, 0x8183, 0);
	CHECK_INT(read_all(), CGW_DNS_NOTHING);
	begin("a.test", CGW_DNS_A, 0x8180, 0);
	CHECK_INT(read_all(), CGW_DNS_NOTHING);
	begin("a.test", CGW_DNS_AAAA, 0x8180, 1);
	add_a("a.test", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_NOTHING);
	begin("a.test", 16, 0x8180, 0);
	CHECK_INT(read_all(), CGW_DNS_NOTHING);
	/* a name that no policy can mean */
	begin("my printer.test", CGW_DNS_A, 0x8180, 1);
	add_a("my printer.test", 300, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_NOTHING);
	begin("a.test", CGW_DNS_A, 0xa980, 0); /* an update's answer */
	CHECK_INT(read_all(), CGW_DNS_NOTHING);
}

/* One label "a.b" is not the labels "a" and "b". */
static void dots_in_labels(void)
{
	__u64 labels;

	begin("a.b.test", CGW_DNS_A, 0x8180, 0);
	CHECK_INT(cgw_dns_question(d, 1), CGW_DNS_GOOD);
	labels = d->names[0].id;
	CHECK(!d->odd);
	begin("a.b.test", CGW_DNS_A, 0x8180, 0);
	memcpy(d->msg + 12, "\3a.b\4test", 9);
	CHECK_INT(cgw_dns_question(d, 1), CGW_DNS_GOOD);
	CHECK(d->names[0].id != labels);
	CHECK(d->odd);
}

static void every_cut(void)
{
	__u32 whole;

	begin("a.test", CGW_DNS_A, 0x8180, 2);
	add_cname("a.test", 100, "b.test");
	add_a("b.test", 300, "\1\2\3\4");
	whole = d->len;
	for (__u32 len = 0; len < whole; len++) {
		d->len = len;
		CHECK_MSG(read_all() == CGW_DNS_MALFORMED, "%u of %u bytes", len, whole);
	}
	d->len = whole;
	CHECK_INT(read_all(), CGW_DNS_GOOD);
}

static void pointers(void)
{
	/* to the question, from everywhere */
	begin("a.test", CGW_DNS_A, 0x8180, 2);
	put16(0xc00c);
	record(CGW_DNS_CNAME, 1, "\1b\xc0\x0e", 4);
	put16(0xc000 | (d->len - 4));
	record(CGW_DNS_A, 1, "\1\2\3\4", 4);
	CHECK_INT(read_all(), CGW_DNS_GOOD);
	CHECK_STR(d->names[1].text, "b.test");
	/* to itself, forwards, out of the message, into the header */
	for (unsigned to = 0; to < 0x4000; to++) {
		int r;

		begin("a.test", CGW_DNS_A, 0x8180, 1);
		put16(0xc000 | to);
		record(CGW_DNS_A, 1, "\1\2\3\4", 4);
		r = read_all();
		if (to == 12)
			CHECK_INT(r, CGW_DNS_GOOD);
		else
			CHECK_MSG(r == CGW_DNS_MALFORMED || r == CGW_DNS_UNRELATED, "to %u: %d", to, r);
	}
	/* in the question */
	begin("a.test", CGW_DNS_A, 0x8180, 0);
	d->msg[12] = 0xc0;
	d->msg[13] = 12;
	CHECK_INT(read_all(), CGW_DNS_MALFORMED);
}

static void long_names(void)
{
	char name[260];

	/* 253 bytes are the longest */
	for (int len = 250; len <= 256; len++) {
		for (int i = 0; i < len; i++)
			name[i] = i % 50 == 49 ? '.' : 'x';
		name[len] = 0;
		if (name[len - 1] == '.')
			name[len - 1] = 'x';
		begin(name, CGW_DNS_A, 0x8180, 0);
		CHECK_INT(cgw_dns_question(d, 1), len <= 253 ? CGW_DNS_GOOD : CGW_DNS_MALFORMED);
		if (len <= 253)
			CHECK_STR(d->names[0].text, name);
	}
	begin("a.test", CGW_DNS_A, 0x8180, 0);
	d->msg[12] = 64;
	CHECK_INT(read_all(), CGW_DNS_MALFORMED);
}

static void many(void)
{
	begin("a.test", CGW_DNS_A, 0x8180, 256);
	for (int i = 0; i < 256; i++) {
		put16(0xc00c);
		record(CGW_DNS_A, 1, "\1\2\3\4", 4);
	}
	CHECK_INT(read_all(), CGW_DNS_GOOD);
	CHECK_INT(d->naddrs, 256);
	d->msg[7] = 1;
	d->msg[6] = 1;
	put16(0xc00c);
	record(CGW_DNS_A, 1, "\1\2\3\4", 4);
	CHECK_INT(read_all(), CGW_DNS_HUGE);
	d->msg[6] = 3;
	CHECK_INT(read_all(), CGW_DNS_HUGE);
}

static void lifetimes(void)
{
	begin("a.test", CGW_DNS_A, 0x8180, 2);
	add_a("a.test", 0x80000000, "\1\2\3\4");
	add_a("a.test", 0x7fffffff, "\1\2\3\4");
	CHECK_INT(read_all(), CGW_DNS_GOOD);
	CHECK_INT(d->addrs[0].ttl, 0);
	CHECK_INT(d->addrs[1].ttl, 0x7fffffff);
	CHECK(d->ttl == ~0u);
}

static void questions(void)
{
	begin("a.test", CGW_DNS_A, 0x0100, 0);
	CHECK_INT(cgw_dns_question(d, 0), CGW_DNS_GOOD);
	CHECK_INT(cgw_dns_question(d, 1), CGW_DNS_MALFORMED);
	CHECK_INT(d->qtype, CGW_DNS_A);
	begin("a.test", CGW_DNS_A, 0x8180, 0);
	CHECK_INT(cgw_dns_question(d, 0), CGW_DNS_MALFORMED);
	/* a refusal without the question */
	d->msg[3] = 0x81;
	d->msg[5] = 0;
	CHECK_INT(cgw_dns_question(d, 1), CGW_DNS_NOTHING);
	d->msg[5] = 2;
	CHECK_INT(cgw_dns_question(d, 1), CGW_DNS_MALFORMED);
}

int main(void)
{
	d = malloc(sizeof(*d));
	if (!CHECK(d))
		return test_done();
	RUN(one_address);
	RUN(aliases_in_any_order);
	RUN(fifteen_backwards);
	RUN(not_led_to);
	RUN(nothing_to_learn);
	RUN(dots_in_labels);
	RUN(every_cut);
	RUN(pointers);
	RUN(long_names);
	RUN(many);
	RUN(lifetimes);
	RUN(questions);
	free(d);
	return test_done();
}
