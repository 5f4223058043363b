// SPDX-License-Identifier: GPL-2.0-only
/* Questions without a kernel: opened, joined, answered, timed out, withdrawn, followed; what is remembered
 * answers equal ones, also for the next agent. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/agent/questions.h"
#include "../../user/agent/remember.h"
#include "test.h"

static char dir[] = "/tmp/cgwall-unit.XXXXXX";
static struct ev_loop *loop;
static struct questions *qs;
static struct remember *remembered;
static int file; /* of the last remember_forget() */

/* What was done with it. */
static struct {
	unsigned settled, dropped, logged, woken, lasting;
	enum cgw_action verdict;
	uint64_t until;
	size_t flows;
	enum question_how how;
	char by[64];
} did;
static unsigned looks, look_us;
static bool is_asked = true, is_waiting = true, is_alive = true, recheck_in_lasting;
static int lasting_error;
static uint64_t timeout_ms = 600000, else_for_ms;
static const char *next_exe = "/usr/bin/curl", *next_domain;

static bool describe(void *arg, struct question *q)
{
	(void)arg;
	if (!is_asked)
		return false;
	q->timeout_ms = timeout_ms;
	q->else_for_ms = else_for_ms;
	q->otherwise = CGW_PASS;
	q->exe = next_exe ? strdup(next_exe) : NULL;
	q->cgroup = strdup("system.slice/web.service");
	q->unit = strdup("web.service");
	q->domain = next_domain ? strdup(next_domain) : NULL;
	return true;
}

static void settle(void *arg, struct question *q, enum cgw_action verdict, uint64_t until)
{
	(void)arg;
	did.settled++;
	did.verdict = verdict;
	did.until = until;
	did.flows += q->nflows;
}

static void drop(void *arg, struct question *q)
{
	(void)arg;
	(void)q;
	did.dropped++;
}

static bool waits(void *arg, const struct question *q, const struct question_flow *f)
{
	(void)arg, (void)q, (void)f;
	looks++;
	usleep(look_us);
	return is_waiting;
}

static bool asked(void *arg, const struct question *q)
{
	(void)arg;
	(void)q;
	return is_asked;
}

static bool lives(void *arg, uint32_t pid, uint64_t start)
{
	(void)arg;
	return is_alive && pid == 7 && start == 77;
}

static void to_log(void *arg, const struct question *q, const struct question_event *e)
{
	(void)arg;
	(void)q;
	did.logged++;
	did.how = e->how;
	snprintf(did.by, sizeof(did.by), "%s", e->by ? e->by : "");
}

static int lasting(void *arg, const struct question *q, const struct choice *c, const char *by, uint32_t *ret,
		   char **message)
{
	(void)arg;
	(void)c;
	CHECK_STR(by, "me");
	CHECK(q->nflows > 0);
	did.lasting++;
	/* a new policy is in force now, and what it does not ask any more is over */
	if (recheck_in_lasting) {
		is_asked = false;
		questions_recheck(qs);
		is_asked = true;
	}
	if (lasting_error) {
		*message = strdup("no room");
		return lasting_error;
	}
	*ret = 5;
	return 0;
}

static void wake(void *arg)
{
	(void)arg;
	did.woken++;
}

static char *line(void *arg, const struct question *q, const struct question_event *e)
{
	char *text = NULL;

	(void)arg;
	return asprintf(&text, "%d %llu %zu", e->how, (unsigned long long)q->id, q->nflows) < 0 ? NULL : text;
}

static const struct questions_ops ops = {
	.describe = describe,
	.settle = settle,
	.drop = drop,
	.waits = waits,
	.asked = asked,
	.log = to_log,
	.lasting = lasting,
	.wake = wake,
	.line = line,
};

static void begin(void)
{
	memset(&did, 0, sizeof(did));
	is_asked = is_waiting = is_alive = true;
	recheck_in_lasting = false;
	lasting_error = 0;
	timeout_ms = 600000;
	else_for_ms = 0;
	next_exe = "/usr/bin/curl";
	next_domain = NULL;
	CHECK(!remember_open(dir, lives, NULL, &remembered, NULL));
	CHECK(!questions_open(loop, &ops, remembered, &qs));
}

static void end(void)
{
	questions_close(qs);
	remember_close(remembered);
}

static void forget_all(void)
{
	const struct remembered *m;

	while ((m = remember_get(remembered, 0)))
		CHECK(!remember_forget(remembered, m->id, &file) && !file);
}

static int ask(uint64_t id, const char *addr, uint16_t port)
{
	const struct cgw_question first = {.id = id, .pid = 7, .start = 77, .uid = 1000};
	struct cgw_asked e = {.question = id, .packet = id, .cookie = id, .netns = 1};

	e.key.dir = CGW_OUT;
	e.key.proto = IPPROTO_TCP;
	e.key.port = port;
	e.key.uid = 1000;
	inet_pton(AF_INET6, addr, e.key.remote);
	return questions_asked(qs, &e, &first);
}

static int answer(uint64_t id, const char *life, const char *scope, const char *who, const char *text)
{
	struct choice c;
	uint32_t number;
	char *got = NULL;
	size_t n;
	int r;

	CHECK_STR(choice_read("pass", life, scope, who, &c), NULL);
	r = questions_answer(qs, id, &c, "me", &got, &number, &n);
	CHECK(got);
	if (text)
		CHECK_MSG(got && strstr(got, text), "%s", got ? got : "nothing");
	free(got);
	return r;
}

static void answered(void)
{
	begin();
	CHECK(!ask(1, "::ffff:192.0.2.1", 443));
	CHECK(!ask(1, "::ffff:192.0.2.1", 443));
	CHECK(!ask(2, "::ffff:192.0.2.2", 443));
	CHECK_INT(questions_count(qs), 2);
	CHECK_INT(questions_find(qs, 1)->nflows, 2);
	CHECK(!questions_find(qs, 3));
	CHECK_INT(answer(3, NULL, NULL, NULL, "no open question 3"), -ENOENT);
	CHECK_INT(answer(1, NULL, NULL, NULL, "2 flows were let through"), 0);
	CHECK_INT(did.settled, 1);
	CHECK_INT(did.flows, 2);
	CHECK_INT(did.verdict, CGW_PASS);
	CHECK_INT(did.until, 0);
	CHECK_INT(did.how, QUESTION_ANSWERED);
	CHECK_STR(did.by, "me");
	CHECK_INT(answer(1, NULL, NULL, NULL, NULL), -ENOENT);
	CHECK_INT(questions_count(qs), 1);
	/* an answer for once answers nothing else */
	CHECK(!ask(3, "::ffff:192.0.2.1", 443));
	CHECK_INT(questions_count(qs), 2);
	end();
}

/* What cannot be had for it. */
static void choosable(void)
{
	begin();
	next_exe = NULL;
	CHECK(!ask(1, "::ffff:192.0.2.1", 443));
	CHECK_INT(answer(1, "1h", "name", NULL, "not found by a name"), -EINVAL);
	CHECK_INT(answer(1, "1h", "domain,port", NULL, "not found by a name"), -EINVAL);
	CHECK_INT(answer(1, "1h", NULL, "container", "no container"), -EINVAL);
	CHECK_INT(answer(1, "ever", NULL, "program", "no path"), -EINVAL);
	CHECK_INT(did.settled, 0);
	CHECK_INT(questions_count(qs), 1);
	CHECK_INT(answer(1, "ever", NULL, "unit", NULL), 0);
	CHECK_INT(did.lasting, 1);
	end();
}

static void domains(void)
{
	static const char *const cases[][2] = {
		{"www.example.com", "example.com"}, {"a.b.example.com", "b.example.com"},
		{"example.com", "example.com"},	    {"www.example.co.uk", "example.co.uk"},
		{"example.co.uk", "example.co.uk"}, {"co.uk", "co.uk"},
		{"localhost", "localhost"},	    {"x.co", "x.co"},
		{"www.com.example", "com.example"},
	};
	struct question q = {0};

	CHECK_STR(question_domain(&q), NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		q.domain = (char *)(uintptr_t)cases[i][0];
		CHECK_STR(question_domain(&q), cases[i][1]);
	}
}

static void run_until(const unsigned *count, unsigned n)
{
	for (int i = 0; i < 100000 && *count < n; i++)
		ev_run(loop, EVRUN_ONCE);
}

static void timed_out(void)
{
	begin();
	timeout_ms = 1;
	CHECK(!ask(1, "::ffff:192.0.2.1", 443));
	run_until(&did.logged, 2);
	CHECK_INT(did.settled, 1);
	CHECK_INT(did.verdict, CGW_PASS);
	CHECK_INT(did.until, 0);
	CHECK_INT(did.how, QUESTION_TIMEOUT);
	else_for_ms = 60000;
	CHECK(!ask(2, "::ffff:192.0.2.1", 443));
	run_until(&did.logged, 4);
	CHECK_INT(did.settled, 2);
	CHECK(did.until > 0);
	CHECK_INT(questions_count(qs), 0);
	end();
}

static void withdrawn(void)
{
	begin();
	CHECK(!ask(1, "::ffff:192.0.2.1", 443));
	is_waiting = false;
	run_until(&did.dropped, 1);
	CHECK_INT(did.dropped, 1);
	CHECK_INT(did.how, QUESTION_WITHDRAWN);
	CHECK_INT(questions_count(qs), 0);
	end();
}

/* Where looking takes long, what else there is to do has its turn in between. */
static void withdrawn_slowly(void)
{
	unsigned most = 0;

	begin();
	for (uint64_t i = 0; i < 40; i++)
		CHECK(!ask(1 + i / 4, "::ffff:192.0.2.1", 443));
	looks = 0;
	look_us = 3000;
	is_waiting = false;
	for (int i = 0; i < 100000 && did.dropped < 10; i++) {
		unsigned before = looks;

		ev_run(loop, EVRUN_ONCE);
		most = looks - before > most ? looks - before : most;
	}
	look_us = 0;
	CHECK_INT(did.dropped, 10);
	CHECK_INT(looks, 40); /* once after each flow that is gone */
	CHECK_MSG(most < 20, "%u looks in one turn", most);
	end();
}

static void rechecked(void)
{
	begin();
	for (uint64_t id = 1; id <= 5; id++)
		CHECK(!ask(id, "::ffff:192.0.2.1", (uint16_t)id));
	questions_recheck(qs);
	CHECK_INT(questions_count(qs), 5);
	is_asked = false;
	questions_recheck(qs);
	CHECK_INT(questions_count(qs), 0);
	CHECK_INT(did.dropped, 5);
	CHECK_INT(did.how, QUESTION_POLICY);
	/* one that no rule asks is none */
	CHECK(!ask(6, "::ffff:192.0.2.1", 6));
	CHECK_INT(questions_count(qs), 0);
	CHECK_INT(did.dropped, 6);
	end();
}

/* An answer for ever puts a policy in force, under which all others, and itself, may be over. */
static void for_ever(void)
{
	begin();
	for (uint64_t id = 1; id <= 4; id++)
		CHECK(!ask(id, id == 2 ? "::ffff:192.0.2.9" : "::ffff:192.0.2.1", 443));
	recheck_in_lasting = true;
	CHECK_INT(answer(3, "ever", NULL, NULL, "1 flow was let through"), 0);
	/* 1 and 4 are answered by it as well, 2 the policy took back */
	CHECK_INT(did.settled, 3);
	CHECK_INT(did.dropped, 1);
	CHECK_INT(questions_count(qs), 0);
	CHECK(!ask(5, "::ffff:192.0.2.1", 443));
	recheck_in_lasting = false;
	lasting_error = -ENOSPC;
	CHECK_INT(answer(5, "ever", NULL, NULL, "could not be kept: no room"), -EIO);
	CHECK_INT(questions_count(qs), 0);
	CHECK_INT(did.settled, 4);
	end();
}

static void remembers(void)
{
	begin();
	next_domain = "www.example.com";
	CHECK(!ask(1, "::ffff:192.0.2.1", 443));
	CHECK(!ask(2, "::ffff:192.0.2.2", 443)); /* the same domain */
	CHECK(!ask(3, "::ffff:192.0.2.3", 80));	 /* another port */
	next_domain = "example.org";
	CHECK(!ask(4, "::ffff:192.0.2.4", 443));
	CHECK_INT(answer(1, "1h", "domain,port", NULL, NULL), 0);
	CHECK_INT(did.settled, 2);
	CHECK_INT(questions_count(qs), 2);
	/* what comes is answered by itself */
	next_domain = "cdn.example.com";
	CHECK(!ask(5, "::ffff:192.0.2.5", 443));
	CHECK_INT(questions_count(qs), 2);
	CHECK(!strncmp(did.by, "answer 1000", 11));
	CHECK(did.until > 0);
	next_domain = "badexample.com";
	CHECK(!ask(6, "::ffff:192.0.2.5", 443));
	CHECK_INT(questions_count(qs), 3);
	next_domain = "cdn.example.com";
	next_exe = "/usr/bin/wget";
	CHECK(!ask(7, "::ffff:192.0.2.5", 443));
	CHECK_INT(questions_count(qs), 4);
	/* until the process ends; the kernel does not know when that is */
	CHECK_INT(answer(7, "program", "any", NULL, NULL), 0);
	CHECK(!ask(8, "2001:db8::1", 1));
	CHECK_INT(questions_count(qs), 3);
	CHECK_INT(did.until, 0);
	is_alive = false;
	CHECK(!ask(9, "2001:db8::1", 1));
	CHECK_INT(questions_count(qs), 4);
	end();
	/* the next agent has what still holds */
	begin();
	next_domain = "cdn.example.com";
	CHECK(!ask(1, "::ffff:192.0.2.5", 443));
	CHECK_INT(questions_count(qs), 0);
	forget_all();
	CHECK(!ask(2, "::ffff:192.0.2.5", 443));
	CHECK_INT(questions_count(qs), 1);
	end();
	begin();
	next_domain = "cdn.example.com";
	CHECK(!ask(1, "::ffff:192.0.2.5", 443));
	CHECK_INT(questions_count(qs), 1);
	CHECK_INT(remember_forget(remembered, 1000001, &file), -ENOENT);
	end();
}

/* The file's next version cannot be made. */
static void forgetting_without_file(void)
{
	uint32_t id;

	begin();
	CHECK(!ask(1, "::ffff:192.0.2.1", 443));
	CHECK_INT(answer(1, "reboot", "any", NULL, NULL), 0);
	id = remember_get(remembered, 0)->id;
	CHECK(!chdir(dir) && !mkdir(".answers", 0700));
	CHECK(!remember_forget(remembered, id, &file) && file < 0);
	CHECK(!remember_get(remembered, 0));
	CHECK(remember_forget(remembered, id, &file) == -ENOENT && file < 0);
	CHECK(!rmdir(".answers"));
	CHECK(remember_forget(remembered, id, &file) == -ENOENT && !file);
	end();
	begin();
	CHECK(!remember_get(remembered, 0));
	end();
}

static void for_whom(void)
{
	static const struct {
		const char *who;
		bool other_program;
	} cases[] = {
		{"program", false}, {"unit", true}, {"user", true}, {"cgroup", true}, {"anybody", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		CHECK(!ask(1, "::ffff:192.0.2.1", 443));
		CHECK_INT(answer(1, "reboot", "any", cases[i].who, NULL), 0);
		CHECK(!ask(2, "2001:db8::1", 80));
		CHECK_MSG(questions_count(qs) == 0, "%s", cases[i].who);
		next_exe = "/usr/bin/other";
		CHECK(!ask(3, "2001:db8::1", 80));
		CHECK_MSG(questions_count(qs) == !cases[i].other_program, "%s", cases[i].who);
		forget_all();
		end();
	}
}

static void expect_note(uint64_t *at, const char *expected)
{
	uint64_t lost;
	char *note = questions_note(qs, at, &lost);

	CHECK_INT(lost, 0);
	CHECK_STR(note, expected);
	free(note);
}

static void followed(void)
{
	uint64_t at, lost;
	char *note;

	begin();
	CHECK(!ask(1, "::ffff:192.0.2.1", 1)); /* nobody follows yet */
	at = questions_follow(qs);
	expect_note(&at, NULL);
	CHECK(!ask(2, "::ffff:192.0.2.1", 2));
	CHECK(!ask(2, "::ffff:192.0.2.1", 2));
	expect_note(&at, "0 2 2");
	expect_note(&at, "1 2 2");
	expect_note(&at, NULL);
	CHECK_INT(answer(2, NULL, NULL, NULL, NULL), 0);
	CHECK(!ask(3, "::ffff:192.0.2.1", 3));
	CHECK_INT(answer(3, NULL, NULL, NULL, NULL), 0);
	expect_note(&at, "2 2 2");
	/* that 3 was opened is of no interest any more */
	expect_note(&at, "2 3 1");
	expect_note(&at, NULL);
	/* a slow one is told what it missed */
	for (uint64_t id = 10; id < 5010; id++) {
		CHECK(!ask(id, "::ffff:192.0.2.1", (uint16_t)id));
		CHECK_INT(answer(id, NULL, NULL, NULL, NULL), 0);
	}
	note = questions_note(qs, &at, &lost);
	CHECK(note && lost > 0);
	free(note);
	for (note = questions_note(qs, &at, &lost); note; note = questions_note(qs, &at, &lost)) {
		CHECK_INT(lost, 0);
		free(note);
	}
	questions_unfollow(qs);
	end();
}

static void many(void)
{
	const struct question **list;
	size_t n;

	begin();
	for (uint64_t id = 1; id <= 3000; id++)
		CHECK(!ask(id, "::ffff:192.0.2.1", (uint16_t)id));
	CHECK(!questions_list(qs, &list, &n));
	CHECK_INT(n, 3000);
	for (size_t i = 0; i < n; i++)
		CHECK_INT(list[i]->id, i + 1);
	free(list);
	for (uint64_t id = 3000; id > 0; id -= 3)
		CHECK_INT(answer(id, NULL, NULL, NULL, NULL), 0);
	CHECK_INT(questions_count(qs), 2000);
	CHECK_INT(answer(1, "2h", "any", NULL, NULL), 0);
	CHECK_INT(questions_count(qs), 0);
	CHECK_INT(did.settled, 3000);
	forget_all();
	end();
}

int main(void)
{
	char path[64];

	CHECK(mkdtemp(dir));
	loop = ev_default_loop(EVFLAG_NOENV);
	RUN(answered);
	RUN(choosable);
	RUN(domains);
	RUN(timed_out);
	RUN(withdrawn);
	RUN(withdrawn_slowly);
	RUN(rechecked);
	RUN(for_ever);
	RUN(remembers);
	RUN(forgetting_without_file);
	RUN(for_whom);
	RUN(followed);
	RUN(many);
	ev_loop_destroy(loop);
	snprintf(path, sizeof(path), "%s/" REMEMBER_FILE, dir);
	unlink(path);
	CHECK(!rmdir(dir));
	return test_done();
}
