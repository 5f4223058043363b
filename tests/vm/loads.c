// SPDX-License-Identifier: GPL-2.0-only
/* loads OBJECT   tries each program of a BPF object by itself on the running kernel, a line each:
 * its name, its section, and `ok` or what the kernel has against it. Exit code 0 if all are taken.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define LOG_SIZE (16u << 20)

static __attribute__((format(printf, 2, 0))) int quiet(enum libbpf_print_level level, const char *format,
						       va_list ap)
{
	return getenv("VERBOSE") && level != LIBBPF_DEBUG ? vfprintf(stderr, format, ap) : 0;
}

/* The verifier's last words: the line before its statistics. */
static const char *last_words(char *log)
{
	char *end = strstr(log, "\nprocessed ");

	if (end)
		*end = '\0';
	end = strrchr(log, '\n');
	while (end && !end[1] && end > log) {
		*end = '\0';
		end = strrchr(log, '\n');
	}
	return end ? end + 1 : log;
}

static int try(const char *file, const char *name, char *log)
{
	struct bpf_object *o = bpf_object__open_file(file, NULL);
	struct bpf_program *p;
	int r;

	if (!o)
		return -errno;
	bpf_object__for_each_program(p, o)
	{
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
		if (!strcmp(bpf_program__name(p), name))
			bpf_program__set_log_buf(p, log, LOG_SIZE);
	}
	log[0] = '\0';
	r = bpf_object__load(o);
	bpf_object__close(o);
	return r;
}

int main(int argc, char **argv)
{
	struct bpf_object *o;
	struct bpf_program *p;
	char *log = malloc(LOG_SIZE);
	int bad = 0;

	if (argc != 2 || !log)
		return 2;
	libbpf_set_print(quiet);
	o = bpf_object__open_file(argv[1], NULL);
	if (!o) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	bpf_object__for_each_program(p, o)
	{
		int r = try(argv[1], bpf_program__name(p), log);

		bad |= r != 0;
		printf("%-24s %-28s %s%s%s\n", bpf_program__name(p), bpf_program__section_name(p),
		       r ? strerror(-r) : "ok", r ? ": " : "", r ? last_words(log) : "");
		fflush(stdout);
	}
	bpf_object__close(o);
	free(log);
	return bad;
}
