// SPDX-License-Identifier: GPL-2.0-only
/* Protocols and ports: `proto`, `service` and `port` of a rule to terms over (protocol, port). Each of them
 * is a clause of its own, all about the same value, so their `and` needs no products. */
#include <string.h>

#include "../policy/names.h"
#include "expand.h"

struct atom_list {
	uint32_t *of;
	uint32_t n;
};

static void add_item(struct expand *x, struct atom_list *l, const struct service_item *it)
{
	if (it->proto == PROTO_ANY_PORTS && !it->has_ports) {
		for (int proto = 0; proto < 256; proto++)
			if (names_has_ports(proto))
				*ARENA_ADD(x->t->scratch, &l->of, &l->n) =
					atoms_port(x->t, proto, false, 0, 0);
		return;
	}
	*ARENA_ADD(x->t->scratch, &l->of, &l->n) =
		atoms_port(x->t, it->proto, it->has_ports, it->ports.lo, it->ports.hi);
}

/* All items that can be reached from these, each service once. */
static struct atom_list flatten(struct expand *x, const struct service_item *items, size_t nitems)
{
	struct atom_list l = {0};
	struct intern seen;
	uint32_t at = 0;

	intern_init(&seen, x->t->scratch);
	for (;;) {
		const struct service *s;

		for (size_t i = 0; i < nitems; i++) {
			if (items[i].proto == PROTO_SERVICE)
				intern_add(&seen, &items[i].service, sizeof(items[i].service));
			else
				add_item(x, &l, &items[i]);
		}
		if (at == seen.n)
			break;
		memcpy(&s, intern_get(&seen, at++), sizeof(s));
		items = s->items;
		nitems = s->nitems;
	}
	l.n = (uint32_t)sets_sort(l.of, l.n);
	return l;
}

/* A rule mostly names one service, and many rules name the same. */
static struct atom_list flat_items(struct expand *x, const struct service_item *items, size_t n)
{
	uint32_t id;

	if (n != 1 || items->proto != PROTO_SERVICE)
		return flatten(x, items, n);
	id = intern_find(&x->services, &items->service, sizeof(items->service));
	if (id == INTERN_NONE) {
		struct atom_list l = flatten(x, items, n);

		x->flat_services =
			arena_room(x->t->scratch, x->flat_services, x->services.n, sizeof(*x->flat_services));
		id = intern_add(&x->services, &items->service, sizeof(items->service));
		x->flat_services[id] = (struct flat_service){.atoms = l.of, .n = l.n};
	}
	return (struct atom_list){.of = x->flat_services[id].atoms, .n = x->flat_services[id].n};
}

static void also(struct expand *x, struct products *all, uint32_t dim, struct atom_list l)
{
	struct products p = products_term(&x->work, dim, false, l.of, l.n);

	*all = products_and(&x->work, all, &p);
}

static void also_ports(struct expand *x, struct products *all, uint32_t dim, const struct ports *ports)
{
	struct atom_list l = {0};

	if (!ports->n)
		return;
	for (size_t i = 0; i < ports->n; i++)
		*ARENA_ADD(x->t->scratch, &l.of, &l.n) =
			atoms_port(x->t, PROTO_ANY_PORTS, true, ports->ranges[i].lo, ports->ranges[i].hi);
	also(x, all, dim, l);
}

struct products services_expand(struct expand *x, const struct rule *r)
{
	struct products all = products_true(&x->work);
	bool out = r->dir == CGW_OUT;
	uint32_t service = out ? CGW_DIM_RPORT : CGW_DIM_LPORT;

	/* a protocol alone could stand at either end; where the service stands it can shadow one */
	if (r->nprotos)
		also(x, &all, service, flat_items(x, r->protos, r->nprotos));
	if (r->nservices)
		also(x, &all, service, flat_items(x, r->services, r->nservices));
	also_ports(x, &all, out ? CGW_DIM_LPORT : CGW_DIM_RPORT, &r->from_ports);
	also_ports(x, &all, out ? CGW_DIM_RPORT : CGW_DIM_LPORT, &r->to_ports);
	return all;
}
