// SPDX-License-Identifier: GPL-2.0-only
/* Network namespaces by their cookies: found also where a thread alone is, let go of with their last use, and
 * not more of them than there are descriptors for. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/kernel/private.h"
#include "test.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#define THREADS 9

static struct kernel k;
static uint64_t cookies[THREADS];
static uint32_t child;

static uint64_t cookie_here(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		cookie = 0;
	close(fd);
	return cookie;
}

static void *in_its_own(void *arg)
{
	uint64_t *cookie = arg;

	__atomic_store_n(cookie, unshare(CLONE_NEWNET) ? ~UINT64_C(0) : cookie_here(), __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

/* A process that is where we are, and whose threads are each somewhere else. False: that cannot be had here.
 */
static bool begin(void)
{
	int ends[2];

	if (!CHECK(!pipe(ends)))
		return false;
	child = (uint32_t)fork();
	if (!child) {
		uint64_t found[THREADS] = {0};
		pthread_t thread;

		for (int i = 0; i < THREADS; i++) {
			if (pthread_create(&thread, NULL, in_its_own, &found[i]))
				_exit(1);
			while (!__atomic_load_n(&found[i], __ATOMIC_ACQUIRE))
				usleep(1000);
		}
		if (write(ends[1], found, sizeof(found)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	CHECK_INT(read(ends[0], cookies, sizeof(cookies)), sizeof(cookies));
	close(ends[0]);
	return cookies[0] != ~UINT64_C(0);
}

static size_t open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	if (!dir)
		return 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Searches are rare where they take long: this one may have to wait. */
static bool found(uint64_t cookie)
{
	for (int i = 0; i < 60000; i++) {
		if (place_get(&k, cookie, true))
			return true;
		usleep(1000);
	}
	return false;
}

static void by_thread(void)
{
	size_t before = open_files();
	uint64_t own = cookie_here();
	struct place *p;

	CHECK_INT(place_use(&k, cookies[0], child), 0);
	CHECK_INT(place_use(&k, cookies[0], 1), 0);
	p = place_get(&k, cookies[0], false);
	if (!CHECK(p && p->ns >= 0))
		return;
	CHECK(place_socket(p, PLACE_DIAG) >= 0);
	CHECK(place_socket(p, PLACE_RAW4) >= 0);
	CHECK(place_socket(p, PLACE_RAW6) >= 0);
	CHECK_INT(open_files(), before + 4);
	CHECK_INT(cookie_here(), own);
	place_leave(&k, cookies[0]);
	CHECK(place_get(&k, cookies[0], false) == p);
	place_leave(&k, cookies[0]);
	CHECK(!place_get(&k, cookies[0], true));
	CHECK_INT(open_files(), before);
}

static void our_own(void)
{
	uint64_t own = cookie_here();

	CHECK_INT(place_use(&k, own, 0), 0);
	CHECK(place_get(&k, own, false) && place_get(&k, own, false)->ns < 0);
	place_leave(&k, own);
}

static void nowhere(void)
{
	size_t before = open_files();

	CHECK_INT(place_use(&k, 1000000007, child), -ENETUNREACH);
	CHECK_INT(place_use(&k, 1000000007, (uint32_t)getpid()), -ENETUNREACH);
	CHECK(!place_get(&k, 1000000007, false) && errno == ENETUNREACH);
	CHECK(!place_get(&k, 1000000007, true) && errno == ENETUNREACH);
	place_leave(&k, 1000000007);
	place_leave(&k, 1000000007);
	place_leave(&k, 1000000007);
	CHECK_INT(k.places.nlost, 0);
	CHECK_INT(open_files(), before);
}

static void too_many(void)
{
	size_t before = open_files();
	struct rlimit was, few;
	int r;

	CHECK(!getrlimit(RLIMIT_NOFILE, &was));
	few = was;
	few.rlim_cur = (THREADS - 1) * 8;
	CHECK(!setrlimit(RLIMIT_NOFILE, &few));
	for (int i = 0; i < THREADS - 1; i++) {
		r = place_use(&k, cookies[i], child);
		CHECK(!r || r == -ENETUNREACH);
		CHECK(found(cookies[i]));
	}
	CHECK_INT(k.places.refused, 0);
	CHECK_INT(place_use(&k, cookies[THREADS - 1], child), -EMFILE);
	CHECK_INT(k.places.refused, 1);
	CHECK_INT(open_files(), before + THREADS - 1);
	place_leave(&k, cookies[3]);
	CHECK(found(cookies[THREADS - 1]));
	place_close(&k);
	CHECK_INT(k.places.nopen, 0);
	CHECK_INT(k.places.nlost, 0);
	CHECK_INT(open_files(), before);
	CHECK(!setrlimit(RLIMIT_NOFILE, &was));
}

int main(void)
{
	static uint64_t no_maps[65536]; /* a table of processes that cannot be read has none */

	k.skel = (struct cgwall_bpf *)no_maps;
	if (geteuid() || !cookie_here() || !begin()) {
		puts("skip: no network namespaces, or they have no cookies");
		return test_done();
	}
	RUN(by_thread);
	RUN(our_own);
	RUN(nowhere);
	RUN(too_many);
	kill((pid_t)child, SIGKILL);
	waitpid((pid_t)child, NULL, 0);
	return test_done();
}
