// SPDX-License-Identifier: GPL-2.0-only
#include "load.h"

#include <errno.h>
#include <string.h>

#include "enforce.h"

int load_compile(struct load *l, const char *path, bool strict, struct diag *d)
{
	int err;

	memset(l, 0, sizeof(*l));
	l->policy = policy_read(path, d);
	if (!l->policy)
		return -EINVAL;
	err = world_read(&l->host, l->policy, strict);
	if (err) {
		diag_error(d, l->policy, (struct loc){0}, "cannot find out about this host: %s",
			   strerror(-err));
	} else {
		l->image = image_compile(l->policy, &l->host.world, d);
		if (!l->image)
			err = -EINVAL;
	}
	if (err)
		load_free(l);
	return err;
}

int load_enforceable(struct load *l, const char *path, struct diag *d)
{
	int err = load_compile(l, path, true, d);

	if (err)
		return err;
	if (judge_expects(l->image, d) + enforce_check(l->policy, l->image, d) == 0)
		return 0;
	load_free(l);
	return -EINVAL;
}

void load_free(struct load *l)
{
	image_free(l->image);
	world_free(&l->host);
	policy_free(l->policy);
	memset(l, 0, sizeof(*l));
}
