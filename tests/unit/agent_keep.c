// SPDX-License-Identifier: GPL-2.0-only
/* The last good policy: what is kept reads as it was, whatever has become of its files, and damage is found.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/agent/keep.h"
#include "../../user/agent/load.h"
#include "../../user/agent/whole.h"
#include "test.h"

static char dir[] = "/tmp/cgwall-keep-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[4][160];
	static unsigned at;

	snprintf(path[++at % 4], sizeof(path[0]), "%s/%s", dir, name);
	return path[at % 4];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "we");

	if (CHECK(f) && f) {
		fputs(text, f);
		fclose(f);
	}
}

static int save(void)
{
	struct diag d = {0};
	char *message = NULL;
	struct texts t;
	struct load l;
	int err = load_compile(&l, in_dir("policy.conf"), false, &d);

	if (!err) {
		err = texts_keep(l.policy, &t);
		if (!err) {
			err = keep_save(in_dir("state/below"), &t, l.image, &message);
			CHECK(!err == !message);
			texts_free(&t);
		}
		load_free(&l);
	}
	free(message);
	diag_free(&d);
	return err;
}

/* The rule that decides `out to=ADDR` under what was kept; -1: it cannot be loaded. */
static int decides(const char *to)
{
	struct keep_lists lists;
	struct judgement j = {0};
	struct diag d = {0};
	char *message = NULL, word[64], *words[1] = {word};
	struct texts t;
	struct load l;
	struct query q;
	int rule = -1;

	snprintf(word, sizeof(word), "to=%s:1", to);
	if (keep_load(in_dir("state/below"), &t, &lists, &message)) {
		CHECK(message);
		free(message);
		return -1;
	}
	if (!load_texts(&l, &t, &lists, &d)) {
		if (!query_parse_words(&q, CGW_OUT, words, 1, &message)) {
			if (!judge(l.image, &q, &j))
				rule = (int)j.answer.entry.rule;
			query_free(&q);
		}
		load_free(&l);
	}
	free(j.matched);
	free(message);
	texts_free(&t);
	keep_lists_free(&lists);
	diag_free(&d);
	return rule;
}

static void round_trip(void)
{
	put("policy.conf", "default out block\ninclude \"part*\"\npass out to file \"list two.txt\"\n");
	put("part", "pass out to file \"list.txt\"\n");
	put("list.txt", "192.0.2.1\n");
	put("list two.txt", "192.0.2.2\n2001:db8::/32\n");
	CHECK_INT(decides("192.0.2.1"), -1); /* nothing is kept yet */
	CHECK_INT(save(), 0);
	CHECK_INT(decides("192.0.2.1"), 1);
	put("policy.conf", "nonsense\n");
	put("part", "");
	put("list.txt", "192.0.2.3\n");
	unlink(in_dir("list two.txt"));
	CHECK_INT(decides("192.0.2.1"), 1);
	CHECK_INT(decides("192.0.2.2"), 2);
	CHECK_INT(decides("[2001:db8::1]"), 2);
	CHECK_INT(decides("192.0.2.3"), 0);
	CHECK_INT(save(), -EINVAL); /* does not compile: nothing to keep */

	put("policy.conf", "pass out\npass out to file \"list.txt\"\n");
	CHECK_INT(save(), 0);
	CHECK_INT(decides("192.0.2.3"), 2);
	CHECK_INT(decides("192.0.2.1"), 1);
}

/* How many copies of list files there are. */
static int copies(void)
{
	char command[200];
	FILE *f;
	int n = -1;

	snprintf(command, sizeof(command), "ls %s | wc -l", in_dir("state/below/lists"));
	f = popen(command, "re"); /* NOLINT(cert-env33-c) */
	if (f) {
		if (fscanf(f, "%d", &n) != 1)
			n = -1;
		pclose(f);
	}
	return n;
}

static void economy(void)
{
	struct stat was, is;

	CHECK_INT(copies(), 1); /* of two that were needed once */
	CHECK(!stat(in_dir("state/below/last"), &was));
	CHECK_INT(save(), 0);
	CHECK(!stat(in_dir("state/below/last"), &is));
	CHECK_INT(was.st_ino, is.st_ino); /* the same is not written again */
	put("list.txt", "192.0.2.4\n");
	CHECK_INT(save(), 0);
	CHECK(!stat(in_dir("state/below/last"), &is));
	CHECK(was.st_ino != is.st_ino);
	CHECK_INT(copies(), 1);
	CHECK_INT(decides("192.0.2.4"), 2);
}

/* An answer that is added under it, and taken out again: the lists stay those that were kept. */
static void answered(void)
{
	static const char rule[] = "pass out to 192.0.2.77 label \"answer 1\"\n";
	struct keep_lists lists;
	char *message = NULL;
	struct texts t;

	put("list.txt", "no address\n");
	for (int with = 1; with >= 0; with--) {
		if (!CHECK(!keep_load(in_dir("state/below"), &t, &lists, &message)))
			return;
		CHECK_INT(texts_put_answers(&t, in_dir("policy.answers.conf"), rule,
					    with ? sizeof(rule) - 1 : 0),
			  0);
		CHECK_INT(keep_save_again(in_dir("state/below"), &t, &lists, &message), 0);
		texts_free(&t);
		keep_lists_free(&lists);
		CHECK_INT(decides("192.0.2.77"), with ? 3 : 1);
		CHECK_INT(decides("192.0.2.4"), 2);
		CHECK_INT(copies(), 1);
	}
	put("list.txt", "192.0.2.4\n");
	CHECK_INT(save(), 0);
}

static void damage(void)
{
	char *text = NULL, *message = NULL, command[200];
	size_t len = 0;
	FILE *f;

	if (!CHECK(!whole_read(in_dir("state/below/last"), 1 << 20, &text, &len, &message)))
		return;
	/* cut off anywhere, or changed anywhere, it is not taken */
	for (size_t i = 0; i < len; i++) {
		f = fopen(in_dir("state/below/last"), "we");
		if (!f)
			break;
		fwrite(text, 1, i, f);
		fclose(f);
		CHECK_INT(decides("192.0.2.1"), -1);
		text[i] ^= 1;
		f = fopen(in_dir("state/below/last"), "we");
		if (!f)
			break;
		fwrite(text, 1, len, f);
		fclose(f);
		text[i] ^= 1;
		CHECK_INT(decides("192.0.2.1"), -1);
	}
	f = fopen(in_dir("state/below/last"), "we");
	if (f) {
		fwrite(text, 1, len, f);
		fclose(f);
	}
	CHECK_INT(decides("192.0.2.1"), 1);
	free(text);
	/* a copy that is gone is found, too */
	snprintf(command, sizeof(command), "rm %s/*", in_dir("state/below/lists"));
	CHECK(!system(command)); /* NOLINT(cert-env33-c) */
	CHECK_INT(decides("192.0.2.1"), -1);
}

int main(void)
{
	char command[64];

	if (!CHECK(mkdtemp(dir)) || !CHECK(!mkdir(in_dir("state"), 0700)))
		return test_done();
	RUN(round_trip);
	RUN(economy);
	RUN(answered);
	RUN(damage);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	CHECK(!system(command)); /* NOLINT(cert-env33-c) */
	return test_done();
}
