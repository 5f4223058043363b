// SPDX-License-Identifier: GPL-2.0-only
/* Kernel events to records, and their two forms; the memory of the log. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/event/json.h"
#include "../../user/event/log.h"
#include "../../user/event/record.h"
#include "test.h"

static char names[] = "\0policy.conf\0sharingd\0";
static uint32_t files[] = {1};
static struct rules_entry in_rules[] = {
	{.line = 3},
	{.line = 7, .app = 13},
	{.line = 9},
};
static struct rules_entry out_rules[] = {{.line = 0}};
static struct rules table = {
	.gen = 5,
	.names = names,
	.files = files,
	.nfiles = 1,
	.rule = {[CGW_OUT] = out_rules, [CGW_IN] = in_rules},
	.nrules = {[CGW_OUT] = 1, [CGW_IN] = 3},
};

static struct cgw_event event(void)
{
	struct cgw_event e = {
		.kind = CGW_EV_VERDICT,
		.size = sizeof(e),
		.time = 1000,
		.gen = 5,
		.answer = {.entry = {.rule = 1, .line = 7, .action = CGW_BLOCK}},
		.dir = CGW_IN,
		.proto = 6,
		.known = CGW_Q_REMOTE | CGW_Q_LOCAL | CGW_Q_RPORT | CGW_Q_LPORT | CGW_Q_UID | CGW_Q_GID |
			 CGW_Q_PROTO,
		.verdict = CGW_BLOCK,
		.rport = 50392,
		.lport = 8770,
		.pid = 445,
		.uid = 501,
		.gid = 20,
		.remote = {0xfe, 0x80, [15] = 1},
		.local = {0xfe, 0x80, [15] = 2},
		.comm = "sharingd-long-x", /* all sixteen bytes are used: no NUL is counted on */
	};

	e.comm[15] = 'y';
	strcpy(e.path.c, "/usr/libexec/sharingd");
	return e;
}

static const char *text_of(const struct cgw_event *e, const struct rules *r)
{
	static char out[RECORD_TEXT_MAX];
	struct record_context c = {.rules = r};
	struct record *record = record_new(e, &c);

	record_text(record, out, sizeof(out));
	free(record);
	return out;
}

static void one_line(void)
{
	struct cgw_event e = event();

	CHECK_STR(text_of(&e, &table),
		  "block in rule 1 sharingd pid 445 uid 501 tcp [fe80::1]:50392 -> [fe80::2]:8770");
	e.dir = CGW_OUT;
	e.answer.entry = (struct cgw_entry){.action = CGW_PASS};
	e.verdict = CGW_PASS;
	CHECK_STR(text_of(&e, &table),
		  "pass out rule 0 sharingd pid 445 uid 501 tcp [fe80::2]:8770 -> [fe80::1]:50392");
	e.known &= ~(CGW_Q_LOCAL | CGW_Q_LPORT);
	e.path.c[0] = 0;
	CHECK_STR(text_of(&e, &table),
		  "pass out rule 0 sharingd-long-xy pid 445 uid 501 tcp * -> [fe80::1]:50392");
	e.known = CGW_Q_UID;
	CHECK_STR(text_of(&e, NULL), "pass out rule 0 sharingd-long-xy pid 445 uid 501 * * -> *");
	e.known = CGW_Q_UID | CGW_Q_PROTO | CGW_Q_REMOTE | CGW_Q_RPORT;
	e.proto = 1;
	CHECK_STR(text_of(&e, NULL), "pass out rule 0 sharingd-long-xy pid 445 uid 501 icmp * -> [fe80::1]");
}

static void refused_without_rule(void)
{
	struct cgw_event e = event();

	e.answer.error = CGW_ERR_PATH;
	CHECK_STR(text_of(&e, &table),
		  "block in error path sharingd pid 445 uid 501 tcp [fe80::1]:50392 -> [fe80::2]:8770");
}

static void observed(void)
{
	struct cgw_event e = event();

	e.verdict = CGW_PASS;
	CHECK_STR(text_of(&e, &table),
		  "block in rule 1 sharingd pid 445 uid 501 tcp [fe80::1]:50392 -> [fe80::2]:8770 observed");
}

/* A program's name must not look like more log. */
static void forged_names(void)
{
	struct cgw_event e = event();

	strcpy(e.path.c, "/tmp/x pid 1\nblock");
	e.answer.entry.rule = 2;
	CHECK_STR(text_of(&e, &table), "block in rule 2 x\\x20pid\\x201\\x0ablock pid 445 uid 501 tcp "
				       "[fe80::1]:50392 -> [fe80::2]:8770");
}

/* Lengths come from a map that others might have written. */
static void wild_lengths(void)
{
	static const char without[] = "block in rule 4000000000 sharingd-long-xy pid 445 uid 501 tcp "
				      "[fe80::1]:50392 -> [fe80::2]:8770";
	struct cgw_event e = event();
	struct record_context c = {0};
	struct record *r;

	e.answer.entry.rule = 4000000000u;
	e.answer.entry.file = 65535;
	e.size = 0;
	CHECK_STR(text_of(&e, &table), without);
	e.size = offsetof(struct cgw_event, path);
	CHECK_STR(text_of(&e, &table), without);
	/* Cut, and without a NUL. */
	e.size = offsetof(struct cgw_event, path) + 8;
	r = record_new(&e, &c);
	CHECK_STR(r->exe, "/usr/lib");
	free(r);
	memset(e.path.c, 'x', sizeof(e.path.c));
	e.size = 4000000000u;
	r = record_new(&e, &c);
	CHECK_INT(strlen(r->exe), CGW_PATH_MAX - 1);
	free(r);
}

static void as_json(void)
{
	static const char *const keys[] = {"time",  "verdict", "dir",	 "rule", "file",   "line",
					   "app",   "exe",     "pid",	 "uid",	 "cgroup", "proto",
					   "local", "remote",  "domain", "iface"};
	struct cgw_event e = event();
	struct record_context c = {
		.rules = &table, .cgroup = "system.slice/x", .iface = "eth0", .boot_offset = 999};
	struct record *r = record_new(&e, &c);
	struct json_object *o = record_json(r);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECK_MSG(json_object_object_get_ex(o, keys[i], NULL), "%s is missing", keys[i]);
	CHECK_STR(json_get_text(o, "verdict", ""), "block");
	CHECK_STR(json_get_text(o, "time", ""), "1970-01-01T00:00:00.000001Z");
	CHECK_INT(json_get_int(o, "rule", -1), 1);
	CHECK_STR(json_get_text(o, "file", ""), "policy.conf");
	CHECK_INT(json_get_int(o, "line", -1), 7);
	CHECK_STR(json_get_text(o, "app", ""), "sharingd");
	CHECK_STR(json_get_text(o, "exe", ""), "/usr/libexec/sharingd");
	CHECK_STR(json_get_text(o, "local", ""), "[fe80::2]:8770");
	CHECK_STR(json_get_text(o, "remote", ""), "[fe80::1]:50392");
	CHECK_STR(json_get_text(o, "cgroup", ""), "system.slice/x");
	CHECK_STR(json_get_text(o, "iface", ""), "eth0");
	CHECK(!json_get(o, "domain"));
	json_object_put(o);
	free(r);

	/* A generation whose rules are gone: numbers stay, names are unknown. */
	c = (struct record_context){0};
	r = record_new(&e, &c);
	o = record_json(r);
	CHECK_INT(json_get_int(o, "rule", -1), 1);
	CHECK_INT(json_get_int(o, "line", -1), 7);
	CHECK(!json_get(o, "file"));
	CHECK(!json_get(o, "app"));
	CHECK(!json_get(o, "cgroup"));
	json_object_put(o);
	free(r);
}

static void json_strings(void)
{
	struct json_object *o = json_text("/tmp/\xff\xc3\xbc\"\n");

	CHECK_STR(json_line(o), "\"/tmp/\xef\xbf\xbd\xc3\xbc\\\"\\n\"");
	json_object_put(o);
	CHECK(!json_text(NULL));
}

static void lost_lines(void)
{
	struct record *r = record_lost(3, 0);
	char out[RECORD_TEXT_MAX];
	struct json_object *o = record_json(r);

	record_text(r, out, sizeof(out));
	CHECK_STR(out, "cgwall: 3 log lines were lost here: the event buffer was full");
	CHECK_INT(json_get_int(o, "lost", 0), 3);
	CHECK(json_object_object_get_ex(o, "verdict", NULL) && !json_get(o, "verdict"));
	json_object_put(o);
	free(r);
}

static void memory(void)
{
	struct log l;

	log_init(&l, 700);
	CHECK_INT(log_first(&l), 0);
	CHECK(!log_get(&l, 0));
	for (unsigned i = 0; i < 5000; i++) {
		struct record *r = calloc(1, sizeof(*r));

		r->pid = i;
		log_add(&l, r);
		CHECK_INT(l.next, i + 1);
		CHECK_INT(log_first(&l), i < 700 ? 0 : i - 699);
		CHECK_INT(log_get(&l, i)->pid, i);
		CHECK_INT(log_get(&l, log_first(&l))->pid, log_first(&l));
		CHECK(!log_get(&l, i + 1));
		CHECK(!log_first(&l) || !log_get(&l, log_first(&l) - 1));
	}
	log_free(&l);
}

static const char *state_text(const char *now, const struct record_rules *rules, size_t n, uint32_t more)
{
	static char out[RECORD_TEXT_MAX];
	struct record *r = record_state(5, "active wg0", "down", now, rules, n, more);

	if (!CHECK(r))
		return "";
	record_text(r, out, sizeof(out));
	free(r);
	return out;
}

static void states(void)
{
	static const struct record_rules both[] = {
		{4, 4, CGW_OUT, true}, {6, 9, CGW_OUT, true}, {18, 18, CGW_IN, true}, {2, 3, CGW_IN, false}};
	struct record_rules many[RECORD_RULES_MAX];
	struct record *r;
	struct json_object *o;
	const char *text;

	CHECK_STR(state_text("up", NULL, 0, 0), "state active wg0 up");
	CHECK_STR(state_text(NULL, NULL, 0, 0), "state active wg0 none");
	CHECK_STR(state_text("up", both, 1, 0), "state active wg0 up: rules out 4 on");
	CHECK_STR(state_text("up", both + 2, 1, 0), "state active wg0 up: rules in 18 on");
	CHECK_STR(state_text("up", both + 3, 1, 0), "state active wg0 up: rules in 2-3 off");
	CHECK_STR(state_text("up", both, 4, 0),
		  "state active wg0 up: rules out 4,6-9 and in 18 on, in 2-3 off");
	CHECK_STR(state_text("up", both, 1, 7), "state active wg0 up: rules out 4 on, 7 more rules switched");
	/* what finds no room in the line is counted */
	for (uint32_t i = 0; i < RECORD_RULES_MAX; i++)
		many[i] = (struct record_rules){1000000 + 10 * i, 1000004 + 10 * i, CGW_OUT, true};
	text = state_text("up", many, RECORD_RULES_MAX, 1);
	CHECK(strlen(text) < RECORD_TEXT_MAX - 1);
	CHECK_MSG(strstr(text, " on, ") && strstr(text, "more rules switched"), "%s", text);
	r = record_state(5, "active wg0", NULL, "up", both, 4, 3);
	o = r ? record_json(r) : NULL;
	if (CHECK(o)) {
		struct json_object *rules = json_get(o, "rules");

		CHECK_STR(json_get_text(o, "kind", ""), "state");
		CHECK_STR(json_get_text(o, "fact", ""), "active wg0");
		CHECK_STR(json_get_text(o, "new", ""), "up");
		CHECK(!json_get(o, "old") && !json_get(o, "verdict") && !json_get(o, "rule") &&
		      !json_get(o, "pid") && !json_get(o, "local"));
		CHECK_STR(json_line(json_get(json_get(rules, "on"), "out")), "[4,6,7,8,9]");
		CHECK_STR(json_line(json_get(json_get(rules, "on"), "in")), "[18]");
		CHECK_STR(json_line(json_get(json_get(rules, "off"), "in")), "[2,3]");
		CHECK_INT(json_get_int(rules, "more", 0), 3);
	}
	json_object_put(o);
	free(r);
	/* thousands are not named one by one */
	many[0] = (struct record_rules){1, 5000, CGW_IN, false};
	o = json_rules(many, 1, 2);
	CHECK_INT(json_object_array_length(json_get(json_get(o, "off"), "in")), 1000);
	CHECK_INT(json_get_int(o, "more", 0), 4002);
	json_object_put(o);
}

int main(void)
{
	RUN(one_line);
	RUN(refused_without_rule);
	RUN(observed);
	RUN(forged_names);
	RUN(wild_lengths);
	RUN(as_json);
	RUN(json_strings);
	RUN(lost_lines);
	RUN(memory);
	RUN(states);
	return test_done();
}
