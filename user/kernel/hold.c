// SPDX-License-Identifier: GPL-2.0-only
/* Questions and answers in the kernel's maps. */
#include "hold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "cgwall.skel.h"

static int questions_fd(const struct kernel *k, const struct cgw_question_key *key)
{
	return bpf_map__fd(key->dir == CGW_OUT ? k->skel->maps.questions : k->skel->maps.questions_in);
}

void kernel_on_asked(struct kernel *k, void (*fn)(void *arg, const struct cgw_asked *e), void *arg)
{
	k->asked = fn;
	k->asked_arg = arg;
}

int kernel_hold_question(struct kernel *k, const struct cgw_question_key *key, struct cgw_question *ret)
{
	struct cgw_question q;

	if (bpf_map_lookup_elem(questions_fd(k, key), key, &q))
		return -errno;
	*ret = q;
	return 0;
}

int kernel_hold_close(struct kernel *k, const struct cgw_question_key *key)
{
	return bpf_map_delete_elem(questions_fd(k, key), key) && errno != ENOENT ? -errno : 0;
}

int kernel_hold_answer(struct kernel *k, const struct cgw_question_key *key, enum cgw_action verdict,
		       uint64_t until)
{
	struct cgw_answered a = {.until = until, .verdict = verdict};

	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.answered), key, &a, BPF_ANY) ? -errno : 0;
}

int kernel_hold_unanswer(struct kernel *k)
{
	int fd = bpf_map__fd(k->skel->maps.answered), r = 0;
	struct cgw_question_key key;

	for (int i = 0; i < 2 * CGW_ANSWERS_MAX && !bpf_map_get_next_key(fd, NULL, &key); i++)
		if (bpf_map_delete_elem(fd, &key) && errno != ENOENT)
			r = -errno;
	return r;
}

int kernel_hold_grant(struct kernel *k, const struct kernel_held_flow *f, enum cgw_action verdict)
{
	struct cgw_granted g = {.ask = f->key->ask, .verdict = verdict};
	struct cgw_flow_key key = {
		.cookie = f->key->dir == CGW_OUT ? f->cookie : f->key->cgroup,
		.rport = f->rport,
		.lport = f->key->dir == CGW_OUT ? 0 : f->lport,
		.proto = f->key->proto,
		.dir = f->key->dir,
	};

	memcpy(key.remote, f->key->remote, sizeof(key.remote));
	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.granted), &key, &g, BPF_ANY) ? -errno : 0;
}

int kernel_hold_drop(struct kernel *k, const struct kernel_held_flow *f)
{
	if (!f->packet)
		return 0;
	return bpf_map_delete_elem(bpf_map__fd(k->skel->maps.held), &f->packet) && errno != ENOENT ? -errno
												   : 0;
}

/* Numbers of the questions that have a packet. */
struct found {
	uint64_t *ids;
	size_t n, room;
};

static int add_id(struct found *f, uint64_t id)
{
	if (f->n == f->room) {
		size_t room = f->room ? f->room * 2 : 64;
		uint64_t *more = realloc(f->ids, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		f->ids = more;
		f->room = room;
	}
	f->ids[f->n++] = id;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* One held packet; where its question is over, or it is not whole, it is forgotten. */
static int each_packet(struct kernel *k, uint64_t number, struct found *found,
		       void (*fn)(void *arg, const struct cgw_asked *e), void *arg)
{
	int fd = bpf_map__fd(k->skel->maps.held), r = 0;
	struct cgw_held *h = malloc(sizeof(*h));
	struct cgw_asked e = {.packet = number};
	struct cgw_question q = {0};

	if (!h)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &number, h)) {
		free(h);
		return 0;
	}
	if (h->len && !kernel_hold_question(k, &h->key, &q) && q.id == h->question) {
		e.key = h->key;
		e.question = h->question;
		e.cookie = h->cookie;
		e.netns = h->netns;
		memcpy(e.local, h->local, sizeof(e.local));
		e.lport = h->lport;
		e.rport = h->rport;
		e.ifindex = h->ifindex;
		r = add_id(found, h->question);
		if (!r)
			fn(arg, &e);
	} else {
		bpf_map_delete_elem(fd, &number);
	}
	free(h);
	return r;
}

/* Nobody knows the flows of a question without a packet any more. They will come again, and ask anew. */
static void forget_others(int fd, const struct found *found)
{
	struct cgw_question_key key, next;
	struct cgw_question q;

	for (bool more = !bpf_map_get_next_key(fd, NULL, &next); more;) {
		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (bpf_map_lookup_elem(fd, &key, &q))
			continue;
		if (!found->n || !bsearch(&q.id, found->ids, found->n, sizeof(q.id), compare_ids))
			bpf_map_delete_elem(fd, &key);
	}
}

int kernel_hold_each(struct kernel *k, void (*fn)(void *arg, const struct cgw_asked *e), void *arg)
{
	int fd = bpf_map__fd(k->skel->maps.held), r = 0;
	struct found found = {0};
	uint64_t number, next;

	for (bool more = !bpf_map_get_next_key(fd, NULL, &next); more && !r;) {
		number = next;
		more = !bpf_map_get_next_key(fd, &number, &next);
		r = each_packet(k, number, &found, fn, arg);
	}
	if (!r) {
		if (found.n)
			qsort(found.ids, found.n, sizeof(*found.ids), compare_ids);
		forget_others(bpf_map__fd(k->skel->maps.questions), &found);
		forget_others(bpf_map__fd(k->skel->maps.questions_in), &found);
	}
	free(found.ids);
	return r;
}

int kernel_hold_path(struct kernel *k, const struct cgw_question_key *key, char *ret)
{
	struct cgw_key path = {.kind = CGW_KEY_PATH};
	struct cgw_named *n;
	int r = 0;

	if (key->state != CGW_PATH_HOST)
		return -ENOENT;
	n = malloc(sizeof(*n));
	if (!n)
		return -ENOMEM;
	memcpy(path.data, key->exe, sizeof(path.data));
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.paths), &path, n))
		r = -errno;
	else
		snprintf(ret, CGW_PATH_MAX, "%.*s", CGW_PATH_MAX - 1, n->path.c);
	free(n);
	return r;
}

int kernel_process(struct kernel *k, uint32_t pid, struct kernel_process *ret)
{
	struct cgw_proc *p = malloc(sizeof(*p));
	int r = 0;

	if (!p)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.procs), &pid, p)) {
		r = -errno;
	} else {
		ret->start = p->start;
		ret->guarded = !k->ctl->guard || (p->flags & (CGW_PROC_INSIDE | CGW_PROC_HELD));
	}
	free(p);
	return r;
}
