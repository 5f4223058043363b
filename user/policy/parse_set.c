// SPDX-License-Identifier: GPL-2.0-only
/* set KEY VALUE */
#include <string.h>

#include "addr.h"
#include "parse.h"

/* Index of the value's word among two. */
static bool one_of(struct parser *p, const char *first, const char *second, bool *is_second)
{
	const char *const words[] = {first, second};
	char wanted[64];
	int i = -1;

	if (p->tok.kind == TOK_WORD)
		i = NAMES_FIND(words, p->tok.s, p->tok.len);
	if (i < 0) {
		snprintf(wanted, sizeof(wanted), "%s or %s", first, second);
		return parse_unknown(p, wanted, words, 2);
	}
	*is_second = i == 1;
	parse_advance(p);
	return true;
}

static bool resolver_element(struct parser *p, void *arg)
{
	struct settings *s = arg;
	struct item *it;

	if (p->tok.kind != TOK_WORD || lex_is_name(p->tok.s, p->tok.len)) {
		static const char *const words[] = {"auto"};

		return parse_unknown(p, "`auto` or the addresses of resolvers", words, 1);
	}
	it = ARENA_ADD(p->ctx->arena, &s->resolvers, &s->nresolvers);
	if (!parse_item(p, it))
		return false;
	if (!p->bad && memcmp(it->lo, it->hi, 16))
		parse_error(p, it->loc, "a resolver is one address, not a network or range");
	return true;
}

static bool parse_resolvers(struct parser *p, struct settings *s)
{
	if (parse_take(p, "auto"))
		return true;
	s->resolvers_given = true;
	return parse_some(p, resolver_element, s);
}

bool parse_set(struct parser *p, struct loc loc, int *ret)
{
	struct settings *s = &p->ctx->policy->settings;
	bool second = false;
	int key = -1;

	if (p->tok.kind == TOK_WORD)
		key = NAMES_FIND(names_setting, p->tok.s, p->tok.len);
	if (key < 0)
		return parse_unknown(p, "the key of a setting", names_setting, SETTINGS);
	if (s->given & (1u << key))
		return parse_error(p, p->tok.loc, "'%s' is set twice; it was set at %s", names_setting[key],
				   parse_place(p->ctx, p->ctx->settings[key], loc));
	s->given |= 1u << key;
	p->ctx->settings[key] = loc;
	*ret = key;
	parse_advance(p);
	switch ((enum setting)key) {
	case SET_MODE:
		return one_of(p, "enforce", "observe", &s->observe);
	case SET_ESTABLISHED:
		return one_of(p, "cut", "keep", &s->established_keep);
	case SET_RESOLVERS:
		return parse_resolvers(p, s);
	case SET_DNS_MIN_TTL:
		return parse_duration(p, &s->dns_min_ttl_ms, true);
	case SET_DNS_MAX_TTL:
		return parse_duration(p, &s->dns_max_ttl_ms, false);
	case SET_ASK_TIMEOUT:
		return parse_duration(p, &s->ask_timeout_ms, false);
	case SET_SOCKETS_OTHER:
		if (!one_of(p, "block", "pass", &second))
			return false;
		s->sockets_other = second ? CGW_PASS : CGW_BLOCK;
		return true;
	case SET_DNS_REBIND:
		return one_of(p, "block", "allow", &s->dns_rebind_allow);
	case SET_ON_FAILURE:
	default:
		return one_of(p, "block", "pass", &s->on_failure_pass);
	}
}
