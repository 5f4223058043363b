// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../agent/rundir.h"
#include "../event/json.h"
#include "../event/show.h"
#include "../policy/value.h"
#include "../state/world.h"
#include "../suggest/suggest.h"
#include "client.h"
#include "cmd.h"

#define EXAMPLE_MAX 4096 /* of what could not be let through */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Lines of `log --json`. A last line that was cut off is left out, another one that is none is an error. */
static int read_file(struct sighted *s, const char *path, bool refused)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	uint64_t number = 0;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int err = 0;

	if (!f) {
		fprintf(stderr, "cgwall: %s: %s\n", path, strerror(errno));
		return -errno;
	}
	while (!err && (n = getline(&line, &size, f)) >= 0) {
		struct json_object *o;

		number++;
		if (!line[strspn(line, " \t\r\n")])
			continue;
		o = json_tokener_parse(line);
		if (json_object_is_type(o, json_type_object)) {
			sighted_add(s, o, refused);
		} else if (n && line[n - 1] == '\n') {
			fprintf(stderr, "cgwall: %s:%" PRIu64 ": this is no line of 'cgwall log --json'\n",
				path, number);
			err = -EINVAL;
		}
		json_object_put(o);
	}
	if (!err && ferror(f)) {
		fprintf(stderr, "cgwall: %s: %s\n", path, strerror(errno));
		err = -EIO;
	}
	free(line);
	if (f != stdin)
		fclose(f);
	return err;
}

/* The agent's log: what it has kept, and what comes within `ms`. */
static int read_agent(struct sighted *s, const char *run_dir, uint64_t ms, bool refused)
{
	int64_t end = now_ms() + (int64_t)ms;
	struct json_object *extra = json_object_new_object(), *o;
	struct client *c;
	bool more = true;
	int err;

	json_put_bool(extra, "json", true);
	json_put_bool(extra, "follow", ms);
	err = client_start(run_dir, "log", extra, &c);
	if (err)
		return err;
	while (!err && more) {
		int64_t left = end - now_ms();

		err = client_recv(c, ms ? (int)(left > 0 ? left : 0) : -1, &o);
		if (err)
			break;
		more = json_get_bool(o, "more", false);
		if (more && json_get(o, "record"))
			sighted_add(s, json_get(o, "record"), refused);
		json_object_put(o);
		if (ms && now_ms() >= end)
			more = false;
	}
	client_close(c);
	if (err == -ETIMEDOUT && ms)
		err = 0;
	if (err)
		client_explain_failure(run_dir, err);
	return err;
}

/* Does the policy in force refuse what comes in unless a rule says otherwise? Then all that came in was seen.
 */
static bool closed_in(const char *run_dir)
{
	struct json_object *o;
	struct client *c;
	bool closed = false, more = true;

	if (client_start(run_dir, "rules", NULL, &c))
		return false;
	while (more && !client_recv(c, -1, &o)) {
		const char *text = json_get_text(o, "text", "");

		more = json_get_bool(o, "more", false);
		if (!strncmp(text, "default in", 10))
			closed = strncmp(text, "default in pass", 15) != 0;
		json_object_put(o);
	}
	client_close(c);
	return closed;
}

/* The policy in force's own resolvers, read as a policy that says nothing else; NULL: it has none of its own.
 */
static struct policy *own_resolvers(const char *run_dir)
{
	struct json_object *o = NULL;
	struct policy *p = NULL;
	struct diag d = {0};
	struct client *c;
	const char *set = NULL;
	char *text;

	if (client_start(run_dir, "status", NULL, &c))
		return NULL;
	if (!client_recv(c, -1, &o))
		set = json_get_text(json_get(o, "surroundings"), "resolvers_set", NULL);
	if (set && asprintf(&text, "set resolvers %s\n", set) > 0) {
		p = policy_read_text("resolvers", text, strlen(text), &d);
		free(text);
	}
	diag_free(&d);
	json_object_put(o);
	client_close(c);
	return p;
}

static void print_text(const struct sighted *s, const struct suggestion *made, const char *from)
{
	printf("# Suggested by cgwall from %" PRIu64 " record%s (%zu different flow%s) of %s.\n", s->records,
	       s->records == 1 ? "" : "s", s->n, s->n == 1 ? "" : "s", from);
	puts("# All of them pass under it; what was not seen does not. Read it before you use it.");
	fputs(made->text, stdout);
}

static void print_json(const struct sighted *s, const struct suggestion *made)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "policy", made->text);
	json_put_int(o, "records", (int64_t)s->records);
	json_put_int(o, "flows", (int64_t)s->n);
	json_put_int(o, "refused", (int64_t)s->refused);
	json_put_int(o, "skipped", (int64_t)s->skipped);
	json_put_int(o, "apps", (int64_t)made->apps);
	json_put_int(o, "rules", (int64_t)made->rules);
	json_print(o, stdout);
	json_object_put(o);
}

static int make(struct sighted *s, const struct suggest_options *o, const char *from, bool json)
{
	struct suggestion made = {0};
	int err;

	if (!s->n) {
		fprintf(stderr, "cgwall: nothing was seen in %s%s\n", from,
			s->refused ? " but what was refused: --refused takes that as well"
				   : "; 'set mode observe' with 'default out block log' shows all");
		return CMD_FAILED;
	}
	err = suggest_make(s, o, &made);
	if (err || made.failed) {
		char example[EXAMPLE_MAX];

		/* The proof has failed: nothing is suggested that is not known to be right. */
		show_quote_blanks(made.example ? made.example : strerror(-err), example, sizeof(example));
		fprintf(stderr, "cgwall: no policy could be made of it: %s\n", example);
	} else if (json) {
		print_json(s, &made);
	} else {
		print_text(s, &made, from);
	}
	if (s->refused && !err && !json)
		fprintf(stderr, "cgwall: %" PRIu64 " record%s of what was refused %s left out (--refused)\n",
			s->refused, s->refused == 1 ? "" : "s", s->refused == 1 ? "was" : "were");
	err = err || made.failed;
	free(made.text);
	free(made.example);
	return err ? CMD_FAILED : CMD_OK;
}

static bool read_by(const char *word, enum suggest_by *ret)
{
	static const char *const words[] = {"auto", "program", "unit"};

	for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], word))
			continue;
		*ret = (enum suggest_by)i;
		return true;
	}
	return !word;
}

static int suggest(const struct cmd_args *a)
{
	const char *from = cmd_value(a, "from"), *length = cmd_value(a, "for");
	bool refused = cmd_value(a, "refused");
	struct suggest_options o = {.by = SUGGEST_AUTO};
	struct policy nothing = {0}, *own = NULL;
	struct world_host host;
	struct sighted *s = NULL;
	char *run_dir;
	uint64_t ms = 0;
	int err, code = CMD_FAILED;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	if (from && (cmd_value(a, "live") || length))
		return cmd_usage_error(a->cmd, "--from reads a file; --live and --for ask the agent");
	if (length && (value_duration(length, strlen(length), &ms) || !ms))
		return cmd_usage_error(a->cmd, "--for takes a time as 30s, 10m or 1h, not '%s'", length);
	if (!read_by(cmd_value(a, "by"), &o.by))
		return cmd_usage_error(a->cmd, "--by takes auto, program or unit");
	err = world_read(&host, &nothing, false);
	if (err) {
		fprintf(stderr, "cgwall: cannot find out about this host: %s\n", strerror(-err));
		return CMD_FAILED;
	}
	o.world = &host.world;
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	s = run_dir ? sighted_new() : NULL;
	if (!s)
		fputs("cgwall: out of memory\n", stderr);
	else if (from)
		err = read_file(s, from, refused);
	else
		err = read_agent(s, run_dir, ms, refused);
	if (s && !err) {
		o.closed_in = !from && closed_in(run_dir);
		own = from ? NULL : own_resolvers(run_dir);
		o.settings = own ? &own->settings : NULL;
		code = make(s, &o, from ? from : "the agent's log", cmd_value(a, "json"));
	}
	policy_free(own);
	sighted_free(s);
	free(run_dir);
	world_free(&host);
	return code;
}

static const struct cmd_flag flags[] = {
	{"from", "FILE", "lines of 'cgwall log --json'; - for standard input"},
	{"live", NULL, "the running agent's log (where --from is not given)"},
	{"for", "DURATION", "what it has kept, and what comes within that time"},
	{"by", "WHAT", "program, unit, or auto: by unit where the program is an interpreter"},
	{"refused", NULL, "also what was refused, as if it were to be allowed"},
	CMD_JSON,
	CMD_RUN_DIR,
	{NULL, NULL, NULL},
};

const struct cmd cmd_suggest = {
	.name = "suggest",
	.usage = "",
	.brief = "a policy that allows what was seen, and nothing else",
	.help = "Turns what was seen (by an agent under 'set mode observe', for example) into a policy: a "
		"rule "
		"for each program\n"
		"or unit, with services, groups and names. Every flow is judged under it before it is "
		"printed.\n"
		"Exit code: 0, 1 where nothing was seen or it could not be read.",
	.flags = flags,
	.run = suggest,
};
