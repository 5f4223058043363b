// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "../policy/names.h"
#include "../policy/print.h"
#include "lists.h"
#include "print.h"

static void print_file(const struct tables *t, uint32_t number, FILE *out)
{
	fputs("file ", out);
	print_string(intern_get(&t->listset->paths, number), out);
}

static void print_net(const struct atom_net *net, FILE *out)
{
	struct item it = {.kind = ITEM_NET, .prefix = PREFIX_RANGE, .v6 = net->v6};
	ip_t lo = ip_load(net->lo), hi = ip_load(net->hi);
	unsigned len = ip_fit(lo, hi);

	memcpy(it.lo, net->lo, sizeof(it.lo));
	memcpy(it.hi, net->hi, sizeof(it.hi));
	if ((lo | ~ip_mask(len)) == hi && (net->v6 || len >= 96))
		it.prefix = (uint8_t)(net->v6 ? len : len - 96);
	print_item(&it, out);
}

static void print_port(const struct atom_port *port, FILE *out)
{
	const char *name = port->proto < 0 ? "any" : names_proto_name(port->proto);

	if (name)
		fputs(name, out);
	else
		fprintf(out, "%d", port->proto);
	if (!port->has_ports)
		return;
	fprintf(out, "/%u", port->lo);
	if (port->hi != port->lo)
		fprintf(out, "-%u", port->hi);
}

static void print_name(const struct tables *t, const struct atom_text *a, FILE *out)
{
	uint32_t number;

	if (a->kind == ITEM_FILE) {
		memcpy(&number, a->text, sizeof(number));
		print_file(t, number, out);
		return;
	}
	fputs(a->kind == ITEM_DOMAIN ? "domain " : "host ", out);
	print_string(a->text, out);
}

static void print_selector(enum selector sel, const char *text, FILE *out)
{
	fputs(names_selector[sel], out);
	if (!*text)
		return;
	fputc(' ', out);
	print_string(text, out);
}

void print_atom(const struct tables *t, enum space space, uint32_t atom, FILE *out)
{
	const void *data = intern_get(&t->atoms[space].in, atom);
	const struct atom_text *text = data;
	const uint32_t *number = data;

	switch (space) {
	case SPACE_UID:
	case SPACE_GID:
		fprintf(out, "%u", *number);
		break;
	case SPACE_LIST:
		print_file(t, *number, out);
		break;
	case SPACE_NET:
		print_net(data, out);
		break;
	case SPACE_PORT:
		print_port(data, out);
		break;
	case SPACE_NAME:
		print_name(t, text, out);
		break;
	case SPACE_CG_GLOB:
	case SPACE_PROPS:
		print_selector(text->kind, text->text, out);
		break;
	default:
		print_string(text->text, out);
	}
}

void print_atoms(const struct tables *t, enum space space, const uint32_t *atoms, size_t n, FILE *out)
{
	fputs("{", out);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? ", " : " ", out);
		print_atom(t, space, atoms[i], out);
	}
	fputs(" }", out);
}
