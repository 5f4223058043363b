/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/self/mountinfo -> the maps `mounts` and `points`. Its device numbers are the superblocks', which is
 * what the kernel side sees; stat()'s would differ on btrfs and overlayfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cgwall/pathhash.h>

#include "mounts.h"
#include "private.h"
#include "cgwall.skel.h"

struct mounts_line {
	uint32_t id, dev;
	size_t order;
	char *root, *point; /* "" for "/" */
};

struct mounts_table {
	struct mounts_line *lines;
	size_t n;
};

/* Octal escapes of space, tab, newline and backslash; in place. */
static void mounts_unescape(char *s)
{
	char *w = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
		    s[3] <= '7') {
			*w++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*w++ = *s;
		}
	}
	*w = 0;
}

static void mounts_free(struct mounts_table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->lines[i].root);
		free(t->lines[i].point);
	}
	free(t->lines);
}

static int mounts_read(int fd, struct mounts_table *ret)
{
	struct mounts_table t = {0};
	char *line = NULL;
	size_t size = 0;
	FILE *f;
	int dupfd = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (dupfd < 0)
		return -errno;
	f = fdopen(dupfd, "r");
	if (!f) {
		close(dupfd);
		return -ENOMEM;
	}
	rewind(f);
	while (getline(&line, &size, f) > 0) {
		unsigned int id, parent, major, minor;
		char root[4097], point[4097];
		struct mounts_line *more, *l;

		if (sscanf(line, "%u %u %u:%u %4096s %4096s", &id, &parent, &major, &minor, root, point) != 6)
			continue;
		mounts_unescape(root);
		mounts_unescape(point);
		more = realloc(t.lines, (t.n + 1) * sizeof(*t.lines));
		if (!more)
			goto nomem;
		t.lines = more;
		l = &t.lines[t.n];
		l->id = id;
		l->dev = (major << 20) | minor; /* the kernel's own dev_t */
		l->order = t.n++;
		l->root = strdup(strcmp(root, "/") ? root : "");
		l->point = strdup(strcmp(point, "/") ? point : "");
		if (!l->root || !l->point)
			goto nomem;
	}
	free(line);
	fclose(f);
	*ret = t;
	return 0;
nomem:
	free(line);
	fclose(f);
	mounts_free(&t);
	return -ENOMEM;
}

/* By device; whole file systems before parts of them; later mounts, which cover earlier ones, first. */
static int mounts_compare(const void *va, const void *vb)
{
	const struct mounts_line *a = va, *b = vb;
	size_t la = strlen(a->root), lb = strlen(b->root);

	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	if (la != lb)
		return la < lb ? -1 : 1;
	return a->order > b->order ? -1 : a->order < b->order;
}

/* By mount point; the uppermost first. */
static int mounts_compare_point(const void *va, const void *vb)
{
	const struct mounts_line *a = va, *b = vb;
	int r = strcmp(a->point, b->point);

	if (r)
		return r;
	return a->order > b->order ? -1 : a->order < b->order;
}

static void mounts_point_key(const struct kernel *k, const char *point, struct cgw_key *key)
{
	struct cgw_hash h;

	memset(key, 0, sizeof(*key));
	key->kind = CGW_KEY_POINT;
	cgw_hash_start(&h, k->ctl->seed);
	for (; *point; point++)
		cgw_hash_byte(&h, (__u8)*point);
	cgw_hash_value(&h, key->data);
}

/* Deletes every key of the map that `keep` does not hold. */
static void mounts_prune(int fd, size_t key_size, const void *keep, size_t nkeep)
{
	unsigned char key[64], next[64];
	bool more = !bpf_map_get_next_key(fd, NULL, next);

	while (more) {
		bool kept = false;

		memcpy(key, next, key_size);
		more = !bpf_map_get_next_key(fd, key, next);
		for (size_t i = 0; i < nkeep && !kept; i++)
			kept = !memcmp((const char *)keep + i * key_size, key, key_size);
		if (!kept)
			bpf_map_delete_elem(fd, key);
	}
}

static int mounts_write_points(struct kernel *k, struct mounts_table *t)
{
	int fd = bpf_map__fd(k->skel->maps.points), r = 0;
	struct cgw_key *keep = calloc(t->n + 1, sizeof(*keep));
	size_t n = 0;

	if (!keep)
		return -ENOMEM;
	if (t->n)
		qsort(t->lines, t->n, sizeof(*t->lines), mounts_compare_point);
	for (size_t i = 0; i < t->n && !r; i++) {
		if (i && !strcmp(t->lines[i - 1].point, t->lines[i].point))
			continue;
		mounts_point_key(k, t->lines[i].point, &keep[n]);
		r = bpf_map_update_elem(fd, &keep[n], &t->lines[i].id, BPF_ANY) ? -errno : 0;
		n++;
	}
	if (!r)
		mounts_prune(fd, sizeof(*keep), keep, n);
	free(keep);
	return r;
}

static int mounts_write(struct kernel *k, struct mounts_table *t)
{
	int fd = bpf_map__fd(k->skel->maps.mounts), r = 0;
	struct cgw_mount_key *keep = calloc(t->n + 1, sizeof(*keep));
	size_t n = 0;

	if (!keep)
		return -ENOMEM;
	if (t->n)
		qsort(t->lines, t->n, sizeof(*t->lines), mounts_compare);
	for (size_t i = 0; i < t->n && !r; i++) {
		const struct mounts_line *l = &t->lines[i];
		bool same = n && keep[n - 1].dev == l->dev;
		struct cgw_mount m = {.id = l->id};

		if (strlen(l->root) >= sizeof(m.root) || strlen(l->point) >= sizeof(m.point))
			continue;
		if (same && keep[n - 1].index + 1 >= CGW_MOUNTS_PER_DEV)
			continue;
		keep[n].dev = l->dev;
		keep[n].index = same ? keep[n - 1].index + 1 : 0;
		m.root_len = (__u16)strlen(l->root);
		m.point_len = (__u16)strlen(l->point);
		memcpy(m.root, l->root, m.root_len);
		memcpy(m.point, l->point, m.point_len);
		r = bpf_map_update_elem(fd, &keep[n], &m, BPF_ANY) ? -errno : 0;
		n++;
	}
	if (!r)
		mounts_prune(fd, sizeof(*keep), keep, n);
	free(keep);
	return r;
}

int kernel_mounts_refresh(struct kernel *k)
{
	struct epoll_event event;
	struct mounts_table t = {0};
	int r;

	/* taking the event first: what changes while we read is told again */
	while (epoll_wait(k->mounts_poll, &event, 1, 0) > 0)
		;
	r = mounts_read(k->mounts_fd, &t);
	if (r)
		return r;
	r = mounts_write_points(k, &t);
	if (!r)
		r = mounts_write(k, &t);
	mounts_free(&t);
	return r;
}

int kernel_mounts_fd(const struct kernel *k)
{
	return k->mounts_poll;
}

int mounts_open(struct kernel *k, char **message)
{
	struct epoll_event event = {.events = EPOLLPRI | EPOLLET};
	int r;

	k->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	k->mounts_poll = epoll_create1(EPOLL_CLOEXEC);
	if (k->mounts_fd < 0 || k->mounts_poll < 0 ||
	    epoll_ctl(k->mounts_poll, EPOLL_CTL_ADD, k->mounts_fd, &event))
		return kernel_fail(message, -errno, "/proc/self/mountinfo: %s", strerror(errno));
	r = kernel_mounts_refresh(k);
	return r ? kernel_fail(message, r, "the mount table cannot be written down: %s", strerror(-r)) : 0;
}

void mounts_close(struct kernel *k)
{
	if (k->mounts_fd >= 0)
		close(k->mounts_fd);
	if (k->mounts_poll >= 0)
		close(k->mounts_poll);
}
