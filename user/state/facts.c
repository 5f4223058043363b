// SPDX-License-Identifier: GPL-2.0-only
#include "facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../policy/query.h"

void facts_init(struct facts *f, void (*changed)(void *arg, unsigned what), void *arg)
{
	*f = (struct facts){.changed = changed, .arg = arg};
}

void facts_free(struct facts *f)
{
	free(f->links);
	free(f->wifi);
	memset(f, 0, sizeof(*f));
}

void facts_begin(struct facts *f)
{
	f->depth++;
}

void facts_end(struct facts *f)
{
	unsigned what = f->pending;

	if (--f->depth || !what)
		return;
	f->pending = 0;
	if (f->changed)
		f->changed(f->arg, what);
}

void facts_tell(struct facts *f, unsigned what)
{
	facts_begin(f);
	f->pending |= what;
	facts_end(f);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Both tables begin their elements with the index. */
static size_t place_of(const void *table, size_t n, size_t size, uint32_t index, bool *found)
{
	size_t lo = 0, hi = n;
	uint32_t at = 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		memcpy(&at, (const char *)table + mid * size, sizeof(at));
		if (at < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < n)
		memcpy(&at, (const char *)table + lo * size, sizeof(at));
	*found = lo < n && at == index;
	return lo;
}

/* Makes room for a zeroed element at `at`. NULL: no memory. */
static void *make_room(void *table, size_t *n, size_t size, size_t at)
{
	char *more = realloc(table, (*n + 1) * size);

	if (!more)
		return NULL;
	memmove(more + (at + 1) * size, more + at * size, (*n - at) * size);
	memset(more + at * size, 0, size);
	(*n)++;
	return more;
}

static void close_gap(void *table, size_t *n, size_t size, size_t at)
{
	char *from = table;

	memmove(from + at * size, from + (at + 1) * size, (*n - at - 1) * size);
	(*n)--;
}

static struct facts_link *link_of(const struct facts *f, uint32_t index)
{
	bool found;
	size_t at = place_of(f->links, f->nlinks, sizeof(*f->links), index, &found);

	return found ? &f->links[at] : NULL;
}

static struct facts_wifi *wifi_of(const struct facts *f, uint32_t index)
{
	bool found;
	size_t at = place_of(f->wifi, f->nwifi, sizeof(*f->wifi), index, &found);

	return found ? &f->wifi[at] : NULL;
}

const struct facts_link *facts_find(const struct facts *f, uint32_t index)
{
	return link_of(f, index);
}

bool facts_counts(const struct facts *f, const struct facts_wifi *w)
{
	const struct facts_link *l = link_of(f, w->index);

	return l && l->running;
}

int facts_link(struct facts *f, const struct facts_link *link)
{
	bool found;
	size_t at = place_of(f->links, f->nlinks, sizeof(*f->links), link->index, &found);
	struct facts_wifi *w = wifi_of(f, link->index);
	struct facts_link *l, old = {0};
	unsigned what = 0;

	if (found) {
		old = f->links[at];
	} else {
		l = make_room(f->links, &f->nlinks, sizeof(*f->links), at);
		if (!l)
			return -ENOMEM;
		f->links = l;
	}
	l = &f->links[at];
	*l = *link;
	l->since = old.since;
	if (!found || strncmp(old.name, l->name, sizeof(l->name)))
		what |= FACTS_LINKS | (l->active ? FACTS_ACTIVE : 0);
	if (old.active != l->active)
		what |= FACTS_ACTIVE;
	if (!found || old.active != l->active)
		l->since = now_ns();
	if (w && old.running != l->running) {
		w->since = now_ns();
		what |= FACTS_WIFI;
	}
	facts_begin(f);
	if (what)
		facts_tell(f, what);
	if (f->ran && link->running && !old.running)
		f->ran(f->ran_arg, link->index);
	facts_end(f);
	return 0;
}

void facts_unlink(struct facts *f, uint32_t index)
{
	struct facts_link *l = link_of(f, index);

	facts_begin(f);
	facts_unwifi(f, index);
	if (l) {
		facts_tell(f, FACTS_LINKS | (l->active ? FACTS_ACTIVE : 0));
		close_gap(f->links, &f->nlinks, sizeof(*f->links), (size_t)(l - f->links));
	}
	facts_end(f);
}

int facts_wifi(struct facts *f, const struct facts_wifi *w)
{
	bool found;
	size_t at = place_of(f->wifi, f->nwifi, sizeof(*f->wifi), w->index, &found);
	struct facts_wifi *to;

	if (w->len > FACTS_SSID_MAX)
		return -EINVAL;
	if (found) {
		to = &f->wifi[at];
		if (to->len == w->len && !memcmp(to->ssid, w->ssid, w->len) && to->secured == w->secured &&
		    to->how == w->how && !memcmp(to->bssid, w->bssid, sizeof(to->bssid)))
			return 0;
	} else {
		to = make_room(f->wifi, &f->nwifi, sizeof(*f->wifi), at);
		if (!to)
			return -ENOMEM;
		f->wifi = to;
		to += at;
	}
	*to = *w;
	to->since = now_ns();
	if (facts_counts(f, to))
		facts_tell(f, FACTS_WIFI);
	return 0;
}

void facts_unwifi(struct facts *f, uint32_t index)
{
	struct facts_wifi *w = wifi_of(f, index);

	if (!w)
		return;
	facts_begin(f);
	if (facts_counts(f, w))
		facts_tell(f, FACTS_WIFI);
	close_gap(f->wifi, &f->nwifi, sizeof(*f->wifi), (size_t)(w - f->wifi));
	facts_end(f);
}

static int query_active(const struct facts *f, struct query *q)
{
	q->active = calloc(f->nlinks + 1, sizeof(*q->active));
	if (!q->active)
		return -ENOMEM;
	for (size_t i = 0; i < f->nlinks; i++) {
		const struct facts_link *l = &f->links[i];

		if (!l->active)
			continue;
		q->active[q->nactive] = strndup(l->name, sizeof(l->name));
		if (!q->active[q->nactive])
			return -ENOMEM;
		q->nactive++;
	}
	return 0;
}

static int query_wifi(const struct facts *f, struct query *q)
{
	q->wifi = calloc(f->nwifi + 1, sizeof(*q->wifi));
	if (!q->wifi)
		return -ENOMEM;
	for (size_t i = 0; i < f->nwifi; i++) {
		const struct facts_wifi *from = &f->wifi[i];
		struct query_wifi *to = &q->wifi[q->nwifi];

		if (!facts_counts(f, from))
			continue;
		memcpy(to->ssid, from->ssid, sizeof(to->ssid));
		to->len = from->len;
		to->secured = from->secured;
		to->has_bssid = true;
		memcpy(to->bssid, from->bssid, sizeof(to->bssid));
		q->nwifi++;
	}
	return 0;
}

int facts_query(const struct facts *f, struct query *q)
{
	int err = 0;

	if (!q->has_time)
		q->time = now_ns() / 1000000000; /* time() lags behind timers by a tick */
	if (!q->has_active)
		err = query_active(f, q);
	if (!err && !q->has_wifi)
		err = query_wifi(f, q);
	return err;
}
