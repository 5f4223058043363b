/* SPDX-License-Identifier: GPL-2.0-only */
/* List files as the naive evaluator understands them: line by line, kept as they come, searched from the
 * first to the last. */
#ifndef CGWALL_TESTS_NAIVE_LIST_H
#define CGWALL_TESTS_NAIVE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct naive_list {
	char *path;
	struct naive_line {
		bool is_name, below, v6;
		char name[256];
		uint8_t lo[16], hi[16];
	} * lines;
	size_t n;
};

/* 0 or -1. */
int naive_list_read(struct naive_list *l, const char *path);
void naive_list_free(struct naive_list *l);

bool naive_list_has_address(const struct naive_list *l, const uint8_t addr[16]);
bool naive_list_has_name(const struct naive_list *l, const char *name);

/* Is addr, of whatever family, between lo and hi, of the family that v6 says? */
bool naive_between(const uint8_t addr[16], const uint8_t lo[16], const uint8_t hi[16], bool v6);

/* Is name `domain` or below it? */
bool naive_below(const char *name, const char *domain);

#endif
