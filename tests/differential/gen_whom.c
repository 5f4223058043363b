// SPDX-License-Identifier: GPL-2.0-only
/* Whom: addresses, names, protocols, ports, list files. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "gen.h"

static const char *const bases4[] = {"10.0.0.0",  "10.0.0.7",	 "10.0.1.0",	    "192.0.2.1",
				     "127.0.0.1", "203.0.113.9", "255.255.255.255", "0.0.0.0",
				     "128.0.0.0", "224.0.0.251", "169.254.1.1"};
static const char *const bases6[] = {
	"::",	   "::1",     "2001:db8::1",	       "2001:db8:0:1::",   "fe80::1",
	"ff02::1", "fd00::1", "::ffff:ffff:ffff:ffff", "::fffe:ffff:ffff", "::1:0:0:0",
	"8000::"};

static bool is_v4(const uint8_t a[16])
{
	static const uint8_t v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return !memcmp(a, v4, 12);
}

/* One more or less, within the last four bytes, which is where families stay apart. */
static void step(uint8_t a[16], int by)
{
	uint32_t low;

	memcpy(&low, a + 12, 4);
	low = htonl(ntohl(low) + (uint32_t)by);
	memcpy(a + 12, &low, 4);
}

void gen_address(struct gen *g, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (rng_below(&g->rng, 3)) {
		ret[10] = ret[11] = 0xff;
		inet_pton(AF_INET, PICK(&g->rng, bases4), ret + 12);
	} else {
		inet_pton(AF_INET6, PICK(&g->rng, bases6), ret);
	}
	if (rng_once(&g->rng, 2))
		step(ret, (int)rng_below(&g->rng, 9) - 4);
}

void gen_print_address(struct gen *g, const uint8_t a[16], FILE *out)
{
	char text[64];

	if (is_v4(a)) {
		inet_ntop(AF_INET, a + 12, text, sizeof(text));
		fprintf(out, "%s%s", rng_once(&g->rng, 8) ? "::ffff:" : "", text);
	} else {
		inet_ntop(AF_INET6, a, text, sizeof(text));
		fputs(text, out);
	}
}

static void keep(struct gen *g, const uint8_t a[16])
{
	for (int by = -1; by <= 1; by++) {
		if (g->naddresses == GEN_POOL)
			return;
		memcpy(g->addresses[g->naddresses], a, 16);
		step(g->addresses[g->naddresses++], by);
	}
}

/* ADDR, ADDR/BITS, ADDR-ADDR; without bits beyond the prefix. */
static void net(struct gen *g, FILE *out)
{
	static const int lens4[] = {0, 1, 8, 15, 16, 24, 28, 29, 30, 31, 32};
	static const int lens6[] = {0, 1, 7, 10, 32, 63, 64, 79, 80, 95, 96, 97, 112, 126, 127, 128};
	uint8_t lo[16], hi[16];
	char text[64];
	bool v4;
	int len;

	gen_address(g, lo);
	v4 = is_v4(lo);
	memcpy(hi, lo, 16);
	switch (rng_below(&g->rng, 4)) {
	case 0:
		keep(g, lo);
		gen_print_address(g, lo, out);
		return;
	case 1:
		step(hi, (int)rng_below(&g->rng, 40));
		if (memcmp(hi, lo, 16) < 0)
			memcpy(hi, lo, 16);
		keep(g, lo);
		keep(g, hi);
		gen_print_address(g, lo, out);
		fputc('-', out);
		gen_print_address(g, hi, out);
		return;
	default:
		len = v4 ? PICK(&g->rng, lens4) : PICK(&g->rng, lens6);
		for (int i = v4 ? len + 96 : len; i < 128; i++) {
			lo[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
			hi[i / 8] |= (uint8_t)(0x80 >> (i % 8));
		}
		keep(g, lo);
		keep(g, hi);
		inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? lo + 12 : lo, text, sizeof(text));
		fprintf(out, "%s/%d", text, len);
	}
}

/* Names that lie in and beside each other, down to eight labels; case does not count. */
void gen_name(struct gen *g, FILE *out)
{
	static const char *const tops[] = {"example.com",  "ads.net", "a.example.com",	 "com",
					   "xexample.com", "net",     "b.a.Example.COM", "com.net"};
	static const char *const below[] = {"a.", "b.", "x.y.", "a.b.", "A.", "com.", "a.a.a."};

	for (unsigned i = rng_below(&g->rng, 6); i > 3; i--)
		fputs(PICK(&g->rng, below), out);
	fputs(PICK(&g->rng, tops), out);
	if (rng_once(&g->rng, 12))
		fputc('.', out);
}

static void item(struct gen *g, FILE *out, unsigned defined, bool names)
{
	static const char *const builtin[] = {"any",	   "loopback",	"local-nets",
					      "multicast", "resolvers", "self"};

	switch (names ? rng_below(&g->rng, 12) : 2 + rng_below(&g->rng, 10)) {
	case 0:
		fputs("domain \"", out);
		gen_name(g, out);
		fputc('"', out);
		break;
	case 1:
		fputs("host \"", out);
		gen_name(g, out);
		fputc('"', out);
		break;
	case 2:
		fprintf(out, "file \"list%u.txt\"", rng_below(&g->rng, GEN_LISTS));
		break;
	case 3:
		fputs(builtin[rng_once(&g->rng, 8) ? 0 : 1 + rng_below(&g->rng, 5)], out);
		break;
	case 4:
	case 5:
		if (defined) {
			fprintf(out, "g%u", rng_below(&g->rng, defined) & (names ? ~0u : ~1u));
			break;
		}
		/* fall through */
	default:
		net(g, out);
	}
}

void gen_items(struct gen *g, FILE *out, unsigned defined)
{
	unsigned n = rng_below(&g->rng, 5);

	fputs("{", out);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? ", " : " ", out);
		item(g, out, defined, defined & 1);
	}
	fputs(" }", out);
}

void gen_hosts(struct gen *g, FILE *out, unsigned defined, bool remote)
{
	unsigned n = 1 + rng_below(&g->rng, 3);

	if (rng_once(&g->rng, 4))
		fputs("not ", out);
	if (rng_once(&g->rng, 2)) {
		item(g, out, defined, remote);
		return;
	}
	fputs("{ ", out);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? ", " : "", out);
		item(g, out, defined, remote);
	}
	fputs(" }", out);
}

/* ---- protocols and ports ---- */

static const char *const with_ports[] = {"tcp", "udp", "sctp", "dccp", "udplite"};
static const int with_ports_numbers[] = {6, 17, 132, 33, 136};
static const int bases[] = {0, 22, 53, 80, 443, 1024, 5000, 49152, 65535};

static int port(struct gen *g)
{
	int p = PICK(&g->rng, bases) + (int)rng_below(&g->rng, 3) - 1;

	return p < 0 ? 0 : p > 65535 ? 65535 : p;
}

static void keep_port(struct gen *g, int p)
{
	for (int by = -1; by <= 1; by++)
		if (g->nports < GEN_POOL && p + by >= 0 && p + by <= 65535)
			g->ports[g->nports++] = (uint16_t)(p + by);
}

static void range(struct gen *g, FILE *out)
{
	int lo = port(g), hi = rng_once(&g->rng, 3) ? port(g) : lo;

	if (hi < lo)
		hi = lo;
	keep_port(g, lo);
	keep_port(g, hi);
	fprintf(out, lo == hi ? "%d" : "%d-%d", lo, hi);
}

void gen_ports(struct gen *g, FILE *out)
{
	unsigned n = 1 + rng_below(&g->rng, 3);

	if (n == 1) {
		range(g, out);
		return;
	}
	fputs("{ ", out);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? ", " : "", out);
		range(g, out);
	}
	fputs(" }", out);
}

static void proto(struct gen *g, FILE *out, bool ports)
{
	static const char *const names[] = {"tcp", "udp", "sctp", "icmp", "icmpv6", "47", "89", "0"};
	static const int numbers[] = {6, 17, 132, 1, 58, 47, 89, 0};
	unsigned i = rng_below(&g->rng, ports ? 3 : 8);

	if (g->nprotos < GEN_POOL)
		g->protos[g->nprotos++] = numbers[i];
	fputs(names[i], out);
}

void gen_protos(struct gen *g, FILE *out, bool ports)
{
	if (!rng_once(&g->rng, 4)) {
		proto(g, out, ports);
		return;
	}
	fputs("{ ", out);
	proto(g, out, ports);
	fputs(", ", out);
	proto(g, out, false);
	fputs(" }", out);
}

static void service_item(struct gen *g, FILE *out, unsigned defined)
{
	static const char *const builtin[] = {"dns", "mdns", "dhcp", "https", "ssh", "ephemeral"};
	unsigned i = rng_below(&g->rng, sizeof(with_ports) / sizeof(with_ports[0]));

	switch (rng_below(&g->rng, 6)) {
	case 0:
		fputs(rng_once(&g->rng, 2) ? "icmp" : "icmpv6", out);
		break;
	case 1:
		if (defined) {
			fprintf(out, "s%u", rng_below(&g->rng, defined));
			break;
		}
		/* fall through */
	case 2:
		fputs(PICK(&g->rng, builtin), out);
		break;
	default:
		if (g->nprotos < GEN_POOL)
			g->protos[g->nprotos++] = with_ports_numbers[i];
		fprintf(out, "%s/", with_ports[i]);
		if (rng_once(&g->rng, 6))
			fputc('*', out);
		else
			range(g, out);
	}
}

void gen_service(struct gen *g, FILE *out, unsigned defined)
{
	unsigned n = 1 + rng_below(&g->rng, 3);

	fputs("{ ", out);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? ", " : "", out);
		service_item(g, out, defined);
	}
	fputs(" }", out);
}

void gen_services(struct gen *g, FILE *out, unsigned defined)
{
	if (rng_once(&g->rng, 2))
		service_item(g, out, defined);
	else
		gen_service(g, out, defined);
}

/* ---- list files ---- */

void gen_list(struct gen *g, FILE *out)
{
	unsigned n = rng_below(&g->rng, 12);

	for (unsigned i = 0; i < n; i++) {
		switch (rng_below(&g->rng, 8)) {
		case 0:
			fputs("0.0.0.0 ", out);
			gen_name(g, out);
			fputs(" # blocked", out);
			break;
		case 1:
			gen_name(g, out);
			break;
		case 2:
			fputs(rng_once(&g->rng, 2) ? "." : "*.", out);
			gen_name(g, out);
			break;
		case 3:
			fputs("  # nothing", out);
			break;
		default:
			net(g, out);
		}
		fputs(rng_once(&g->rng, 6) ? "\r\n" : "\n", out);
	}
}

/* ---- questions ---- */

static void query_end(struct gen *g, const char *key, FILE *out)
{
	uint8_t a[16];
	int p = g->nports && !rng_once(&g->rng, 4) ? g->ports[rng_below(&g->rng, (uint32_t)g->nports)]
						   : port(g);
	bool has_port = !rng_once(&g->rng, 4);

	if (has_port && rng_once(&g->rng, 8)) {
		fprintf(out, " %s=:%d", key, p);
		return;
	}
	if (g->naddresses && !rng_once(&g->rng, 4))
		memcpy(a, g->addresses[rng_below(&g->rng, (uint32_t)g->naddresses)], 16);
	else
		gen_address(g, a);
	fprintf(out, " %s=", key);
	if (is_v4(a) && !rng_once(&g->rng, 8)) {
		char text[64];

		fputs(inet_ntop(AF_INET, a + 12, text, sizeof(text)), out);
	} else {
		fputc('[', out);
		if (is_v4(a))
			fprintf(out, "::ffff:%d.%d.%d.%d", a[12], a[13], a[14], a[15]);
		else
			gen_print_address(g, a, out);
		fputc(']', out);
	}
	if (has_port)
		fprintf(out, ":%d", p);
}

void gen_query_whom(struct gen *g, FILE *out)
{
	static const int protos[] = {6, 6, 17, 17, 1, 58, 132, 33, 136, 47, 89, 0, 255};

	if (!rng_once(&g->rng, 8))
		fprintf(out, " proto=%d",
			g->nprotos && rng_once(&g->rng, 2)
				? g->protos[rng_below(&g->rng, (uint32_t)g->nprotos)]
				: PICK(&g->rng, protos));
	if (!rng_once(&g->rng, 8))
		query_end(g, "to", out);
	if (!rng_once(&g->rng, 3))
		query_end(g, "from", out);
}
