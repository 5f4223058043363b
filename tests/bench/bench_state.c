// SPDX-License-Identifier: GPL-2.0-only
/* From a change of an address to the row of rules that is in force for it.
 *
 *   bench_state PIN IFACE COUNT PAUSE_US     COUNT changes, each waited for: prints the times in ns, one a
 * line, from before the call that changes the address
 *
 *   bench_state PIN IFACE COUNT PAUSE_US x   COUNT changes that nobody waits for, so long apart: prints the
 * time from before the last one to the last change of the control word
 *
 * PIN: of the map with the control word. The agent follows the network namespace in which this runs. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cgwall/abi.h>

#define PATIENCE_NS 2000000000LL
#define CALM_NS 100000000LL /* without a change of the word: it was the last one */

static const struct cgw_ctl *ctl;
static int netlink;
static unsigned ifindex;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint64_t word(void)
{
	return __atomic_load_n(&ctl->word, __ATOMIC_ACQUIRE);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* 10.77.0.1/24 comes or goes; the kernel has told everybody when the call returns. */
static void set_address(bool there)
{
	static const uint8_t addr[4] = {10, 77, 0, 1};
	struct {
		struct nlmsghdr h;
		struct ifaddrmsg m;
		struct rtattr a;
		uint8_t addr[4];
	} request = {
		.h = {.nlmsg_len = sizeof(request),
		      .nlmsg_type = there ? RTM_NEWADDR : RTM_DELADDR,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | (there ? NLM_F_CREATE | NLM_F_EXCL : 0)},
		.m = {.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = ifindex},
		.a = {.rta_len = RTA_LENGTH(sizeof(addr)), .rta_type = IFA_LOCAL},
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[256];
	} answer;

	memcpy(request.addr, addr, sizeof(addr));
	if (send(netlink, &request, sizeof(request), 0) < 0 || recv(netlink, &answer, sizeof(answer), 0) < 0)
		die("rtnetlink");
	if (answer.h.nlmsg_type != NLMSG_ERROR || answer.e.error) {
		errno = -answer.e.error;
		die("address");
	}
}

static void nap(long us)
{
	struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	if (us)
		nanosleep(&t, NULL);
}

static void waited(long count, long pause_us)
{
	for (long i = 0; i < count; i++) {
		uint64_t before = word();
		int64_t start = now_ns(), end = start, told;

		set_address(i % 2 == 0);
		told = now_ns();
		while (word() == before && end - start < PATIENCE_NS) {
			sched_yield(); /* who only looks on shall not hold the CPU that the agent wants */
			end = now_ns();
		}
		end = now_ns();
		printf("%lld %lld\n", (long long)(end - start), (long long)(end - told));
		nap(pause_us);
	}
}

static void storm(long count, long pause_us)
{
	int64_t start = 0, last, now;
	uint64_t seen;

	for (long i = 0; i < count; i++) {
		nap(pause_us);
		start = now_ns();
		set_address(i % 2 == 0);
	}
	seen = word();
	last = now = start;
	while (now < last + CALM_NS) {
		now = now_ns();
		if (word() == seen)
			continue;
		seen = word();
		last = now;
	}
	printf("%lld\n", (long long)(last - start));
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 5)
		return 2;
	/* whoever holds the watch shall not stand behind other programs, as the agent does not; where that is
	 * denied its own waiting is measured, too */
	setpriority(PRIO_PROCESS, 0, -10);
	fd = bpf_obj_get(argv[1]);
	if (fd < 0)
		die(argv[1]);
	ctl = mmap(NULL, sizeof(*ctl), PROT_READ, MAP_SHARED, fd, 0);
	if (ctl == MAP_FAILED)
		die("mmap");
	ifindex = if_nametoindex(argv[2]);
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (!ifindex || netlink < 0)
		die(argv[2]);
	if (argc == 5)
		waited(atol(argv[3]), atol(argv[4]));
	else
		storm(atol(argv[3]), atol(argv[4]));
	return 0;
}
