// SPDX-License-Identifier: GPL-2.0-only
/* The suggestion, held against what was seen. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../compile/compile.h"
#include "../event/show.h"
#include "../policy/value.h"
#include "suggest.h"

/* The flow as a question. Strings of the query are its own. */
static int query_of(const struct flow *f, struct query *ret)
{
	char proto[16], remote[SHOW_END_MAX + 8], local[SHOW_END_MAX + 8], user[32], end[SHOW_END_MAX];
	char *words[8], *message = NULL, *texts[3] = {NULL}, clean[VALUE_DNS_MAX + 2];
	size_t n = 0;
	bool out = f->dir == CGW_OUT;
	int err = -ENOMEM;

	if (f->exe && asprintf(&texts[0], "exe=%s", f->exe) < 0)
		return err;
	if (f->cgroup && asprintf(&texts[1], "cgroup=%s", f->cgroup) < 0)
		goto out;
	/* a name that no policy can hold makes no difference to any */
	if (f->name && strlen(f->name) <= VALUE_DNS_MAX && !value_dns_name(f->name, strlen(f->name), clean) &&
	    asprintf(&texts[2], "domain=%s", f->name) < 0)
		goto out;
	for (size_t i = 0; i < 3; i++)
		if (texts[i])
			words[n++] = texts[i];
	if (f->has_proto) {
		snprintf(proto, sizeof(proto), "proto=%u", f->proto);
		words[n++] = proto;
	}
	if (f->has_uid) {
		snprintf(user, sizeof(user), "user=%u", f->uid);
		words[n++] = user;
	}
	if (f->has_remote || (out && f->has_port)) {
		show_end(f->remote, f->has_remote, f->port, out && f->has_port, end, sizeof(end));
		snprintf(remote, sizeof(remote), "%s=%s", out ? "to" : "from", end);
		words[n++] = remote;
	}
	if (!out && (f->has_local || f->has_port)) {
		show_end(f->local, f->has_local, f->port, f->has_port, end, sizeof(end));
		snprintf(local, sizeof(local), "to=%s", end);
		words[n++] = local;
	}
	err = query_parse_words(ret, f->dir, words, n, &message);
out:
	for (size_t i = 0; i < 3; i++)
		free(texts[i]);
	free(message);
	return err;
}

/* Is it let through? */
static bool passes(struct image *im, const struct flow *f)
{
	struct judgement j = {0};
	struct query q;
	bool pass;

	if (query_of(f, &q))
		return false;
	pass = !judge(im, &q, &j) && j.answer.entry.action == CGW_PASS;
	free(j.matched);
	query_free(&q);
	return pass;
}

static char *describe(const struct flow *f)
{
	char end[SHOW_END_MAX], proto[4], *text;

	show_end(f->remote, f->has_remote, f->port, f->dir == CGW_OUT && f->has_port, end, sizeof(end));
	if (asprintf(&text, "%s %s %s %s",
		     f->exe	 ? f->exe
		     : f->cgroup ? f->cgroup
				 : "?",
		     show_dir(f->dir), f->has_proto ? show_proto(f->proto, proto) : "*", end) < 0)
		return NULL;
	return text;
}

int suggest_prove(struct sighted *s, const struct suggest_options *o, struct suggestion *ret)
{
	struct diag d = {0};
	struct policy *p = policy_read_text("suggestion", ret->text, strlen(ret->text), &d);
	struct image *im = p ? image_compile(p, o->world, &d) : NULL;

	if (!im && d.nlines &&
	    asprintf(&ret->example, "line %u: %s", d.lines[0].line, d.lines[0].message) < 0)
		ret->example = NULL;
	for (size_t i = 0; im && i < s->n; i++) {
		if (passes(im, &s->flows[i]))
			continue;
		if (!ret->failed++)
			ret->example = describe(&s->flows[i]);
	}
	image_free(im);
	policy_free(p);
	diag_free(&d);
	return im ? 0 : -EINVAL;
}
