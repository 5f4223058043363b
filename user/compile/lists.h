/* SPDX-License-Identifier: GPL-2.0-only */
/* List files: reading them, and the classes of the addresses in them.
 *
 * One item a line: an address, a CIDR, a range, a name, `domain "x"`, `host "x"`, or a line of a hosts file
 * (an address, then names: the names are meant, not the address). A name stands for itself alone, as in a
 * hosts file; `.x` and `*.x` stand for x and every name below it, as `domain "x"` does.
 */
#ifndef CGWALL_COMPILE_LISTS_H
#define CGWALL_COMPILE_LISTS_H

#include "ip.h"
#include "tables.h"

#define LISTS_FILE_MAX (256u << 20)   /* bytes of one file */
#define LISTS_ENTRIES_MAX (16u << 20) /* addresses and names of all files */
#define LISTS_ERRORS_MAX 10	      /* reported of one file */

/* One address or net of one file, if it is not a full-length IPv4 address. */
struct list_net {
	ip_t ip;
	uint32_t file;
	uint32_t len;
};

struct list_addr4 {
	uint32_t addr, file; /* host order */
};

struct list_file {
	struct loc loc; /* of the first item that names it */
	bool has_addresses, has_names;
	/* Which version of it was read. */
	uint64_t ino, size;
	int64_t mtime, ctime; /* ns since the epoch */
};

struct listset {
	struct tables *t;
	struct intern paths; /* numbered in byte order */
	struct list_file *files;
	struct list_addr4 *v4;
	struct list_net *nets;
	size_t n4, nnets;
	struct sets sets; /* of file numbers */
	/* Names of all files: name -> set of files; [0] for itself alone, [1] with every name below it. */
	struct intern names;
	uint32_t (*name_sets)[2];
	uint64_t digest;
};

/* Reads every file that the policy names, into t->listset. Number of errors, which have been reported. */
size_t lists_read(struct tables *t);

/* Number of a file by its path, as `file` items have it. */
uint32_t lists_number(const struct tables *t, const char *path);

/* The lines of one file (listparse.c). `text` ends with a NUL that does not count. Number of errors. */
size_t lists_parse(struct listset *set, uint32_t file, const char *path, char *text, size_t len);

/* The classes of all addresses, into t->lists; nothing where there is no address (listclass.c). */
void lists_classify(struct tables *t);

#endif
