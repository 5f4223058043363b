// SPDX-License-Identifier: GPL-2.0-only
/* File systems on other hosts, which the kernel itself connects to: from the process that mounts, or from a
 * worker that belongs to nobody. Mounting is for CAP_SYS_ADMIN of the host, whose modules host.sh loads. */
#include "trick.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_fsopen
#define SYS_fsopen 430
#define SYS_fsconfig 431
#endif
#define SET_STRING 1 /* enum fsconfig_command */
#define CREATE 6
#define SET_FLAG 0

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)
#define AT_BAD "port=" NUMBER(BAD_PORT)

/* mount(2): everything in one text. */
static int by_mount(const char *type, const char *source, const char *options)
{
	char dir[] = "/tmp/bypass.XXXXXX";
	int r;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || !mkdtemp(dir))
		return -1;
	r = mount(source, dir, type, 0, options);
	if (!r)
		umount2(dir, MNT_DETACH);
	rmdir(dir);
	return r;
}

/* fsopen(2): option by option. */
static int by_fsopen(const char *type, const char *source, const char *options)
{
	int fd = (int)syscall(SYS_fsopen, type, 0);
	char text[512], *at = text, *option;

	if (fd < 0 || syscall(SYS_fsconfig, fd, SET_STRING, "source", source, 0))
		return -1;
	snprintf(text, sizeof(text), "%s", options);
	while ((option = strsep(&at, ","))) {
		char *value = strchr(option, '=');

		if (value)
			*value++ = 0;
		if (syscall(SYS_fsconfig, fd, value ? SET_STRING : SET_FLAG, option, value, 0))
			return -1;
	}
	return (int)syscall(SYS_fsconfig, fd, CREATE, NULL, NULL, 0);
}

/* A child mounts, for as long as it takes until something has left: nobody answers. */
static const char *mounted(int (*way)(const char *, const char *, const char *), const char *type,
			   const char *source, const char *options)
{
	int status = 0, ended = 0;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(way(type, source, options) ? errno : 0);
	for (int i = 0; i < 150 && !ended; i++) {
		nap(10);
		ended = waitpid(pid, &status, WNOHANG) == pid;
	}
	if (!ended) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	nap(100); /* what is left of it says goodbye */
	errno = ended && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	return errno == ENODEV || errno == EINVAL ? missing(type) : NULL;
}

#define NFS4 "vers=4.2,addr=" BAD4 ",clientaddr=" HOST4 ",proto=tcp," AT_BAD ",soft,timeo=5,retrans=1"

static const char *nfs4(void)
{
	return mounted(by_mount, "nfs4", BAD4 ":/", NFS4);
}

static const char *nfs4_fsopen(void)
{
	return mounted(by_fsopen, "nfs4", BAD4 ":/", NFS4);
}

/* Without a port given, the kernel asks the other host's portmapper for it. */
static const char *nfs3(void)
{
	return mounted(by_mount, "nfs", BAD4 ":/x",
		       "vers=3,addr=" BAD4 ",mountaddr=" BAD4
		       ",mountproto=udp,proto=tcp,nolock,soft,timeo=5");
}

static const char *cifs(void)
{
	return mounted(by_mount, "cifs", "//" BAD4 "/x",
		       "ip=" BAD4 "," AT_BAD ",username=a,password=b,vers=3.0,sec=ntlmssp");
}

static const char *plan9(void)
{
	return mounted(by_mount, "9p", BAD4, "trans=tcp," AT_BAD ",version=9p2000.L");
}

static const char *ceph(void)
{
	return mounted(by_mount, "ceph", BAD4 ":" NUMBER(BAD_PORT) ":/", "name=guest,mount_timeout=1");
}

static const char *afs(void)
{
	return mounted(by_mount, "afs", "#bypass:root.cell.", NULL);
}

#define WORKER                                                                                             \
	"a worker of the kernel's connects; drop CAP_SYS_ADMIN, enable tracing of functions or guard the " \
	"root"

const struct trick tricks_mount[] = {
	{"mount-nfs4", nfs4, TRICK_OTHER, WORKER},
	{"mount-nfs4-fsopen", nfs4_fsopen, TRICK_OTHER, WORKER},
	{"mount-nfs3", nfs3, TRICK_OTHER, WORKER},
	{"mount-cifs", cifs, 0, NULL},
	{"mount-9p", plan9, 0, NULL},
	{"mount-ceph", ceph, TRICK_OTHER, WORKER},
	{"mount-afs", afs, TRICK_OTHER, WORKER},
	{NULL, NULL, 0, NULL},
};
