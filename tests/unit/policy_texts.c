// SPDX-License-Identifier: GPL-2.0-only
/* A policy read again from its kept texts, and the answers beside it. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/policy/texts.h"
#include "test.h"

static char dir[] = "/tmp/cgwall-texts-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned at;

	snprintf(path[++at % 4], sizeof(path[0]), "%s/%s", dir, name);
	return path[at % 4];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "we");

	if (CHECK(f)) {
		fputs(text, f);
		fclose(f);
	}
}

/* The canonical form of a policy, owned by the caller; "" for none. */
static char *canonical(const struct policy *p)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	if (f) {
		if (p)
			policy_print(p, f);
		fclose(f);
	}
	return text;
}

static void same_again(void)
{
	struct diag d = {0};
	struct texts t = {0}, copy = {0};
	struct policy *p, *again;
	char *before, *after;

	put("policy.conf", "include \"d/*.conf\"\ndefault out block\npass out to a\n");
	put("d/1.conf", "group a = { 192.0.2.1 }\ninclude \"deep/x\"\npass in\n");
	put("d/2.conf", "\xef\xbb\xbfpass out to 192.0.2.3\n");
	put("d/deep/x", "group b = { 192.0.2.2 }\nblock in from b\n");
	p = policy_read(in_dir("policy.conf"), &d);
	if (!CHECK(p) || !p || !CHECK_INT(texts_keep(p, &t), 0))
		return;
	CHECK_INT(t.n, 4);
	before = canonical(p);
	put("d/deep/x", "nonsense\n");
	put("d/3.conf", "pass out to 192.0.2.4\n");
	unlink(in_dir("d/1.conf"));
	CHECK(!policy_read(in_dir("policy.conf"), &d));
	CHECK_INT(texts_copy(&t, &copy), 0);
	texts_free(&t);
	again = texts_read(&copy, &d);
	texts_free(&copy);
	if (CHECK(again) && again) {
		after = canonical(again);
		CHECK_STR(before, after);
		CHECK_INT(again->nfiles, p->nfiles);
		for (size_t i = 0; i < p->nfiles; i++) {
			CHECK_STR(again->files[i].path, p->files[i].path);
			CHECK_STR(again->files[i].text, p->files[i].text);
		}
		CHECK_INT(again->rules[CGW_IN][0]->loc.line, p->rules[CGW_IN][0]->loc.line);
		CHECK_INT(again->rules[CGW_IN][0]->loc.file, p->rules[CGW_IN][0]->loc.file);
		free(after);
	}
	free(before);
	policy_free(p);
	policy_free(again);
	diag_free(&d);
	for (int i = 1; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d/%d.conf", i);
		unlink(in_dir(name));
	}
	unlink(in_dir("d/deep/x"));
}

static void answers(void)
{
	struct diag d = {0};
	struct texts t = {0};
	struct policy *p;
	char *path = texts_answers_path("/etc/cgwall/policy.conf");

	CHECK_STR(path, "/etc/cgwall/policy.answers.conf");
	free(path);
	path = texts_answers_path("x/.conf");
	CHECK_STR(path, "x/.conf.answers.conf");
	free(path);
	path = texts_answers_path("policy");
	CHECK_STR(path, "policy.answers.conf");
	free(path);

	put("policy.conf", "default out block\npass out to 192.0.2.1\n");
	put("policy.answers.conf", "block out to 192.0.2.1\n");
	p = policy_read(in_dir("policy.conf"), &d);
	if (CHECK(p) && p) {
		CHECK_INT(p->nrules[CGW_OUT], 2);
		CHECK_STR(p->files[p->rules[CGW_OUT][1]->loc.file].path, in_dir("policy.answers.conf"));
		CHECK_INT(texts_keep(p, &t), 0);
	}
	policy_free(p);

	/* another text in its place, and one where there was none */
	CHECK_INT(texts_put_answers(&t, in_dir("policy.answers.conf"), "pass out\npass out\n", 18), 0);
	CHECK_INT(t.n, 2);
	p = texts_read(&t, &d);
	CHECK(p && p->nrules[CGW_OUT] == 3);
	policy_free(p);
	texts_free(&t);
	unlink(in_dir("policy.answers.conf"));
	p = policy_read(in_dir("policy.conf"), &d);
	CHECK(p && p->nfiles == 1 && !texts_keep(p, &t));
	policy_free(p);
	CHECK_INT(texts_put_answers(&t, in_dir("policy.answers.conf"), "pass out\n", 9), 0);
	p = texts_read(&t, &d);
	CHECK(p && p->nrules[CGW_OUT] == 2 && p->nfiles == 2);
	policy_free(p);
	texts_free(&t);

	/* included where the policy wants them: not twice */
	put("policy.conf", "include \"policy.answers.*\"\npass out to 192.0.2.1\n");
	put("policy.answers.conf", "block out to 192.0.2.1\n");
	p = policy_read(in_dir("policy.conf"), &d);
	if (CHECK(p) && p) {
		CHECK_INT(p->nrules[CGW_OUT], 2);
		CHECK_INT(p->rules[CGW_OUT][0]->act.action, CGW_BLOCK);
		CHECK_INT(texts_keep(p, &t), 0);
		CHECK_INT(texts_put_answers(&t, in_dir("policy.answers.conf"), "", 0), 0);
		CHECK_INT(t.n, 2);
	}
	policy_free(p);
	p = texts_read(&t, &d);
	CHECK(p && p->nrules[CGW_OUT] == 1);
	policy_free(p);
	texts_free(&t);

	/* an error in them is one of the policy's */
	put("policy.conf", "pass out\n");
	put("policy.answers.conf", "pass out\npass owt\n");
	CHECK_INT(d.errors, 0);
	CHECK(!policy_read(in_dir("policy.conf"), &d));
	if (CHECK_INT(d.nlines, 1)) {
		CHECK_STR(d.lines[0].file, in_dir("policy.answers.conf"));
		CHECK_INT(d.lines[0].line, 2);
	}
	diag_free(&d);
	unlink(in_dir("policy.answers.conf"));
	CHECK(!mkdir(in_dir("policy.answers.conf"), 0700)); /* there, and not to be read */
	CHECK(!policy_read(in_dir("policy.conf"), &d));
	rmdir(in_dir("policy.answers.conf"));
	/* a text has no file beside it */
	put("policy.answers.conf", "pass owt\n");
	p = policy_read_text(in_dir("policy.conf"), "pass out\n", 9, &d);
	CHECK(p);
	policy_free(p);
	diag_free(&d);
	unlink(in_dir("policy.answers.conf"));
	unlink(in_dir("policy.conf"));
}

int main(void)
{
	if (!CHECK(mkdtemp(dir)) || !CHECK(!mkdir(in_dir("d"), 0700)) ||
	    !CHECK(!mkdir(in_dir("d/deep"), 0700)))
		return test_done();
	RUN(same_again);
	RUN(answers);
	CHECK(!rmdir(in_dir("d/deep")) && !rmdir(in_dir("d")) && !rmdir(dir));
	return test_done();
}
