/* SPDX-License-Identifier: GPL-2.0-only */
/* An image into the kernel: everything is built beside what is in force, put into the idle slot, and comes
 * into force by one store of the control word. No reader ever sees half of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../compile/compile.h"
#include "closed.h"
#include "private.h"
#include "cgwall.skel.h"

/* Writes n elements in batches; one by one where the kernel has no batches for this map. */
static int publish_fill(int fd, const void *keys, size_t key_size, const void *values, size_t value_size,
			size_t n)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);
	size_t done = 0;

	while (done < n) {
		uint32_t count = n - done > 65536 ? 65536 : (uint32_t)(n - done);

		if (!bpf_map_update_batch(fd, (const char *)keys + done * key_size,
					  (const char *)values + done * value_size, &count, &opts)) {
			done += count;
			continue;
		}
		if (errno != EINVAL && errno != ENOTSUP && errno != 524 /* ENOTSUPP */)
			return -errno;
		for (; done < n; done++)
			if (bpf_map_update_elem(fd, (const char *)keys + done * key_size,
						(const char *)values + done * value_size, BPF_ANY))
				return -errno;
	}
	return 0;
}

/* Makes a map with room for `room` more and fills it from an array of (key, value) pairs with nothing in
 * between. */
static int publish_pairs(enum bpf_map_type type, const char *name, size_t key_size, size_t value_size,
			 const void *pairs, size_t n, size_t room)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts,
		    .map_flags = type == BPF_MAP_TYPE_LPM_TRIE ? (uint32_t)BPF_F_NO_PREALLOC : 0);
	char *keys = malloc(n * key_size + 1), *values = malloc(n * value_size + 1);
	int fd, r;

	if (!keys || !values) {
		r = -ENOMEM;
		goto out;
	}
	for (size_t i = 0; i < n; i++) {
		const char *pair = (const char *)pairs + i * (key_size + value_size);

		memcpy(keys + i * key_size, pair, key_size);
		memcpy(values + i * value_size, pair + key_size, value_size);
	}
	room += n;
	fd = bpf_map_create(type, name, (uint32_t)key_size, (uint32_t)value_size, room ? (uint32_t)room : 1,
			    &opts);
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	r = publish_fill(fd, keys, key_size, values, value_size, n);
	if (r)
		close(fd);
	else
		r = fd;
out:
	free(keys);
	free(values);
	return r;
}

_Static_assert(sizeof(struct image_key) == sizeof(struct cgw_key) + sizeof(struct cgw_class), "no padding");
_Static_assert(sizeof(struct image_prefix) == sizeof(struct cgw_prefix) + sizeof(struct cgw_class),
	       "no padding");
_Static_assert(sizeof(struct list4) == 8 && sizeof(struct list6) == 20, "no padding");
_Static_assert(sizeof(struct listp) == sizeof(struct cgw_prefix) + 4, "no padding");

void publish_let_go(struct kernel_slot *s)
{
	for (int dir = 0; dir < CGW_DIRS; dir++)
		if (s->rows[dir].at)
			munmap(s->rows[dir].at, s->rows[dir].n * sizeof(struct cgw_chunk));
	if (s->ifaces_fd >= 0)
		close(s->ifaces_fd);
	*s = (struct kernel_slot){.ifaces_fd = -1};
}

/* Maps the rows first..last of a direction, with what else is on their pages. */
static int publish_window(int fd, const struct cgw_dirhead *d, uint32_t first, uint32_t last,
			  struct kernel_window *ret)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE) / sizeof(struct cgw_chunk);
	uint32_t from = (d->rows + first * d->stride) / page * page, to = d->rows + (last + 1) * d->stride;
	uint32_t n = (to - from + page - 1) / page * page;
	void *p = mmap(NULL, n * sizeof(struct cgw_chunk), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       (off_t)(from * sizeof(struct cgw_chunk)));

	if (p == MAP_FAILED)
		return -errno;
	*ret = (struct kernel_window){.at = p, .first = from, .n = n};
	return 0;
}

/* What will be written of it while it is in force. */
static int publish_windows(int fd, const struct image *im, struct kernel_slot *s)
{
	int r = 0;

	for (int dir = 0; !r && dir < CGW_DIRS; dir++) {
		const struct cgw_dirhead *d = &im->head.dir[dir];
		bool conditional = d->dims & (1u << CGW_DIM_ENABLED);
		uint32_t first = conditional ? d->enabled[0] : im->iface_rows[dir],
			 last = conditional ? d->enabled[CGW_VARIANTS - 1] : first;

		if (im->niface_rows[dir])
			last = im->iface_rows[dir] + im->niface_rows[dir] - 1;
		if (first)
			r = publish_window(fd, d, first, last, &s->rows[dir]);
	}
	return r;
}

static int publish_chunks(const struct image *im, struct kernel_slot *s)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	size_t size = (size_t)im->head.nchunks * sizeof(struct cgw_chunk),
	       page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = (size + page - 1) / page * page;
	int fd, r = 0;
	void *p;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cgw_chunks", 4, sizeof(struct cgw_chunk), im->head.nchunks,
			    &opts);
	if (fd < 0)
		return -errno;
	p = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		r = -errno;
	} else {
		memcpy(p, im->chunks, size);
		munmap(p, whole);
		r = publish_windows(fd, im, s);
	}
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

/* Puts an inner map into a slot and lets go of it; the kernel returns after a grace period. */
static int publish_put(const struct bpf_map *outer, uint32_t slot, int fd)
{
	int r;

	if (fd < 0)
		return fd;
	r = bpf_map_update_elem(bpf_map__fd(outer), &slot, &fd, BPF_ANY) ? -errno : 0;
	close(fd);
	return r;
}

/* The lists into the list slot that is not in use, unless they are there already. */
static int publish_lists(struct kernel *k, const struct image_lists *l, uint32_t *ret)
{
	uint32_t slot;
	int r;

	if (!l) {
		*ret = ~0u;
		return 0;
	}
	if (k->lists_slot != ~0u && k->lists_digest == l->digest) {
		*ret = k->lists_slot;
		return 0;
	}
	/* after adoption it is not known what the slots hold, but the head in force tells which one is used
	 */
	slot = k->ctl->word ? k->ctl->head[CGW_WORD_SLOT(k->ctl->word)].lists : ~0u;
	slot = slot == ~0u ? 0 : !slot;
	r = publish_put(k->skel->maps.lists4, slot,
			publish_pairs(BPF_MAP_TYPE_HASH, "cgw_list4", 4, 4, l->v4, l->n4, 0));
	if (!r)
		r = publish_put(k->skel->maps.lists6, slot,
				publish_pairs(BPF_MAP_TYPE_HASH, "cgw_list6", 16, 4, l->v6, l->n6, 0));
	if (!r)
		r = publish_put(k->skel->maps.listsp, slot,
				publish_pairs(BPF_MAP_TYPE_LPM_TRIE, "cgw_listp", sizeof(struct cgw_prefix),
					      4, l->prefixes, l->nprefixes, 0));
	if (r)
		return r;
	*ret = slot;
	return 0;
}

/* Pairs of name classes that the kernel may find and note: many can give the same few new classes. */
#define PUBLISH_UNIONS_MAX (16 * CGW_NAME_SPARE)

static int publish_keys(const struct image *im)
{
	return publish_pairs(BPF_MAP_TYPE_HASH, "cgw_keys", sizeof(struct cgw_key), sizeof(struct cgw_class),
			     im->keys, im->nkeys, PUBLISH_UNIONS_MAX);
}

/* The descriptor stays with s, a copy of it is given. */
static int publish_ifaces(const struct image *im, struct kernel_slot *s)
{
	int fd = publish_pairs(BPF_MAP_TYPE_HASH, "cgw_ifaces", sizeof(struct cgw_key),
			       sizeof(struct cgw_class), im->ifaces, im->nifaces, KERNEL_SPARE_IFACES);

	if (fd < 0)
		return fd;
	s->ifaces_fd = fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/* Everything of the image into the idle slot. */
static int publish_fill_slot(struct kernel *k, const struct image *im, uint32_t slot, struct kernel_slot *s,
			     uint32_t *lists)
{
	/* whoever still decides by the slot's former tenant must be done before anything of it changes */
	int r = state_grace(k);

	if (!r)
		r = publish_lists(k, im->lists, lists);
	if (!r)
		r = publish_put(k->skel->maps.chunks, slot, publish_chunks(im, s));
	if (!r)
		r = publish_put(k->skel->maps.keys, slot, publish_keys(im));
	if (!r)
		r = publish_put(k->skel->maps.ifaces, slot, publish_ifaces(im, s));
	if (!r)
		r = publish_put(k->skel->maps.prefixes, slot,
				publish_pairs(BPF_MAP_TYPE_LPM_TRIE, "cgw_prefixes",
					      sizeof(struct cgw_prefix), sizeof(struct cgw_class),
					      im->prefixes, im->nprefixes, 0));
	return r;
}

int kernel_publish(struct kernel *k, const struct image *im, uint64_t *gen, char **message)
{
	uint64_t word = k->ctl->word, next = (k->ctl->last_gen + 1) & 0xfffffff;
	uint32_t slot = word ? !CGW_WORD_SLOT(word) : 0, lists;
	struct kernel_slot fresh = {.ifaces_fd = -1};
	struct cgw_head head = im->head;
	int r;

	r = publish_fill_slot(k, im, slot, &fresh, &lists);
	if (r) {
		publish_let_go(&fresh);
		return kernel_fail(message, r,
				   "the tables do not fit into the kernel: %s; what was in force stays",
				   strerror(-r));
	}
	head.gen = next;
	head.lists = lists;
	k->ctl->head[slot] = head;
	k->ctl->name_classes[slot] = head.names;
	k->ctl->last_gen = next; /* what is decided by it stays in caches, also where it is taken back */
	__atomic_store_n(&k->ctl->word, CGW_WORD(next, slot, 0, CGW_WORD_EPOCH(word) + 1), __ATOMIC_RELEASE);
	if (im->lists)
		k->lists_digest = im->lists->digest;
	k->lists_slot = lists;
	if (!k->attached) {
		r = attach_all(k, message);
		if (r) {
			__atomic_store_n(&k->ctl->word, word, __ATOMIC_RELEASE);
			publish_let_go(&fresh);
			return r;
		}
	}
	attach_errors(k, head.flags & CGW_H_ASK);
	closed_take_out(k->pins); /* where it stood in until now */
	publish_let_go(&k->slot);
	k->slot = fresh;
	k->freed = 0;
	memset(k->left, 0, sizeof(k->left));
	*gen = next;
	return 0;
}

int kernel_hits(struct kernel *k, enum cgw_dir dir, uint64_t *out, size_t n)
{
	uint64_t word = __atomic_load_n(&k->ctl->word, __ATOMIC_ACQUIRE);
	uint32_t slot = CGW_WORD_SLOT(word), id;
	const struct cgw_dirhead *d = &k->ctl->head[slot].dir[dir];
	struct cgw_chunk *c;
	size_t size = (size_t)k->ctl->head[slot].nchunks * sizeof(*c);
	int fd;

	memset(out, 0, n * sizeof(*out));
	if (!word)
		return 0;
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.chunks), &slot, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	c = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (c == MAP_FAILED)
		return -errno;
	for (uint32_t s = 0; s < CGW_HIT_STRIPES; s++)
		for (size_t i = 0; i < n && i < (size_t)d->hit_chunks * CGW_CHUNK_WORDS; i++)
			out[i] += c[d->hits + s * d->hit_chunks + i / CGW_CHUNK_WORDS].w[i % CGW_CHUNK_WORDS];
	munmap(c, size);
	return 0;
}
