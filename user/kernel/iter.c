// SPDX-License-Identifier: GPL-2.0-only
#include "iter.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ITER_ROOM 65536

/* All that there is. */
static int iter_read(int fd, char *room, size_t size, int (*fn)(void *arg, const void *record), void *arg)
{
	size_t have = 0;
	int r = 0;

	for (;;) {
		ssize_t n = read(fd, room + have, ITER_ROOM - have);
		size_t at = 0;

		/* -EAGAIN comes after a million of them for which nothing was written */
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0 && !r)
			r = -errno;
		if (n <= 0)
			return r;
		if (!size)
			continue;
		have += (size_t)n;
		for (; have - at >= size; at += size) {
			int error = fn(arg, room + at);

			r = r ? r : error;
		}
		have -= at;
		memmove(room, room + at, have);
	}
}

int iter_walk(struct bpf_program *p, size_t size, int (*fn)(void *arg, const void *record), void *arg)
{
	struct bpf_link *link = bpf_program__attach_iter(p, NULL);
	char *room;
	int fd, r;

	if (!link)
		return -errno;
	room = malloc(ITER_ROOM);
	fd = room ? bpf_iter_create(bpf_link__fd(link)) : -1;
	if (fd >= 0) {
		r = iter_read(fd, room, size, fn, arg);
		close(fd);
	} else {
		r = room ? -errno : -ENOMEM;
	}
	free(room);
	bpf_link__destroy(link);
	return r;
}
