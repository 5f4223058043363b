// SPDX-License-Identifier: GPL-2.0-only
/* Answers as rules: what is written reads as what was answered, and goes again without a trace. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "../../user/agent/answertext.h"
#include "../../user/policy/texts.h"
#include "test.h"

static void address(struct answer *n, const char *text)
{
	n->has_addr = true;
	if (strchr(text, ':')) {
		inet_pton(AF_INET6, text, n->addr);
		return;
	}
	memset(n->addr, 0, 10);
	n->addr[10] = n->addr[11] = 0xff;
	inet_pton(AF_INET, text, n->addr + 12);
}

/* The rule as it is written, and as it is printed once it was read. */
static void rule(const struct answer *n, const char *expected)
{
	char *text = answertext_rule(n, 7), *printed = NULL;
	struct diag d = {0};
	struct policy *p;
	size_t len;
	FILE *out;

	CHECK_STR(text, expected);
	p = text ? policy_read_text("x", text, strlen(text), &d) : NULL;
	if (CHECK_MSG(p && p->nrules[n->dir] == 1 && p->rules[n->dir], "%s: %s", text,
		      d.nlines ? d.lines[0].message : "") &&
	    p && p->rules[n->dir] && p->rules[n->dir][0]) {
		out = open_memstream(&printed, &len);
		policy_print_rule(p->rules[n->dir][0], out);
		fclose(out);
		CHECK_STR(printed, expected);
	}
	free(printed);
	policy_free(p);
	diag_free(&d);
	free(text);
}

static void rules(void)
{
	struct answer n = {.verdict = CGW_PASS, .dir = CGW_OUT};

	rule(&n, "pass out label \"answer 7\"");
	n.exe = "/usr/bin/curl";
	n.has_proto = true;
	n.proto = 6;
	n.port = 443;
	rule(&n, "pass out exe \"/usr/bin/curl\" proto tcp to any port 443 label \"answer 7\"");
	n.domain = "example.com";
	rule(&n, "pass out exe \"/usr/bin/curl\" proto tcp to domain \"example.com\" port 443 label \"answer "
		 "7\"");
	n.domain = NULL;
	n.host = "www.example.com";
	n.verdict = CGW_BLOCK;
	rule(&n, "block out exe \"/usr/bin/curl\" proto tcp to host \"www.example.com\" port 443 label "
		 "\"answer 7\"");
	n.host = NULL;
	address(&n, "192.0.2.1");
	n.port = 0;
	rule(&n, "block out exe \"/usr/bin/curl\" proto tcp to 192.0.2.1 label \"answer 7\"");
	n = (struct answer){
		.verdict = CGW_PASS, .dir = CGW_IN, .unit = "nginx.service", .has_uid = true, .uid = 33};
	rule(&n, "pass in unit \"nginx.service\" user 33 label \"answer 7\"");
	n.has_proto = true;
	n.proto = 17;
	n.port = 53;
	address(&n, "2001:db8::1");
	rule(&n, "pass in unit \"nginx.service\" user 33 proto udp from 2001:db8::1 to any port 53 label "
		 "\"answer 7\"");
	n = (struct answer){
		.verdict = CGW_REJECT, .dir = CGW_OUT, .container = "web", .has_proto = true, .proto = 99};
	rule(&n, "reject out container \"web\" proto 99 label \"answer 7\"");
	n = (struct answer){.verdict = CGW_PASS, .dir = CGW_OUT, .cgroup = "a/b c", .until = 1796083200};
	rule(&n, "pass out cgroup \"a/b c\" until 2026-12-01T00:00 label \"answer 7\"");
}

/* Names that mean something in patterns, strings and comments. */
static void hostile(void)
{
	struct answer n = {.verdict = CGW_PASS, .dir = CGW_OUT, .exe = "/x/*?[a]\\\"b"};
	char *text = answertext_rule(&n, 1);
	struct diag d = {0};
	struct policy *p = policy_read_text("x", text, strlen(text), &d);

	if (CHECK(p && p->rules[CGW_OUT]) && p && p->rules[CGW_OUT] && p->rules[CGW_OUT][0]) {
		CHECK(policy_glob(p->rules[CGW_OUT][0]->who->text, "/x/*?[a]\\\"b"));
		CHECK(!policy_glob(p->rules[CGW_OUT][0]->who->text, "/x/abca\\\"b"));
	}
	policy_free(p);
	diag_free(&d);
	free(text);

	/* no name makes a second statement */
	n.exe = "/x\npass out";
	text = answertext_rule(&n, 1);
	d = (struct diag){0};
	p = policy_read_text("x", text, strlen(text), &d);
	CHECK(!p);
	policy_free(p);
	diag_free(&d);
	free(text);
	n = (struct answer){.by = "al\nice", .why = "cu\x1b[31mrl\npass out\r\xff\xc2\x85 to \xc3\xa4"};
	text = answertext_comment(&n, 1796083200);
	CHECK_STR(text, "# 2026-12-01T00:00:00Z al?ice: cu?[31mrl?pass out???? to \xc3\xa4");
	free(text);
}

static const char *with(char **text, const char *comment, const char *added)
{
	char *old = *text;

	*text = answertext_add(old, comment, added);
	free(old);
	return *text;
}

static void file(void)
{
	char *text = strdup(""), *without, *empty;
	struct texts t = {0};
	struct diag d = {0};
	struct policy *p;

	with(&text, "# one", "pass out label \"answer 1\"");
	with(&text, "# two", "block out label \"answer 2\"");
	empty = strdup(text);
	with(&text, "# three", "pass in label \"answer 3\"");
	CHECK_INT(texts_add(&t, "/p.conf", "pass out label \"answer 9\"\n", 26, (struct loc){0}), 0);
	CHECK_INT(texts_put_answers(&t, "/p.answers.conf", text, strlen(text)), 0);
	p = texts_read(&t, &d);
	if (CHECK(p && p->nrules[CGW_OUT] == 3 && p->nrules[CGW_IN] == 1)) {
		CHECK_INT(texts_answer(p, p->rules[CGW_OUT][0]), 0); /* not in that file */
		CHECK_INT(texts_answer(p, p->rules[CGW_OUT][1]), 1);
		CHECK_INT(texts_answer(p, p->rules[CGW_OUT][2]), 2);
		CHECK_INT(texts_answer(p, p->rules[CGW_IN][0]), 3);
		without = answertext_remove(text, p->rules[CGW_IN][0]->loc.line);
		CHECK_STR(without, empty);
		free(without);
		without = answertext_remove(text, p->rules[CGW_OUT][1]->loc.line);
		CHECK(!strstr(without, "answer 1") && !strstr(without, "# one"));
		CHECK(strstr(without, "# Answers to questions") == without);
		CHECK(strstr(without, "\n\n# two\nblock out label \"answer 2\"\n\n# three\n"));
		free(without);
	}
	policy_free(p);
	texts_free(&t);
	diag_free(&d);
	free(text);
	free(empty);

	/* as others may write it */
	without = answertext_remove("pass out label \"answer 1\"", 1);
	CHECK_STR(without, "");
	free(without);
	without = answertext_remove("# the file's\npass out label \"answer 1\"\npass in\n", 2);
	CHECK_STR(without, "# the file's\npass in\n");
	free(without);
	text = strdup("pass in");
	CHECK_STR(with(&text, "# c", "pass out"), "pass in\n\n# c\npass out\n");
	free(text);
}

static void same_match(void)
{
	static const char *const texts[] = {
		"pass out to 192.0.2.1 label \"answer 1\"\n", "block out to 192.0.2.1 until 2030-01-01 log\n",
		"pass out to 192.0.2.2 label \"answer 1\"\n", "pass out to 192.0.2.1 quick\n"};
	char *match[4];

	for (int i = 0; i < 4; i++) {
		struct diag d = {0};
		struct policy *p = policy_read_text("x", texts[i], strlen(texts[i]), &d);

		match[i] = CHECK(p) ? answertext_match(p->rules[CGW_OUT][0]) : NULL;
		policy_free(p);
		diag_free(&d);
	}
	CHECK_STR(match[0], match[1]);
	CHECK(match[0] && match[2] && strcmp(match[0], match[2]));
	CHECK(match[0] && match[3] && strcmp(match[0], match[3]));
	for (int i = 0; i < 4; i++)
		free(match[i]);
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	RUN(rules);
	RUN(hostile);
	RUN(file);
	RUN(same_match);
	return test_done();
}
