// SPDX-License-Identifier: GPL-2.0-only
/* Judges held against each other:
 *
 *   differential [--seed N] [--policies N] [--queries N] [--found DIR] [--kernel CGROUP]
 *                [--classbench POLICY ...]
 *
 * First what once went wrong (DIR/\*.conf, with a line `# query: ...`), then random policies with random
 * questions, or, with --classbench, policies made by scripts/classbench.py. The last line says how many
 * pairs were judged alike. A disagreement is made smaller, printed and kept in DIR. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "differential.h"
#include "gen.h"

#define SHOWN_MAX 5 /* disagreements that are made smaller */

struct run {
	uint64_t seed;
	size_t policies, queries;
	const char *found;
	struct third_judge *third;
	char dir[64]; /* of the list files */
	size_t pairs, third_pairs, bad, refused, refused_queries, decided, several, warned, could[3];
};

static void write_file(const char *dir, int i, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/list%d.txt", dir, i);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f)) {
		perror(path);
		exit(2);
	}
}

/* ---- what once went wrong ---- */

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (!f)
		return NULL;
	n = getdelim(&text, &room, '\0', f);
	fclose(f);
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

static void replay_file(struct run *r, const char *name)
{
	char *path, *text, *query, *why = NULL;
	struct subject s;

	if (asprintf(&path, "%s/%s", r->found, name) < 0)
		abort();
	text = read_text(path);
	query = text ? strstr(text, "# query: ") : NULL;
	if (!query || subject_open(&s, r->found, text, stderr)) {
		printf("%s: cannot be replayed\n", path);
		r->bad++;
	} else {
		query = strndup(query + 9, strcspn(query + 9, "\n"));
		if (subject_ask(&s, query, &why)) {
			printf("%s: %s\n%s", path, query, why ? why : "the question is refused\n");
			r->bad++;
		}
		r->pairs++;
		free(query);
		free(why);
		subject_close(&s);
	}
	free(text);
	free(path);
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && !strcmp(e->d_name + n - 5, ".conf");
}

static void replay(struct run *r)
{
	struct dirent **list;
	int n = scandir(r->found, &list, is_conf, alphasort);

	for (int i = 0; i < n; i++) {
		replay_file(r, list[i]->d_name);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* ---- random ones ---- */

/* Large policies are there for the tables' sake; the naive judge needs long for each question. */
#define LARGE 20000 /* bytes */
#define FACTS 12    /* different ones, more than the image has rows for at a time... */
#define CHANGES 18  /* ...and how often they change: some come back */
#define GIVENS 8    /* different ones, for one published image */

static void disagreement(struct run *r, const struct gen *g, uint64_t seed, const char *query,
			 const char *why)
{
	char name[40];

	printf("seed %llu: %s\n%s", (unsigned long long)seed, query, why);
	if (++r->bad > SHOWN_MAX)
		return;
	snprintf(name, sizeof(name), "seed-%llu", (unsigned long long)seed);
	shrink(r->found, name, r->dir, g->policy, query);
}

static void ask_two(struct run *r, struct gen *g, struct subject *s, uint64_t seed, char *const *queries,
		    size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *why = NULL;

		switch (subject_ask(s, queries[i], &why)) {
		case 1:
			disagreement(r, g, seed, queries[i], why);
			break;
		case -1:
			r->refused_queries++;
			break;
		default:
			r->pairs++;
		}
		free(why);
		if (r->bad > SHOWN_MAX)
			break;
	}
}

/* Questions that can be put to one published image: they share what fills its spare rows, and those that
 * follow each other their facts. */
static void make_alike(struct gen *g, char **queries, size_t n)
{
	char *facts[FACTS], *given[GIVENS];

	for (size_t i = 0; i < GIVENS; i++)
		given[i] = gen_given(g);
	for (size_t i = 0; i < FACTS; i++)
		facts[i] = gen_facts(g);
	for (size_t i = 0; i < n; i++)
		queries[i] = gen_query(g, facts[i * CHANGES / n % FACTS], given[rng_below(&g->rng, GIVENS)]);
	for (size_t i = 0; i < GIVENS; i++)
		free(given[i]);
	for (size_t i = 0; i < FACTS; i++)
		free(facts[i]);
}

static void try_policy(struct run *r, uint64_t seed)
{
	size_t n = r->queries;
	char **queries;
	struct subject s;
	struct gen g;

	gen_policy(&g, seed);
	if (strlen(g.policy) > LARGE)
		n = n / 4 + 1;
	queries = calloc(n, sizeof(*queries));
	for (int i = 0; i < GEN_LISTS; i++)
		write_file(r->dir, i, g.lists[i]);
	if (r->third)
		make_alike(&g, queries, n);
	for (size_t i = 0; !r->third && i < n; i++)
		queries[i] = gen_query(&g, NULL, NULL);
	if (subject_open(&s, r->dir, g.policy, NULL)) {
		r->refused++;
		if (getenv("DIFFERENTIAL_REFUSED"))
			subject_open(&s, r->dir, g.policy, stderr);
	} else {
		ask_two(r, &g, &s, seed, queries, n);
		if (r->third)
			r->bad += third_run(r->third, &s, queries, n, &r->third_pairs);
		r->decided += s.decided;
		r->several += s.several;
		r->warned += s.warned;
		for (int k = 0; k < 3; k++)
			r->could[k] += s.could[k];
		subject_close(&s);
	}
	for (size_t i = 0; i < n; i++)
		free(queries[i]);
	free(queries);
	gen_free(&g);
}

static void try_policies(struct run *r)
{
	size_t i;

	snprintf(r->dir, sizeof(r->dir), "%s/cgwall-differential-XXXXXX", "/tmp");
	if (!mkdtemp(r->dir)) {
		perror(r->dir);
		exit(2);
	}
	for (i = 0; i < r->policies && r->bad <= SHOWN_MAX; i++)
		try_policy(r, r->seed + i);
	for (int k = 0; k < GEN_LISTS; k++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/list%d.txt", r->dir, k);
		unlink(path);
	}
	rmdir(r->dir);
	printf("seeds %llu..%llu, %zu policies refused, %zu questions refused\n", (unsigned long long)r->seed,
	       (unsigned long long)(r->seed + i - 1), r->refused, r->refused_queries);
	printf("%zu decided by a rule, %zu matched by several; %zu warnings held against them\n", r->decided,
	       r->several, r->warned);
	printf("with unknown parts: %zu could pass, %zu never, %zu settled\n", r->could[CGW_COULD_PASS],
	       r->could[CGW_COULD_NEVER], r->could[CGW_COULD_SETTLED]);
	if (r->refused > r->policies / 4) {
		printf("too many policies are refused: this says little\n");
		r->bad++;
	}
}

/* ---- the whole ---- */

static void try_classbench(struct run *r, char *const *files, int n)
{
	for (int i = 0; i < n; i++) {
		size_t bad = classbench_run(files[i], r->queries, r->seed + (uint64_t)i, r->third, &r->pairs);

		printf("%s: %zu disagreements\n", files[i], bad);
		r->bad += bad;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"policies", required_argument, NULL, 'p'},
		{"queries", required_argument, NULL, 'q'},
		{"found", required_argument, NULL, 'f'},
		{"kernel", required_argument, NULL, 'k'},
		{"classbench", no_argument, NULL, 'c'},
		{0},
	};
	struct run r = {.seed = 1, .policies = 2000, .queries = 500, .found = "tests/differential/found"};
	struct third_judge kernel = {0};
	bool classbench = false;
	int c;

	setenv("TZ", "UTC", 1);
	tzset();
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			r.seed = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			r.policies = strtoul(optarg, NULL, 0);
			break;
		case 'q':
			r.queries = strtoul(optarg, NULL, 0);
			break;
		case 'f':
			r.found = optarg;
			break;
		case 'k':
			if (kernel_judge_open(optarg, &kernel))
				return 2;
			r.third = &kernel;
			break;
		case 'c':
			classbench = true;
			break;
		default:
			return 2;
		}
	}
	if (classbench) {
		try_classbench(&r, argv + optind, argc - optind);
	} else {
		replay(&r);
		try_policies(&r);
	}
	if (kernel.close)
		kernel.close(kernel.state);
	printf("%zu pairs alike%s, %zu disagreements\n", r.pairs, r.third ? " in user space" : "", r.bad);
	if (r.third)
		printf("%zu pairs put to the kernel\n", classbench ? r.pairs : r.third_pairs);
	return r.bad ? 1 : 0;
}
