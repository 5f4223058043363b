/* SPDX-License-Identifier: GPL-2.0-only */
/* Time, and the one of several measurements that stands in their middle. */
#ifndef CGWALL_BENCH_MEDIAN_H
#define CGWALL_BENCH_MEDIAN_H

#include <stdlib.h>
#include <time.h>

static inline double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int median_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Puts them in order. */
static inline double median(double *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), median_compare);
	return ns[n / 2];
}

#endif
