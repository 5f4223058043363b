// SPDX-License-Identifier: GPL-2.0-only
#include "ifkeys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One comparison of what is in force with what should be. */
struct run {
	struct kernel *kernel;
	const struct facts *facts;
	uint64_t netns;
	struct standing *st;
	bool changed;
};

int ifkeys_write(void *arg, enum cgw_dir dir, uint32_t row, const struct cgw_chunk *chunks)
{
	return kernel_row(arg, dir, row, chunks);
}

static struct standing_key *find_key(const struct standing *st, const struct cgw_key *key)
{
	for (size_t i = 0; i < st->nkeys; i++)
		if (!memcmp(&st->keys[i].key, key, sizeof(*key)))
			return &st->keys[i];
	return NULL;
}

/* Is there an interface with that key that matters? */
static bool key_wanted(const struct run *r, const struct cgw_key *key)
{
	for (size_t i = 0; i < r->facts->nlinks; i++) {
		const struct facts_link *l = &r->facts->links[i];
		struct cgw_key k;

		iface_key(l->index, r->netns, &k);
		if (!memcmp(&k, key, sizeof(k)))
			return iface_matters(r->st->ifaces, l->name);
	}
	return false;
}

static int remember_key(struct standing *st, const struct cgw_key *key, const struct cgw_class *class)
{
	struct standing_key *k = find_key(st, key), *more;

	if (!k) {
		more = realloc(st->keys, (st->nkeys + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		st->keys = more;
		k = &more[st->nkeys++];
	}
	*k = (struct standing_key){*key, *class};
	return 0;
}

/* Those that are new (`fresh`), or that have another class. The first error, but it goes on after -EAGAIN. */
static int put_keys(struct run *r, bool fresh)
{
	struct standing *st = r->st;
	int waits = 0;

	for (size_t i = 0; i < r->facts->nlinks; i++) {
		const struct facts_link *l = &r->facts->links[i];
		const struct standing_key *known;
		struct cgw_class class;
		struct cgw_key key;
		int err;

		iface_key(l->index, r->netns, &key);
		known = find_key(st, &key);
		if (fresh == (known != NULL) || !iface_matters(st->ifaces, l->name))
			continue;
		err = iface_class(st->ifaces, l->name, ifkeys_write, r->kernel, &class);
		if (!err && known && !memcmp(&known->class, &class, sizeof(class)))
			continue;
		if (!err)
			err = kernel_iface_put(r->kernel, &key, &class);
		if (!err) {
			r->changed = true;
			err = remember_key(st, &key, &class);
		}
		if (err == -EAGAIN)
			waits = err;
		else if (err)
			return err;
	}
	return waits;
}

static int drop_keys(struct run *r)
{
	struct standing *st = r->st;

	for (size_t i = st->nkeys; i-- > 0;) {
		int err;

		if (key_wanted(r, &st->keys[i].key))
			continue;
		err = kernel_iface_drop(r->kernel, &st->keys[i].key);
		if (err)
			return err;
		st->keys[i] = st->keys[--st->nkeys];
		r->changed = true;
	}
	return 0;
}

int ifkeys_put(struct kernel *k, const struct facts *f, uint64_t netns, struct standing *st, bool *changed)
{
	struct run r = {.kernel = k, .facts = f, .netns = netns, .st = st};
	int waits = 0, err;

	*changed = false;
	if (!st->ifaces)
		return 0;
	/* new ones first: they need no room that was given back just now */
	err = put_keys(&r, true);
	if (err == -EAGAIN)
		waits = err;
	if (!err || waits)
		err = drop_keys(&r);
	if (!err)
		err = put_keys(&r, false);
	*changed = r.changed;
	if (r.changed)
		kernel_new_epoch(k);
	return err ? err : waits;
}

int ifkeys_prepare(struct image *im, const struct facts *f, uint64_t netns, struct standing *st)
{
	for (size_t i = 0; i < f->nlinks; i++) {
		const struct facts_link *l = &f->links[i];
		struct cgw_class class;
		struct cgw_key key;
		int err;

		if (!iface_matters(st->ifaces, l->name))
			continue;
		iface_key(l->index, netns, &key);
		err = iface_class(st->ifaces, l->name, iface_write_image, im, &class);
		if (!err)
			err = iface_add(im, &key, &class);
		if (!err)
			err = remember_key(st, &key, &class);
		if (err)
			return err;
	}
	return 0;
}
