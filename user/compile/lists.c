// SPDX-License-Identifier: GPL-2.0-only
#include "lists.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cgwall/pathhash.h>

/* ---- which files ---- */

static void collect_items(struct listset *set, struct intern *seen, struct loc **locs,
			  const struct item *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t known = seen->n;

		if (items[i].kind != ITEM_FILE)
			continue;
		if (intern_add(seen, items[i].text, strlen(items[i].text)) != known)
			continue;
		*locs = arena_room(set->t->scratch, *locs, known, sizeof(**locs));
		(*locs)[known] = items[i].loc;
	}
}

static int compare_paths(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* All paths, numbered in byte order, so that the numbers depend on nothing but the set of files. */
static void collect(struct listset *set)
{
	const struct policy *p = set->t->policy;
	struct loc *locs = NULL;
	struct intern seen;
	const char **sorted;

	intern_init(&seen, set->t->scratch);
	for (size_t i = 0; i < p->nstmts; i++)
		if (p->stmts[i].kind == STMT_GROUP)
			collect_items(set, &seen, &locs, p->stmts[i].group->items, p->stmts[i].group->nitems);
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		for (size_t i = 0; i < p->nrules[dir]; i++) {
			const struct rule *r = p->rules[dir][i];

			collect_items(set, &seen, &locs, r->from.items, r->from.nitems);
			collect_items(set, &seen, &locs, r->to.items, r->to.nitems);
		}
	}
	if (!locs)
		return;
	sorted = arena_alloc(set->t->scratch, (seen.n + 1) * sizeof(*sorted));
	for (uint32_t i = 0; i < seen.n; i++)
		sorted[i] = intern_get(&seen, i);
	qsort(sorted, seen.n, sizeof(*sorted), compare_paths);
	set->files = arena_alloc(set->t->arena, (seen.n + 1) * sizeof(*set->files));
	for (uint32_t i = 0; i < seen.n; i++) {
		intern_add(&set->paths, sorted[i], strlen(sorted[i]));
		set->files[i].loc = locs[intern_find(&seen, sorted[i], strlen(sorted[i]))];
	}
}

uint32_t lists_number(const struct tables *t, const char *path)
{
	return intern_find(&t->listset->paths, path, strlen(path));
}

/* ---- reading ---- */

static int read_fd(int fd, size_t max, struct list_file *f, char **ret, size_t *ret_len)
{
	size_t len = 0, room = 0;
	char *text = NULL, *grown;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	room = (size_t)st.st_size + 4096;
	for (;;) {
		grown = realloc(text, room + 1);
		if (!grown) {
			free(text);
			return -ENOMEM;
		}
		text = grown;
		n = read(fd, text + len, room - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		if (len == room)
			room *= 2;
		if (len > max)
			break;
	}
	if (n < 0 || len > max) {
		int error = n < 0 ? -errno : -EFBIG;

		free(text);
		return error;
	}
	text[len] = '\0';
	f->ino = st.st_ino;
	f->size = len;
	f->mtime = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	f->ctime = st.st_ctim.tv_sec * 1000000000LL + st.st_ctim.tv_nsec;
	*ret = text;
	*ret_len = len;
	return 0;
}

static int read_file(const char *path, size_t max, struct list_file *f, char **ret, size_t *ret_len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), error;

	if (fd < 0)
		return -errno;
	error = read_fd(fd, max, f, ret, ret_len);
	close(fd);
	return error;
}

/* Contents and where they end, so that moving a line from one file to the next makes a difference. */
static void digest(struct cgw_hash *h, const char *text, size_t len)
{
	__u64 word;

	cgw_hash_word(h->v, len);
	for (; len >= 8; len -= 8, text += 8) {
		memcpy(&word, text, 8);
		cgw_hash_word(h->v, word);
	}
	word = 0;
	memcpy(&word, text, len);
	cgw_hash_word(h->v, word);
}

static void report(struct listset *set, uint32_t file, const char *path, int error)
{
	struct loc loc = set->files[file].loc;

	if (error == -EFBIG)
		diag_error(set->t->diag, set->t->policy, loc, "list file \"%s\" is larger than %u MB", path,
			   LISTS_FILE_MAX >> 20);
	else if (error == -ENOTSUP)
		diag_error(set->t->diag, set->t->policy, loc, "list file \"%s\" is not a regular file", path);
	else
		diag_error(set->t->diag, set->t->policy, loc, "cannot read list file \"%s\": %s", path,
			   strerror(-error));
}

size_t lists_read(struct tables *t)
{
	struct listset *set = arena_alloc(t->arena, sizeof(*set));
	struct cgw_hash h;
	size_t errors = 0;
	__u8 value[16];

	set->t = t;
	intern_init(&set->paths, t->arena);
	intern_init(&set->names, t->arena);
	sets_init(&set->sets, t->arena);
	t->listset = set;
	collect(set);
	cgw_hash_start(&h, t->seed);
	for (uint32_t i = 0; i < set->paths.n; i++) {
		const char *path = intern_get(&set->paths, i);
		char *text = NULL;
		size_t len = 0;
		const struct world *w = t->world;
		const char *at = w->list_file ? w->list_file(w->list_arg, path) : path;
		int error = read_file(at, LISTS_FILE_MAX, &set->files[i], &text, &len);

		if (error || !text) {
			report(set, i, path, error);
			errors++;
			continue;
		}
		digest(&h, text, len);
		errors += lists_parse(set, i, path, text, len);
		free(text);
	}
	cgw_hash_value(&h, value);
	memcpy(&set->digest, value, sizeof(set->digest));
	return errors;
}
