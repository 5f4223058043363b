/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel learned from DNS, read from its own tables, which go on changing meanwhile: a copy counts
 * if what says whose it is was the same before and after. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cgwall/namehash.h>
#include <cgwall/names.h>

#include "private.h"
#include "cgwall.skel.h"

#define NAMES_RETRIES 16

/* A part of a map, mapped while it is read: what is mapped all the time counts as the agent's memory. */
struct names_window {
	void *at;
	size_t size;
};

/* The bytes from..from + size of the map. NULL with errno. */
static const void *names_look(const struct bpf_map *map, size_t from, size_t size, struct names_window *w)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), first = from / page * page;

	w->size = (from - first + size + page - 1) / page * page;
	w->at = mmap(NULL, w->size, PROT_READ, MAP_SHARED, bpf_map__fd(map), (off_t)first);
	return w->at == MAP_FAILED ? NULL : (const char *)w->at + (from - first);
}

static void names_leave(const struct names_window *w)
{
	munmap(w->at, w->size);
}

static int names_read(const struct cgw_name *n, uint64_t ref, struct cgw_name *ret)
{
	for (int i = 0; i < NAMES_RETRIES; i++) {
		uint64_t id = __atomic_load_n(&n->id, __ATOMIC_ACQUIRE);

		if (CGW_NAME_TAG(id) != CGW_NAME_TAG(ref))
			return -ENOENT;
		*ret = *n;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&n->id, __ATOMIC_RELAXED) != id)
			continue;
		ret->text[sizeof(ret->text) - 1] = '\0';
		return 0;
	}
	return -ENOENT;
}

int kernel_name(struct kernel *k, uint64_t ref, struct cgw_name *ret)
{
	struct names_window w;
	const struct cgw_name *n;
	struct cgw_name copy;
	int r;

	if (!ref || CGW_NAME_PLACE(ref) >= CGW_NAMES_MAX)
		return -ENOENT;
	n = names_look(k->skel->maps.names, CGW_NAME_PLACE(ref) * sizeof(*n), sizeof(*n), &w);
	if (!n)
		return -errno;
	r = names_read(n, ref, &copy);
	names_leave(&w);
	if (!r)
		*ret = copy;
	return r;
}

/* A consistent copy of one address; false: the place is free. */
static bool names_copy(const struct cgw_bound *b, struct cgw_bound *ret)
{
	for (int i = 0; i < NAMES_RETRIES; i++) {
		uint32_t seq = __atomic_load_n(&b->seq, __ATOMIC_ACQUIRE);

		if (!__atomic_load_n(&b->netns, __ATOMIC_RELAXED))
			return false;
		*ret = *b;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(seq & 1) && __atomic_load_n(&b->seq, __ATOMIC_RELAXED) == seq)
			return true;
	}
	return false;
}

int kernel_names(struct kernel *k, int (*fn)(void *arg, const struct cgw_bound *b), void *arg)
{
	struct names_window w;
	const struct cgw_bound_set *sets =
		names_look(k->skel->maps.bound, 0, CGW_BOUND_SETS * sizeof(*sets), &w);
	struct cgw_bound copy;
	int r = 0;

	if (!sets)
		return -errno;
	for (size_t i = 0; !r && i < CGW_BOUND_SETS * CGW_BOUND_WAYS; i++)
		if (names_copy(&sets[i / CGW_BOUND_WAYS].way[i % CGW_BOUND_WAYS], &copy))
			r = fn(arg, &copy);
	names_leave(&w);
	return r;
}

int kernel_bound(struct kernel *k, const uint8_t addr[16], uint64_t netns, struct cgw_bound *ret)
{
	const struct cgw_bound_set *set;
	struct names_window w;
	struct cgw_bound copy;
	int r = -ENOENT;
	__u64 words[2];

	memcpy(words, addr, sizeof(words));
	set = names_look(k->skel->maps.bound, cgw_bound_at(words, netns, k->ctl->seed) * sizeof(*set),
			 sizeof(*set), &w);
	if (!set)
		return -errno;
	for (size_t way = 0; r && way < CGW_BOUND_WAYS; way++) {
		if (!names_copy(&set->way[way], &copy) || copy.netns != netns || memcmp(copy.addr, addr, 16))
			continue;
		*ret = copy;
		r = 0;
	}
	names_leave(&w);
	return r;
}

/* The longest end of the name that has a key says. */
static uint32_t names_class(int keys, const __u64 *seed, const char *name)
{
	for (const char *s = name; s; s = strchr(s, '.')) {
		struct cgw_key key = {.kind = CGW_KEY_NAME};
		struct cgw_class c;

		s += s != name;
		cgw_name_hash(seed, s, strlen(s), key.data);
		if (!bpf_map_lookup_elem(keys, &key, &c))
			return c.row[0][s != name];
	}
	return 0;
}

int names_classes(struct kernel *k, char *const *names, size_t n, uint32_t *ret)
{
	uint32_t slot = CGW_WORD_SLOT(__atomic_load_n(&k->ctl->word, __ATOMIC_ACQUIRE)), id;
	int fd;

	if (!n)
		return 0;
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.keys), &slot, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < n; i++)
		ret[i] = names_class(fd, k->ctl->head[slot].seed, names[i]);
	close(fd);
	return 0;
}

/* Adds the entries in which a row differs from that of an address without names. */
static void names_differ(const struct cgw_chunk *image, const struct cgw_dirhead *d, uint32_t class,
			 struct cgw_chunk *bits)
{
	uint32_t none = d->none[CGW_DIM_NAME], first = d->stride - d->nchunks;

	for (uint32_t w = 0; w < d->nchunks * CGW_CHUNK_WORDS && w * 64 < d->nentries; w++) {
		uint32_t at = first + w / CGW_CHUNK_WORDS, in = w % CGW_CHUNK_WORDS;
		uint32_t left = d->nentries - w * 64;
		__u64 ones = left < 64 ? (1ULL << left) - 1 : ~0ULL;
		__u64 without = none ? image[d->rows + none * d->stride + at].w[in] : ones;

		bits[w / CGW_CHUNK_WORDS].w[in] |=
			image[d->rows + (d->name_rows + class) * d->stride + at].w[in] ^ without;
	}
}

int kernel_name_rules(struct kernel *k, enum cgw_dir dir, char *const *names, size_t n,
		      struct cgw_chunk *bits, uint32_t *nchunks)
{
	uint32_t slot = CGW_WORD_SLOT(__atomic_load_n(&k->ctl->word, __ATOMIC_ACQUIRE)), id;
	const struct cgw_dirhead *d = &k->ctl->head[slot].dir[dir];
	uint32_t classes[CGW_BOUND_NAMES] = {0};
	const struct cgw_chunk *image;
	size_t size;
	int fd, r;

	if (n > CGW_BOUND_NAMES)
		return -E2BIG;
	memset(bits, 0, CGW_CHUNKS_MAX * sizeof(*bits));
	*nchunks = d->nchunks;
	if (!(d->dims & (1u << CGW_DIM_NAME)))
		return 0;
	r = names_classes(k, names, n, classes);
	if (r)
		return r;
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.chunks), &slot, &id))
		return -errno;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0)
		return -errno;
	size = (size_t)k->ctl->head[slot].nchunks * sizeof(*image);
	image = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	r = image == MAP_FAILED ? -errno : 0;
	close(fd);
	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		if (classes[i])
			names_differ(image, d, classes[i], bits);
	munmap((void *)(uintptr_t)image, size);
	return 0;
}

uint64_t kernel_home(const struct kernel *k)
{
	return k->ctl->netns;
}
