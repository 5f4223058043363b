// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: a DNS message, as hexadecimal digits or as it is, read by dns.h. What lies behind its end
 * must not be looked at, and what is learned must stand in the message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cgwall/dns.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#endif
#endif
#ifndef POISON
#define POISON(p, n) ((void)(p))
#define UNPOISON(p, n) ((void)(p))
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hex(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void load(struct cgw_dns *d, const uint8_t *data, size_t size)
{
	size_t n = 0;

	while (n < size && hex(data[n]) >= 0)
		n++;
	d->len = 0;
	if (n > 2 * CGW_DNS_HEADER && n == size && !(n & 1)) {
		for (size_t i = 0; i < n && d->len < CGW_DNS_MAX; i += 2)
			d->msg[d->len++] = (__u8)(hex(data[i]) << 4 | hex(data[i + 1]));
		return;
	}
	d->len = size < CGW_DNS_MAX ? (__u32)size : CGW_DNS_MAX;
	memcpy(d->msg, data, d->len);
}

static void check(const struct cgw_dns *d)
{
	if (!d->naddrs || d->naddrs > CGW_DNS_ADDRS || !d->nchain || d->nchain > CGW_DNS_NAMES || d->chain[0])
		abort();
	for (unsigned i = 0; i < d->naddrs; i++)
		if (d->addrs[i].at + (d->addrs[i].v6 ? 16u : 4u) > d->len || d->addrs[i].ttl >> 31)
			abort();
	for (unsigned i = 0; i < d->nchain; i++) {
		const struct cgw_dns_name *n = &d->names[d->chain[i]];

		if (!n->len || n->len > 253 || strlen(n->text) != n->len || !(n->id >> 63) || n->at >= d->len)
			abort();
		for (unsigned k = 0; k < i; k++)
			if (d->names[d->chain[k]].id == n->id)
				abort(); /* a circle */
		for (const char *c = n->text; *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cgw_dns *d;
	int r;

	if (!d)
		d = calloc(1, sizeof(*d));
	if (!d)
		return 0;
	d->seed[0] = 0x0123456789abcdefULL;
	load(d, data, size);
	POISON(d->msg + d->len, CGW_DNS_MAX - d->len);
	cgw_dns_question(d, 0);
	r = cgw_dns_question(d, 1);
	if (r == CGW_DNS_GOOD)
		r = cgw_dns_answer(d);
	UNPOISON(d->msg + d->len, CGW_DNS_MAX - d->len);
	if (r == CGW_DNS_GOOD)
		check(d);
	return 0;
}
