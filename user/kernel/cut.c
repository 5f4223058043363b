// SPDX-License-Identifier: GPL-2.0-only
/* What the iterator `cut` names is destroyed through the socket diagnosis interface, network namespace by
 * network namespace. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "diag.h"
#include "place.h"
#include "private.h"
#include "cgwall.skel.h"

/* The connections of the namespace that the caller is in. */
static int cut_here(struct kernel *k, void *arg)
{
	size_t *ncut = arg;
	struct bpf_link *link = bpf_program__attach_iter(k->skel->progs.cut, NULL);
	struct cgw_cut batch[64];
	size_t have = 0;
	ssize_t n;
	int fd = -1, netlink = -1, r = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		r = -errno;
		goto out;
	}
	netlink = diag_open();
	if (netlink < 0) {
		r = netlink;
		goto out;
	}
	for (;;) {
		n = read(fd, (char *)batch + have, sizeof(batch) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !r)
			r = -errno;
		if (n <= 0)
			break;
		have += (size_t)n;
		for (size_t i = 0; i < have / sizeof(*batch); i++) {
			int error = diag_destroy(netlink, &batch[i]);

			r = r ? r : error;
			*ncut += !error;
		}
		memmove(batch, (char *)batch + have / sizeof(*batch) * sizeof(*batch), have % sizeof(*batch));
		have %= sizeof(*batch);
	}
out:
	if (fd >= 0)
		close(fd);
	if (netlink >= 0)
		close(netlink);
	bpf_link__destroy(link);
	return r;
}

int kernel_cut(struct kernel *k, size_t *ncut)
{
	*ncut = 0;
	return place_each(k, cut_here, ncut);
}
