// SPDX-License-Identifier: GPL-2.0-only
#include "answer.h"

#include <inttypes.h>
#include <string.h>

#include "json.h"
#include "show.h"

struct json_object *answer_json(const struct rules *r, enum cgw_dir dir, const struct cgw_answer *a,
				const uint32_t *matched, size_t n, uint64_t gen)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array_ext((int)n);
	const struct rules_entry *e = a->error ? NULL : rules_get(r, dir, a->entry.rule);

	if (!o || !list) {
		json_object_put(o);
		json_object_put(list);
		return NULL;
	}
	json_put_text(o, "verdict", show_action(a->error ? CGW_BLOCK : a->entry.action));
	json_put(o, "rule", a->error ? NULL : json_object_new_int64(a->entry.rule));
	json_put_text(o, "dir", show_dir(dir));
	json_put_text(o, "file", e && e->line ? rules_file(r, e->file) : NULL);
	json_put(o, "line", e && e->line ? json_object_new_int64(e->line) : NULL);
	json_put_text(o, "text", rules_text(r, e));
	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_int64(matched[i]));
	json_put(o, "matched", list);
	json_put_text(o, "error", show_error(a->error));
	if (gen)
		json_put_int(o, "generation", (int64_t)gen);
	return o;
}

struct json_object *answer_error(const char *message)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_put(o, "verdict", NULL);
	json_put_text(o, "error", message);
	return o;
}

void answer_print(struct json_object *answer, FILE *out)
{
	const char *verdict = json_get_text(answer, "verdict", NULL);
	const char *error = json_get_text(answer, "error", NULL);
	const char *file = json_get_text(answer, "file", NULL);
	const char *text = json_get_text(answer, "text", NULL);

	if (!verdict) {
		fprintf(out, "error: %s\n", error ? error : "no answer");
		return;
	}
	fprintf(out, "%s %s", verdict, json_get_text(answer, "dir", "?"));
	if (error) {
		fprintf(out, " error %s\n", error);
		return;
	}
	fprintf(out, " rule %" PRId64, json_get_int(answer, "rule", 0));
	if (file)
		fprintf(out, " %s:%" PRId64, file, json_get_int(answer, "line", 0));
	if (text)
		fprintf(out, ": %s", text);
	fputc('\n', out);
}

int answer_exit(struct json_object *answer)
{
	const char *verdict = json_get_text(answer, "verdict", NULL);

	if (!verdict)
		return 2;
	if (!strcmp(verdict, "pass"))
		return 0;
	return strcmp(verdict, "ask") ? 1 : 3;
}
