// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "../agent/failure.h"
#include "../agent/rundir.h"
#include "../event/counters.h"
#include "../event/json.h"
#include "../event/show.h"
#include "../kernel/kernel.h"
#include "client.h"
#include "cmd.h"
#include "metrics.h"

#define PATIENCE_MS 10000 /* with an agent that has answered the connection */
#define STEP_MS 20	  /* between two looks while waiting */
#define GRACE_MS 1000	  /* --wait: for the agent where pins enforce already without one */
#define WAIT_MAX 86400.

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void add_reason(struct json_object *o, const char *reason)
{
	struct json_object *list = json_get(o, "reasons");

	if (!list) {
		list = json_object_new_array();
		json_put(o, "reasons", list);
	}
	json_object_array_add(list, json_text(reason));
}

/* Is an agent there that does not answer yet? It holds the lock. */
static bool agent_starting(const char *run_dir)
{
	char path[PATH_MAX];
	bool held;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" RUNDIR_LOCK, run_dir) >= (int)sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

/* What can be told without the agent, and why it is not asked. */
static struct json_object *look_at_pins(const char *run_dir, int why)
{
	struct json_object *o = json_object_new_object();
	struct kernel_peek peek = {0};
	int err = kernel_peek(run_dir, &peek);
	struct json_object *failure;
	char reason[PATH_MAX + 64];

	json_put_bool(o, "enforcing", !err && peek.enforcing);
	json_put_bool(o, "agent", false);
	json_put_bool(o, "closed", !err && peek.closed);
	json_put_bool(o, "other_version", !err && peek.other);
	json_put(o, "generation", !err && peek.gen ? json_object_new_int64((int64_t)peek.gen) : NULL);
	json_put_text(o, "pins", !err && peek.pinned ? peek.pins : NULL);
	json_put(o, "beat", !err && peek.beat >= 0 ? json_object_new_double(peek.beat) : NULL);
	if (!err && peek.counted) {
		json_put(o, "counters", counters_json(peek.counters));
		json_put(o, "dns", counters_dns_json(peek.counters));
	}
	json_put(o, "reasons", json_object_new_array());
	if (why == -ENOENT || why == -ECONNREFUSED)
		snprintf(reason, sizeof(reason), "no agent is running with the run directory %s", run_dir);
	else if (why == -ETIMEDOUT)
		snprintf(reason, sizeof(reason), "the agent at %s does not answer", run_dir);
	else
		snprintf(reason, sizeof(reason), "the agent at %s cannot be asked: %s", run_dir,
			 strerror(-why));
	add_reason(o, reason);
	failure = err || peek.enforcing || peek.other ? NULL : failure_read(run_dir);
	if (failure)
		add_reason(o, json_get_text(failure, "reason", "the reason is not known"));
	json_put(o, "failure", failure);
	if (err)
		snprintf(reason, sizeof(reason), "the pins cannot be looked at: %s", strerror(-err));
	else if (peek.other)
		snprintf(reason, sizeof(reason),
			 "another version of cgwall has attached its programs, and they go on enforcing the "
			 "policy they have; `cgwall detach` ends that");
	else if (peek.closed)
		snprintf(reason, sizeof(reason),
			 "no policy can be put in force: everything but loopback is blocked (set on-failure "
			 "block)");
	else if (!peek.pinned)
		snprintf(reason, sizeof(reason), "nothing is pinned");
	else if (!peek.enforcing)
		snprintf(reason, sizeof(reason), "what is pinned is not attached, or has no policy");
	if (err || !peek.enforcing)
		add_reason(o, reason);
	return o;
}

static struct json_object *look(const char *run_dir, int timeout_ms)
{
	struct json_object *o = NULL;
	struct client *c;
	int err = client_open(run_dir, &c);

	if (!err) {
		err = client_call(c, "status", timeout_ms, &o);
		client_close(c);
	}
	if (!err && json_get_bool(o, "ok", false)) {
		json_object_object_del(o, "ok");
		return o;
	}
	json_object_put(o);
	return look_at_pins(run_dir, err ? err : -EPROTO);
}

static struct json_object *wait_for(const char *run_dir, double seconds)
{
	int64_t start = now_ms(), end = start + (int64_t)(seconds * 1000), now;
	struct json_object *o = NULL;

	for (;;) {
		json_object_put(o);
		now = now_ms();
		o = look(run_dir, end > now ? (int)(end - now) : 0);
		if (json_get_bool(o, "enforcing", false) &&
		    (json_get_bool(o, "agent", false) ||
		     (now_ms() - start > GRACE_MS && !agent_starting(run_dir))))
			return o;
		if (now_ms() >= end)
			return o;
		nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
	}
}

/* What of it is not zero, on one line. */
static void print_some(const char *title, struct json_object *o, const char *always, const char *always_too)
{
	const char *comma = "";

	printf("  %-9s ", title);
	json_object_object_foreach (o, key, value) {
		if (json_object_is_type(value, json_type_object) ||
		    (!json_object_get_int64(value) && strcmp(key, always) && strcmp(key, always_too)))
			continue;
		printf("%s%s %" PRId64, comma, key, json_object_get_int64(value));
		comma = ", ";
	}
	putchar('\n');
}

/* Alarms only where there are any. */
static void print_dns(struct json_object *o)
{
	struct json_object *alarms = json_get(o, "alarms");
	bool any = false;

	print_some("names", o, "asked", "learned");
	if (!alarms)
		return;
	json_object_object_foreach (alarms, key, value) {
		(void)key;
		any |= json_object_get_int64(value) != 0;
	}
	if (any)
		print_some("alarms", alarms, "", "");
}

static void print_features(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *f = json_object_array_get_idx(list, i);

		printf("  %-9s %-8s %s: %s\n", i ? "" : "kernel",
		       json_get_bool(f, "present", false) ? "has" : "LACKS", json_get_text(f, "name", "?"),
		       json_get_text(f, "meaning", ""));
	}
}

/* " in 18,20-25" */
static void print_numbers(const char *dir, struct json_object *list, const char **before)
{
	size_t n = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		int64_t lo = json_object_get_int64(json_object_array_get_idx(list, i)), hi = lo;
		bool first = i == 0;

		while (i + 1 < n && json_object_get_int64(json_object_array_get_idx(list, i + 1)) == hi + 1) {
			hi++;
			i++;
		}
		if (first)
			printf("%s%s ", *before, dir);
		else
			putchar(',');
		printf(lo == hi ? "%" PRId64 : "%" PRId64 "-%" PRId64, lo, hi);
		*before = " and ";
	}
}

/* ": rules in 18 on, out 4 off" */
static void print_switched(struct json_object *rules)
{
	static const char *const ways[] = {"on", "off"};
	const char *comma = ": rules ";
	int64_t more = rules ? json_get_int(rules, "more", 0) : 0;

	for (size_t i = 0; rules && i < 2; i++) {
		struct json_object *dirs = json_get(rules, ways[i]);
		const char *before = comma;

		if (!dirs)
			continue;
		print_numbers("out", json_get(dirs, "out"), &before);
		print_numbers("in", json_get(dirs, "in"), &before);
		if (before == comma)
			continue;
		printf(" %s", ways[i]);
		comma = ", ";
	}
	if (more)
		printf("%s%" PRId64 " more", comma, more);
	putchar('\n');
}

#define FACTS_SHOWN 40 /* --json has them all */

/* What holds, or does not: facts under "fact", conditions under "name". */
static void print_facts(struct json_object *list, const char *key, const char *title)
{
	size_t n = list ? json_object_array_length(list) : 0;

	if (n > FACTS_SHOWN)
		printf("  %-9s %zu of them; --json tells of all\n", title, n);
	for (size_t i = 0; i < n && i < FACTS_SHOWN; i++) {
		struct json_object *f = json_object_array_get_idx(list, i);

		printf("  %-9s %-8s %s since %s", i || n > FACTS_SHOWN ? "" : title,
		       json_get_bool(f, "holds", false) ? "yes" : "no", json_get_text(f, key, "?"),
		       json_get_text(f, "since", "?"));
		print_switched(json_get(f, "rules"));
	}
}

static void print_surroundings(struct json_object *o)
{
	struct json_object *active = json_get(o, "active"), *wifi = json_get(o, "wifi");
	char name[256];

	printf("  active    ");
	for (size_t i = 0; active && i < json_object_array_length(active); i++) {
		show_quote(json_get_text(json_object_array_get_idx(active, i), "iface", "?"), name,
			   sizeof(name));
		printf("%s%s", i ? ", " : "", name);
	}
	printf("%s\n", active && json_object_array_length(active) ? "" : "no interface");
	for (size_t i = 0; wifi && i < json_object_array_length(wifi); i++) {
		struct json_object *w = json_object_array_get_idx(wifi, i);

		show_quote(json_get_text(w, "iface", "?"), name, sizeof(name));
		printf("  %-9s %s %s since %s\n", i ? "" : "Wi-Fi", name, json_get_text(w, "text", "?"),
		       json_get_text(w, "since", "?"));
	}
}

static void print_status(struct json_object *o)
{
	bool enforcing = json_get_bool(o, "enforcing", false), agent = json_get_bool(o, "agent", false);
	struct json_object *reasons = json_get(o, "reasons"), *rules = json_get(o, "rules");
	bool color = cmd_color(stdout);
	const char *on = !color ? "" : enforcing ? "\033[32m" : "\033[31m", *off = color ? "\033[0m" : "";

	if (!enforcing && json_get_bool(o, "other_version", false))
		printf("%senforcing a policy of another version of cgwall, which this one does not know%s\n",
		       on, off);
	else if (!enforcing && json_get_bool(o, "closed", false))
		printf("%snot enforcing a policy: everything but loopback is blocked%s\n", on, off);
	else if (!enforcing)
		printf("%snot enforcing%s\n", on, off);
	else if (!agent)
		printf("%senforcing the last policy, without an agent%s: generation %" PRId64 "\n", on, off,
		       json_get_int(o, "generation", 0));
	else
		printf("%senforcing%s generation %" PRId64 " since %s%s\n", on, off,
		       json_get_int(o, "generation", 0), json_get_text(o, "since", "?"),
		       strcmp(json_get_text(o, "mode", ""), "observe")
			       ? ""
			       : ", observing only: everything passes");
	for (size_t i = 0; reasons && i < json_object_array_length(reasons); i++)
		printf("  %-9s %s\n", enforcing ? "note" : "because",
		       json_object_get_string(json_object_array_get_idx(reasons, i)));
	if (json_get_text(o, "pins", NULL))
		printf("  pins      %s\n", json_get_text(o, "pins", ""));
	if (!agent)
		return;
	printf("  policy    %s: %" PRId64 " out, %" PRId64 " in\n", json_get_text(o, "policy", "?"),
	       json_get_int(rules, "out", 0), json_get_int(rules, "in", 0));
	printf("  guard     %s\n", json_get_text(o, "guard", "?"));
	printf("  attached  %s\n", json_get_text(o, "attach", "?"));
	if (json_get(o, "surroundings"))
		print_surroundings(json_get(o, "surroundings"));
	print_facts(json_get(o, "facts"), "fact", "fact");
	print_facts(json_get(o, "conditions"), "name", "condition");
	if (json_get_int(o, "questions", 0))
		printf("  questions %" PRId64 " open: 'cgwall ask'\n", json_get_int(o, "questions", 0));
	if (json_get(o, "counters"))
		print_some("decided", json_get(o, "counters"), "pass", "block");
	if (json_get(o, "dns"))
		print_dns(json_get(o, "dns"));
	if (json_get(o, "features"))
		print_features(json_get(o, "features"));
}

static int status(const struct cmd_args *a)
{
	const char *wait = cmd_value(a, "wait");
	double seconds = 0;
	struct json_object *o;
	char *run_dir, *end;
	int code;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	if (cmd_value(a, "metrics") && cmd_value(a, "json"))
		return cmd_usage_error(a->cmd, "--json and --metrics exclude each other");
	if (wait) {
		seconds = strtod(wait, &end);
		if (end == wait || *end || !isfinite(seconds) || seconds < 0 || seconds > WAIT_MAX)
			return cmd_usage_error(a->cmd, "--wait takes seconds, not '%s'", wait);
	}
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	if (!run_dir)
		return CMD_FAILED;
	o = wait ? wait_for(run_dir, seconds) : look(run_dir, PATIENCE_MS);
	free(run_dir);
	if (cmd_value(a, "metrics"))
		metrics_print(o, stdout);
	else if (cmd_value(a, "json"))
		json_print(o, stdout);
	else
		print_status(o);
	code = json_get_bool(o, "enforcing", false) ? CMD_OK : CMD_FAILED;
	json_object_put(o);
	return code;
}

static const struct cmd_flag flags[] = {
	CMD_JSON,
	{"metrics", NULL, "print metrics, in the text format of Prometheus"},
	{"wait", "SECONDS", "wait until a policy is in force, so long at most"},
	CMD_RUN_DIR,
	{NULL, NULL, NULL},
};

const struct cmd cmd_status = {
	.name = "status",
	.usage = "",
	.brief = "is a policy in force, which one, what has it decided",
	.help = "Says whether a policy is in force, which generation of it, what it guards, how much it has "
		"decided, which\n"
		"interfaces are active, which facts and conditions of the policy hold, since when and with "
		"which rules, and what\n"
		"the kernel can do. Works without an agent, then says only what the pins tell.\n"
		"With --metrics the same as numbers, for a collector: also where nothing is in force, and "
		"why that is so.\n"
		"Exit code: 0 enforcing, 1 not.",
	.flags = flags,
	.run = status,
};
