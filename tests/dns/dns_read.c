// SPDX-License-Identifier: GPL-2.0-only
/* What include/cgwall/dns.h makes of messages: reads them as hexadecimal, one a line, and writes a line for
 * each: `good NAME ... | TTL ADDRESS ...` (the chain, its least lifetime, the addresses with theirs), or
 * `nothing`, `malformed`, `unrelated`, `huge`. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cgwall/dns.h>

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A line into d->msg. false where it is none. */
static bool load(struct cgw_dns *d, const char *line)
{
	d->len = 0;
	for (; hex(line[0]) >= 0; line += 2) {
		if (hex(line[1]) < 0 || d->len == CGW_DNS_MAX)
			return false;
		d->msg[d->len++] = (__u8)(hex(line[0]) << 4 | hex(line[1]));
	}
	return !*line || *line == '\n';
}

static void print(const struct cgw_dns *d)
{
	char text[INET6_ADDRSTRLEN];

	fputs("good", stdout);
	for (unsigned i = 0; i < d->nchain; i++)
		printf(" %s", d->names[d->chain[i]].text);
	printf(" | %lld", d->ttl == ~0u ? -1LL : (long long)d->ttl);
	for (unsigned i = 0; i < d->naddrs; i++) {
		inet_ntop(d->addrs[i].v6 ? AF_INET6 : AF_INET, d->msg + d->addrs[i].at, text, sizeof(text));
		printf(" %s/%u", text, d->addrs[i].ttl);
	}
	putchar('\n');
}

int main(void)
{
	static const char *const words[] = {
		[CGW_DNS_NOTHING] = "nothing",
		[CGW_DNS_MALFORMED] = "malformed",
		[CGW_DNS_UNRELATED] = "unrelated",
		[CGW_DNS_HUGE] = "huge",
	};
	struct cgw_dns *d = calloc(1, sizeof(*d));
	char *line = NULL;
	size_t size = 0;

	if (!d)
		return 1;
	while (getline(&line, &size, stdin) > 0) {
		int r;

		if (!load(d, line)) {
			puts("no message");
			continue;
		}
		r = cgw_dns_question(d, 1);
		if (r == CGW_DNS_GOOD)
			r = cgw_dns_answer(d);
		if (r == CGW_DNS_GOOD)
			print(d);
		else
			puts(words[r]);
	}
	free(line);
	free(d);
	return 0;
}
