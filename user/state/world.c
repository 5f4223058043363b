// SPDX-License-Identifier: GPL-2.0-only
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "alias.h"
#include "users.h"

#define RESOLVERS_MAX 64

static void map_v4(uint8_t out[16], const void *v4)
{
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	memcpy(out + 12, v4, 4);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* Sorts and drops doubles. How many are left. */
static size_t tidy(uint8_t (*list)[16], size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++)
		if (!kept || compare(list[kept - 1], list[i]))
			memmove(list[kept++], list[i], sizeof(*list));
	return kept;
}

int world_self(uint8_t (**ret)[16], size_t *ret_n)
{
	uint8_t(*list)[16];
	struct ifaddrs *all;
	size_t n = 0;

	if (getifaddrs(&all))
		return -errno;
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		n++;
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list) {
		freeifaddrs(all);
		return -ENOMEM;
	}
	n = 0;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in sin;

			memcpy(&sin, i->ifa_addr, sizeof(sin));
			map_v4(list[n++], &sin.sin_addr);
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			struct sockaddr_in6 sin6;

			memcpy(&sin6, i->ifa_addr, sizeof(sin6));
			memcpy(list[n++], &sin6.sin6_addr, 16);
		}
	}
	freeifaddrs(all);
	*ret = list;
	*ret_n = tidy(list, n);
	return 0;
}

/* The address of a nameserver line; a scope (`fe80::1%eth0`) is no part of it. */
static bool parse_nameserver(char *line, uint8_t out[16])
{
	char *save, *word = strtok_r(line, " \t\r\n", &save);
	struct in_addr v4;

	if (!word || strcmp(word, "nameserver"))
		return false;
	word = strtok_r(NULL, " \t\r\n", &save);
	if (!word)
		return false;
	word[strcspn(word, "%")] = '\0';
	if (inet_pton(AF_INET, word, &v4) == 1) {
		map_v4(out, &v4);
		return true;
	}
	return inet_pton(AF_INET6, word, out) == 1;
}

/* Adds what the file has to a list with room for RESOLVERS_MAX. 0 or -errno. */
static int read_resolvers(const char *path, uint8_t (*list)[16], size_t *n)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while (*n < RESOLVERS_MAX && getline(&line, &size, f) > 0)
		if (parse_nameserver(line, list[*n]))
			(*n)++;
	free(line);
	fclose(f);
	return 0;
}

static bool is_stub(const uint8_t addr[16])
{
	uint8_t stub[16];

	map_v4(stub, "\x7f\0\0\x35");
	if (!memcmp(stub, addr, sizeof(stub)))
		return true;
	map_v4(stub, "\x7f\0\0\x36");
	return !memcmp(stub, addr, sizeof(stub));
}

int world_resolvers(const char *path, const char *resolved, uint8_t (**ret)[16], size_t *ret_n)
{
	uint8_t(*list)[16] = calloc(RESOLVERS_MAX, sizeof(*list));
	bool stub = false;
	size_t n = 0;
	int err;

	if (!list)
		return -ENOMEM;
	err = read_resolvers(path, list, &n);
	for (size_t i = 0; i < n; i++)
		stub |= is_stub(list[i]);
	if (!err && stub)
		err = read_resolvers(resolved, list, &n);
	if (err) {
		free(list);
		return err;
	}
	if (!n) {
		map_v4(list[0], "\x7f\0\0\1");
		list[1][15] = 1;
		n = 2;
	}
	*ret = list;
	*ret_n = tidy(list, n);
	return 0;
}

static size_t count_links(void)
{
	struct if_nameindex *all = if_nameindex();
	size_t n = 0;

	if (!all)
		return 0;
	while (all[n].if_index)
		n++;
	if_freenameindex(all);
	return n;
}

/* A number that no real user has, the same for the same name. */
static uint32_t number_of(const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return hash | 0x80000000u;
}

static int strict_user(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return users_uid(name, ret);
}

static int strict_group(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	return users_gid(name, ret);
}

static int lenient_user(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	if (users_uid(name, ret))
		*ret = number_of(name);
	return 0;
}

static int lenient_group(void *arg, const char *name, uint32_t *ret)
{
	(void)arg;
	if (users_gid(name, ret))
		*ret = number_of(name);
	return 0;
}

int world_read(struct world_host *w, const struct policy *p, bool strict)
{
	int err;

	memset(w, 0, sizeof(*w));
	w->world.user = strict ? strict_user : lenient_user;
	w->world.group = strict ? strict_group : lenient_group;
	err = world_self(&w->self, &w->world.nself);
	if (!err)
		err = world_resolvers(WORLD_RESOLV_CONF, WORLD_RESOLVED_CONF, &w->resolvers,
				      &w->world.nresolvers);
	if (!err)
		err = alias_all(p, &w->aliases, &w->naliases);
	if (err) {
		world_free(w);
		return err;
	}
	w->world.nlinks = count_links();
	w->world.self = w->self;
	w->world.resolvers = w->resolvers;
	w->world.aliases = (const char *const(*)[2])w->aliases;
	w->world.naliases = w->naliases;
	return 0;
}

void world_free(struct world_host *w)
{
	free(w->self);
	free(w->resolvers);
	alias_free(w->aliases, w->naliases);
	memset(w, 0, sizeof(*w));
}
