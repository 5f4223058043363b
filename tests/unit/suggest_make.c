// SPDX-License-Identifier: GPL-2.0-only
/* From records to a policy: what comes out of a few, and for thousands at random that all of it passes. */
#include <stdlib.h>

#include "../../user/compile/compile.h"
#include "../../user/event/json.h"
#include "../../user/suggest/suggest.h"
#include "test.h"

static uint8_t resolvers[][16] = {{[10] = 0xff, [11] = 0xff, 127, 0, 0, 53}};
static uint8_t self[][16] = {{[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}};
static struct world world = {.self = self, .nself = 1, .resolvers = resolvers, .nresolvers = 1};

/* DIR PROGRAM CGROUP PROTO REMOTE LOCAL NAME VERDICT; "-": not known. */
static void add(struct sighted *s, const char *line, bool refused)
{
	static const char *const keys[] = {"dir",   "exe",    "cgroup",	 "proto", "remote",
					   "local", "domain", "verdict", NULL};
	struct json_object *o = json_object_new_object();
	char copy[512], *at = copy, *word;

	snprintf(copy, sizeof(copy), "%s", line);
	for (size_t i = 0; keys[i] && (word = strsep(&at, " ")); i++)
		json_put_text(o, keys[i], strcmp(word, "-") ? word : NULL);
	json_put_bool(o, "observed", false);
	sighted_add(s, o, refused);
	json_object_put(o);
}

static void becomes(const char *const *lines, enum suggest_by by, const char *expected)
{
	struct suggest_options o = {.by = by, .world = &world};
	struct suggestion made = {0};
	struct sighted *s = sighted_new();

	for (size_t i = 0; lines[i]; i++)
		add(s, lines[i], false);
	if (CHECK_INT(suggest_make(s, &o, &made), 0)) {
		CHECK_STR(made.text, expected);
		CHECK_MSG(!made.failed, "%s", made.example);
	}
	free(made.text);
	free(made.example);
	sighted_free(s);
}

#define BECOMES(by, expected, ...) becomes((const char *const[]){__VA_ARGS__, NULL}, by, expected)

static void simple(void)
{
	BECOMES(SUGGEST_AUTO,
		"default out block log\n"
		"# nothing was seen to come in: with `default in block log` nothing may\n"
		"\n"
		"app curl = exe \"/usr/bin/curl\" # 4 flows\n"
		"app wget = exe \"/usr/bin/wget\" # 1 flow\n"
		"\n"
		"pass out app curl to host \"www.example.com\" service { http, https }\n"
		"pass out app { curl, wget } to resolvers service dns\n",
		"out /usr/bin/curl a tcp 198.51.100.1:443 - www.example.com pass",
		"out /usr/bin/curl b udp 198.51.100.1:443 - www.example.com pass",
		"out /usr/bin/curl a tcp 198.51.100.1:80 - WWW.example.com. pass",
		"out /usr/bin/curl a udp 127.0.0.53:53 - - pass",
		"out /usr/bin/wget a tcp 127.0.0.53:53 - - pass",
		"out /usr/bin/evil a tcp 198.51.100.9:1 - - block");
	BECOMES(SUGGEST_AUTO,
		"# nothing was seen to go out: with `default out block log` nothing may\n"
		"default in  block log\n"
		"\n"
		"app sshd = exe \"/usr/sbin/sshd\" # 4 flows\n"
		"app nginx = unit \"nginx.service\" # 1 flow\n"
		"\n"
		"pass in  app nginx from loopback service tcp/8080\n"
		"pass in  app sshd from local-nets service ssh\n",
		"in /usr/sbin/sshd s/ssh.service tcp 192.168.1.4:50000 192.168.1.2:22 - pass",
		"in /usr/sbin/sshd s/ssh.service tcp 192.168.1.5:50000 192.168.1.2:22 - pass",
		"in /usr/sbin/sshd s/ssh.service tcp 192.168.1.6:50001 192.168.1.2:22 - pass",
		"in /usr/sbin/sshd s/ssh.service tcp [fe80::1]:50002 [fe80::2]:22 - pass",
		"in - system.slice/nginx.service tcp 127.0.0.1:5 127.0.0.1:8080 - pass");
}

static void who(void)
{
	const char *const lines[] = {
		"out /usr/bin/python3.11 system.slice/web.service tcp 192.0.2.9:1 - - pass",
		"out /usr/bin/curl system.slice/web.service tcp 192.0.2.9:2 - - pass",
		"out /usr/bin/perl user.slice/session-1.scope tcp 192.0.2.9:3 - - pass",
		"out - machine.slice/libpod-1.scope tcp 192.0.2.9:4 - - pass",
		"out - - tcp 192.0.2.9:5 - - pass",
		NULL,
	};

	becomes(lines, SUGGEST_AUTO,
		"default out block log\n"
		"# nothing was seen to come in: with `default in block log` nothing may\n"
		"\n"
		"app web = unit \"web.service\" # 1 flow\n"
		"app curl = exe \"/usr/bin/curl\" # 1 flow\n"
		"app perl = exe \"/usr/bin/perl\" # 1 flow\n"
		"app libpod-1.scope = cgroup \"machine.slice/libpod-1.scope\" # 1 flow\n"
		"\n"
		"pass out app curl to 192.0.2.9 service tcp/2\n"
		"pass out app libpod-1.scope to 192.0.2.9 service tcp/4\n"
		"pass out app perl to 192.0.2.9 service tcp/3\n"
		"pass out app web to 192.0.2.9 service tcp/1\n"
		"pass out to 192.0.2.9 service tcp/5\n");
	becomes(lines, SUGGEST_UNIT,
		"default out block log\n"
		"# nothing was seen to come in: with `default in block log` nothing may\n"
		"\n"
		"app web = unit \"web.service\" # 2 flows\n"
		"app perl = exe \"/usr/bin/perl\" # 1 flow\n"
		"app libpod-1.scope = cgroup \"machine.slice/libpod-1.scope\" # 1 flow\n"
		"\n"
		"pass out app libpod-1.scope to 192.0.2.9 service tcp/4\n"
		"pass out app perl to 192.0.2.9 service tcp/3\n"
		"pass out app web to 192.0.2.9 service { tcp/1, tcp/2 }\n"
		"pass out to 192.0.2.9 service tcp/5\n");
	becomes(lines, SUGGEST_PROGRAM,
		"default out block log\n"
		"# nothing was seen to come in: with `default in block log` nothing may\n"
		"\n"
		"app python3.11 = exe \"/usr/bin/python3.11\" # 1 flow\n"
		"app curl = exe \"/usr/bin/curl\" # 1 flow\n"
		"app perl = exe \"/usr/bin/perl\" # 1 flow\n"
		"app libpod-1.scope = cgroup \"machine.slice/libpod-1.scope\" # 1 flow\n"
		"\n"
		"pass out app curl to 192.0.2.9 service tcp/2\n"
		"pass out app libpod-1.scope to 192.0.2.9 service tcp/4\n"
		"pass out app perl to 192.0.2.9 service tcp/3\n"
		"pass out app python3.11 to 192.0.2.9 service tcp/1\n"
		"pass out to 192.0.2.9 service tcp/5\n");
	/* names that are none, and the same name twice */
	BECOMES(SUGGEST_AUTO,
		"default out block log\n"
		"# nothing was seen to come in: with `default in block log` nothing may\n"
		"\n"
		"app not-2 = exe \"/a/not\" # 1 flow\n"
		"app not-3 = exe \"/b/not\" # 1 flow\n"
		"app _7z_1_ = exe \"/c/7z\\\\[1]\" # 1 flow\n"
		"\n"
		"pass out app { not-2, not-3, _7z_1_ } to multicast service mdns\n",
		"out /a/not - udp 224.0.0.251:5353 - - pass", "out /b/not - udp [ff02::fb]:5353 - - pass",
		"out /c/7z[1] - udp 224.0.0.251:5353 - - pass");
}

static void whom(void)
{
	BECOMES(SUGGEST_AUTO,
		"default out block log\n"
		"# nothing was seen to come in: with `default in block log` nothing may\n"
		"\n"
		"app a = exe \"/a\" # 14 flows\n"
		"\n"
		"group peers-1 = {\n"
		"\tloopback\n"
		"\tself\n"
		"\t192.168.0.1\n"
		"\t2001:db8::1\n"
		"\thost \"a.example\"\n"
		"}\n"
		"group peers-2 = {\n"
		"\t198.51.100.1\n"
		"\t198.51.100.2\n"
		"\t198.51.100.3\n"
		"\t198.51.100.4\n"
		"\t198.51.100.5\n"
		"}\n"
		"\n"
		"pass out app a to { domain \"cdn.example.net\", host \"b.co.uk\" } service tcp/7\n"
		"pass out app a to peers-1 service tcp/8\n"
		"pass out app a to peers-2 service tcp/9\n",
		"out /a - tcp 198.51.100.1:9 - - pass", "out /a - tcp 198.51.100.2:9 - - pass",
		"out /a - tcp 198.51.100.3:9 - - pass", "out /a - tcp 198.51.100.4:9 - - pass",
		"out /a - tcp 198.51.100.5:9 - - pass", "out /a - tcp 127.1.2.3:8 - - pass",
		"out /a - tcp 192.0.2.1:8 - - pass", "out /a - tcp 192.168.0.1:8 - - pass",
		"out /a - tcp [2001:db8::1]:8 - - pass", "out /a - tcp 198.51.100.9:8 - a.example pass",
		"out /a - tcp 198.51.100.1:7 - x.cdn.example.net pass",
		"out /a - tcp 198.51.100.1:7 - y.cdn.example.net pass",
		"out /a - tcp 198.51.100.1:7 - z.cdn.example.net pass",
		"out /a - tcp 198.51.100.1:7 - b.co.uk pass");
}

static void many(void)
{
	struct suggest_options o = {.world = &world, .closed_in = true};
	struct suggestion made = {0};
	struct sighted *s = sighted_new();
	char line[200];

	/* one who talks to strangers at any port; one who calls many ports of one host */
	for (int i = 0; i < 300; i++) {
		snprintf(line, sizeof(line), "out /usr/bin/torrent - udp 198.51.%d.%d:%d - - pass", i / 200,
			 i % 200, 2000 + i * 7);
		add(s, line, false);
		snprintf(line, sizeof(line), "out /usr/bin/scan - tcp 192.168.7.7:%d - - pass", 50000 + i);
		add(s, line, false);
		snprintf(line, sizeof(line), "out /usr/bin/web - tcp 203.0.113.%d:443 - s%d.example pass",
			 i % 250, i);
		add(s, line, false);
	}
	CHECK_INT(suggest_make(s, &o, &made), 0);
	CHECK_STR(made.text, "default out block log\n"
			     "default in  block log\n"
			     "\n"
			     "app torrent = exe \"/usr/bin/torrent\" # 300 flows\n"
			     "app scan = exe \"/usr/bin/scan\" # 300 flows\n"
			     "app web = exe \"/usr/bin/web\" # 300 flows\n"
			     "\n"
			     "pass out app scan to 192.168.7.7 service tcp/49152-65535\n"
			     "pass out app torrent service udp/1024-65535\n"
			     "pass out app web service https\n");
	CHECK_MSG(!made.failed, "%s", made.example);
	free(made.text);
	free(made.example);
	sighted_free(s);
}

/* How a question for the policy ends: true where it passes. */
static bool allowed(const char *text, enum cgw_dir dir, const char *question)
{
	char copy[256], *at = copy, *words[8], *word, *message = NULL;
	struct judgement j = {0};
	struct diag d = {0};
	struct policy *p = policy_read_text("x", text, strlen(text), &d);
	struct image *im = p ? image_compile(p, &world, &d) : NULL;
	struct query q;
	bool pass = false;
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", question);
	while (n < 8 && (word = strsep(&at, " ")))
		words[n++] = word;
	if (CHECK(im) && CHECK(!query_parse_words(&q, dir, words, n, &message))) {
		pass = !judge(im, &q, &j) && j.answer.entry.action == CGW_PASS;
		query_free(&q);
	}
	free(j.matched);
	free(message);
	image_free(im);
	policy_free(p);
	diag_free(&d);
	return pass;
}

static void nothing_else(void)
{
	struct suggest_options o = {.world = &world, .closed_in = true};
	struct suggestion made = {0};
	struct sighted *s = sighted_new();

	add(s, "out /usr/bin/curl - tcp 198.51.100.1:443 - - pass", false);
	add(s, "out /usr/bin/db - tcp 192.168.0.4:5432 - - pass", false);
	if (CHECK(!suggest_make(s, &o, &made))) {
		CHECK(allowed(made.text, CGW_OUT, "exe=/usr/bin/curl proto=tcp to=198.51.100.1:443"));
		CHECK(!allowed(made.text, CGW_OUT, "exe=/usr/bin/curl proto=tcp to=198.51.100.2:443"));
		CHECK(!allowed(made.text, CGW_OUT, "exe=/usr/bin/curl proto=tcp to=198.51.100.1:80"));
		CHECK(!allowed(made.text, CGW_OUT, "exe=/usr/bin/wget proto=tcp to=198.51.100.1:443"));
		CHECK(!allowed(made.text, CGW_OUT, "exe=/usr/bin/curl proto=tcp to=192.168.0.4:5432"));
		CHECK(!allowed(made.text, CGW_OUT, "exe=/usr/bin/db proto=tcp to=192.168.0.5:5432"));
		CHECK(!allowed(made.text, CGW_IN, "exe=/usr/bin/db proto=tcp from=192.168.0.4:1 to=:5432"));
	}
	free(made.text);
	free(made.example);
	sighted_free(s);
}

static void records(void)
{
	struct sighted *s = sighted_new();

	add(s, "out /a - tcp 192.0.2.1:1 - - block", false);
	CHECK(s->n == 0 && s->refused == 1);
	add(s, "out /a - tcp 192.0.2.1:1 - - block", true);
	add(s, "out /a - tcp 192.0.2.1:1 - - pass", true);
	CHECK(s->n == 1 && s->records == 2 && s->flows[0].count == 2);
	add(s, "sideways /a - tcp 192.0.2.1:1 - - pass", true);
	add(s, "out /a - tcp 192.0.2.1:99999 - - pass", true);
	add(s, "out /a - nonsense 192.0.2.1:1 - - pass", true);
	add(s, "out /a - tcp 192.0.2.1:1 - - -", true);
	CHECK(s->n == 1 && s->skipped == 4);
	sighted_free(s);
}

static uint64_t state = 1;

static unsigned below(unsigned n)
{
	state ^= state << 13; /* xorshift64 (Marsaglia, "Xorshift RNGs", 2003) */
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static void at_random(void)
{
	static const char *const exes[] = {"/usr/bin/curl", "/bin/sh", "/opt/a[b]*\\c\"d", "-", "/x/curl"};
	static const char *const cgroups[] = {"-", "/", "s/a.service", "s/a.service/b.service", "u/x*"};
	static const char *const protos[] = {"tcp", "udp", "icmp", "icmpv6", "sctp", "47", "-"};
	static const char *const nets[] = {"127.0.0.", "10.0.0.", "198.51.100.", "224.0.0.", "192.0.2."};
	static const char *const names[][2] = {
		{"a", ".example"}, {"x.y", ".z.example"}, {"not_dns_", ""}, {"b", ".co.uk"}};

	for (int round = 0; round < 60; round++) {
		struct suggest_options o = {.world = &world, .by = (enum suggest_by)below(3)};
		struct suggestion made = {0};
		struct sighted *s = sighted_new();
		unsigned width = 1 + below(250), ports = 1 + below(round % 3 ? 20 : 60000);

		for (unsigned i = 0, n = 1 + below(300); i < n; i++) {
			char line[512], addr[64], name[64], port[16] = "";
			const char *proto = protos[below(7)];
			bool out = below(3), v6 = below(5) == 0;
			unsigned which = below(4);

			if (v6)
				snprintf(addr, sizeof(addr), "2001:db8::%x", below(width));
			else
				snprintf(addr, sizeof(addr), "%s%u", nets[below(5)], below(width));
			snprintf(name, sizeof(name), "%s%u%s", names[which][0], below(40), names[which][1]);
			if (strchr("tus", *proto) && below(20))
				snprintf(port, sizeof(port), ":%u", below(ports) + 1);
			snprintf(line, sizeof(line), "%s %s %s %s %s%s%s%s %s%s %s pass", out ? "out" : "in",
				 exes[below(5)], cgroups[below(5)], proto, v6 ? "[" : "", addr, v6 ? "]" : "",
				 port, out ? "-" : "192.0.2.1", out ? "" : port,
				 out && below(2) ? name : "-");
			add(s, line, false);
		}
		CHECK_INT(s->skipped, 0);
		CHECK_INT(suggest_make(s, &o, &made), 0);
		CHECK_MSG(!made.failed, "round %d: %zu flows, such as %s, under\n%s", round, made.failed,
			  made.example, made.text);
		free(made.text);
		free(made.example);
		sighted_free(s);
	}
}

int main(void)
{
	RUN(simple);
	RUN(who);
	RUN(whom);
	RUN(many);
	RUN(nothing_else);
	RUN(records);
	RUN(at_random);
	return test_done();
}
