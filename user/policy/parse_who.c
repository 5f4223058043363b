// SPDX-License-Identifier: GPL-2.0-only
/* Who: selectors and apps. */
#include <string.h>

#include "glob.h"
#include "parse.h"
#include "value.h"

/* Checks and tidies the pattern of an executable's path. */
static void check_path(struct parser *p, struct loc loc, enum selector sel, char *glob)
{
	const char *error = glob_check(glob);

	if (error)
		parse_error(p, loc, "bad pattern: %s", error);
	else if (*glob != '/' && *glob != '*')
		parse_error(p, loc, "the path of `%s` begins with `/` (or with `**`, for any folder)",
			    names_selector[sel]);
	else if (strlen(glob) >= CGW_PATH_MAX)
		parse_error(p, loc, "a path has at most %d bytes", CGW_PATH_MAX - 1);
}

static char *check_cgroup(struct parser *p, struct loc loc, char *glob)
{
	const char *error = glob_check(glob);
	size_t n;

	glob += strspn(glob, "/");
	n = strlen(glob);
	while (n && glob[n - 1] == '/')
		glob[--n] = '\0';
	if (error)
		parse_error(p, loc, "bad pattern: %s", error);
	else if (!n)
		parse_error(p, loc,
			    "the root cgroup holds every program; leave the selector out or write `any`");
	else if (n >= CGW_PATH_MAX)
		parse_error(p, loc, "a path has at most %d bytes", CGW_PATH_MAX - 1);
	else if (!strncmp(glob, "sys/fs/cgroup/", 14))
		parse_error(p, loc, "the path begins below the cgroup v2 root: \"%s\"", glob + 14);
	return glob;
}

static void check_unit(struct parser *p, struct loc loc, const char *text)
{
	if (strpbrk(text, "/*?["))
		parse_error(p, loc, "`unit` takes the name of one unit; `cgroup` takes a path or a pattern");
}

/* A user or a group: a number, a bare name, or a string, which is always a name. */
static bool parse_id(struct parser *p, struct expr *e)
{
	const char *what = e->sel == SEL_USER ? "a user's name or number" : "a group's name or number";
	uint64_t id;

	if (p->tok.kind != TOK_STRING && p->tok.kind != TOK_WORD)
		return parse_unexpected(p, what);
	if (p->tok.kind == TOK_WORD && p->tok.s[0] >= '0' && p->tok.s[0] <= '9') {
		if (value_number(p->tok.s, p->tok.len, UINT32_MAX - 1, &id)) {
			e->numeric = true;
			e->id = (uint32_t)id;
		} else {
			parse_error(p, p->tok.loc,
				    "a user's or group's number is from 0 to 4294967294; a name that begins "
				    "with a digit stands "
				    "in quotes");
		}
	} else if (p->tok.kind == TOK_WORD && !lex_is_name(p->tok.s, p->tok.len)) {
		return parse_unexpected(p, what);
	}
	if (!p->tok.len || p->tok.len > POLICY_NAME_MAX)
		parse_error(p, p->tok.loc, "a user's or group's name has 1 to %d bytes", POLICY_NAME_MAX);
	e->text = lex_text(p->ctx->arena, &p->tok);
	parse_advance(p);
	return true;
}

static bool parse_sha256(struct parser *p, struct expr *e)
{
	char digest[65] = "";
	const char *error;

	if (p->tok.kind != TOK_STRING && p->tok.kind != TOK_WORD)
		return parse_unexpected(p, "64 hexadecimal digits");
	error = value_sha256(p->tok.s, p->tok.len, digest);
	if (error)
		parse_error(p, p->tok.loc, "%s", error);
	e->text = arena_strn(p->ctx->arena, digest, strlen(digest));
	parse_advance(p);
	return true;
}

static bool parse_value(struct parser *p, struct expr *e)
{
	static const char *const what[SELECTORS] = {[SEL_EXE] = "the path of `exe`",
						    [SEL_PACKAGE] = "the name of `package`",
						    [SEL_CGROUP] = "the path of `cgroup`",
						    [SEL_UNIT] = "the name of `unit`",
						    [SEL_CONTAINER] = "the name of `container`",
						    [SEL_SCRIPT] = "the path of `script`",
						    [SEL_ANCESTOR] = "the path of `ancestor`"};
	struct loc loc = p->tok.loc;

	if (e->sel == SEL_USER || e->sel == SEL_GROUP)
		return parse_id(p, e);
	if (e->sel == SEL_SHA256)
		return parse_sha256(p, e);
	e->text = parse_string(p, what[e->sel]);
	if (!e->text)
		return false;
	if (!*e->text)
		return true;
	if (e->sel == SEL_EXE || e->sel == SEL_SCRIPT || e->sel == SEL_ANCESTOR)
		check_path(p, loc, e->sel, e->text);
	else if (e->sel == SEL_CGROUP)
		e->text = check_cgroup(p, loc, e->text);
	else if (e->sel == SEL_UNIT)
		check_unit(p, loc, e->text);
	return true;
}

struct values {
	enum selector sel;
	struct expr *expr;
};

static bool value_element(struct parser *p, void *arg)
{
	struct values *v = arg;
	struct expr *e = parse_new_expr(p, EXPR_SELECTOR, p->tok.loc);

	e->sel = v->sel;
	if (!parse_value(p, e))
		return false;
	parse_join(p, EXPR_OR, &v->expr, e);
	return true;
}

struct expr *parse_selector(struct parser *p, enum selector sel, struct loc loc)
{
	struct values v = {.sel = sel};

	if (sel == SEL_ANY || sel == SEL_PACKAGED) {
		v.expr = parse_new_expr(p, EXPR_SELECTOR, loc);
		v.expr->sel = sel;
		return v.expr;
	}
	if (!parse_some(p, value_element, &v))
		return NULL;
	v.expr->loc = loc;
	return v.expr;
}

static struct expr *who_operand(struct parser *p)
{
	struct loc loc = p->tok.loc;
	int sel = -1;

	if (p->tok.kind == TOK_WORD)
		sel = NAMES_FIND(names_selector, p->tok.s, p->tok.len);
	if (sel >= 0) {
		parse_advance(p);
		return parse_selector(p, (enum selector)sel, loc);
	}
	if (p->tok.kind != TOK_WORD || parse_is(p, "and") || parse_is(p, "or")) {
		parse_unexpected(p, "a selector or the name of an app");
		return NULL;
	}
	if (parse_peek(p).kind == TOK_STRING) { /* no app has a value */
		parse_unknown(p, "a selector or the name of an app", names_selector, SELECTORS);
		return NULL;
	}
	return parse_reference(p, EXPR_APP, "the name of an app");
}

static bool app_element(struct parser *p, void *arg)
{
	struct expr **all = arg, *e;

	if (parse_is(p, "not"))
		return parse_error(p, p->tok.loc,
				   "`not` stands in the definition of an app: app NAME = not ...");
	e = parse_reference(p, EXPR_APP, "the name of an app");
	if (!e)
		return false;
	parse_join(p, EXPR_OR, all, e);
	return true;
}

struct expr *parse_apps(struct parser *p)
{
	struct expr *all = NULL;

	return parse_some(p, app_element, &all) ? all : NULL;
}

struct expr *parse_who(struct parser *p)
{
	return parse_expr(p, who_operand);
}
