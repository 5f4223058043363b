// SPDX-License-Identifier: GPL-2.0-only
/* The last two stages: classes with their rows, and the image's sections. */
#include <errno.h>
#include <string.h>

#include "../policy/addr.h"
#include "../policy/names.h"
#include "glob.h"
#include "ip.h"
#include "print.h"

/* The entries of a row: `row 3 (2 4-7)`. */
static void print_row(const struct direction *d, uint32_t row, FILE *out)
{
	const __u64 *bits = rows_bits(&d->rows, row);
	bool first = true;

	fprintf(out, "row %u (", row);
	if (!row)
		fputs("all", out);
	for (uint32_t i = 0; row && i < d->nentries; i++) {
		uint32_t from = i;

		if (!(bits[i / 64] >> (i % 64) & 1))
			continue;
		while (i + 1 < d->nentries && bits[(i + 1) / 64] >> ((i + 1) % 64) & 1)
			i++;
		fprintf(out, "%s%u", first ? "" : " ", from);
		if (i > from)
			fprintf(out, "-%u", i);
		first = false;
	}
	fputc(')', out);
}

static void print_prefix(const uint8_t addr[16], uint32_t len, FILE *out)
{
	char text[ADDR_TEXT];

	addr_format(addr, text);
	fprintf(out, "%s/%u", text, ip_is_v4(ip_load(addr)) && len >= 96 ? len - 96 : len);
}

static void print_nets(const struct image *im, enum cgw_dir dir, enum cgw_end end, FILE *out)
{
	const struct direction *d = &im->tables->dir[dir];

	for (size_t i = 0; i < im->nprefixes; i++) {
		fputc('\t', out);
		print_prefix(im->prefixes[i].key.addr, im->prefixes[i].key.len, out);
		fputs(": ", out);
		print_row(d, im->prefixes[i].class.row[dir][end], out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < im->nkeys; i++) {
		if (im->keys[i].key.kind != CGW_KEY_ADDR)
			continue;
		fputc('\t', out);
		print_prefix(im->keys[i].key.data, 128, out);
		fputs(": ", out);
		print_row(d, im->keys[i].class.row[dir][end], out);
		fputc('\n', out);
	}
}

static void print_ids(const struct image *im, enum cgw_dir dir, uint32_t kind, FILE *out)
{
	for (size_t i = 0; i < im->nkeys; i++) {
		uint32_t id;

		if (im->keys[i].key.kind != kind)
			continue;
		memcpy(&id, im->keys[i].key.data, sizeof(id));
		fprintf(out, "\t%u: ", id);
		print_row(&im->tables->dir[dir], im->keys[i].class.row[dir][0], out);
		fputc('\n', out);
	}
}

static void print_ports(const struct tables *t, const struct direction *d, uint32_t dim, FILE *out)
{
	for (uint32_t i = 0; i < d->nclasses[dim]; i++) {
		uint32_t index = i / t->nports, class = i % t->nports, left = t->nports - class;

		fputs("\tprotocols", out);
		for (unsigned proto = 0; index && proto < 256; proto++)
			if (t->proto[proto] == index)
				fprintf(out, " %u", proto);
		fprintf(out, "%s, %s", index ? "" : " of no rule",
			left == 2   ? "some port"
			: left == 1 ? "every port"
				    : "ports");
		for (uint32_t port = 0; class && left > 2 && port < 65536; port++) {
			uint32_t from = port;

			if (t->port_class[port] != class)
				continue;
			while (port < 65535 && t->port_class[port + 1] == class)
				port++;
			fprintf(out, " %u", from);
			if (port > from)
				fprintf(out, "-%u", port);
		}
		fputs(class ? ": " : " not given: ", out);
		print_row(d, d->class_rows[dim][i], out);
		fputc('\n', out);
	}
}

/* Dimensions whose classes are sets of atoms. */
static void print_sets(const struct tables *t, const struct direction *d, uint32_t dim,
		       const struct sets *sets, FILE *out)
{
	for (uint32_t class = 0; class < d->nclasses[dim]; class ++) {
		const uint32_t *atoms;
		size_t n;

		fputc('\t', out);
		atoms = sets_get(sets, class, &n);
		print_atoms(t, tables_space(dim), atoms, n, out);
		fputs(": ", out);
		print_row(d, d->class_rows[dim][class], out);
		fputc('\n', out);
	}
}

static void print_lists(const struct direction *d, uint32_t dim, FILE *out)
{
	for (uint32_t class = 0; class < d->nclasses[dim]; class ++) {
		fprintf(out, "\tlist class %u: ", class);
		print_row(d, d->class_rows[dim][class], out);
		fputc('\n', out);
	}
}

static void print_names(const struct image *im, enum cgw_dir dir, FILE *out)
{
	for (uint32_t class = 1; class < im->head.names; class ++) {
		fprintf(out, "\tname class %u: ", class);
		print_row(&im->tables->dir[dir], im->head.dir[dir].name_rows + class, out);
		fputc('\n', out);
	}
	fputs("\tnegated: ", out);
	print_row(&im->tables->dir[dir], im->head.dir[dir].name_not, out);
	fputc('\n', out);
}

static void print_dim(const struct image *im, enum cgw_dir dir, uint32_t dim, FILE *out)
{
	const struct direction *d = &im->tables->dir[dir];

	fprintf(out, "%s %s; what no table knows: ", names_dir[dir], tables_dim_name(dim));
	print_row(d, d->none[dim], out);
	fputc('\n', out);
	switch ((enum cgw_dim)dim) {
	case CGW_DIM_EXE_PATH:
	case CGW_DIM_EXE_GLOB:
	case CGW_DIM_CG_PATH:
	case CGW_DIM_CG_GLOB:
		print_sets(im->tables, d, dim, &im->tables->paths[dim].sets, out);
		break;
	case CGW_DIM_UID:
	case CGW_DIM_GID:
		print_ids(im, dir, dim == CGW_DIM_UID ? CGW_KEY_UID : CGW_KEY_GID, out);
		break;
	case CGW_DIM_REMOTE:
	case CGW_DIM_LOCAL:
		print_nets(im, dir, dim == CGW_DIM_REMOTE ? CGW_REMOTE : CGW_LOCAL, out);
		break;
	case CGW_DIM_RPORT:
	case CGW_DIM_LPORT:
		print_ports(im->tables, d, dim, out);
		break;
	case CGW_DIM_REMOTE_LIST:
	case CGW_DIM_LOCAL_LIST:
		print_lists(d, dim, out);
		break;
	case CGW_DIM_NAME:
		print_names(im, dir, out);
		break;
	default: /* evaluated when a question comes */
		break;
	}
}

int image_print_classes(const struct image *im, FILE *out)
{
	for (int dir = 0; dir < CGW_DIRS; dir++)
		for (uint32_t dim = 0; dim < CGW_DIMS; dim++)
			if (im->tables->dir[dir].dims & (1u << dim))
				print_dim(im, dir, dim, out);
	return ferror(out) ? -EIO : 0;
}

static void print_dirhead(const struct image *im, enum cgw_dir dir, FILE *out)
{
	const struct cgw_dirhead *h = &im->head.dir[dir];

	fprintf(out, "%s: entries %u at chunk %u; hits %u x %u at %u\n", names_dir[dir], h->nentries,
		h->entries, CGW_HIT_STRIPES, h->hit_chunks, h->hits);
	fprintf(out, "\trows %u and %u spare, %u chunks each (%u of bits), row 0 at %d\n", im->nrows[dir],
		h->nentries ? IMAGE_SPARE_ROWS : 0, h->stride, h->nchunks, (int)h->rows);
	fprintf(out,
		"\tports remote %u local %u; lists remote %u local %u; paths %u %u %u %u; enabled rows "
		"from %u\n",
		h->ports[CGW_REMOTE], h->ports[CGW_LOCAL], h->list_rows[CGW_REMOTE], h->list_rows[CGW_LOCAL],
		h->path_rows[0], h->path_rows[1], h->path_rows[2], h->path_rows[3], h->enabled[0]);
	fputs("\tdimensions", out);
	for (uint32_t dim = 0; dim < CGW_DIMS; dim++)
		if (h->dims & (1u << dim))
			fprintf(out, " %s(none: row %u)", tables_dim_name(dim), h->none[dim]);
	fputc('\n', out);
}

int image_print_image(const struct image *im, FILE *out)
{
	static const char *const flags[] = {"observe", "sockets-other-pass", "established-keep", "dns-rebind",
					    "ask"};
	const struct cgw_head *h = &im->head;

	fprintf(out, "chunks %u (%zu bytes); keys %zu; prefixes %zu; flags", h->nchunks,
		(size_t)h->nchunks * CGW_CHUNK_BYTES, im->nkeys, im->nprefixes);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (h->flags >> i & 1)
			fprintf(out, " %s", flags[i]);
	fprintf(out, "\nport classes %u at %u\n", h->nports, h->port_class);
	if (h->names > 1)
		fprintf(out, "name classes %u, names of up to %u labels\n", h->names, h->name_labels);
	for (int i = 0; i < 2; i++)
		fprintf(out, "%s automaton: states %u, byte classes %u; at %u, %u, %u\n",
			i ? "cgroup" : "exe", h->dfa[i].states, h->dfa[i].classes, h->dfa[i].bytes,
			h->dfa[i].trans, h->dfa[i].accept);
	if (im->lists)
		fprintf(out, "lists: IPv4 %zu, IPv6 %zu, prefixes %zu, classes %u\n", im->lists->n4,
			im->lists->n6, im->lists->nprefixes, im->lists->nclasses);
	for (int dir = 0; dir < CGW_DIRS; dir++)
		print_dirhead(im, dir, out);
	return ferror(out) ? -EIO : 0;
}
