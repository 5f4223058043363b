// SPDX-License-Identifier: GPL-2.0-only
/* Hosts, ports, protocols and services. */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "addr.h"
#include "builtin.h"
#include "parse.h"
#include "source.h"
#include "value.h"

/* ---- hosts ---- */

static bool parse_dns_name(struct parser *p, struct item *ret, const char *what)
{
	char name[VALUE_DNS_MAX + 2] = "";
	struct loc loc = p->tok.loc;
	const char *error;
	char *text;

	text = parse_string(p, what);
	if (!text)
		return false;
	if (!*text)
		return true;
	error = value_dns_name(text, strlen(text), name);
	if (error)
		parse_error(p, loc, "%s", error);
	ret->text = arena_strn(p->ctx->arena, name, strlen(name));
	return true;
}

static bool parse_file(struct parser *p, struct item *ret)
{
	char *text = parse_string(p, "the path of `file`");

	if (!text)
		return false;
	ret->text = source_join(p->ctx->arena, p->dir, text);
	return true;
}

/* A word that is neither a keyword nor a name is an address. */
static bool parse_net(struct parser *p, struct item *ret)
{
	bool masked = false;
	const char *error;
	char lo[ADDR_TEXT];

	ret->kind = ITEM_NET;
	error = addr_parse_item(p->tok.s, p->tok.len, ret, &masked);
	if (error) {
		parse_error(p, p->tok.loc, "%s", error);
	} else if (masked) {
		addr_format(ret->lo, lo);
		diag_warning(p->ctx->diag, p->ctx->policy, p->tok.loc,
			     "this address has bits set beyond its prefix; the network %s/%u is meant", lo,
			     ret->prefix);
	}
	parse_advance(p);
	return true;
}

bool parse_item(struct parser *p, struct item *ret)
{
	static const char wanted[] = "an address, a group's name, `domain`, `host` or `file`";

	ret->loc = p->tok.loc;
	if (p->tok.kind == TOK_STRING)
		return parse_error(
			p, p->tok.loc,
			"a string alone is no address: write domain \"...\", host \"...\" or file \"...\"");
	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, wanted);
	if (parse_is(p, "not"))
		return parse_error(p, p->tok.loc, "`not` stands once, before all of the hosts of a rule");
	if (parse_take(p, "domain")) {
		ret->kind = ITEM_DOMAIN;
		return parse_dns_name(p, ret, "the name of `domain`");
	}
	if (parse_take(p, "host")) {
		ret->kind = ITEM_HOST;
		return parse_dns_name(p, ret, "the name of `host`");
	}
	if (parse_take(p, "file")) {
		ret->kind = ITEM_FILE;
		return parse_file(p, ret);
	}
	if (!lex_is_name(p->tok.s, p->tok.len))
		return parse_net(p, ret);
	ret->kind = ITEM_GROUP;
	ret->text = parse_name(p, wanted);
	return ret->text;
}

struct items {
	struct item **items;
	size_t *n;
};

static bool item_element(struct parser *p, void *arg)
{
	struct items *l = arg;

	return parse_item(p, ARENA_ADD(p->ctx->arena, l->items, l->n));
}

bool parse_items(struct parser *p, struct item **items, size_t *n)
{
	struct items l = {items, n};

	return p->tok.kind == TOK_OPEN ? parse_list(p, item_element, &l) : item_element(p, &l);
}

bool parse_hosts(struct parser *p, struct hosts *ret)
{
	struct items l = {&ret->items, &ret->nitems};

	ret->loc = p->tok.loc;
	if (parse_is(p, "port"))
		return parse_error(p, p->tok.loc,
				   "hosts come before their port; for every host write `any port ...`");
	ret->negated = parse_take(p, "not");
	return parse_some(p, item_element, &l);
}

/* ---- ports ---- */

/* A port's number by its name: well-known ones, then the host's services database; what was found there is
 * kept, since each look-up reads the file. -1: none. */
static int port_by_name(struct context *ctx, const char *name, const char *proto)
{
	char key[POLICY_NAME_MAX + 16];
	struct servent *found;
	struct symbol *known;
	int port = builtin_port(name);

	if (port >= 0)
		return port;
	snprintf(key, sizeof(key), "%s/%s", proto ? proto : "", name);
	known = symbols_find(&ctx->symbols, SYM_PORT, key);
	if (known)
		return (int)known->size - 1;
	found = getservbyname(name, proto);
	if (!found && proto) /* listed for another one: the number is meant */
		found = getservbyname(name, NULL);
	port = found ? ntohs((uint16_t)found->s_port) : -1;
	known = symbols_add(&ctx->symbols, SYM_PORT, arena_strn(ctx->arena, key, strlen(key)),
			    (struct loc){0}, NULL);
	known->size = port < 0 ? 0 : (uint64_t)port + 1;
	return port;
}

/* N, N-M or a name into *ret; reports where it is none. */
static void read_ports(struct parser *p, struct loc loc, const char *s, size_t len, const char *proto,
		       struct range *ret)
{
	static const char bad[] = "a port is a number, a range N-M or a name";
	const char *dash = memchr(s, '-', len);
	size_t first = dash ? (size_t)(dash - s) : len;
	uint64_t lo = 0, hi = 0;
	char *name;
	int port;

	if (len && s[0] >= '0' && s[0] <= '9' && value_number(s, first, UINT64_MAX, &lo) &&
	    (!dash || value_number(dash + 1, len - first - 1, UINT64_MAX, &hi))) {
		if (!dash)
			hi = lo;
		if (lo > 65535 || hi > 65535)
			parse_error(p, loc, "a port is a number from 0 to 65535");
		else if (lo > hi)
			parse_error(p, loc, "this range runs backwards");
		else
			*ret = (struct range){(uint16_t)lo, (uint16_t)hi};
		return;
	}
	if (!len || len > POLICY_NAME_MAX) {
		parse_error(p, loc, "%s", bad);
		return;
	}
	name = arena_strn(p->ctx->arena, s, len);
	port = port_by_name(p->ctx, name, proto);
	if (port >= 0)
		*ret = (struct range){(uint16_t)port, (uint16_t)port};
	else if (symbols_find(&p->ctx->symbols, SYM_SERVICE, name))
		parse_error(p, loc, "no port is named '%s', but a service is; write `service %s`", name,
			    name);
	else if (!lex_is_name(name, len))
		parse_error(p, loc, "%s", bad);
	else if (builtin_port_like(name))
		parse_error(p, loc, "no port is named '%s' in the services database; did you mean '%s'?",
			    name, builtin_port_like(name));
	else
		parse_error(p, loc, "no port is named '%s' in the services database", name);
}

static bool port_element(struct parser *p, void *arg)
{
	struct ports *ports = arg;
	struct range *r;

	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, "a port's number, a range N-M or a name");
	r = ARENA_ADD(p->ctx->arena, &ports->ranges, &ports->n);
	read_ports(p, p->tok.loc, p->tok.s, p->tok.len, NULL, r);
	parse_advance(p);
	return true;
}

bool parse_ports(struct parser *p, struct ports *ret)
{
	return parse_some(p, port_element, ret);
}

/* ---- services ---- */

struct service_items {
	struct service_item **items;
	size_t *n;
};

/* A protocol's name or number, or -1. */
static int read_proto(const char *s, size_t len)
{
	uint64_t n;

	return value_number(s, len, 255, &n) ? (int)n : names_proto(s, len);
}

static void unknown_proto(struct parser *p, struct loc loc, const char *s, size_t len)
{
	const char *const *names;
	size_t n = names_protos(&names);
	const char *meant = len < 64 ? diag_closest(arena_strn(p->ctx->arena, s, len), names, n) : NULL;
	int shown = len < 60 ? (int)len : 60;

	if (meant)
		parse_error(p, loc, "unknown protocol '%.*s'; did you mean '%s'?", shown, s, meant);
	else
		parse_error(p, loc,
			    "unknown protocol '%.*s'; known are tcp, udp, icmp, icmpv6, sctp, dccp, udplite "
			    "and numbers up to 255",
			    shown, s);
}

/* PROTO/PORTS, a protocol without ports, or a service's name. */
static bool service_element(struct parser *p, void *arg)
{
	static const char wanted[] = "a service's name or PROTO/PORT, as in tcp/443";
	struct service_items *l = arg;
	struct service_item *it;
	const char *s = p->tok.s, *slash;
	size_t len = p->tok.len, first;
	struct loc loc = p->tok.loc;

	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, wanted);
	slash = memchr(s, '/', len);
	first = slash ? (size_t)(slash - s) : len;
	it = ARENA_ADD(p->ctx->arena, l->items, l->n);
	it->loc = loc;
	it->proto = read_proto(s, first);
	if (!slash && it->proto < 0) {
		it->proto = PROTO_SERVICE;
		it->text = parse_name(p, wanted);
		return it->text;
	}
	parse_advance(p);
	if (it->proto < 0) {
		unknown_proto(p, loc, s, first);
	} else if (!slash && names_has_ports(it->proto)) {
		parse_error(p, loc, "this protocol has ports; write %.*s/* for all of them", (int)len, s);
	} else if (slash && !names_has_ports(it->proto)) {
		parse_error(p, loc, "the protocol '%.*s' has no ports", (int)first, s);
	} else if (slash) {
		it->has_ports = true;
		it->ports.hi = 65535;
		loc.col += (uint32_t)first + 1;
		if (len != first + 2 || slash[1] != '*')
			read_ports(p, loc, slash + 1, len - first - 1, names_proto_name(it->proto),
				   &it->ports);
	}
	return true;
}

bool parse_services(struct parser *p, struct service_item **items, size_t *n)
{
	struct service_items l = {items, n};

	return parse_some(p, service_element, &l);
}

static bool proto_element(struct parser *p, void *arg)
{
	struct service_items *l = arg;
	struct service_item *it;

	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, "a protocol");
	it = ARENA_ADD(p->ctx->arena, l->items, l->n);
	it->loc = p->tok.loc;
	it->proto = read_proto(p->tok.s, p->tok.len);
	if (memchr(p->tok.s, '/', p->tok.len))
		parse_error(p, p->tok.loc, "`proto` takes a protocol alone; write `service %.*s`",
			    p->tok.len < 60 ? (int)p->tok.len : 60, p->tok.s);
	else if (it->proto < 0)
		unknown_proto(p, p->tok.loc, p->tok.s, p->tok.len);
	parse_advance(p);
	return true;
}

bool parse_protos(struct parser *p, struct service_item **items, size_t *n)
{
	struct service_items l = {items, n};

	return parse_some(p, proto_element, &l);
}
