// SPDX-License-Identifier: GPL-2.0-only
#include "metrics.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "../event/json.h"

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP cgwall_%s %s\n# TYPE cgwall_%s %s\n", name, help, name, type);
}

static void flag(FILE *out, const char *name, bool value, const char *help)
{
	head(out, name, "gauge", help);
	fprintf(out, "cgwall_%s %d\n", name, value);
}

/* A number of the status, where it has one. */
static void number(FILE *out, struct json_object *o, const char *key, const char *name, const char *help)
{
	struct json_object *value = json_get(o, key);

	if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
		return;
	head(out, name, "gauge", help);
	if (json_object_is_type(value, json_type_int))
		fprintf(out, "cgwall_%s %" PRId64 "\n", name, json_object_get_int64(value));
	else
		fprintf(out, "cgwall_%s %.3f\n", name, json_object_get_double(value));
}

/* In a label's value three characters are written otherwise. */
static void put_value(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", out);
		else
			putc(*text, out);
	}
}

static void labelled(FILE *out, const char *name, const char *label, const char *value, int64_t n)
{
	fprintf(out, "cgwall_%s{%s=\"", name, label);
	put_value(value, out);
	fprintf(out, "\"} %" PRId64 "\n", n);
}

static const char *const verdicts[] = {"pass", "block", "reject", "observed", "ask"};

static bool is_verdict(const char *key)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (!strcmp(key, verdicts[i]))
			return true;
	return false;
}

static void print_counters(struct json_object *o, FILE *out)
{
	if (!o)
		return;
	head(out, "decisions_total", "counter", "What was decided by rules, by verdict.");
	json_object_object_foreach (o, verdict, n) {
		if (is_verdict(verdict))
			labelled(out, "decisions_total", "verdict", verdict, json_object_get_int64(n));
	}
	head(out, "sockets_refused_total", "counter", "Sockets of kinds that no rule can name, refused.");
	fprintf(out, "cgwall_sockets_refused_total %" PRId64 "\n", json_get_int(o, "sockets", 0));
	head(out, "events_lost_total", "counter", "Events that did not reach the log.");
	fprintf(out, "cgwall_events_lost_total %" PRId64 "\n", json_get_int(o, "lost", 0));
	head(out, "errors_total", "counter", "What was refused because it could not be judged, by reason.");
	json_object_object_foreach (o, error, count) {
		if (!is_verdict(error) && strcmp(error, "sockets") && strcmp(error, "lost"))
			labelled(out, "errors_total", "error", error, json_object_get_int64(count));
	}
}

static void print_dns(struct json_object *o, FILE *out)
{
	struct json_object *alarms = o ? json_get(o, "alarms") : NULL;

	if (!o)
		return;
	head(out, "dns_total", "counter", "Questions to trusted resolvers and what became of their answers.");
	json_object_object_foreach (o, what, n) {
		if (json_object_is_type(n, json_type_int))
			labelled(out, "dns_total", "what", what, json_object_get_int64(n));
	}
	if (!alarms)
		return;
	head(out, "alarms_total", "counter", "What somebody tried and was not believed, by kind.");
	json_object_object_foreach (alarms, alarm, count) {
		labelled(out, "alarms_total", "alarm", alarm, json_object_get_int64(count));
	}
}

static void print_agent(struct json_object *o, FILE *out)
{
	struct json_object *rules = json_get(o, "rules"), *features = json_get(o, "features");
	struct tm tm = {0};

	flag(out, "last_good", json_get_bool(o, "last_good", false),
	     "Whether the last good policy stands in for one with errors.");
	flag(out, "observing", !strcmp(json_get_text(o, "mode", ""), "observe"),
	     "Whether everything passes (set mode observe).");
	if (strptime(json_get_text(o, "since", ""), "%Y-%m-%dT%H:%M:%S", &tm)) {
		head(out, "policy_since_seconds", "gauge",
		     "When the policy was put in force, since the epoch.");
		fprintf(out, "cgwall_policy_since_seconds %lld\n", (long long)timegm(&tm));
	}
	if (rules) {
		head(out, "rules", "gauge", "Rules of the policy in force, by direction.");
		json_object_object_foreach (rules, dir, n) {
			labelled(out, "rules", "dir", dir, json_object_get_int64(n));
		}
	}
	number(out, o, "processes", "processes", "Guarded processes that are known.");
	number(out, o, "questions", "questions_open", "Questions that wait for an answer.");
	if (!features)
		return;
	head(out, "kernel_feature", "gauge", "What the kernel can do.");
	for (size_t i = 0; i < json_object_array_length(features); i++) {
		struct json_object *f = json_object_array_get_idx(features, i);

		labelled(out, "kernel_feature", "name", json_get_text(f, "name", "?"),
			 json_get_bool(f, "present", false));
	}
}

void metrics_print(struct json_object *o, FILE *out)
{
	bool agent = json_get_bool(o, "agent", false);
	struct json_object *failure = json_get(o, "failure");

	flag(out, "enforcing", json_get_bool(o, "enforcing", false),
	     "Whether a policy is in force and every program attached.");
	flag(out, "agent", agent, "Whether an agent runs and answers.");
	flag(out, "closed", json_get_bool(o, "closed", false),
	     "Whether everything but loopback is blocked, since no policy can be put in force.");
	head(out, "failed", "gauge", "Whether no policy could be put in force, by what holds instead.");
	labelled(out, "failed", "action", "block",
		 failure && !strcmp(json_get_text(failure, "action", ""), "block"));
	labelled(out, "failed", "action", "pass",
		 failure && !strcmp(json_get_text(failure, "action", ""), "pass"));
	number(out, o, "generation", "generation", "Of the policy in force.");
	number(out, o, "beat", "beat_age_seconds", "Since the agent last told the kernel that it can ask.");
	if (agent)
		print_agent(o, out);
	print_counters(json_get(o, "counters"), out);
	print_dns(json_get(o, "dns"), out);
}
