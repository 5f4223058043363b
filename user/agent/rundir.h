/* SPDX-License-Identifier: GPL-2.0-only */
/* The run directory: it holds the control socket and the lock, and its path names the pins. */
#ifndef CGWALL_RUNDIR_H
#define CGWALL_RUNDIR_H

#include <sys/socket.h>
#include <sys/un.h>

#define RUNDIR_DEFAULT "/run/cgwall"
#define RUNDIR_STATE "/var/lib/cgwall" /* that belongs to it */
#define RUNDIR_SOCKET "control"
#define RUNDIR_LOCK "lock"

/* `given`, else CGWALL_RUN_DIR, else the default, made absolute with the links of what exists followed, so
 * that every way to write it names the same agent. Owned by the caller; NULL where there is no memory. */
char *rundir_resolve(const char *given);

/* The state folder that belongs to a resolved run directory: `given`, made absolute; where it is NULL
 * /var/lib/cgwall for /run/cgwall and none for others. *ret is owned by the caller, NULL for none (also where
 * `given` is "none"). 0 or -ENOMEM. */
int rundir_state(const char *run_dir, const char *given, char **ret);

/* Makes the directory (0700) with what is above it, and refuses one that others may write to. 0 or -errno
 * with a sentence in *message, owned by the caller. */
int rundir_make(const char *path, char **message);

/* Takes the lock: a descriptor to be kept open as long as the agent lives, or -errno; -EWOULDBLOCK where
 * another agent has it. *message as above. */
int rundir_lock(const char *path, char **message);

/* The process that took it last; 0: it is not known. */
int rundir_holder(const char *path);

/* The control socket's address. Long paths go by way of a descriptor: *dir is one to close after bind or
 * connect, or -1. 0 or -errno. */
int rundir_address(const char *path, struct sockaddr_un *ret, socklen_t *len, int *dir);

#endif
