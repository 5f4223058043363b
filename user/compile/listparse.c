// SPDX-License-Identifier: GPL-2.0-only
/* The lines of a list file. */
#include <string.h>

#include "../policy/addr.h"
#include "../policy/value.h"
#include "lists.h"

struct word {
	const char *s;
	size_t len; /* 0: none */
};

struct reader {
	struct listset *set;
	uint32_t file;
	struct policy policy; /* stands for the list file in diagnostics */
	struct source source;
	const char *line; /* start of the present one */
	uint32_t number;
	size_t errors;
};

static void error_at(struct reader *r, const char *at, const char *message)
{
	struct loc loc = {.line = r->number, .col = (uint32_t)(at - r->line) + 1};

	if (++r->errors <= LISTS_ERRORS_MAX)
		diag_error(r->set->t->diag, &r->policy, loc, "%s", message);
	else if (r->errors == LISTS_ERRORS_MAX + 1)
		diag_error(r->set->t->diag, &r->policy, loc,
			   "too many errors in this list; the rest is not shown");
}

/* ---- what is found ---- */

static void add_net(struct reader *r, const struct item *it)
{
	struct listset *set = r->set;
	ip_t lo = ip_load(it->lo), hi = ip_load(it->hi);

	set->files[r->file].has_addresses = true;
	for (;;) {
		unsigned len = ip_fit(lo, hi);
		ip_t last = lo | ~ip_mask(len);

		if (len == 128 && ip_is_v4(lo) && !it->v6)
			*ARENA_ADD(set->t->scratch, &set->v4, &set->n4) =
				(struct list_addr4){.addr = (uint32_t)lo, .file = r->file};
		else if (!it->v6 || len < 96 || !ip_is_v4(lo)) /* IPv6 items say nothing of IPv4 */
			*ARENA_ADD(set->t->scratch, &set->nets, &set->nnets) =
				(struct list_net){.ip = lo, .len = len, .file = r->file};
		if (last >= hi)
			break;
		lo = last + 1;
	}
}

static void add_name(struct reader *r, struct word w)
{
	struct listset *set = r->set;
	char name[VALUE_DNS_MAX + 2];
	const char *error;
	int below = 0;
	uint32_t id, known;

	if (w.len > 1 && w.s[0] == '.')
		below = 1;
	else if (w.len > 2 && w.s[0] == '*' && w.s[1] == '.')
		below = 2;
	error = value_dns_name(w.s + below, w.len - (size_t)below, name);
	if (error) {
		error_at(r, w.s, error);
		return;
	}
	known = set->names.n;
	id = intern_add(&set->names, name, strlen(name));
	if (id == known)
		set->name_sets = arena_room(set->t->arena, set->name_sets, known, sizeof(*set->name_sets));
	set->name_sets[id][below > 0] = sets_add(&set->sets, set->name_sets[id][below > 0], r->file);
	set->files[r->file].has_names = true;
}

/* ---- reading ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* The next word from *s on, and *s behind it. */
static struct word next_word(const char **s, const char *end)
{
	struct word w;

	while (*s < end && is_blank(**s))
		(*s)++;
	w.s = *s;
	while (*s < end && !is_blank(**s))
		(*s)++;
	w.len = (size_t)(*s - w.s);
	return w;
}

/* a.b.c.d and nothing else, the common line of big lists. */
static bool plain_v4(struct word w, uint32_t *ret)
{
	const char *s = w.s, *end = w.s + w.len;
	uint32_t addr = 0;

	for (int part = 0; part < 4; part++) {
		const char *start = s;
		uint32_t n = 0;

		for (; s < end && *s >= '0' && *s <= '9' && s - start < 3; s++)
			n = n * 10 + (uint32_t)(*s - '0');
		if (s == start || n > 255 || (s - start > 1 && *start == '0'))
			return false;
		if (part < 3 && (s == end || *s++ != '.'))
			return false;
		addr = addr << 8 | n;
	}
	if (s != end)
		return false;
	*ret = addr;
	return true;
}

static bool looks_like_address(struct word w)
{
	bool digits = true;

	for (size_t i = 0; i < w.len; i++) {
		if (w.s[i] == ':' || w.s[i] == '/')
			return true;
		digits &= (w.s[i] >= '0' && w.s[i] <= '9') || w.s[i] == '.' || w.s[i] == '-';
	}
	return digits;
}

/* The names of a hosts-file line. Lists have lines like `0.0.0.0 0.0.0.0`, which name nothing. */
static void hosts_names(struct reader *r, struct word w, const char *s, const char *end)
{
	for (; w.len; w = next_word(&s, end))
		if (!looks_like_address(w))
			add_name(r, w);
}

static void address_line(struct reader *r, struct word w, const char *s, const char *end)
{
	struct word next = next_word(&s, end);
	struct item it = {.kind = ITEM_NET};
	const char *error, *zone = memchr(w.s, '%', w.len);
	bool masked;

	if (next.len && zone) /* `fe80::1%lo0 localhost` */
		w.len = (size_t)(zone - w.s);
	error = addr_parse_item(w.s, w.len, &it, &masked);
	if (error)
		error_at(r, w.s, error);
	else if (!next.len)
		add_net(r, &it);
	else if (memcmp(it.lo, it.hi, 16))
		error_at(r, next.s,
			 "nothing is expected behind a network; in a hosts file an address stands here");
	else
		hosts_names(r, next, s, end);
}

/* `domain "x"`, `host "x"` */
static bool quoted_item(struct reader *r, struct word w, const char *s, const char *end)
{
	bool domain = w.len == 6 && !memcmp(w.s, "domain", 6), host = w.len == 4 && !memcmp(w.s, "host", 4);
	char name[VALUE_DNS_MAX + 3] = ".";
	struct word text = next_word(&s, end);

	if ((!domain && !host) || text.len < 3 || text.len > VALUE_DNS_MAX + 2 || text.s[0] != '"' ||
	    text.s[text.len - 1] != '"' || next_word(&s, end).len)
		return false;
	text.s++;
	text.len -= 2;
	if (domain && text.s[0] != '.' && text.s[0] != '*') {
		if (value_dns_name(text.s, text.len, name + 1)) {
			add_name(r, text); /* says what is wrong */
			return true;
		}
		text = (struct word){.s = name, .len = strlen(name)};
	}
	add_name(r, text);
	return true;
}

static void parse_line(struct reader *r, const char *s, const char *end)
{
	struct word w = next_word(&s, end);
	uint32_t addr;

	if (!w.len)
		return;
	if (plain_v4(w, &addr)) {
		struct word next = next_word(&s, end);

		if (next.len) {
			hosts_names(r, next, s, end);
			return;
		}
		*ARENA_ADD(r->set->t->scratch, &r->set->v4, &r->set->n4) =
			(struct list_addr4){.addr = addr, .file = r->file};
		r->set->files[r->file].has_addresses = true;
		return;
	}
	if (looks_like_address(w)) {
		address_line(r, w, s, end);
		return;
	}
	if (quoted_item(r, w, s, end))
		return;
	add_name(r, w);
	w = next_word(&s, end);
	if (w.len)
		error_at(r, w.s,
			 "one item a line is expected; names stand side by side only behind an address");
}

size_t lists_parse(struct listset *set, uint32_t file, const char *path, char *text, size_t len)
{
	struct reader r = {.set = set, .file = file};
	const char *end = text + len, *s = text;

	r.source = (struct source){
		.path = arena_strn(set->t->scratch, path, strlen(path)), .text = text, .len = len};
	r.policy.files = &r.source;
	r.policy.nfiles = 1;
	if (len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		s += 3;
	while (s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s)), *stop;

		if (!eol)
			eol = end;
		r.line = r.number ? s : text;
		r.number++;
		for (stop = s; stop < eol && *stop != '#' && *stop != ';' && *stop; stop++)
			;
		if (stop < eol && !*stop)
			error_at(&r, stop, "a NUL byte; this is not a text file");
		else
			parse_line(&r, s, stop);
		if (r.errors > LISTS_ERRORS_MAX)
			break;
		if (set->n4 + set->nnets + set->names.n > LISTS_ENTRIES_MAX) {
			error_at(&r, s, "too many entries: all lists together hold at most 16 million");
			break;
		}
		s = eol + 1;
	}
	return r.errors;
}
