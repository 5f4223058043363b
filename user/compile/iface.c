// SPDX-License-Identifier: GPL-2.0-only
#include "iface.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool iface_wanted(const struct image *im)
{
	return (im->head.dir[CGW_OUT].dims | im->head.dir[CGW_IN].dims) & (1u << CGW_DIM_IFACE);
}

int iface_add(struct image *im, const char *name, uint32_t index, uint64_t netns)
{
	struct image_key *more = realloc(im->ifaces, (im->nifaces + 1) * sizeof(*more));
	struct image_key *k;

	if (!more)
		return -ENOMEM;
	im->ifaces = more;
	k = &more[im->nifaces];
	memset(k, 0, sizeof(*k));
	k->key.kind = CGW_KEY_IFACE;
	memcpy(k->key.data, &index, sizeof(index));
	memcpy(k->key.data + 8, &netns, sizeof(netns));
	for (int dir = 0; dir < CGW_DIRS; dir++) {
		struct query q = {.dir = (enum cgw_dir)dir, .iface = strdup(name)};
		struct cgw_query cq;
		__u32 row;
		int r = q.iface ? judge_query(im, &q, &cq) : -ENOMEM;

		free(q.iface);
		if (r)
			return r;
		row = cq.given[CGW_GIVEN_IFACE];
		/* not asked for in this direction: any row does */
		k->class.row[dir][0] = row == CGW_ROW_ALL ? 0 : row;
	}
	im->nifaces++;
	return 0;
}
