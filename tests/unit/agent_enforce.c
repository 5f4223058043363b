// SPDX-License-Identifier: GPL-2.0-only
/* What `run` refuses: one sentence for each rule and default that cannot be in force, and for no other. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/agent/enforce.h"
#include "../../user/agent/load.h"
#include "test.h"

static const struct {
	const char *rule;
	const char *gap; /* what the sentence says; NULL: accepted */
} cases[] = {
	{"pass out", NULL},
	{"pass out to any", NULL},
	{"pass out to 192.0.2.0/24 port 443", NULL},
	{"pass out to { self, resolvers } log quick", NULL},
	{"pass out to not local-nets", NULL},
	{"pass out user root group root to loopback", NULL},
	{"app a = exe \"/usr/bin/*\" and not cgroup \"a/**\"\npass out app a", NULL},
	{"pass out unit \"nginx.service\"", NULL},
	{"pass out proto icmp", NULL},
	{"pass out proto sctp", NULL},
	{"pass out proto icmp to any", NULL},
	{"pass out service dns to 192.0.2.1", NULL},
	{"pass out service { tcp/*, udp/5000-5100, icmp }", NULL},
	{"pass out from any", NULL},
	{"block out to any port 1-1000 label \"x\"", NULL},
	{"pass in", NULL},
	{"pass in from 192.0.2.1 service ssh", NULL},
	{"default in block", NULL},
	{"default in pass log", NULL},
	{"default in pass", NULL},
	{"default out ask timeout 2m else pass for 1h background pass", NULL},
	{"default out block log", NULL},
	{"default out pass background block", NULL},
	{"ask timeout 10s else block out", NULL},
	{"pass out to domain \"example.com\"", NULL},
	{"pass out to not host \"example.com\"", NULL},
	{"group g = { host \"a.example\" }\ngroup h = { g, 192.0.2.1 }\npass out to h", NULL},
	{"group g = { host \"a.example\" }\npass out", NULL},
	{"pass out to file \"names.txt\"", NULL},
	{"pass out to file \"addresses.txt\"", NULL},
	{"group l = { file \"addresses.txt\", file \"names.txt\" }\npass out to l", NULL},
	{"pass out limit 2MB/s up", "`limit`"},
	{"pass out if active \"eth0\"", NULL},
	{"pass out unless ssid \"x\"", NULL},
	{"pass out until 2030-01-01", NULL},
	{"condition c = time 10:00-11:00\npass out if c", NULL},
	{"pass out on \"eth*\"", NULL},
	{"pass out from 192.0.2.1", NULL},
	{"pass out from any port 68", NULL},
	{"pass out from not 192.0.2.1", NULL},
	{"pass out package \"curl\"", "package"},
	{"pass out packaged", "packaged"},
	{"pass out script \"/x\"", "script"},
	{"pass out ancestor \"/x\"", "ancestor"},
	{"pass out container \"x\"", "containers"},
	{"app a = not (user root or package \"x\")\napp b = a and any\npass out app b", "package"},
	{"pass out proto icmp to 192.0.2.1", NULL},
	{"pass out proto 47 to not 192.0.2.1", NULL},
	{"pass out service { sctp/5 }", NULL},
	{"pass out service { tcp/80, icmp } to 192.0.2.1", NULL},
	{"service s = { sctp/5 }\nservice t = { s, tcp/5 }\npass out service t", NULL},
};

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static void check_case(size_t i)
{
	struct diag d = {0};
	struct load l;

	write_file("policy.conf", cases[i].rule);
	if (CHECK_MSG(!load_compile(&l, "policy.conf", false, &d), "%s: %s", cases[i].rule,
		      d.nlines ? d.lines[0].message : "")) {
		size_t n = enforce_check(l.policy, l.image, &d);

		CHECK_MSG(n == (cases[i].gap != NULL), "%s: %zu sentences", cases[i].rule, n);
		if (n && cases[i].gap)
			CHECK_MSG(strstr(d.lines[0].message, cases[i].gap), "%s: %s", cases[i].rule,
				  d.lines[0].message);
		load_free(&l);
	}
	diag_free(&d);
}

static void every_case(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_case(i);
}

/* Several gaps of one rule make one sentence; sentences come in the order of the text, with their lines. */
static void one_sentence(void)
{
	struct diag d = {0};
	struct load l;

	write_file("policy.conf",
		   "pass in limit 1MB/s up\npass out\npass out packaged\n"
		   "ask out to domain \"x.example\" on \"eth0\" limit 1MB/s up if active \"eth0\"\n");
	if (!CHECK(!load_compile(&l, "policy.conf", false, &d)))
		return;
	CHECK_INT(enforce_check(l.policy, l.image, &d), 3);
	CHECK_INT(d.errors, 3);
	CHECK_INT(d.lines[0].line, 1);
	CHECK_INT(d.lines[1].line, 3);
	CHECK_INT(d.lines[2].line, 4);
	CHECK(strstr(d.lines[2].message, "`limit`"));
	load_free(&l);
	diag_free(&d);
}

static void refused_as_a_whole(void)
{
	struct diag d = {0};
	struct load l;

	write_file("policy.conf", "pass in packaged\n");
	CHECK(load_enforceable(&l, "policy.conf", &d));
	CHECK(!l.policy && !l.image);
	write_file("policy.conf", "default out block\nexpect pass out to=192.0.2.1:1\n");
	CHECK(load_enforceable(&l, "policy.conf", &d));
	write_file("policy.conf", "default out block\npass out user no-such-user-here\n");
	CHECK(load_enforceable(&l, "policy.conf", &d));
	CHECK(!load_compile(&l, "policy.conf", false, &d));
	load_free(&l);
	write_file("policy.conf",
		   "default out block\npass out to 192.0.2.1\nexpect pass out to=192.0.2.1:1\n");
	CHECK(!load_enforceable(&l, "policy.conf", &d));
	load_free(&l);
	CHECK(load_enforceable(&l, "none.conf", &d));
	diag_free(&d);
}

int main(void)
{
	char dir[] = "/tmp/cgwall-unit.XXXXXX";

	if (!CHECK(mkdtemp(dir)) || !CHECK(!chdir(dir)))
		return test_done();
	write_file("names.txt", "192.0.2.1\n0.0.0.0 ads.example\n");
	write_file("addresses.txt", "192.0.2.1\n2001:db8::/32\n");
	RUN(every_case);
	RUN(one_sentence);
	RUN(refused_as_a_whole);
	unlink("policy.conf");
	unlink("names.txt");
	unlink("addresses.txt");
	rmdir(dir);
	return test_done();
}
