// SPDX-License-Identifier: GPL-2.0-only
/* The ends of a query: to= and from=. */
#include "query_read.h"

#include <string.h>

#include "addr.h"
#include "value.h"

/* An address, with or without a scope, which is dropped. */
static bool read_addr(const char *s, size_t len, uint8_t ret[16])
{
	const char *scope = memchr(s, ':', len) ? memchr(s, '%', len) : NULL;

	if (scope && scope + 1 < s + len)
		len = (size_t)(scope - s);
	return !addr_parse(s, len, ret);
}

struct end {
	bool has_addr, has_port;
	uint8_t addr[16];
	uint16_t port;
};

/* ADDR, ADDR:PORT, [ADDR], [ADDR]:PORT, :PORT, *:PORT */
static int read_end(struct query_state *s, const char *value, struct end *ret)
{
	static const char bad[] = "'%s' is ADDR:PORT or [ADDR]:PORT; '%.60s' is not";
	const char *colon = strchr(value, ':'), *port = NULL, *close;
	size_t len = strlen(value);
	uint64_t n = 0;

	if (*value == '[') {
		close = strchr(value, ']');
		if (!close || (close[1] && close[1] != ':'))
			return query_fail(s, bad, s->key, value);
		port = close[1] ? close + 2 : NULL;
		value++;
		len = (size_t)(close - value);
	} else if (colon && !strchr(colon + 1, ':')) {
		port = colon + 1;
		len = (size_t)(colon - value);
	}
	if (port && !value_number(port, strlen(port), 65535, &n))
		return query_fail(s, "the port of '%s' is a number from 0 to 65535", s->key);
	ret->has_port = port;
	ret->port = (uint16_t)n;
	if (port && (!len || (len == 1 && *value == '*')))
		return 0;
	if (!read_addr(value, len, ret->addr))
		return query_fail(s, bad, s->key, value);
	ret->has_addr = true;
	return 0;
}

/* The kernel sends what is meant for the wildcard address to loopback. The same as cgw_fold() in decide.h. */
static void fold(uint8_t a[16])
{
	static const uint8_t zero[16], zero4[16] = {[10] = 0xff, [11] = 0xff};

	if (!memcmp(a, zero, 16)) {
		a[15] = 1;
	} else if (!memcmp(a, zero4, 16)) {
		a[12] = 127;
		a[15] = 1;
	}
}

static int set_end(struct query_state *s, const char *value, bool remote)
{
	struct query *q = s->q;
	struct end e = {0};
	int r = read_end(s, value, &e);

	if (r)
		return r;
	if (remote) {
		q->has_remote = e.has_addr;
		q->has_rport = e.has_port;
		q->rport = e.port;
		memcpy(q->remote, e.addr, 16);
		if (q->dir == CGW_OUT && e.has_addr)
			fold(q->remote);
	} else {
		q->has_local = e.has_addr;
		q->has_lport = e.has_port;
		q->lport = e.port;
		memcpy(q->local, e.addr, 16);
	}
	return 0;
}

int query_read_to(struct query_state *s, const char *value)
{
	return set_end(s, value, s->q->dir == CGW_OUT);
}

int query_read_from(struct query_state *s, const char *value)
{
	return set_end(s, value, s->q->dir == CGW_IN);
}
