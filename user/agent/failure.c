// SPDX-License-Identifier: GPL-2.0-only
#include "failure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../event/json.h"
#include "../event/show.h"
#include "whole.h"

#define FAILURE_MAX 65536

static char *file_of(const char *run_dir)
{
	char *path;

	return asprintf(&path, "%s/" FAILURE_FILE, run_dir) < 0 ? NULL : path;
}

int failure_note(const char *run_dir, bool closed, const char *reason)
{
	char *path = file_of(run_dir), *fresh = NULL, *message = NULL, now[SHOW_TIME_MAX];
	struct json_object *o = json_object_new_object();
	const char *line;
	int err = -ENOMEM;

	if (path && o) {
		show_time(time(NULL) * 1000000000LL, now, sizeof(now));
		json_put_text(o, "action", closed ? "block" : "pass");
		json_put_text(o, "reason", reason);
		json_put_text(o, "time", now);
		line = json_line(o);
		err = whole_write(path, line, strlen(line), 0600, &fresh, &message);
		if (!err)
			err = whole_replace(fresh, path, &message);
	}
	json_object_put(o);
	free(message);
	free(fresh);
	free(path);
	return err;
}

void failure_clear(const char *run_dir)
{
	char *path = file_of(run_dir);

	if (path)
		unlink(path);
	free(path);
}

struct json_object *failure_read(const char *run_dir)
{
	char *path = file_of(run_dir), *text = NULL, *message = NULL;
	struct json_object *o = NULL;
	size_t len;

	if (path && !whole_read(path, FAILURE_MAX, &text, &len, &message))
		o = json_tokener_parse(text);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	free(text);
	free(message);
	free(path);
	return o;
}
