/* SPDX-License-Identifier: GPL-2.0-only */
/* Random policies over the whole language, in a world so small that rules collide all the time, and random
 * questions aimed at what the policy mentions and at its borders. */
#ifndef CGWALL_TESTS_GEN_H
#define CGWALL_TESTS_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cgwall/abi.h>

struct rng {
	uint64_t state;
};

/* 0..n-1 */
uint32_t rng_below(struct rng *r, uint32_t n);
/* True once in n times. */
bool rng_once(struct rng *r, uint32_t n);

#define GEN_LISTS 3
#define GEN_POOL 4096

/* What the policy mentions; questions are made of it. */
struct gen {
	struct rng rng;
	char *policy;		/* text; its list files are called list0.txt and so on */
	char *lists[GEN_LISTS]; /* their contents; NULL: not made */
	char *paths[GEN_POOL], *cgroups[GEN_POOL], *names[GEN_POOL];
	size_t npaths, ncgroups, nnames;
	uint8_t addresses[GEN_POOL][16];
	uint16_t ports[GEN_POOL];
	size_t naddresses, nports;
	int protos[GEN_POOL];
	size_t nprotos;
};

/* Everything is owned by g. */
void gen_policy(struct gen *g, uint64_t seed);
void gen_free(struct gen *g);

/* The words of one question, separated by blanks: `out exe=/bin/a to=192.0.2.1:80`. `facts`, `given`: NULL,
 * or those that are to be used. To be freed. */
char *gen_query(struct gen *g, const char *facts, const char *given);
/* What conditions are about. */
char *gen_facts(struct gen *g);
/* What only user space can tell of a flow: names, packages, interfaces and the like. */
char *gen_given(struct gen *g);

/* gen_who.c, gen_whom.c: parts of a policy, written to out. */
void gen_app(struct gen *g, FILE *out, unsigned defined, unsigned depth);
void gen_who(struct gen *g, FILE *out, unsigned defined);
void gen_condition(struct gen *g, FILE *out, unsigned defined, unsigned depth);
/* Groups with an even number hold no names, so that the local end can use them. */
void gen_items(struct gen *g, FILE *out, unsigned defined);
void gen_hosts(struct gen *g, FILE *out, unsigned defined, bool remote);
void gen_service(struct gen *g, FILE *out, unsigned defined);
void gen_services(struct gen *g, FILE *out, unsigned defined);
void gen_protos(struct gen *g, FILE *out, bool ports);
void gen_ports(struct gen *g, FILE *out);
void gen_list(struct gen *g, FILE *out);
void gen_iface(struct gen *g, FILE *out);
void gen_path(struct gen *g, FILE *out);
void gen_cgroup(struct gen *g, FILE *out);
void gen_name(struct gen *g, FILE *out);
void gen_address(struct gen *g, uint8_t ret[16]);
void gen_print_address(struct gen *g, const uint8_t a[16], FILE *out);

/* Parts of a question. */
void gen_query_who(struct gen *g, FILE *out);
void gen_query_whom(struct gen *g, FILE *out);

#define PICK(r, table) ((table)[rng_below(r, sizeof(table) / sizeof((table)[0]))])

#endif
