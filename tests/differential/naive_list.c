// SPDX-License-Identifier: GPL-2.0-only
#include "naive_list.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool naive_between(const uint8_t addr[16], const uint8_t lo[16], const uint8_t hi[16], bool v6)
{
	static const uint8_t v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (!memcmp(addr, v4, 12) == v6)
		return false;
	return memcmp(lo, addr, 16) <= 0 && memcmp(addr, hi, 16) <= 0;
}

bool naive_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	if (!strcmp(name, domain))
		return true;
	return n > d && name[n - d - 1] == '.' && !strcmp(name + n - d, domain);
}

static bool read_address(const char *text, uint8_t ret[16])
{
	memset(ret, 0, 16);
	if (inet_pton(AF_INET6, text, ret) == 1)
		return true;
	ret[10] = ret[11] = 0xff;
	return inet_pton(AF_INET, text, ret + 12) == 1;
}

/* ADDR, ADDR/BITS or ADDR-ADDR */
static bool read_net(char *word, struct naive_line *ret)
{
	char *slash = strchr(word, '/'), *dash = strchr(word, '-');
	bool colon = strchr(word, ':');
	int bits = 128;

	if (slash)
		*slash = '\0';
	if (dash)
		*dash = '\0';
	if (!read_address(word, ret->lo)) {
		if (slash)
			*slash = '/';
		if (dash)
			*dash = '-';
		return false;
	}
	memcpy(ret->hi, ret->lo, 16);
	if (dash)
		return read_address(dash + 1, ret->hi);
	if (slash)
		bits = atoi(slash + 1) + (colon ? 0 : 96);
	for (int i = bits; i < 128; i++) {
		ret->lo[i / 8] &= (uint8_t) ~(0x80 >> (i % 8));
		ret->hi[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	}
	return true;
}

static struct naive_line *add(struct naive_list *l)
{
	l->lines = realloc(l->lines, (l->n + 1) * sizeof(*l->lines));
	memset(&l->lines[l->n], 0, sizeof(*l->lines));
	return &l->lines[l->n++];
}

static void add_name(struct naive_list *l, const char *word)
{
	struct naive_line *line = add(l);

	line->is_name = true;
	if (!strncmp(word, "*.", 2) || *word == '.') {
		line->below = true;
		word = strchr(word, '.') + 1;
	}
	for (size_t i = 0; word[i] && i < 255; i++)
		line->name[i] = (char)tolower((unsigned char)word[i]);
	if (*line->name && line->name[strlen(line->name) - 1] == '.')
		line->name[strlen(line->name) - 1] = '\0';
}

static void read_line(struct naive_list *l, char *text)
{
	struct naive_line net = {0}, ignored;
	char *word, *rest = NULL;

	text[strcspn(text, "#;\r\n")] = '\0';
	word = strtok_r(text, " \t", &rest);
	if (!word)
		return;
	if (!read_net(word, &net)) {
		add_name(l, word);
		return;
	}
	word = strtok_r(NULL, " \t", &rest);
	if (!word) {
		static const uint8_t v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

		net.v6 = memcmp(net.lo, v4, 12) || memcmp(net.hi, v4, 12);
		*add(l) = net;
	}
	for (; word; word = strtok_r(NULL, " \t", &rest))
		if (!read_net(word, &ignored))
			add_name(l, word);
}

int naive_list_read(struct naive_list *l, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	if (!f)
		return -1;
	l->path = strdup(path);
	while (fgets(line, sizeof(line), f))
		read_line(l, line);
	fclose(f);
	return 0;
}

void naive_list_free(struct naive_list *l)
{
	free(l->path);
	free(l->lines);
}

bool naive_list_has_address(const struct naive_list *l, const uint8_t addr[16])
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->lines[i].is_name &&
		    naive_between(addr, l->lines[i].lo, l->lines[i].hi, l->lines[i].v6))
			return true;
	return false;
}

bool naive_list_has_name(const struct naive_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->lines[i].is_name && (l->lines[i].below ? naive_below(name, l->lines[i].name)
							      : !strcmp(name, l->lines[i].name)))
			return true;
	return false;
}
