// SPDX-License-Identifier: GPL-2.0-only
/* Who and when. */
#include <stdlib.h>
#include <string.h>

#include "gen.h"

/* ---- paths and patterns ---- */

static const char *const dirs[] = {"/bin", "/usr/bin", "/opt/a", "/a", "/a/b", ""};
static const char *const files[] = {"a", "b", "ab", "ba", "aa", "abc", "a.b", "a-b"};

void gen_path(struct gen *g, FILE *out)
{
	fputs(PICK(&g->rng, dirs), out);
	fprintf(out, "/%s", PICK(&g->rng, files));
	if (rng_once(&g->rng, 4))
		fprintf(out, "/%s", PICK(&g->rng, files));
}

static const char *const parts[] = {"system.slice", "user.slice", "a.service", "b.service", "user@1.service",
				    "x.scope",	    "a",	  "b",	       "c.slice",   "user@.scope"};

void gen_cgroup(struct gen *g, FILE *out)
{
	unsigned n = 1 + rng_below(&g->rng, 4);

	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%s%s", i ? "/" : "", PICK(&g->rng, parts));
}

static char *text_of(struct gen *g, void (*write)(struct gen *g, FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	write(g, f);
	fclose(f);
	return text;
}

/* A path with pieces replaced by wildcards, as it stands in quotes. */
static void write_glob(struct gen *g, const char *path, FILE *out)
{
	static const char *const wild[] = {"*", "**", "?", "[ab]", "[!a]", "[a-c.]", "\\\\a", "*a*", "**/"};

	for (const char *s = path; *s; s++) {
		if ((s == path && *s == '/') || !rng_once(&g->rng, 4)) {
			fputc(*s, out);
			continue;
		}
		fputs(PICK(&g->rng, wild), out);
		s += strspn(s + 1, "abc") * rng_below(&g->rng, 2);
	}
}

static void keep(struct gen *g, char **pool, size_t *n, char *text)
{
	if (*n < GEN_POOL)
		pool[(*n)++] = text;
	else
		free(text);
	(void)g;
}

/* Later ones are literal: too many of them, so close to each other, make an automaton too large. */
#define PATTERNS_MAX 30
#define CGROUP_PATTERNS_MAX 6

static void path_value(struct gen *g, FILE *out)
{
	char *path = text_of(g, gen_path);

	if (rng_once(&g->rng, 2) || g->npaths > PATTERNS_MAX)
		fputs(path, out);
	else
		write_glob(g, path, out);
	keep(g, g->paths, &g->npaths, path);
}

/* A path; often one that the policy has already, a part of one, or one below it. */
static void related_cgroup(struct gen *g, FILE *out)
{
	const char *known;

	if (!g->ncgroups || rng_once(&g->rng, 2)) {
		gen_cgroup(g, out);
		return;
	}
	known = g->cgroups[rng_below(&g->rng, (uint32_t)g->ncgroups)];
	if (rng_once(&g->rng, 2) && strchr(known, '/'))
		fprintf(out, "%.*s", (int)(strrchr(known, '/') - known), known);
	else
		fprintf(out, "%s/%s", known, PICK(&g->rng, parts));
}

static void cgroup_value(struct gen *g, FILE *out)
{
	char *path = text_of(g, related_cgroup);

	if (rng_once(&g->rng, 6))
		fputc('/', out);
	if (rng_once(&g->rng, 2) || g->ncgroups > CGROUP_PATTERNS_MAX)
		fputs(path, out);
	else
		write_glob(g, path, out);
	keep(g, g->cgroups, &g->ncgroups, path);
}

/* ---- selectors ---- */

enum { EXE, CGROUP, UNIT, USER, GROUP, SHA256, PACKAGE, PACKAGED, CONTAINER, SCRIPT, ANCESTOR, KINDS };
static const char *const words[KINDS] = {"exe",	    "cgroup",	"unit",	     "user",   "group",	  "sha256",
					 "package", "packaged", "container", "script", "ancestor"};
static const char *const users[] = {"root", "alice", "0", "1", "1000", "4294967294"};
static const char *const digests[] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
				      "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
static const char *const packages[] = {"curl", "bash"};
static const char *const containers[] = {"web", "db", "0123456789ab", "0123", "01234567"};

static void value(struct gen *g, unsigned kind, FILE *out)
{
	if (kind == USER || kind == GROUP) {
		fputs(PICK(&g->rng, users), out);
		return;
	}
	fputc('"', out);
	switch (kind) {
	case EXE:
	case SCRIPT:
	case ANCESTOR:
		path_value(g, out);
		break;
	case CGROUP:
		cgroup_value(g, out);
		break;
	case UNIT:
		fputs(PICK(&g->rng, parts), out);
		break;
	case SHA256:
		fputs(PICK(&g->rng, digests), out);
		break;
	case PACKAGE:
		fputs(PICK(&g->rng, packages), out);
		break;
	default:
		fputs(PICK(&g->rng, containers), out);
	}
	fputc('"', out);
}

/* Common ones twice as often. */
static unsigned random_kind(struct gen *g)
{
	return rng_below(&g->rng, 2) ? rng_below(&g->rng, SHA256) : rng_below(&g->rng, KINDS);
}

static void selector(struct gen *g, unsigned kind, FILE *out)
{
	unsigned n = 1 + rng_below(&g->rng, 3);

	if (rng_once(&g->rng, 20)) {
		fputs("any", out);
		return;
	}
	fputs(words[kind], out);
	if (kind == PACKAGED)
		return;
	fputs(n > 1 ? " {" : "", out);
	for (unsigned i = 0; i < n; i++) {
		fputs(i ? ", " : " ", out);
		value(g, kind, out);
	}
	fputs(n > 1 ? " }" : "", out);
}

/* An expression over operands that `operand` writes. */
static void expression(struct gen *g, FILE *out, unsigned defined, unsigned depth,
		       void (*operand)(struct gen *g, FILE *out, unsigned defined))
{
	unsigned n = 2 + rng_below(&g->rng, 2);

	switch (depth ? rng_below(&g->rng, 6) : 0) {
	case 0:
	case 1:
		operand(g, out, defined);
		return;
	case 2:
		fputs("not ", out);
		expression(g, out, defined, depth - 1, operand);
		return;
	case 3:
		fputs("{ ", out);
		for (unsigned i = 0; i < n; i++) {
			fputs(i ? ", " : "", out);
			expression(g, out, defined, depth - 1, operand);
		}
		fputs(" }", out);
		return;
	case 4:
		fputs("(", out);
		for (unsigned i = 0; i < n; i++) {
			fputs(i ? " and " : "", out);
			expression(g, out, defined, depth - 1, operand);
		}
		fputs(")", out);
		return;
	default:
		fputs("(", out);
		for (unsigned i = 0; i < n; i++) {
			fputs(i ? " or " : "", out);
			expression(g, out, defined, depth - 1, operand);
		}
		fputs(")", out);
	}
}

static void app_operand(struct gen *g, FILE *out, unsigned defined)
{
	if (defined && rng_once(&g->rng, 3))
		fprintf(out, "a%u", rng_below(&g->rng, defined));
	else
		selector(g, random_kind(g), out);
}

void gen_app(struct gen *g, FILE *out, unsigned defined, unsigned depth)
{
	expression(g, out, defined, depth, app_operand);
}

/* What a rule says of who: an app, and selectors of different kinds. */
void gen_who(struct gen *g, FILE *out, unsigned defined)
{
	unsigned used = 0;

	if (defined && rng_once(&g->rng, 2)) {
		if (rng_once(&g->rng, 4))
			fprintf(out, " app { a%u, a%u }", rng_below(&g->rng, defined),
				rng_below(&g->rng, defined));
		else
			fprintf(out, " app a%u", rng_below(&g->rng, defined));
		if (!rng_once(&g->rng, 4))
			return;
	}
	for (unsigned i = 1 + rng_once(&g->rng, 4); i; i--) {
		unsigned kind = random_kind(g);

		if (used & 1u << kind)
			continue;
		used |= 1u << kind;
		fprintf(out, " %s", words[kind]);
		if (kind == PACKAGED)
			continue;
		fputc(' ', out);
		value(g, kind, out);
	}
}

/* ---- when ---- */

static const char *const ifaces[] = {"eth0", "eth1", "wg0", "tun0", "lo"};
static const char *const iface_globs[] = {"eth*", "wg?", "*", "[el]*", "eth0", "tun0"};
static const char *const ssids[] = {"home", "cafe"};
static const char *const times[] = {"08:00-18:00", "22:00-06:00", "00:00-12:00", "12:00-24:00"};
static const char *const days[] = {"mon-fri", "sat-sun", "wed", "fri-mon"};

void gen_iface(struct gen *g, FILE *out)
{
	fprintf(out, "\"%s\"", PICK(&g->rng, iface_globs));
}

static void fact(struct gen *g, FILE *out, unsigned defined)
{
	switch (rng_below(&g->rng, defined ? 6 : 4)) {
	case 0:
		fprintf(out, "ssid \"%s\"%s%s", PICK(&g->rng, ssids), rng_once(&g->rng, 3) ? " secured" : "",
			rng_once(&g->rng, 4) ? " bssid \"aa:bb:cc:dd:ee:ff\"" : "");
		break;
	case 1:
		fprintf(out, "active \"%s\"", PICK(&g->rng, iface_globs));
		break;
	case 2:
		fprintf(out, "time %s", PICK(&g->rng, times));
		break;
	case 3:
		fprintf(out, "days %s", PICK(&g->rng, days));
		break;
	default:
		fprintf(out, "c%u", rng_below(&g->rng, defined));
	}
}

void gen_condition(struct gen *g, FILE *out, unsigned defined, unsigned depth)
{
	expression(g, out, defined, depth, fact);
}

/* ---- questions ---- */

char *gen_facts(struct gen *g)
{
	static const char *const stamps[] = {"1767225599", "1767225600", "1767225601",
					     "1767312000", "1767430800", "1767488400",
					     "1767528000", "1767571200", "1767700000"};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, " time=%s", PICK(&g->rng, stamps));
	if (rng_once(&g->rng, 4)) {
		/* several interfaces: none has all that is asked, or one has */
		fprintf(f, " ssid=%s,%s", PICK(&g->rng, ssids), PICK(&g->rng, ssids));
		fprintf(f, " secured=%s,%s", rng_once(&g->rng, 2) ? "yes" : "no",
			rng_once(&g->rng, 2) ? "yes" : "no");
		if (rng_once(&g->rng, 2))
			fprintf(f, " bssid=aa:bb:cc:dd:ee:f%c,aa:bb:cc:dd:ee:f%c",
				rng_once(&g->rng, 2) ? 'f' : 'e', rng_once(&g->rng, 2) ? 'f' : 'e');
	} else {
		if (rng_once(&g->rng, 2))
			fprintf(f, " ssid=%s", PICK(&g->rng, ssids));
		if (rng_once(&g->rng, 2))
			fputs(" secured=yes", f);
		if (rng_once(&g->rng, 3))
			fputs(" bssid=aa:bb:cc:dd:ee:ff", f);
	}
	if (rng_once(&g->rng, 2)) {
		fprintf(f, " active=%s", PICK(&g->rng, ifaces));
		if (rng_once(&g->rng, 3))
			fprintf(f, ",%s", PICK(&g->rng, ifaces));
	}
	fclose(f);
	return text;
}

/* A path that the policy mentions, or below one, or another. */
static void query_path(struct gen *g, FILE *out)
{
	if (g->npaths && !rng_once(&g->rng, 3))
		fputs(g->paths[rng_below(&g->rng, (uint32_t)g->npaths)], out);
	else
		gen_path(g, out);
	if (rng_once(&g->rng, 10))
		fprintf(out, "/%s", PICK(&g->rng, files));
}

static void query_cgroup(struct gen *g, FILE *out)
{
	if (g->ncgroups && !rng_once(&g->rng, 3)) {
		fputs(g->cgroups[rng_below(&g->rng, (uint32_t)g->ncgroups)], out);
		if (!rng_once(&g->rng, 3))
			return;
		fputc('/', out);
	}
	gen_cgroup(g, out);
}

void gen_query_who(struct gen *g, FILE *out)
{
	if (!rng_once(&g->rng, 3)) {
		fputs(" exe=", out);
		query_path(g, out);
	}
	if (!rng_once(&g->rng, 3)) {
		if (rng_once(&g->rng, 6)) {
			fprintf(out, " unit=%s", PICK(&g->rng, parts));
		} else {
			fputs(" cgroup=", out);
			query_cgroup(g, out);
		}
	}
	if (!rng_once(&g->rng, 3))
		fprintf(out, " user=%s", PICK(&g->rng, users));
	if (rng_once(&g->rng, 2))
		fprintf(out, " group=%s", PICK(&g->rng, users));
}

char *gen_given(struct gen *g)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (rng_once(&g->rng, 3))
		fprintf(out, " sha256=%s", PICK(&g->rng, digests));
	if (rng_once(&g->rng, 3))
		fprintf(out, " package=%s", PICK(&g->rng, packages));
	if (rng_once(&g->rng, 3))
		fprintf(out, " container=%s%s", PICK(&g->rng, containers),
			rng_once(&g->rng, 4) ? "cdef" : "");
	if (rng_once(&g->rng, 3)) {
		fputs(" script=", out);
		query_path(g, out);
	}
	if (rng_once(&g->rng, 3)) {
		fputs(" ancestor=", out);
		query_path(g, out);
		if (rng_once(&g->rng, 2)) {
			fputc(',', out);
			query_path(g, out);
		}
	}
	if (rng_once(&g->rng, 2))
		fprintf(out, " on=%s", PICK(&g->rng, ifaces));
	if (rng_once(&g->rng, 2)) {
		fputs(" domain=", out);
		gen_name(g, out);
		for (unsigned n = rng_below(&g->rng, 3) * rng_below(&g->rng, 3); n; n--) {
			fputc(',', out);
			gen_name(g, out);
		}
	}
	fclose(out);
	return text;
}
