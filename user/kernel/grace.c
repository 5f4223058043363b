// SPDX-License-Identifier: GPL-2.0-only
#include "grace.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK (64u << 10)

struct grace {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	uint64_t issued, passed; /* tickets; under the lock */
	int fd;
	bool started, ending;
};

int grace_wait(void)
{
	return syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) ? -errno : 0;
}

/* Of the calling thread alone. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	syscall(SYS_capset, &head, data);
}

static void *grace_thread(void *arg)
{
	struct grace *g = arg;
	uint64_t one = 1, ticket;
	int err;

	drop_capabilities();
	pthread_mutex_lock(&g->lock);
	for (;;) {
		while (!g->ending && g->passed == g->issued)
			pthread_cond_wait(&g->wanted, &g->lock);
		if (g->ending)
			break;
		ticket = g->issued;
		pthread_mutex_unlock(&g->lock);
		err = grace_wait();
		if (err)
			usleep(10000); /* it worked when the policy was published: no memory for the moment */
		pthread_mutex_lock(&g->lock);
		if (!err)
			g->passed = ticket;
		if (!err && write(g->fd, &one, sizeof(one)) < 0)
			continue; /* not read for 2^64 periods */
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

/* Signals are the main thread's business. */
static bool start(struct grace *g)
{
	sigset_t all, old;
	pthread_attr_t attr;

	if (g->started)
		return true;
	if (pthread_attr_init(&attr))
		return false;
	pthread_attr_setstacksize(&attr, STACK > PTHREAD_STACK_MIN ? STACK : PTHREAD_STACK_MIN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	g->started = !pthread_create(&g->thread, &attr, grace_thread, g);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return g->started;
}

int grace_open(struct grace **ret)
{
	struct grace *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (g->fd < 0) {
		int r = -errno;

		free(g);
		return r;
	}
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->wanted, NULL);
	*ret = g;
	return 0;
}

void grace_close(struct grace *g)
{
	if (!g)
		return;
	if (g->started) {
		pthread_mutex_lock(&g->lock);
		g->ending = true;
		pthread_cond_signal(&g->wanted);
		pthread_mutex_unlock(&g->lock);
		pthread_join(g->thread, NULL);
	}
	pthread_cond_destroy(&g->wanted);
	pthread_mutex_destroy(&g->lock);
	close(g->fd);
	free(g);
}

uint64_t grace_ticket(struct grace *g)
{
	uint64_t ticket, one = 1;

	pthread_mutex_lock(&g->lock);
	ticket = ++g->issued;
	pthread_cond_signal(&g->wanted);
	pthread_mutex_unlock(&g->lock);
	if (start(g))
		return ticket;
	/* no thread can be had: the wait is here and now */
	if (!grace_wait()) {
		g->passed = ticket;
		if (write(g->fd, &one, sizeof(one)) < 0)
			return ticket;
	}
	return ticket;
}

bool grace_passed(struct grace *g, uint64_t ticket)
{
	bool passed;

	pthread_mutex_lock(&g->lock);
	passed = g->passed >= ticket;
	pthread_mutex_unlock(&g->lock);
	return passed;
}

int grace_fd(const struct grace *g)
{
	return g->fd;
}

void grace_read(struct grace *g)
{
	uint64_t n;

	while (read(g->fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}
