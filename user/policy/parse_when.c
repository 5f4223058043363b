// SPDX-License-Identifier: GPL-2.0-only
/* When: facts and conditions. */
#include <string.h>

#include "glob.h"
#include "parse.h"
#include "value.h"

#define SSID_MAX 32
#define IFACE_MAX 15

void parse_iface(struct parser *p, struct loc loc, const char *text)
{
	const char *error = glob_check(text);

	if (error)
		parse_error(p, loc, "bad pattern: %s", error);
	else if (strpbrk(text, "/ \t"))
		parse_error(p, loc, "the name of an interface has no slash and no white space");
	else if (glob_is_plain(text) && strlen(text) > IFACE_MAX)
		parse_error(p, loc, "the name of an interface has at most %d bytes", IFACE_MAX);
}

static bool parse_ssid(struct parser *p, struct expr *e)
{
	struct loc loc = p->tok.loc;

	e->text = parse_string(p, "the name of `ssid`");
	if (!e->text)
		return false;
	if (strlen(e->text) > SSID_MAX)
		parse_error(p, loc, "an SSID has at most %d bytes", SSID_MAX);
	for (;;) {
		char *text;

		loc = p->tok.loc;
		if (!e->secured && parse_take(p, "secured")) {
			e->secured = true;
		} else if (!e->has_bssid && parse_take(p, "bssid")) {
			loc = p->tok.loc;
			text = parse_string(p, "the address of `bssid`");
			if (!text)
				return false;
			e->has_bssid = true;
			if (*text && !value_bssid(text, e->bssid))
				parse_error(p, loc, "a BSSID is six bytes, as in \"aa:bb:cc:dd:ee:ff\"");
		} else if (parse_is(p, "secured") || parse_is(p, "bssid")) {
			return parse_error(p, loc, "`%.*s` is given twice", (int)p->tok.len, p->tok.s);
		} else {
			return true;
		}
	}
}

static bool days_element(struct parser *p, void *arg)
{
	struct expr *e = arg;
	const char *error;

	if (p->tok.kind != TOK_WORD)
		return parse_unexpected(p, "days, as in mon-fri");
	error = value_days(p->tok.s, p->tok.len, &e->days);
	if (error)
		parse_error(p, p->tok.loc, "%s", error);
	parse_advance(p);
	return true;
}

static bool parse_fact(struct parser *p, struct expr *e)
{
	struct loc loc = p->tok.loc;
	const char *error;

	switch (e->fact) {
	case FACT_SSID:
		return parse_ssid(p, e);
	case FACT_ACTIVE:
		e->text = parse_string(p, "the interface of `active`");
		if (!e->text)
			return false;
		parse_iface(p, loc, e->text);
		return true;
	case FACT_TIME:
		if (p->tok.kind != TOK_WORD)
			return parse_unexpected(p, "a time of the day, as in 08:00-18:00");
		error = value_clock_range(p->tok.s, p->tok.len, &e->from, &e->to);
		if (error)
			parse_error(p, loc, "%s", error);
		parse_advance(p);
		return true;
	case FACT_DAYS:
	default:
		return parse_some(p, days_element, e);
	}
}

static struct expr *when_operand(struct parser *p)
{
	struct expr *e;
	int fact = -1;

	if (p->tok.kind == TOK_WORD)
		fact = NAMES_FIND(names_fact, p->tok.s, p->tok.len);
	if (fact >= 0) {
		e = parse_new_expr(p, EXPR_FACT, p->tok.loc);
		e->fact = (enum fact)fact;
		parse_advance(p);
		return parse_fact(p, e) ? e : NULL;
	}
	if (p->tok.kind != TOK_WORD || parse_is(p, "and") || parse_is(p, "or")) {
		parse_unexpected(p, "a fact or the name of a condition");
		return NULL;
	}
	if (parse_peek(p).kind == TOK_STRING) { /* no condition has a value */
		parse_unknown(p, "a fact or the name of a condition", names_fact, FACTS);
		return NULL;
	}
	return parse_reference(p, EXPR_CONDITION, "the name of a condition");
}

struct expr *parse_when(struct parser *p)
{
	return parse_expr(p, when_operand);
}
