// SPDX-License-Identifier: GPL-2.0-only
/* `explain` without --policy: the question goes to the tables that the kernel decides on. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../event/answer.h"
#include "../event/json.h"
#include "../policy/query.h"
#include "../state/users.h"
#include "inside.h"

static struct cgw_chunk chunks[CGW_CHUNKS_MAX];

static bool copy_path(char out[CGW_PATH_MAX], const char *path)
{
	return snprintf(out, CGW_PATH_MAX, "%s", path ? path : "") < CGW_PATH_MAX;
}

/* What is wrong with the query, or NULL. */
static const char *translate(const struct query *q, struct kernel_ask *ask)
{
	struct cgw_query *k = &ask->query;

	k->dir = (uint8_t)q->dir;
	if (!copy_path(ask->exe, q->exe))
		return "the path given for exe is too long";
	if (!copy_path(ask->cgroup, q->cgroup))
		return "the path given for cgroup is too long";
	/* A name that this host does not know is nobody's. */
	if (q->has_user && !users_uid(q->user, &k->uid))
		k->known |= CGW_Q_UID;
	if (q->has_group && !users_gid(q->group, &k->gid))
		k->known |= CGW_Q_GID;
	k->known |= (uint8_t)((q->has_proto ? CGW_Q_PROTO : 0) | (q->has_remote ? CGW_Q_REMOTE : 0) |
			      (q->has_local ? CGW_Q_LOCAL : 0) | (q->has_rport ? CGW_Q_RPORT : 0) |
			      (q->has_lport ? CGW_Q_LPORT : 0));
	k->proto = q->has_proto ? (uint8_t)q->proto : 0;
	k->rport = q->rport;
	k->lport = q->lport;
	memcpy(k->remote, q->remote, sizeof(k->remote));
	memcpy(k->local, q->local, sizeof(k->local));
	ask->domains = q->domains;
	ask->ndomains = q->ndomains;
	return NULL;
}

static struct json_object *ask_kernel(struct agent *a, struct query *q)
{
	char domain[CGW_NAME_MAX];
	struct kernel_ask ask = {0};
	const char *wrong = translate(q, &ask);
	struct json_object *answer;
	uint32_t *matched = NULL;
	size_t n = 0;
	int err;

	if (wrong)
		return answer_error(wrong);
	ask.netns = kernel_home(a->kernel);
	err = surroundings_query(a->around, q, &ask.row);
	if (!err && q->iface)
		err = surroundings_iface(a->around, q->dir, q->iface, &ask.query.given[CGW_GIVEN_IFACE]);
	if (!err)
		err = kernel_ask(a->kernel, &ask, chunks);
	if (!err && !ask.answer.error)
		err = rules_matched(a->rules[0], q->dir, chunks, ask.nchunks, &matched, &n);
	if (err) {
		char message[128];

		snprintf(message, sizeof(message), "the kernel's tables cannot be asked: %s", strerror(-err));
		return answer_error(message);
	}
	answer = answer_json(a->rules[0], q->dir, &ask.answer, matched, n, kernel_generation(a->kernel));
	if (answer && !q->ndomains && q->has_remote)
		json_put_text(answer, "domain",
			      learned_find(a, ask.learned, q->remote, ask.netns, domain) ? domain : NULL);
	else if (answer && q->ndomains)
		json_put_text(answer, "domain", q->domains[0]);
	free(matched);
	return answer;
}

struct json_object *ask_explain(struct agent *a, enum cgw_dir dir, char *const *words, size_t n)
{
	struct json_object *answer;
	struct query q;
	char *message = NULL;

	if (query_parse_words(&q, dir, words, n, &message)) {
		answer = answer_error(message ? message : "out of memory");
		free(message);
		return answer;
	}
	answer = ask_kernel(a, &q);
	query_free(&q);
	return answer;
}
