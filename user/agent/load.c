// SPDX-License-Identifier: GPL-2.0-only
#include "load.h"

#include <errno.h>
#include <string.h>

#include "../policy/texts.h"
#include "enforce.h"
#include "keep.h"

/* Takes p over; NULL: there were errors. */
static int compile(struct load *l, struct policy *p, bool strict, struct keep_lists *lists, struct diag *d)
{
	int err;

	memset(l, 0, sizeof(*l));
	l->policy = p;
	if (!l->policy)
		return -EINVAL;
	err = world_read(&l->host, l->policy, strict);
	if (err) {
		diag_error(d, l->policy, (struct loc){0}, "cannot find out about this host: %s",
			   strerror(-err));
	} else {
		if (lists) {
			l->host.world.list_file = keep_list_file;
			l->host.world.list_arg = lists;
		}
		l->image = image_compile(l->policy, &l->host.world, d);
		if (!l->image)
			err = -EINVAL;
	}
	if (err)
		load_free(l);
	return err;
}

int load_compile(struct load *l, const char *path, bool strict, struct diag *d)
{
	return compile(l, policy_read(path, d), strict, NULL, d);
}

static int enforceable(struct load *l, struct policy *p, struct keep_lists *lists, struct diag *d)
{
	int err = compile(l, p, true, lists, d);

	if (err)
		return err;
	if (judge_expects(l->image, d) + enforce_check(l->policy, l->image, d) == 0)
		return 0;
	load_free(l);
	return -EINVAL;
}

int load_enforceable(struct load *l, const char *path, struct diag *d)
{
	return enforceable(l, policy_read(path, d), NULL, d);
}

int load_texts(struct load *l, const struct texts *t, struct keep_lists *lists, struct diag *d)
{
	return enforceable(l, texts_read(t, d), lists, d);
}

void load_free(struct load *l)
{
	image_free(l->image);
	world_free(&l->host);
	policy_free(l->policy);
	memset(l, 0, sizeof(*l));
}
