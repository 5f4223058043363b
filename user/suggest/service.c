// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "../policy/builtin.h"
#include "../policy/names.h"
#include "suggest.h"

#define PORTS_MAX 8 /* more of one protocol for one end are written as what covers them */

/* A service that everybody knows by its name; `ephemeral` is a range, not a service. */
static const char *well_known(uint8_t proto, uint16_t port)
{
	for (size_t i = 0; i < builtin_nservices; i++) {
		const struct service *b = &builtin_services[i];

		if (!strcmp(b->name, "ephemeral"))
			continue;
		for (size_t k = 0; k < b->nitems; k++)
			if (b->items[k].proto == proto && port >= b->items[k].ports.lo &&
			    port <= b->items[k].ports.hi)
				return b->name;
	}
	return NULL;
}

const char *service_of(struct sighted *s, const struct flow *f)
{
	const char *name = f->has_proto ? names_proto_name(f->proto) : NULL;

	if (!f->has_proto)
		return "";
	if (!name)
		return suggest_text(s, "=%u", f->proto);
	if (!names_has_ports(f->proto))
		return name;
	if (!f->has_port)
		return suggest_text(s, "=%s", name); /* PROTO/PORT asks for a port, even if for any */
	if (well_known(f->proto, f->port))
		return well_known(f->proto, f->port);
	return suggest_text(s, "%s/%u", name, f->port);
}

/* PROTO/PORT: the port and the length of the protocol. */
static bool single_port(const char *svc, size_t *nproto, unsigned long *port)
{
	const char *slash = strchr(svc, '/');
	char *end;

	if (!slash)
		return false;
	*port = strtoul(slash + 1, &end, 10);
	*nproto = (size_t)(slash - svc);
	return end != slash + 1 && !*end;
}

static int compare_services(const void *a, const void *b)
{
	return strcmp(((const struct want *)a)->svc, ((const struct want *)b)->svc);
}

size_t service_collapse(struct sighted *s, struct want *wants, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned long port, least = 65536;
		size_t nproto, same = 0, other_nproto;
		const char *first = wants[i].svc, *cover;

		if (!single_port(first, &nproto, &port))
			continue;
		for (size_t j = 0; j < n; j++) {
			if (!single_port(wants[j].svc, &other_nproto, &port) || other_nproto != nproto ||
			    strncmp(wants[j].svc, first, nproto))
				continue;
			same++;
			least = port < least ? port : least;
		}
		if (same <= PORTS_MAX)
			continue;
		cover = least >= 49152	? suggest_text(s, "%.*s/49152-65535", (int)nproto, first)
			: least >= 1024 ? suggest_text(s, "%.*s/1024-65535", (int)nproto, first)
					: suggest_text(s, "%.*s/*", (int)nproto, first);
		for (size_t j = 0; j < n; j++)
			if (single_port(wants[j].svc, &other_nproto, &port) && other_nproto == nproto &&
			    !strncmp(wants[j].svc, first, nproto))
				wants[j].svc = cover;
	}
	qsort(wants, n, sizeof(*wants), compare_services);
	for (size_t i = 0; i < n; i++)
		if (!kept || strcmp(wants[kept - 1].svc, wants[i].svc))
			wants[kept++] = wants[i];
	return kept;
}
