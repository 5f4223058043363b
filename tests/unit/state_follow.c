// SPDX-License-Identifier: GPL-2.0-only
/* Files that are followed: each way in which one may become another. */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

#include "test.h"

#include "../../user/state/follow.h"

static char dir[] = "/tmp/cgwall-unit.XXXXXX";
static struct ev_loop *loop;
static unsigned calls;

static void changed(void *arg)
{
	CHECK(arg == &calls);
	calls++;
}

/* Was something told? Waits for it as long as something is wanted. */
static bool told(bool wanted)
{
	unsigned before = calls;

	for (int i = 0; i < (wanted ? 6000 : 1) && calls == before; i++) {
		if (wanted && i)
			usleep(10000);
		ev_run(loop, EVRUN_NOWAIT);
	}
	before = calls != before;
	while (calls) { /* what else there is belongs to it */
		calls = 0;
		ev_run(loop, EVRUN_NOWAIT);
	}
	return before;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (CHECK_MSG(f, "%s", path)) {
		fputs(text, f);
		fclose(f);
	}
}

static void shell(const char *command)
{
	CHECK_MSG(!system(command), "%s", command);
}

static void one_file(void)
{
	char path[64];
	const char *paths[] = {path};
	struct follow *f;

	snprintf(path, sizeof(path), "%s/a/b/file", dir);
	if (!CHECK(!follow_open(loop, paths, 1, changed, &calls, &f)))
		return;
	CHECK(!told(false));
	write_file("beside", "x");
	CHECK(!told(false));
	shell("mkdir a");
	CHECK(told(true));
	shell("mkdir a/c");
	CHECK(!told(false));
	shell("mkdir a/b");
	CHECK(told(true));
	write_file("a/b/file", "1");
	CHECK(told(true));
	write_file("a/b/other", "1");
	CHECK(!told(false));
	/* half of something is nothing */
	FILE *half = fopen("a/b/file", "w");
	fputs("2", half);
	fflush(half);
	CHECK(!told(false));
	fclose(half);
	CHECK(told(true));
	shell("echo 3 >a/b/new && mv a/b/new a/b/file");
	CHECK(told(true));
	write_file("a/b/file", "4"); /* the new one is followed */
	CHECK(told(true));
	shell("rm a/b/file");
	CHECK(told(true));
	shell("mv a/b a/d");
	CHECK(told(true));
	shell("mkdir a/b && echo 5 >a/b/file");
	CHECK(told(true));
	/* the folder that was moved away is not looked at any more */
	write_file("a/d/file", "6");
	CHECK(!told(false));
	follow_close(f);
	shell("rm -r a");
}

static void links(void)
{
	char path[64], other[64];
	const char *paths[] = {path, other};
	struct follow *f;

	snprintf(path, sizeof(path), "%s/etc/resolv.conf", dir);
	snprintf(other, sizeof(other), "%s/etc/nothing", dir);
	shell("mkdir -p etc run/a run/b && echo 1 >run/a/conf && echo 2 >run/b/conf && ln -s a run/now && "
	      "ln -s ../run/now/conf etc/resolv.conf");
	if (!CHECK(!follow_open(loop, paths, 2, changed, &calls, &f)))
		return;
	write_file("run/a/conf", "3");
	CHECK(told(true));
	write_file("run/b/conf", "4");
	CHECK(!told(false));
	shell("ln -s b run/next && mv -T run/next run/now");
	CHECK(told(true));
	write_file("run/b/conf", "5");
	CHECK(told(true));
	write_file("run/a/conf", "6");
	CHECK(!told(false));
	shell("ln -sf /nowhere/at/all etc/resolv.conf");
	CHECK(told(true));
	write_file("etc/nothing", "");
	CHECK(told(true));
	/* a circle has no end, and is none of our business */
	shell("ln -sfn resolv.conf etc/resolv.conf");
	CHECK(told(true));
	shell("rm etc/resolv.conf && echo 7 >etc/resolv.conf");
	CHECK(told(true));
	write_file("etc/resolv.conf", "8");
	CHECK(told(true));
	/* the same file under another name: its folder sees nothing of what is written there */
	shell("ln etc/resolv.conf elsewhere");
	told(false);
	write_file("elsewhere", "9");
	CHECK(told(true));
	follow_close(f);
	shell("rm -r etc run elsewhere");
}

/* No descriptor is left, and so no instance of inotify either. */
static void limit(bool none)
{
	static struct rlimit was;
	struct rlimit now;
	int fd = dup(0);

	if (!none) {
		close(fd);
		CHECK(!setrlimit(RLIMIT_NOFILE, &was));
		return;
	}
	CHECK(!getrlimit(RLIMIT_NOFILE, &was));
	now = was;
	now.rlim_cur = (rlim_t)fd;
	close(fd);
	CHECK(!setrlimit(RLIMIT_NOFILE, &now));
}

/* Where the host has nothing left to follow files by, they are looked at until it has. */
static void without_inotify(void)
{
	char path[64];
	const char *paths[] = {path};
	struct follow *f;

	snprintf(path, sizeof(path), "%s/file", dir);
	write_file("file", "1");
	limit(true);
	if (!CHECK(!follow_open(loop, paths, 1, changed, &calls, &f)))
		return;
	CHECK_INT(follow_error(f), -EMFILE);
	CHECK(!told(false));
	shell("ulimit -n 99 && echo 2 >new && mv new file");
	CHECK(told(true));
	CHECK_INT(follow_error(f), -EMFILE);
	limit(false);
	CHECK(told(true)); /* it is followed now, and may have changed before */
	CHECK_INT(follow_error(f), 0);
	write_file("file", "3");
	CHECK(told(true));
	follow_close(f);
	shell("rm file");
}

int main(void)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	if (!CHECK(mkdtemp(dir)) || !CHECK(!chdir(dir)) || !CHECK(loop))
		return test_done();
	RUN(one_file);
	RUN(links);
	RUN(without_inotify);
	ev_loop_destroy(loop);
	shell("rm -rf beside");
	CHECK(!rmdir(dir));
	return test_done();
}
