/* SPDX-License-Identifier: GPL-2.0-only */
/* Ways around a firewall, one function each. A trick is run in the guarded cgroup and tries to get something
 * to BAD, which no policy of these tests allows; HOLE is the one place that the single-hole policy allows.
 * Whether anything got there is counted by sink.c, at the other end of the line. */
#ifndef BYPASS_TRICK_H
#define BYPASS_TRICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOLE4 "198.51.100.2"
#define HOLE6 "2001:db8:5::2"
#define HOLE_PORT 7001
#define BAD4 "198.51.100.3"
#define BAD6 "2001:db8:5::3"
#define BAD_PORT 7009
#define HOST4 "198.51.100.1"
#define HOST6 "2001:db8:5::1"
#define IFACE "wall0"
#define PEER_MAC "\x02\0\0\0\x51\x02" /* tests/kernel/peer.sh gives them */
#define HOST_MAC "\x02\0\0\0\x51\x01"
#define MARK "cgwall-leak" /* what is sent */
#define MARK_LEN 11
#define TOLD 8		/* another program's descriptors: a pipe to the one that made the connection ... */
#define USED 9		/* ... and the connection */
#define NOT_POSSIBLE 77 /* exit code */

/* How it is run. */
enum {
	TRICK_OUTSIDE = 1, /* begins in a cgroup that is not guarded, and goes inside by itself */
	TRICK_BEFORE =
		2, /* makes its socket before the policy is in force, and uses it afterwards: await() */
	TRICK_INBOUND = 4, /* prints "listen KIND PORT"; the other end then calls there */
	TRICK_TRACED = 16, /* stays open only where the kernel's functions cannot be traced */
	TRICK_OTHER = 128, /* stays open only where such sockets cannot be closed as they are made */
	TRICK_SELF = 32,   /* goes by this very host, and is tried where that is allowed, too */
	TRICK_USER = 64,   /* is allowed when it is named; what it executes is not: user.c */
	TRICK_HERE = 8,	   /* stays in the cgroup it was started in; executed by other tricks alone */
};

struct trick {
	const char *name;
	/* NULL where it was tried, else why it cannot be here */
	const char *(*run)(void);
	int how;
	/* not NULL: no cgroup program can close it; the reason and what does */
	const char *open;
};

/* One table a file; the last entry has no name. */
extern const struct trick tricks_datagram[], tricks_stream[], tricks_raw[], tricks_uring[], tricks_pass[],
	tricks_move[], tricks_lent[], tricks_user[], tricks_join[], tricks_other[], tricks_source[],
	tricks_kernel[], tricks_full[], tricks_redirect[], tricks_ebpf[], tricks_sctp[], tricks_subflow[],
	tricks_family[], tricks_mount[], tricks_errand[], tricks_rdma[];

extern const char *guard, *outside; /* the two cgroups' folders */

/* Moves the calling process; exits where that fails. */
void enter(const char *cgroup);
/* Says that it is ready and waits until the policy is in force. */
void await(void);
/* Both at once: an address as connect() takes it. A colon makes it IPv6. Never fails on good text. */
socklen_t place(const char *addr, int port, struct sockaddr_storage *ret);
/* A new socket; -1 and errno. family as of the address. */
int open_for(const char *addr, int type, int proto);
/* connect() and sendto() of MARK; 0 or -1. */
int connect_to(int fd, const char *addr, int port);
int send_to(int fd, const char *addr, int port);
/* Waits up to a tenth of a second for a connection, sends MARK. */
void finish_stream(int fd);
/* A connected TCP or UDP socket, or -1. */
int connected(const char *addr, int port, int type);
/* errno as a reason, for what the kernel has not got; NULL for what was refused. */
const char *missing(const char *what);
/* setsockopt() as 32-bit programs call it: up to a page. 0; -1 and errno, ENOSYS where there is no such call.
 */
int setsockopt_32(int fd, int level, int name, const void *value, int len);
/* Gives a descriptor to the other end of a UNIX socket, and takes it. 0/-1, descriptor/-1. */
int give(int via, int fd);
int take(int via);
/* sctp.c: the other end of its tricks; prints "ready" and runs until it is killed. Exit code. */
int sctp_serve(void);
/* other.c: a frame to BAD, as it is on the line: at most 128 bytes; its length. */
size_t frame(uint8_t *b);
/* user.c: a connection to BAD that changes hands; -1. Says "up" where there is one. */
int user_up(const char *addr, int type, int proto);
/* The other program, which may not, runs trick `use` on it. As a trick's run(). */
const char *user_child(const char *use, int fd);
/* The same of one to which things come: it is asked for more each time that the other one writes to TOLD. */
const char *user_answers(const char *use, int type);
/* family.c: goes to the first network namespace, where the line has a device bypass0 (host.sh). NULL or a
 * reason. */
const char *first_netns(void);
/* Sleeps. */
void nap(int ms);

#endif
