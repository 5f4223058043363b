// SPDX-License-Identifier: GPL-2.0-only
#include "choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../policy/value.h"

static const char *const lives[CHOICE_LIVES] = {
	[CHOICE_ONCE] = "once",	  [CHOICE_TIME] = "",	      [CHOICE_PROGRAM] = "program",
	[CHOICE_TODAY] = "today", [CHOICE_REBOOT] = "reboot", [CHOICE_EVER] = "ever",
};
static const char *const whoms[CHOICE_WHOMS] = {
	[CHOICE_ADDRESS] = "address",
	[CHOICE_NAME] = "name",
	[CHOICE_DOMAIN] = "domain",
	[CHOICE_ANY] = "any",
};
static const char *const whos[CHOICE_WHOS] = {
	[CHOICE_EXE] = "program", [CHOICE_UNIT] = "unit",     [CHOICE_CONTAINER] = "container",
	[CHOICE_USER] = "user",	  [CHOICE_CGROUP] = "cgroup", [CHOICE_ANYBODY] = "anybody",
};

/* The place of a word in a table, or -1. */
static int find(const char *const *table, size_t n, const char *word, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (len && strlen(table[i]) == len && !memcmp(table[i], word, len))
			return (int)i;
	return -1;
}

static const char *read_scope(const char *text, struct choice *c)
{
	bool whom = false, port = false;

	for (;;) {
		size_t n = strcspn(text, ",");
		int i = find(whoms, CHOICE_WHOMS, text, n);

		if (i >= 0 && !whom) {
			c->whom = (enum choice_whom)i;
			whom = true;
		} else if (n == 4 && !memcmp(text, "port", 4) && !port) {
			port = true;
		} else {
			return "a scope is one of address, name, domain and any, and port, with a comma "
			       "between";
		}
		if (!text[n])
			break;
		text += n + 1;
	}
	if (!whom)
		c->whom = CHOICE_ANY;
	c->port = port;
	return NULL;
}

static const char *read_life(const char *text, struct choice *c)
{
	int i = find(lives, CHOICE_LIVES, text, strlen(text));

	if (i >= 0) {
		c->life = (enum choice_life)i;
		return NULL;
	}
	c->life = CHOICE_TIME;
	if (value_duration(text, strlen(text), &c->ms) || !c->ms)
		return "an answer is for once, a duration (30s, 5m, 2h, 7d), program, today, reboot or ever";
	return NULL;
}

const char *choice_read(const char *verdict, const char *life, const char *scope, const char *who,
			struct choice *ret)
{
	struct choice c = {.whom = CHOICE_ADDRESS, .port = true};
	const char *wrong;
	int i;

	if (verdict && !strcmp(verdict, "pass"))
		c.verdict = CGW_PASS;
	else if (verdict && !strcmp(verdict, "block"))
		c.verdict = CGW_BLOCK;
	else
		return "an answer is pass or block";
	wrong = life ? read_life(life, &c) : NULL;
	if (!wrong && scope)
		wrong = read_scope(scope, &c);
	if (wrong)
		return wrong;
	if (who) {
		i = find(whos, CHOICE_WHOS, who, strlen(who));
		if (i < 0)
			return "an answer is for this program, unit, container, user or cgroup, or for "
			       "anybody";
		c.who = (enum choice_who)i;
	}
	*ret = c;
	return NULL;
}

const char *choice_life(const struct choice *c, char *out, size_t size)
{
	char *text = NULL;
	size_t n;
	FILE *f;

	if (c->life != CHOICE_TIME)
		return lives[c->life];
	f = open_memstream(&text, &n);
	if (f) {
		value_print_duration(c->ms, f);
		fclose(f);
	}
	snprintf(out, size, "%s", text ? text : "?");
	free(text);
	return out;
}

const char *choice_scope(const struct choice *c, char *out, size_t size)
{
	snprintf(out, size, "%s%s", whoms[c->whom], c->port ? ",port" : "");
	return out;
}

const char *choice_who(const struct choice *c)
{
	return whos[c->who];
}
