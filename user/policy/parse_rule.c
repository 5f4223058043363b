// SPDX-License-Identifier: GPL-2.0-only
/* Rules and defaults. */
#include <string.h>

#include "parse.h"
#include "value.h"

/* What may follow the direction of a rule, beside selectors. */
enum match {
	M_QUICK,
	M_LOG,
	M_APP,
	M_PROTO,
	M_SERVICE,
	M_FROM,
	M_TO,
	M_ON,
	M_IF,
	M_UNLESS,
	M_LIMIT,
	M_UNTIL,
	M_LABEL,
	MATCHES
};

static const char *const match_words[MATCHES + SELECTORS] = {[M_QUICK] = "quick",
							     [M_LOG] = "log",
							     [M_APP] = "app",
							     [M_PROTO] = "proto",
							     [M_SERVICE] = "service",
							     [M_FROM] = "from",
							     [M_TO] = "to",
							     [M_ON] = "on",
							     [M_IF] = "if",
							     [M_UNLESS] = "unless",
							     [M_LIMIT] = "limit",
							     [M_UNTIL] = "until",
							     [M_LABEL] = "label",
							     /* selectors follow in the order of their enum */
							     [MATCHES + SEL_ANY] = "any",
							     [MATCHES + SEL_EXE] = "exe",
							     [MATCHES + SEL_SHA256] = "sha256",
							     [MATCHES + SEL_PACKAGE] = "package",
							     [MATCHES + SEL_PACKAGED] = "packaged",
							     [MATCHES + SEL_CGROUP] = "cgroup",
							     [MATCHES + SEL_UNIT] = "unit",
							     [MATCHES + SEL_CONTAINER] = "container",
							     [MATCHES + SEL_SCRIPT] = "script",
							     [MATCHES + SEL_ANCESTOR] = "ancestor",
							     [MATCHES + SEL_USER] = "user",
							     [MATCHES + SEL_GROUP] = "group"};

static bool take_action(struct parser *p, enum cgw_action *ret)
{
	int i = -1;

	if (p->tok.kind == TOK_WORD)
		i = NAMES_FIND(names_action, p->tok.s, p->tok.len);
	if (i < 0)
		return parse_unknown(p, "pass, block, reject or ask", names_action, CGW_ACTIONS);
	*ret = (enum cgw_action)i;
	parse_advance(p);
	return true;
}

static bool take_dir(struct parser *p, enum cgw_dir *ret)
{
	if (!parse_is(p, "in") && !parse_is(p, "out"))
		return parse_unknown(p, "`in` or `out`", names_dir, CGW_DIRS);
	*ret = parse_is(p, "in") ? CGW_IN : CGW_OUT;
	parse_advance(p);
	return true;
}

/* pass or block, after `else` or `background`. */
static bool take_verdict(struct parser *p, enum cgw_action *ret)
{
	static const char *const words[] = {"block", "pass"};

	if (!parse_is(p, "pass") && !parse_is(p, "block"))
		return parse_unknown(p, "`pass` or `block`", words, 2);
	*ret = parse_is(p, "pass") ? CGW_PASS : CGW_BLOCK;
	parse_advance(p);
	return true;
}

/* ACTION, with what belongs to `ask`. */
static bool parse_act(struct parser *p, struct act *ret)
{
	if (!take_action(p, &ret->action))
		return false;
	for (;;) {
		struct loc loc = p->tok.loc;
		bool timeout = parse_is(p, "timeout");

		if (!timeout && !parse_is(p, "else"))
			return true;
		if (ret->action != CGW_ASK)
			return parse_error(p, loc, "`%s` belongs to `ask`", timeout ? "timeout" : "else");
		if (timeout ? ret->timeout_ms != 0 : ret->has_else)
			return parse_error(p, loc, "`%s` is given twice", timeout ? "timeout" : "else");
		parse_advance(p);
		if (timeout) {
			if (!parse_duration(p, &ret->timeout_ms, false))
				return false;
			continue;
		}
		ret->has_else = true;
		if (!take_verdict(p, &ret->otherwise))
			return false;
		if (parse_take(p, "for") && !parse_duration(p, &ret->else_for_ms, false))
			return false;
	}
}

static bool parse_end(const struct parser *p)
{
	return p->tok.kind == TOK_END || p->tok.kind == TOK_NEWLINE;
}

bool parse_default(struct parser *p, struct loc loc, enum cgw_dir *ret)
{
	static const char *const words[] = {"log", "background", "timeout", "else", "for"};
	struct fallback f = {.loc = loc}, *known;
	enum cgw_dir dir = CGW_OUT;

	if (!take_dir(p, &dir))
		return false;
	known = &p->ctx->policy->fallback[dir];
	if (known->loc.line)
		return parse_error(p, loc, "a second `default %s`; the first is at %s", names_dir[dir],
				   parse_place(p->ctx, known->loc, loc));
	known->loc = loc;
	if (dir == CGW_IN && parse_is(p, "reject"))
		return parse_error(
			p, p->tok.loc,
			"inbound there is only `block`: nobody on this host could be told of a `reject`");
	if (!parse_act(p, &f.act))
		return false;
	while (!parse_end(p)) {
		if (!f.log && parse_take(p, "log")) {
			f.log = true;
		} else if (!f.has_background && parse_take(p, "background")) {
			f.has_background = true;
			if (!take_verdict(p, &f.background))
				return false;
		} else if (parse_is(p, "log") || parse_is(p, "background")) {
			return parse_error(p, p->tok.loc, "`%.*s` is given twice", (int)p->tok.len, p->tok.s);
		} else if (p->tok.kind == TOK_WORD && NAMES_FIND(match_words, p->tok.s, p->tok.len) >= 0) {
			return parse_error(p, p->tok.loc,
					   "a default holds for everything; `%.*s` belongs to a rule",
					   (int)p->tok.len, p->tok.s);
		} else {
			return parse_unknown(p, "`log`, `background` or the end of the default", words,
					     sizeof(words) / sizeof(*words));
		}
	}
	*known = f;
	*ret = dir;
	return true;
}

static bool parse_limit(struct parser *p, struct limit *ret)
{
	static const char *const words[] = {"up", "down"};
	const char *error;

	do {
		uint64_t rate = 0, *which;
		struct loc loc = p->tok.loc;

		if (p->tok.kind != TOK_WORD)
			return parse_unexpected(p, "a rate, as in 2MB/s");
		error = value_rate(p->tok.s, p->tok.len, &rate);
		if (error)
			return parse_error(p, loc, "%s", error);
		parse_advance(p);
		if (!parse_is(p, "up") && !parse_is(p, "down"))
			return parse_unknown(p, "`up` or `down` after the rate", words, 2);
		which = parse_is(p, "up") ? &ret->up : &ret->down;
		if (*which)
			return parse_error(p, p->tok.loc, "the rate `%s` is given twice",
					   parse_is(p, "up") ? "up" : "down");
		*which = rate;
		parse_advance(p);
	} while (p->tok.kind == TOK_WORD && p->tok.s[0] >= '0' && p->tok.s[0] <= '9');
	return true;
}

static bool parse_until(struct parser *p, struct rule *r)
{
	const char *error;

	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, "a time, as in 2026-12-01T18:00");
	r->has_until = true;
	error = value_time(p->tok.s, p->tok.len, &r->until, &r->until_dated);
	if (error)
		parse_error(p, p->tok.loc, "%s", error);
	parse_advance(p);
	return true;
}

static bool parse_end_hosts(struct parser *p, struct hosts *hosts, struct ports *ports)
{
	return parse_hosts(p, hosts) && (!parse_take(p, "port") || parse_ports(p, ports));
}

static bool parse_match(struct parser *p, struct rule *r, int match, struct loc loc)
{
	struct loc value = p->tok.loc;
	struct expr *e;

	if (match >= MATCHES) {
		e = parse_selector(p, (enum selector)(match - MATCHES), loc);
		if (e)
			parse_join(p, EXPR_AND, &r->who, e);
		return e;
	}
	switch ((enum match)match) {
	case M_QUICK:
		r->quick = true;
		return true;
	case M_LOG:
		r->log = true;
		return true;
	case M_APP:
		e = parse_apps(p);
		if (e)
			parse_join(p, EXPR_AND, &r->who, e);
		return e;
	case M_PROTO:
		return parse_protos(p, &r->protos, &r->nprotos);
	case M_SERVICE:
		return parse_services(p, &r->services, &r->nservices);
	case M_FROM:
		return parse_end_hosts(p, &r->from, &r->from_ports);
	case M_TO:
		return parse_end_hosts(p, &r->to, &r->to_ports);
	case M_ON:
		r->iface = parse_string(p, "the interface of `on`");
		if (r->iface && *r->iface)
			parse_iface(p, value, r->iface);
		return r->iface;
	case M_IF:
		r->when = parse_when(p);
		return r->when;
	case M_UNLESS:
		r->unless = parse_when(p);
		return r->unless;
	case M_LIMIT:
		return parse_limit(p, &r->limit);
	case M_UNTIL:
		return parse_until(p, r);
	case M_LABEL:
		r->label = parse_string(p, "the text of `label`");
		return r->label;
	case MATCHES:
	default:
		return false;
	}
}

/* A word that begins no match. Says what it is, where it is something. */
static bool unknown_match(struct parser *p)
{
	static const char wanted[] = "a match or the end of the rule";
	static const struct {
		enum symbol_kind kind;
		const char *meant;
	} defined[] = {{SYM_APP, "app"}, {SYM_SERVICE, "service"}, {SYM_GROUP, "to"}, {SYM_CONDITION, "if"}};
	char *word;

	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, wanted);
	word = lex_text(p->ctx->arena, &p->tok);
	if (!strcmp(word, "port"))
		return parse_error(p, p->tok.loc,
				   "`port` stands after the hosts of `from` or `to`; for every host write "
				   "`to any port ...`");
	if (!strcmp(word, "in") || !strcmp(word, "out"))
		return parse_error(p, p->tok.loc, "a rule has one direction, right after its action");
	if (!strcmp(word, "timeout") || !strcmp(word, "else"))
		return parse_error(p, p->tok.loc, "`%s` belongs to `ask` and stands before the direction",
				   word);
	if (!strcmp(word, "background"))
		return parse_error(p, p->tok.loc, "`background` belongs to a default");
	if (!strcmp(word, "not"))
		return parse_error(p, p->tok.loc,
				   "`not` stands before the hosts of `from` or `to` and in the definition of "
				   "an app or condition");
	for (size_t i = 0; i < sizeof(defined) / sizeof(*defined); i++)
		if (symbols_find(&p->ctx->symbols, defined[i].kind, word))
			return parse_error(p, p->tok.loc, "expected %s, found '%s'; did you mean '%s %s'?",
					   wanted, word, defined[i].meant, word);
	return parse_unknown(p, wanted, match_words, MATCHES + SELECTORS);
}

bool parse_rule(struct parser *p, struct rule *r)
{
	uint64_t given = 0;

	static_assert(MATCHES + SELECTORS <= 64, "given is a bit set");
	r->loc = p->tok.loc;
	if (!parse_act(p, &r->act))
		return false;
	if (!take_dir(p, &r->dir))
		return false;
	while (!parse_end(p)) {
		struct loc loc = p->tok.loc;
		int match = -1;

		if (p->tok.kind == TOK_WORD)
			match = NAMES_FIND(match_words, p->tok.s, p->tok.len);
		if (match < 0)
			return unknown_match(p);
		if (given & (1ull << match))
			return parse_error(p, loc, "`%s` is given twice in this rule%s", match_words[match],
					   match == M_APP || (match > M_APP && match < M_ON) ||
							   match >= MATCHES
						   ? "; several values stand in one { list }"
						   : "");
		given |= 1ull << match;
		parse_advance(p);
		if (!parse_match(p, r, match, loc))
			return false;
	}
	return true;
}
