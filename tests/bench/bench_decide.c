/* SPDX-License-Identifier: GPL-2.0-only */
/* bench_decide CGROUP ATTACH RUN_DIR POLICY QUERIES: compiles and publishes the policy, then lets the kernel
 * decide the questions over and over. Prints one JSON object. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/compile/compile.h"
#include "../../user/kernel/kernel.h"
#include "bench.skel.h"

#define QUERIES 16384 /* a power of two; gen.py writes as many */
#define ROUNDS 400000
#define SAMPLES 15

struct bench_run { /* as in bench.bpf.c */
	__u32 rounds, queries;
	__u64 ns, passed, failed;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_decide: %s: %s\n", what, why ? why : strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The questions in the file, by the image's tables. */
static void read_queries(const char *path, struct image *im, struct cgw_query *out)
{
	FILE *f = fopen(path, "r");
	char *line = NULL, *words[32], *message = NULL;
	size_t size = 0, n = 0;

	if (!f)
		die(path, NULL);
	while (n < QUERIES && getline(&line, &size, f) > 0) {
		struct query q;
		size_t w = 0;

		for (char *p = strtok(line, " \n"); p && w < 32; p = strtok(NULL, " \n"))
			words[w++] = p;
		if (query_parse_words(&q, CGW_OUT, words + 1, w - 1, &message))
			die(path, message);
		if (judge_query(im, &q, &out[n++]))
			die("judge_query", NULL);
		query_free(&q);
	}
	free(line);
	fclose(f);
	if (n != QUERIES)
		die(path, "too few questions");
}

/* The benchmark's object over the maps that the agent's kernel side pinned. */
static struct bench_bpf *load(const char *pins)
{
	struct bench_bpf *b = bench_bpf__open();
	struct bpf_map *map;
	char path[512];

	if (!b)
		die("bench object", NULL);
	bpf_object__for_each_map(map, b->obj)
	{
		int fd;

		snprintf(path, sizeof(path), "%s/map_%s", pins, bpf_map__name(map));
		fd = bpf_obj_get(path);
		if (fd >= 0 && bpf_map__reuse_fd(map, fd))
			die(path, NULL);
	}
	if (bench_bpf__load(b))
		die("bench object", NULL);
	return b;
}

static double sample(struct bench_bpf *b, struct bench_run *run)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	__u32 zero = 0;

	*run = (struct bench_run){.rounds = ROUNDS, .queries = QUERIES};
	if (bpf_map_update_elem(bpf_map__fd(b->maps.bench_runs), &zero, run, BPF_ANY) ||
	    bpf_prog_test_run_opts(bpf_program__fd(b->progs.bench_decide), &opts) || opts.retval ||
	    bpf_map_lookup_elem(bpf_map__fd(b->maps.bench_runs), &zero, run))
		die("run", NULL);
	if (run->failed)
		die("run", "a question could not be decided");
	return (double)run->ns / ROUNDS;
}

int main(int argc, char **argv)
{
	struct diag d = {.out = stderr};
	struct world w = {0};
	struct kernel_options o;
	double ns[SAMPLES], t0, t1, t2, t3;
	struct bench_run run;
	struct cgw_query *queries;
	struct bench_bpf *b;
	struct kernel *k;
	struct policy *p;
	struct image *im;
	char *message = NULL;
	uint64_t gen;
	bool adopted;

	if (argc != 6)
		die("usage", "CGROUP ATTACH RUN_DIR POLICY QUERIES");
	o = (struct kernel_options){.cgroup = argv[1], .attach = argv[2], .run_dir = argv[3]};
	if (kernel_open(&o, &k, &adopted, &message))
		die("open", message);
	t0 = now_ms();
	p = policy_read(argv[4], &d);
	if (!p)
		die(argv[4], "not a good policy");
	t1 = now_ms();
	im = image_compile(p, &w, &d);
	if (!im)
		die(argv[4], "does not compile");
	t2 = now_ms();
	queries = calloc(QUERIES, sizeof(*queries));
	if (!queries)
		die("memory", NULL);
	read_queries(argv[5], im, queries);
	t3 = now_ms();
	if (kernel_publish(k, im, &gen, &message))
		die("publish", message);
	t3 = now_ms() - t3;
	b = load(kernel_pins(k));
	for (__u32 i = 0; i < QUERIES; i++)
		if (bpf_map_update_elem(bpf_map__fd(b->maps.bench_queries), &i, &queries[i], BPF_ANY))
			die("queries", NULL);
	sample(b, &run);
	for (int i = 0; i < SAMPLES; i++)
		ns[i] = sample(b, &run);
	qsort(ns, SAMPLES, sizeof(*ns), compare);
	printf("{\"ns\": %.1f, \"ns_min\": %.1f, \"ns_max\": %.1f, \"passed\": %.3f, \"parse_ms\": %.2f, "
	       "\"compile_ms\": %.2f, \"publish_ms\": %.2f, \"chunks\": %u}\n",
	       ns[SAMPLES / 2], ns[0], ns[SAMPLES - 1], (double)run.passed / ROUNDS, t1 - t0, t2 - t1, t3,
	       im->head.nchunks);
	bench_bpf__destroy(b);
	free(queries);
	image_free(im);
	policy_free(p);
	kernel_close(k);
	return 0;
}
