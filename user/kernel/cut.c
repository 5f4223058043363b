// SPDX-License-Identifier: GPL-2.0-only
/* What the iterator `cut` names is destroyed through the socket diagnosis interface, network namespace by
 * network namespace. */
#include <unistd.h>

#include "diag.h"
#include "iter.h"
#include "place.h"
#include "private.h"
#include "cgwall.skel.h"

struct cutting {
	int netlink;
	size_t *n;
};

static int cut_one(void *arg, const void *record)
{
	const struct cutting *c = arg;
	int err = diag_destroy(c->netlink, record);

	*c->n += !err;
	return err;
}

/* The connections of the namespace that the caller is in. */
static int cut_here(struct kernel *k, void *arg)
{
	struct cutting c = {.netlink = diag_open(), .n = arg};
	int r;

	if (c.netlink < 0)
		return c.netlink;
	r = iter_walk(k->skel->progs.cut, sizeof(struct cgw_cut), cut_one, &c);
	close(c.netlink);
	return r;
}

int kernel_cut(struct kernel *k, size_t *ncut)
{
	*ncut = 0;
	return place_each(k, cut_here, ncut);
}
