// SPDX-License-Identifier: GPL-2.0-only
/* Run directories, watched files, links of executables, resolvers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "../../user/agent/rundir.h"
#include "../../user/agent/watch.h"
#include "../../user/policy/policy.h"
#include "../../user/state/alias.h"
#include "../../user/state/world.h"
#include "test.h"

static char dir[] = "/tmp/cgwall-unit.XXXXXX";

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

/* ---- run directories ---- */

/* `expected` below the scratch folder, or an absolute path. */
static void resolves_to(const char *given, const char *below)
{
	char expected[256], *got = rundir_resolve(given);

	snprintf(expected, sizeof(expected), "%s%s%s", *below == '/' ? "" : dir, *below == '/' ? "" : "/",
		 below);
	CHECK_STR(got, expected);
	free(got);
}

static void resolving(void)
{
	CHECK(!mkdir("real", 0700));
	CHECK(!symlink("real", "link"));
	resolves_to("real", "real");
	resolves_to("link", "real");
	resolves_to("./link/../real/", "real");
	resolves_to("link/not/there", "real/not/there");
	resolves_to("none///", "none");
	unsetenv("CGWALL_RUN_DIR");
	resolves_to(NULL, "/run/cgwall");
	setenv("CGWALL_RUN_DIR", "link", 1);
	resolves_to(NULL, "real");
	resolves_to("", "real");
	resolves_to("/", "/");
	resolves_to("/no-such-folder-here/x", "/no-such-folder-here/x");
	unlink("link");
	rmdir("real");
}

static void making(void)
{
	char *message = NULL;
	struct stat st;
	int fd, second;

	CHECK(!rundir_make("a/b/c", &message));
	CHECK(!stat("a/b/c", &st));
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK(!rundir_make("a/b/c", &message));
	fd = rundir_lock("a/b/c", &message);
	CHECK(fd >= 0);
	second = rundir_lock("a/b/c", &message);
	CHECK_INT(second, -EWOULDBLOCK);
	CHECK(message && strstr(message, "already runs"));
	free(message);
	message = NULL;
	close(fd);
	fd = rundir_lock("a/b/c", &message);
	CHECK(fd >= 0);
	close(fd);
	chmod("a/b/c", 0777);
	CHECK_INT(rundir_make("a/b/c", &message), -EPERM);
	CHECK(message && strstr(message, "0700"));
	free(message);
	message = NULL;
	write_file("a/file", "");
	CHECK(rundir_make("a/file", &message) < 0);
	free(message);
	message = NULL;
	CHECK(rundir_make("a/file/x", &message) < 0);
	free(message);
	unlink("a/b/c/lock");
	unlink("a/file");
	rmdir("a/b/c");
	rmdir("a/b");
	rmdir("a");
}

/* ---- watching ---- */

#define QUEUE 16400 /* two events each: more than inotify keeps where nobody set it higher */

static unsigned changes;

static void on_change(void *arg)
{
	(void)arg;
	changes++;
}

static void on_timeout(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)t;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Runs the loop for 0.4 s, and as long as it takes until as many changes as wanted are told. How many were.
 */
static unsigned wait_changes(struct ev_loop *loop, unsigned wanted)
{
	ev_timer t;

	changes = 0;
	for (int i = 0; !i || (i < 100 && changes < wanted); i++) {
		ev_timer_init(&t, on_timeout, 0.4, 0.);
		ev_now_update(loop);
		ev_timer_start(loop, &t);
		ev_run(loop, 0);
		ev_timer_stop(loop, &t);
	}
	return changes;
}

static void watching(void)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
	struct timespec since, old = {.tv_sec = 1};
	struct diag d = {0};
	struct policy *p;
	struct watch *w;
	bool moved = true;
	FILE *f;

	mkdir("conf.d", 0700);
	mkdir("data", 0700);
	write_file("data/real.txt", "192.0.2.1\n");
	CHECK(!symlink("data/real.txt", "list.txt"));
	write_file("policy.conf", "include \"conf.d/*.conf\"\nblock out to file \"list.txt\"\n");
	p = policy_read("policy.conf", &d);
	if (!CHECK(p))
		return;
	CHECK(!watch_open(loop, on_change, NULL, &w));
	clock_gettime(CLOCK_REALTIME, &since);
	since.tv_sec++;
	CHECK(!watch_set(w, p, &since));
	CHECK_INT(wait_changes(loop, 0), 0);
	write_file("policy.conf", "pass out\n");
	CHECK_INT(wait_changes(loop, 1), 1);
	write_file("new.conf", "pass out\n");
	CHECK_INT(wait_changes(loop, 0), 0);
	CHECK(!rename("new.conf", "policy.conf"));
	CHECK_INT(wait_changes(loop, 1), 1);
	write_file("conf.d/a.conf", "");
	CHECK_INT(wait_changes(loop, 1), 1);
	write_file("conf.d/a.txt", "");
	CHECK_INT(wait_changes(loop, 0), 0);
	unlink("conf.d/a.conf");
	CHECK_INT(wait_changes(loop, 1), 1);
	write_file("data/real.txt", "192.0.2.2\n");
	CHECK_INT(wait_changes(loop, 1), 1);
	CHECK(!symlink("a.txt", "conf.d/b.conf"));
	CHECK_INT(wait_changes(loop, 1), 1);
	CHECK(!symlink("x", "conf.d/..data"));
	CHECK_INT(wait_changes(loop, 1), 1);
	/* A file that is still being written does not count. */
	f = fopen("conf.d/c.conf", "w");
	fputs("pass ", f);
	fflush(f);
	CHECK_INT(wait_changes(loop, 0), 0);
	fclose(f);
	CHECK_INT(wait_changes(loop, 1), 1);
	/* Nor does anything else meanwhile: the policy is only read as a whole. */
	f = fopen("policy.conf", "w");
	CHECK(!watch_settled(w, NULL));
	write_file("conf.d/c.conf", "pass out\n");
	CHECK_INT(wait_changes(loop, 0), 0);
	fclose(f);
	CHECK_INT(wait_changes(loop, 1), 1);
	CHECK(watch_settled(w, p));
	f = fopen("list.txt", "a"); /* nothing is written yet */
	CHECK(watch_settled(w, NULL));
	CHECK(!watch_settled(w, p));
	fclose(f);
	CHECK_INT(wait_changes(loop, 1), 1);
	/* Who shortens a file by its path has nothing to close; and others are told of afterwards. */
	CHECK(!truncate("policy.conf", 2));
	CHECK_INT(wait_changes(loop, 1), 1);
	CHECK(!truncate("policy.conf", 0));
	write_file("conf.d/c.conf", "pass out\n");
	CHECK_INT(wait_changes(loop, 1), 1);
	CHECK(watch_settled(w, p));
	/* Nor is one waited for that has another name, by which its writer goes, when he is done. */
	CHECK(!link("policy.conf", "data/other"));
	f = fopen("data/other", "a");
	CHECK(!watch_settled(w, p));
	fclose(f);
	CHECK_INT(wait_changes(loop, 1), 1);
	unlink("data/other");
	CHECK(watch_settled(w, p));
	wait_changes(loop, 0);
	/* The queue has lost that he was done. */
	f = fopen("policy.conf", "a");
	fputs("#\n", f);
	fflush(f);
	CHECK_INT(wait_changes(loop, 0), 0);
	for (int i = 0; i < QUEUE; i++)
		moved &= !rename(i % 2 ? "conf.d/d.txt" : "conf.d/c.conf",
				 i % 2 ? "conf.d/c.conf" : "conf.d/d.txt");
	CHECK(moved);
	fclose(f);
	CHECK(wait_changes(loop, 1) > 0);
	CHECK(watch_settled(w, p));
	wait_changes(loop, 0);
	/* Many changes at once are told once. */
	for (int i = 0; i < 50; i++)
		write_file("policy.conf", "pass out\n");
	CHECK_INT(wait_changes(loop, 1), 1);
	/* What changed while the policy was being read is not missed. */
	CHECK(!watch_set(w, p, &old));
	CHECK_INT(wait_changes(loop, 1), 1);
	watch_close(w);
	policy_free(p);
	diag_free(&d);
	ev_loop_destroy(loop);
	CHECK(!system(
		"rm -rf conf.d data list.txt policy.conf")); /* NOLINT(cert-env33-c): words of our own */
}

/* No descriptor is left, and so no instance of inotify either: the files are looked at until there is one. */
static void watching_without_inotify(void)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
	struct rlimit was, none;
	struct timespec since;
	struct diag d = {0};
	struct policy *p;
	struct watch *w;
	char note[256];
	int fd;

	write_file("policy.conf", "pass out\n");
	p = policy_read("policy.conf", &d);
	fd = dup(0);
	close(fd);
	CHECK(!getrlimit(RLIMIT_NOFILE, &was));
	none = was;
	none.rlim_cur = (rlim_t)fd;
	CHECK(!setrlimit(RLIMIT_NOFILE, &none));
	CHECK(!watch_open(loop, on_change, NULL, &w));
	CHECK(!setrlimit(RLIMIT_NOFILE, &was));
	clock_gettime(CLOCK_REALTIME, &since);
	since.tv_sec++;
	CHECK(!watch_set(w, p, &since));
	CHECK(watch_note(w, note, sizeof(note)) && strstr(note, "Too many open files"));
	write_file("policy.conf", "block out\n");
	CHECK_INT(wait_changes(loop, 1), 1);
	CHECK(!watch_note(w, note, sizeof(note)));
	write_file("policy.conf", "pass out\n");
	CHECK_INT(wait_changes(loop, 1), 1);
	watch_close(w);
	policy_free(p);
	diag_free(&d);
	ev_loop_destroy(loop);
	unlink("policy.conf");
}

/* ---- links ---- */

static void alias_is(const char *glob, const char *below)
{
	char pattern[256], expected[256], *got;

	snprintf(pattern, sizeof(pattern), "%s/%s", dir, glob);
	got = alias_of(pattern);
	snprintf(expected, sizeof(expected), "%s/%s", dir, below ? below : "");
	CHECK_STR(got, below ? expected : NULL);
	free(got);
}

static void links(void)
{
	mkdir("usr", 0700);
	mkdir("usr/bin", 0700);
	mkdir("odd[dir", 0700);
	write_file("usr/bin/dash", "");
	write_file("odd[dir/x", "");
	CHECK(!symlink("usr/bin", "bin"));
	CHECK(!symlink("dash", "usr/bin/sh"));
	CHECK(!symlink("odd[dir", "plain"));
	alias_is("usr/bin/dash", NULL);
	alias_is("usr/bin/sh", "usr/bin/dash");
	alias_is("bin/sh", "usr/bin/dash");
	alias_is("bin/dash", "usr/bin/dash");
	alias_is("bin/qemu-*", "usr/bin/qemu-*");
	alias_is("bin/**", "usr/bin/**");
	alias_is("b*/x", NULL);
	alias_is("bin/not-there", "usr/bin/not-there");
	alias_is("nowhere/x", NULL);
	alias_is("odd\\[dir/x", NULL);
	alias_is("plain/x", "odd\\[dir/x");
	alias_is("plain/*", "odd\\[dir/*");
	CHECK(!alias_of("*"));
	CHECK(!alias_of("/*"));
	CHECK(!alias_of(""));
	CHECK(!system("rm -rf usr bin plain 'odd[dir'")); /* NOLINT(cert-env33-c): words of our own */
}

static void aliases_of_a_policy(void)
{
	char policy[512];
	struct diag d = {.out = stderr};
	char *(*pairs)[2];
	struct policy *p;
	size_t n;

	write_file("real", "");
	CHECK(!symlink("real", "l1") && !symlink("real", "l2"));
	snprintf(policy, sizeof(policy),
		 "app a = { exe \"%s/l1\", not exe \"%s/real\" }\n"
		 "pass out app a\npass out app a\npass out exe \"%s/l2\" user root\n",
		 dir, dir, dir);
	p = policy_read_text("x.conf", policy, strlen(policy), &d);
	if (CHECK(p) && CHECK(!alias_all(p, &pairs, &n))) {
		CHECK_INT(n, 2);
		CHECK(n == 2 && strstr(pairs[0][0], "/l1") && strstr(pairs[0][1], "/real"));
		CHECK(n == 2 && strstr(pairs[1][0], "/l2") && strstr(pairs[1][1], "/real"));
		alias_free(pairs, n);
	}
	policy_free(p);
	diag_free(&d);
	unlink("real");
	unlink("l1");
	unlink("l2");
}

/* ---- resolvers ---- */

static void resolvers(void)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 0, [14] = 2, [15] = 53};
	static const uint8_t local[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	uint8_t(*list)[16];
	size_t n;

	write_file("resolv.conf",
		   "# nameserver 10.0.0.1\nsearch x\n nameserver\t192.0.2.53 \n"
		   "nameserver fe80::1%eth0\nnameserver nonsense\nnameservers 10.0.0.2\nnameserver");
	CHECK(!world_resolvers("resolv.conf", "resolved.conf", &list, &n));
	CHECK_INT(n, 2);
	CHECK(!memcmp(list[0], v4, 16));
	CHECK(list[1][0] == 0xfe && list[1][1] == 0x80 && list[1][15] == 1);
	free(list);
	CHECK(!world_resolvers("none.conf", "resolved.conf", &list, &n));
	CHECK_INT(n, 2);
	CHECK_INT(list[0][15], 1);
	CHECK(!memcmp(list[1], local, 16));
	free(list);
	/* the servers behind a stub count where programs ask the stub, and only there */
	write_file("resolved.conf", "nameserver 2001:db8::53\nnameserver 192.0.2.53\n");
	CHECK(!world_resolvers("resolv.conf", "resolved.conf", &list, &n));
	CHECK_INT(n, 2);
	free(list);
	write_file("resolv.conf", "nameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver 127.0.0.53\n");
	CHECK(!world_resolvers("resolv.conf", "resolved.conf", &list, &n));
	CHECK_INT(n, 3);
	CHECK(!memcmp(list[1], v4, 16));
	CHECK(list[2][0] == 0x20 && list[2][15] == 0x53);
	free(list);
	unlink("resolv.conf");
	unlink("resolved.conf");
}

int main(void)
{
	if (!CHECK(mkdtemp(dir)) || !CHECK(!chdir(dir)))
		return test_done();
	RUN(resolving);
	RUN(making);
	RUN(watching);
	RUN(watching_without_inotify);
	RUN(links);
	RUN(aliases_of_a_policy);
	RUN(resolvers);
	CHECK(!rmdir(dir));
	return test_done();
}
