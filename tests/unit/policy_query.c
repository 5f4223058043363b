// SPDX-License-Identifier: GPL-2.0-only
/* The keys of `explain` and `expect`. */
#include <stdlib.h>
#include <time.h>

#include "test.h"

#include "../../user/policy/addr.h"
#include "../../user/policy/query.h"

/* Reads words that are separated by blanks. */
static int parse(struct query *q, enum cgw_dir dir, const char *line, char **message)
{
	char *copy = strdup(line), *words[32];
	size_t n = 0;
	int r;

	for (char *s = strtok(copy, " "); s; s = strtok(NULL, " "))
		words[n++] = s;
	*message = NULL;
	memset(q, 0x55, sizeof(*q));
	r = query_parse_words(q, dir, words, n, message);
	free(copy);
	return r;
}

static bool good(struct query *q, enum cgw_dir dir, const char *line)
{
	char *message = NULL;
	int r = parse(q, dir, line, &message);
	bool ok = CHECK_MSG(!r, "%s: %s", line, message ? message : "");

	free(message);
	return ok;
}

static void bad(const char *line, const char *want)
{
	char *message = NULL;
	struct query q;

	if (!CHECK_MSG(parse(&q, CGW_OUT, line, &message), "%s", line)) {
		query_free(&q);
		return;
	}
	CHECK_MSG(message && strstr(message, want), "%s: %s", line, message ? message : "no message");
	free(message);
}

static const char *text(const uint8_t a[16])
{
	static char t[ADDR_TEXT];

	addr_format(a, t);
	return t;
}

static void ends(void)
{
	static const struct {
		const char *value, *addr;
		int port;
	} t[] = {
		{"192.0.2.1:443", "192.0.2.1", 443},
		{"192.0.2.1", "192.0.2.1", -1},
		{"[2001:db8::1]:443", "2001:db8::1", 443},
		{"[2001:db8::1]", "2001:db8::1", -1},
		{"2001:db8::1", "2001:db8::1", -1},
		{"[fe80::1%eth0]:5", "fe80::1", 5},
		{"fe80::1%2", "fe80::1", -1},
		{"::ffff:192.0.2.1", "192.0.2.1", -1},
		{"[::ffff:192.0.2.1]:1", "192.0.2.1", 1},
		{"[192.0.2.1]:1", "192.0.2.1", 1},
		{":53", NULL, 53},
		{"*:53", NULL, 53},
		{"192.0.2.1:0", "192.0.2.1", 0},
		{"0.0.0.0:80", "127.0.0.1", 80},
		{"[::]:80", "::1", 80},
		{"[::ffff:0.0.0.0]:80", "127.0.0.1", 80},
		{"0.0.0.1:80", "0.0.0.1", 80},
		{"[::192.0.2.1]:80", "::192.0.2.1", 80},
	};
	struct query q;
	char line[128];

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(line, sizeof(line), "to=%s", t[i].value);
		if (!good(&q, CGW_OUT, line))
			continue;
		CHECK(q.has_remote == (t[i].addr != NULL) && !q.has_local && !q.has_lport);
		if (t[i].addr)
			CHECK_STR(text(q.remote), t[i].addr);
		CHECK(q.has_rport == (t[i].port >= 0));
		if (t[i].port >= 0)
			CHECK_INT(q.rport, t[i].port);
		query_free(&q);
	}
}

/* Which end is the remote one, and where the wildcard is folded. */
static void directions(void)
{
	struct query q;

	if (good(&q, CGW_OUT, "to=192.0.2.1:1 from=192.0.2.2:2")) {
		CHECK_STR(text(q.remote), "192.0.2.1");
		CHECK_STR(text(q.local), "192.0.2.2");
		CHECK(q.rport == 1 && q.lport == 2);
		query_free(&q);
	}
	if (good(&q, CGW_IN, "to=192.0.2.1:1 from=192.0.2.2:2")) {
		CHECK_STR(text(q.remote), "192.0.2.2");
		CHECK_STR(text(q.local), "192.0.2.1");
		CHECK(q.rport == 2 && q.lport == 1);
		query_free(&q);
	}
	if (good(&q, CGW_IN, "to=[::]:1 from=0.0.0.0:2")) {
		CHECK_STR(text(q.remote), "0.0.0.0");
		CHECK_STR(text(q.local), "::");
		query_free(&q);
	}
	if (good(&q, CGW_OUT, "from=0.0.0.0:2")) {
		CHECK_STR(text(q.local), "0.0.0.0");
		query_free(&q);
	}
}

static void all_keys(void)
{
	struct query q;

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	if (good(&q, CGW_OUT,
		 "exe=/usr/bin/curl script=/a.sh ancestor=/b,/c package=p container=c "
		 "cgroup=/system.slice/x.service/ "
		 "unit=x.service user=www-data group=33 proto=udp domain=A.example.,b on=eth0 ssid=home,work "
		 "secured "
		 "bssid=AA:bb:cc:dd:ee:ff active=eth0,wg0 time=2026-12-01T18:00 "
		 "sha256=E3B0C44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")) {
		CHECK_STR(q.exe, "/usr/bin/curl");
		CHECK_STR(q.script, "/a.sh");
		CHECK(q.nancestors == 2 && !strcmp(q.ancestors[1], "/c"));
		CHECK_STR(q.package, "p");
		CHECK_STR(q.container, "c");
		CHECK_STR(q.cgroup, "system.slice/x.service");
		CHECK(q.has_user && q.has_group);
		CHECK_STR(q.user, "www-data");
		CHECK_STR(q.group, "33");
		CHECK(q.has_proto && q.proto == 17);
		CHECK(q.ndomains == 2 && !strcmp(q.domains[0], "a.example"));
		CHECK_STR(q.iface, "eth0");
		CHECK(q.has_wifi && q.nwifi == 2 && q.wifi[1].len == 4 && !memcmp(q.wifi[1].ssid, "work", 4));
		for (size_t i = 0; i < q.nwifi; i++)
			CHECK(q.wifi[i].secured && q.wifi[i].has_bssid && q.wifi[i].bssid[0] == 0xaa);
		CHECK(q.has_active && q.nactive == 2 && !strcmp(q.active[1], "wg0"));
		CHECK_INT(q.time, 1796144400);
		CHECK(q.sha256[0] == 'e');
		query_free(&q);
	}
	if (good(&q, CGW_OUT, "unit=nginx.service time=1700000000 proto=47 secured=no active=")) {
		CHECK_STR(q.cgroup, "system.slice/nginx.service");
		CHECK_INT(q.time, 1700000000);
		CHECK(q.proto == 47 && !q.has_wifi && !q.nwifi && q.has_active && !q.nactive);
		query_free(&q);
	}
	if (good(&q, CGW_OUT, "secured=no,yes ssid=a,b bssid=00:00:00:00:00:01,00:00:00:00:00:02")) {
		CHECK(q.nwifi == 2 && !q.wifi[0].secured && q.wifi[1].secured);
		CHECK(q.wifi[0].bssid[5] == 1 && q.wifi[1].bssid[5] == 2);
		query_free(&q);
	}
	if (good(&q, CGW_OUT, "cgroup=/ user=4294967294")) {
		CHECK_STR(q.cgroup, "");
		query_free(&q);
	}
	if (good(&q, CGW_OUT, "time=18:00")) {
		time_t at = q.time;
		struct tm tm;

		CHECK(localtime_r(&at, &tm) && tm.tm_hour == 18 && tm.tm_min == 0);
		query_free(&q);
	}
	unsetenv("TZ");
	tzset();
}

static void nothing_given(void)
{
	time_t before = time(NULL);
	struct query q;

	if (!good(&q, CGW_IN, ""))
		return;
	CHECK(q.dir == CGW_IN && !q.exe && !q.cgroup && !q.has_user && !q.has_proto && !q.has_remote &&
	      !q.has_rport);
	CHECK(q.time >= before && q.time <= time(NULL));
	query_free(&q);
	query_free(&q); /* of an empty one */
}

static void errors(void)
{
	char list[1024] = "active=e0";
	struct query q;

	bad("too=192.0.2.1:1", "did you mean 'to'");
	bad("whatever=1", "keys are exe");
	bad("to", "not KEY=VALUE");
	bad("=1", "unknown key");
	bad("to=example.org:443", "[ADDR]:PORT");
	bad("to=192.0.2.1:65536", "0 to 65535");
	bad("to=192.0.2.1:", "0 to 65535");
	bad("to=[::1", "[ADDR]:PORT");
	bad("to=[::1]x", "[ADDR]:PORT");
	bad("to=", "[ADDR]:PORT");
	bad("to=*", "[ADDR]:PORT");
	bad("to=192.0.2.1:1 to=192.0.2.1:2", "twice");
	bad("exe=curl", "begins with");
	bad("ancestor=/a,b", "begins with");
	bad("user=4294967295", "number");
	bad("user=", "no value");
	bad("proto=tpc", "did you mean 'tcp'");
	bad("proto=256", "unknown protocol");
	bad("domain=a..b", "empty label");
	bad("active=a,,b", "empty entry");
	bad("active=a,", "empty entry");
	bad("unit=a.service cgroup=b.slice/xa.service", "not in the cgroup");
	bad("cgroup=b.slice unit=a.service", "not in the cgroup");
	bad("secured=maybe", "yes or no");
	bad("secured=", "yes or no");
	bad("secured=yes,no ssid=a", "one for each name");
	bad("secured=yes,no", "one for each name");
	bad("ssid=a,b,c bssid=aa:bb:cc:dd:ee:ff,aa:bb:cc:dd:ee:ff", "'bssid' has one value");
	bad("bssid=1", "six bytes");
	bad("bssid=", "six bytes");
	bad("time=noon", "seconds since 1970");
	bad("sha256=1", "64");
	for (int i = 1; i < QUERY_LIST_MAX; i++)
		strcat(list, ",e");
	if (good(&q, CGW_OUT, list)) {
		CHECK_INT(q.nactive, QUERY_LIST_MAX);
		query_free(&q);
	}
	strcat(list, ",e");
	bad(list, "more than");
}

/* Which key is wrong. */
static void places(void)
{
	struct keyval keys[] = {{.key = (char[]){"unit"}, .value = (char[]){"a.service"}},
				{.key = (char[]){"cgroup"}, .value = (char[]){"b"}},
				{.key = (char[]){"proto"}, .value = (char[]){"tcp"}}};
	char *message = NULL;
	struct query q;
	size_t at = 9;

	CHECK(query_parse(&q, CGW_OUT, keys, 3, &message, &at));
	CHECK_INT(at, 0);
	free(message);
	keys[0].key = (char[]){"ssid"};
	keys[1].key = (char[]){"secured"};
	keys[1].value = (char[]){"yes,no"};
	CHECK(query_parse(&q, CGW_OUT, keys, 3, &message, &at));
	CHECK_INT(at, 1);
	free(message);
	keys[2].value = (char[]){"nonsense"};
	CHECK(query_parse(&q, CGW_OUT, keys, 3, &message, &at));
	CHECK_INT(at, 2);
	free(message);
}

int main(void)
{
	RUN(ends);
	RUN(directions);
	RUN(all_keys);
	RUN(nothing_given);
	RUN(errors);
	RUN(places);
	return test_done();
}
