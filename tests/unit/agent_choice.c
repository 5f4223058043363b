// SPDX-License-Identifier: GPL-2.0-only
/* The words of an answer: every one that is taken comes out again, nothing else is taken; and what a cgroup's
 * path says of unit and container. */
#include "../../user/agent/choice.h"
#include "../../user/event/place.h"
#include "test.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void words(void)
{
	static const char *const lives[] = {"once",  "program", "today", "reboot", "ever",
					    "500ms", "30s",	"5m",	 "2h",	   "7d"};
	static const char *const scopes[] = {"address,port", "address", "name,port", "name",
					     "domain,port",  "domain",	"any,port",  "any"};
	static const char *const whos[] = {"program", "unit", "container", "user", "cgroup", "anybody"};
	char life[CHOICE_WORD_MAX], scope[CHOICE_WORD_MAX];
	struct choice c;

	for (size_t i = 0; i < COUNT(lives); i++) {
		for (size_t j = 0; j < COUNT(scopes); j++) {
			for (size_t k = 0; k < COUNT(whos); k++) {
				CHECK_STR(choice_read("pass", lives[i], scopes[j], whos[k], &c), NULL);
				CHECK_INT(c.verdict, CGW_PASS);
				CHECK_STR(choice_life(&c, life, sizeof(life)), lives[i]);
				CHECK_STR(choice_scope(&c, scope, sizeof(scope)), scopes[j]);
				CHECK_STR(choice_who(&c), whos[k]);
			}
		}
	}
}

static void otherwise(void)
{
	struct choice c;

	CHECK_STR(choice_read("block", NULL, NULL, NULL, &c), NULL);
	CHECK_INT(c.verdict, CGW_BLOCK);
	CHECK_INT(c.life, CHOICE_ONCE);
	CHECK_INT(c.whom, CHOICE_ADDRESS);
	CHECK(c.port);
	CHECK_INT(c.who, CHOICE_EXE);
	CHECK_STR(choice_read("pass", NULL, "port", NULL, &c), NULL);
	CHECK_INT(c.whom, CHOICE_ANY);
	CHECK(c.port);
	CHECK_STR(choice_read("pass", NULL, "port,domain", NULL, &c), NULL);
	CHECK_INT(c.whom, CHOICE_DOMAIN);
	CHECK(c.port);
}

static void nonsense(void)
{
	static const char *const bad[][4] = {
		{NULL, NULL, NULL, NULL},
		{"", NULL, NULL, NULL},
		{"Pass", NULL, NULL, NULL},
		{"ask", NULL, NULL, NULL},
		{"reject", NULL, NULL, NULL},
		{"pass", "", NULL, NULL},
		{"pass", "for ever", NULL, NULL},
		{"pass", "0s", NULL, NULL},
		{"pass", "-1s", NULL, NULL},
		{"pass", "1", NULL, NULL},
		{"pass", "99999d", NULL, NULL},
		{"pass", "1h ", NULL, NULL},
		{"pass", NULL, "", NULL},
		{"pass", NULL, ",", NULL},
		{"pass", NULL, "port,", NULL},
		{"pass", NULL, "port,port", NULL},
		{"pass", NULL, "address,any", NULL},
		{"pass", NULL, "address, port", NULL},
		{"pass", NULL, "addresses", NULL},
		{"pass", NULL, "addr", NULL},
		{"pass", NULL, NULL, ""},
		{"pass", NULL, NULL, "me"},
		{"pass", NULL, NULL, "program,unit"},
	};
	struct choice c = {.life = CHOICE_LIVES};

	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK_MSG(choice_read(bad[i][0], bad[i][1], bad[i][2], bad[i][3], &c), "case %zu", i);
	CHECK_INT(c.life, CHOICE_LIVES); /* untouched */
}

static void is_place(char *got, const char *expected)
{
	CHECK_STR(got, expected);
	free(got);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void places(void)
{
	is_place(place_unit(NULL), NULL);
	is_place(place_unit(""), NULL);
	is_place(place_unit("/"), NULL);
	is_place(place_unit("system.slice/nginx.service"), "nginx.service");
	is_place(place_unit("system.slice/nginx.service/worker"), "nginx.service");
	is_place(place_unit("user.slice/user-1000.slice/user@1000.service/app.slice/app-x-1.scope"),
		 "app-x-1.scope");
	is_place(place_unit("system.slice/.service"), NULL);
	is_place(place_unit("system.slice/service"), NULL);
	is_place(place_container(NULL), NULL);
	is_place(place_container("system.slice/nginx.service"), NULL);
	is_place(place_container("system.slice/docker-" ID ".scope"), ID);
	is_place(place_container("machine.slice/libpod-" ID ".scope/container"), ID);
	is_place(place_container("kubepods.slice/cri-containerd-" ID ".scope"), ID);
	is_place(place_container("docker/" ID), ID);
	is_place(place_container("docker/" ID "/init"), ID);
	is_place(place_container("docker/x" ID), NULL);
	is_place(place_container("docker/0123456789abcdef"), NULL);
}

int main(void)
{
	RUN(words);
	RUN(otherwise);
	RUN(nonsense);
	RUN(places);
	return test_done();
}
