// SPDX-License-Identifier: GPL-2.0-only
/* Facts, conditions and gates on their own; interfaces on their own. */
#include <stdlib.h>

#include "compile_util.h"

#include "../../user/compile/enable.h"
#include "../../user/compile/iface.h"
#include "../../user/compile/tables.h"

/* Evaluates for the facts in `words`. */
static void evaluate(struct enable *e, const char *words)
{
	char copy[256], *list[16], *rest = copy, *word, *message = NULL;
	struct query q;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&rest, " ")))
		if (*word)
			list[n++] = word;
	if (!CHECK_MSG(!query_parse_words(&q, CGW_OUT, list, n, &message), "%s: %s", words, message))
		return;
	enable_evaluate(e, &q);
	query_free(&q);
}

/* Numbers of the rules in force, as "1 3". */
static const char *in_force(const struct enable *e, enum cgw_dir dir, uint32_t nrules)
{
	static char text[128];

	*text = '\0';
	for (uint32_t i = 1; i <= nrules; i++) {
		const struct enable_rule *r = enable_rule(e, dir, i);

		if (!r || e->gates[r->gate].open)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u", *text ? " " : "",
				 i);
	}
	return text;
}

static void gates(void)
{
	struct compiled c = {0};
	struct enable *e = NULL;

	if (!CHECK(compile_in(
		    &c, "/tmp",
		    "condition home = ssid \"h\" secured or active \"en*\"\n"
		    "condition away = not home\n"
		    "pass out if home\n"						    /* 1 */
		    "block out unless home\n"						    /* 2 */
		    "pass out if (home)\n"						    /* 3: as 1 */
		    "pass out to 192.0.2.1\n"						    /* 4 */
		    "pass out if away unless active \"wg0\"\n"				    /* 5 */
		    "pass out until 2026-01-01T00:00 if active \"wg0\"\n"		    /* 6 */
		    "pass out if active \"en*\" and (active \"wg0\" or time 08:00-18:00)\n" /* 7 */
		    "pass out proto tcp to { 192.0.2.1, domain \"x.example\" } port { 1, 3 } if away\n"
		    "pass in if active \"wg0\"\n")) ||
	    !CHECK(!enable_new(c.im, &e))) {
		compiled_free(&c);
		return;
	}
	/* nothing of it points there */
	compiled_free(&c);
	CHECK_INT(e->nfacts, 5);
	CHECK_STR(e->facts[0].text, "ssid \"h\" secured");
	CHECK_STR(e->conditions[1].name, "away");
	CHECK_INT(e->ngates, 7);
	evaluate(e, "time=1700000000");
	CHECK_STR(in_force(e, CGW_OUT, 8), "2 4 5 8");
	evaluate(e, "time=1700000000 ssid=h");
	CHECK_STR(in_force(e, CGW_OUT, 8), "2 4 5 8");
	evaluate(e, "time=1700000000 ssid=h secured");
	CHECK_STR(in_force(e, CGW_OUT, 8), "1 3 4");
	CHECK(e->conditions[0].holds && !e->conditions[1].holds);
	evaluate(e, "time=1700000000 active=wg0");
	CHECK_STR(in_force(e, CGW_OUT, 8), "2 4 6 8");
	CHECK_STR(in_force(e, CGW_IN, 1), "1");
	evaluate(e, "time=1800000000 active=wg0,en7");
	CHECK_STR(in_force(e, CGW_OUT, 8), "1 3 4 7");
	enable_free(e);
}

static void reaches(void)
{
	bool facts[8] = {false}, conditions[8] = {false};
	struct compiled c = {0};
	struct enable *e = NULL;

	if (!CHECK(compile_in(&c, "/tmp",
			      "condition a = active \"a\"\ncondition b = a or active \"b\"\n"
			      "condition c = b and b and b\n"
			      "pass out if c\npass out unless active \"d\"\n")) ||
	    !CHECK(!enable_new(c.im, &e))) {
		compiled_free(&c);
		return;
	}
	enable_gate_reach(e, 0, facts, conditions);
	CHECK(facts[0] && facts[1] && !facts[2]);
	CHECK(conditions[0] && conditions[1] && conditions[2]);
	memset(facts, 0, sizeof(facts));
	memset(conditions, 0, sizeof(conditions));
	enable_gate_reach(e, 1, facts, conditions);
	CHECK(!facts[0] && !facts[1] && facts[2] && !conditions[2]);
	memset(facts, 0, sizeof(facts));
	enable_condition_reach(e, 0, facts, conditions);
	CHECK(facts[0] && !facts[1] && conditions[0] && !conditions[1]);
	enable_free(e);
	compiled_free(&c);
}

/* Names that refer to names, each twice: 2^40 facts if each were followed by itself. */
static void doubled(void)
{
	struct compiled c = {0};
	struct enable *e = NULL;
	char text[4096] = "condition c0 = active \"a\"\n";
	bool facts[2] = {false}, conditions[64] = {false};

	for (int i = 1; i < 20; i++)
		sprintf(text + strlen(text), "condition c%d = c%d or c%d\n", i, i - 1, i - 1);
	strcat(text, "pass out if c19\n");
	if (CHECK(compile_in(&c, "/tmp", text)) && CHECK(!enable_new(c.im, &e))) {
		evaluate(e, "active=a");
		CHECK(e->gates[0].open);
		enable_gate_reach(e, 0, facts, conditions);
		CHECK(facts[0] && conditions[0]);
		evaluate(e, "active=b");
		CHECK(!e->gates[0].open);
	}
	enable_free(e);
	compiled_free(&c);
}

/* The row is the one that the image gets, whatever its length. */
static void rows(void)
{
	for (unsigned n = 1; n < 3000; n = n * 5 + 1) {
		struct compiled c = {0};
		struct enable *e = NULL;
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		for (unsigned i = 0; i < n; i++)
			fprintf(f, "pass out to 10.%u.%u.1%s\n", i / 256, i % 256,
				i % 3	? ""
				: i % 2 ? " if active \"a\""
					: " unless active \"a\"");
		fclose(f);
		if (CHECK(compile_in(&c, "/tmp", text)) && CHECK(!enable_new(c.im, &e))) {
			const struct cgw_dirhead *h = &c.im->head.dir[CGW_OUT];
			struct query q = {.active = (char *[]){(char[]){"a"}}, .nactive = 1};

			judge_enable(c.im, &q, 3);
			enable_evaluate(e, &q);
			CHECK_MSG(e->dir[CGW_OUT].stride == h->stride &&
					  !memcmp(c.im->chunks + h->rows + (size_t)h->enabled[3] * h->stride,
						  e->dir[CGW_OUT].row, h->stride * sizeof(struct cgw_chunk)),
				  "%u rules", n);
			CHECK(!e->dir[CGW_IN].row);
		}
		enable_free(e);
		compiled_free(&c);
		free(text);
	}
}

/* ---- interfaces ---- */

static unsigned written;
static int write_error;

static int write_row(void *arg, enum cgw_dir dir, uint32_t row, const struct cgw_chunk *chunks)
{
	if (write_error)
		return write_error;
	written++;
	return iface_write_image(arg, dir, row, chunks);
}

/* Do the entries of the row match as the rules' patterns do? Rule i names the i-th pattern, or none. */
static bool row_matches(const struct compiled *c, enum cgw_dir dir, uint32_t row, const char *name)
{
	const struct cgw_dirhead *h = &c->im->head.dir[dir];
	const struct direction *d = &c->im->tables->dir[dir];
	const struct cgw_chunk *bits =
		c->im->chunks + h->rows + (size_t)row * h->stride + h->stride - h->nchunks;

	for (uint32_t i = 0; i < d->nentries; i++) {
		const char *glob = d->entries[i].rule->iface;
		bool want = !glob || policy_glob(glob, name);

		if ((bits[i / CGW_CHUNK_BITS].w[i % CGW_CHUNK_BITS / 64] >> (i % 64) & 1) != want)
			return false;
	}
	return true;
}

static void interfaces(void)
{
	static const char *const names[] = {"eth0", "eth1", "wg0", "wg1", "eth0.5", "wlan0"};
	struct compiled c = {0};
	struct ifaces *s = NULL;
	struct cgw_class class;
	uint32_t row;

	if (!CHECK(compile_in(&c, "/tmp",
			      "pass out on \"eth*\"\npass out on \"wg0\"\nblock out\npass out on \"*0\"\n"
			      "pass in on \"wg?\"\n")) ||
	    !c.im || !CHECK(!iface_new(c.im, &s))) {
		compiled_free(&c);
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		CHECK_INT(iface_class(s, names[i], write_row, c.im, &class), 0);
		CHECK_MSG(row_matches(&c, CGW_OUT, class.row[CGW_OUT][0], names[i]), "%s", names[i]);
		CHECK_MSG(row_matches(&c, CGW_IN, class.row[CGW_IN][0], names[i]), "%s", names[i]);
	}
	/* eth0 eth1 wg0 wg1 wlan0; eth0.5 is as eth1 to these patterns */
	CHECK_INT(written, 2 * 5);
	CHECK(iface_matters(s, "eth7") && !iface_matters(s, "lo"));
	CHECK_INT(iface_class(s, "eth9", write_row, c.im, &class), 0);
	CHECK_INT(written, 2 * 5);
	/* a question about a name that no interface has gets no row for ever */
	CHECK(!iface_row(s, "lo", CGW_OUT, write_row, c.im, &row) && row_matches(&c, CGW_OUT, row, "lo"));
	CHECK(!iface_row(s, "wg0", CGW_OUT, write_row, c.im, &row) && row_matches(&c, CGW_OUT, row, "wg0"));
	CHECK_INT(written, 2 * 5 + 1);
	iface_free(s);
	compiled_free(&c);
}

/* As many sets as there is room for, and what is said then. */
static void reserve(void)
{
	struct compiled c = {.w = {.nlinks = 100}};
	char text[16384] = "", name[32];
	struct ifaces *s = NULL;
	struct cgw_class class;
	unsigned n = 0;
	int err = 0;

	for (int i = 0; i < 300; i++)
		sprintf(text + strlen(text), "pass out to 10.0.0.1 on \"e%d\"\n", i);
	if (!CHECK(compile_in(&c, "/tmp", text)) || !CHECK(!iface_new(c.im, &s))) {
		compiled_free(&c);
		return;
	}
	write_error = -77;
	CHECK_INT(iface_class(s, "e0", write_row, c.im, &class), -77);
	write_error = 0;
	while (!err && n < 300) {
		sprintf(name, "e%u", n++);
		err = iface_class(s, name, write_row, c.im, &class);
		if (!err)
			CHECK(row_matches(&c, CGW_OUT, class.row[CGW_OUT][0], name));
	}
	CHECK(n > 100 && n < 300);
	CHECK(err < 0);
	CHECK_INT(iface_class(s, "e0", write_row, c.im, &class), 0);
	CHECK(row_matches(&c, CGW_OUT, class.row[CGW_OUT][0], "e0"));
	iface_free(s);
	compiled_free(&c);
}

int main(void)
{
	RUN(gates);
	RUN(reaches);
	RUN(doubled);
	RUN(rows);
	RUN(interfaces);
	RUN(reserve);
	return test_done();
}
