// SPDX-License-Identifier: GPL-2.0-only
#include "worker.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK (256u << 10)
#define AGAIN_US 10000 /* after work that failed */

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted;
	worker_fn *fn;
	void *arg;
	uint64_t issued, done; /* tickets; under the lock */
	int fd;
	bool bare, started, ending;
};

/* Of the calling thread alone. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	syscall(SYS_capset, &head, data);
}

/* Cannot fail before 2^64 periods were not read. */
static void tell(const struct worker *w)
{
	uint64_t one = 1;

	while (write(w->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void *worker_thread(void *arg)
{
	struct worker *w = arg;
	uint64_t ticket;
	int err;

	if (w->bare)
		drop_capabilities();
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->ending && w->done == w->issued)
			pthread_cond_wait(&w->wanted, &w->lock);
		if (w->ending)
			break;
		ticket = w->issued;
		pthread_mutex_unlock(&w->lock);
		err = w->fn(w->arg);
		if (err)
			usleep(AGAIN_US);
		pthread_mutex_lock(&w->lock);
		if (err)
			continue;
		w->done = ticket;
		tell(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Signals are the main thread's business. */
static bool start(struct worker *w)
{
	sigset_t all, old;
	pthread_attr_t attr;

	if (w->started)
		return true;
	if (pthread_attr_init(&attr))
		return false;
	pthread_attr_setstacksize(&attr, STACK > PTHREAD_STACK_MIN ? STACK : PTHREAD_STACK_MIN);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	w->started = !pthread_create(&w->thread, &attr, worker_thread, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return w->started;
}

int worker_open(worker_fn *fn, void *arg, bool bare, struct worker **ret)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->arg = arg;
	w->bare = bare;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0) {
		int r = -errno;

		free(w);
		return r;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wanted, NULL);
	*ret = w;
	return 0;
}

void worker_close(struct worker *w)
{
	if (!w)
		return;
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->ending = true;
		pthread_cond_signal(&w->wanted);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	pthread_cond_destroy(&w->wanted);
	pthread_mutex_destroy(&w->lock);
	close(w->fd);
	free(w);
}

uint64_t worker_ask(struct worker *w)
{
	uint64_t ticket;

	pthread_mutex_lock(&w->lock);
	ticket = ++w->issued;
	pthread_cond_signal(&w->wanted);
	pthread_mutex_unlock(&w->lock);
	if (start(w))
		return ticket;
	if (!w->fn(w->arg)) {
		w->done = ticket; /* there is no other thread */
		tell(w);
	}
	return ticket;
}

bool worker_done(struct worker *w, uint64_t ticket)
{
	bool done;

	pthread_mutex_lock(&w->lock);
	done = w->done >= ticket;
	pthread_mutex_unlock(&w->lock);
	return done;
}

int worker_fd(const struct worker *w)
{
	return w->fd;
}

void worker_read(struct worker *w)
{
	uint64_t n;

	while (read(w->fd, &n, sizeof(n)) < 0 && errno == EINTR)
		;
}
