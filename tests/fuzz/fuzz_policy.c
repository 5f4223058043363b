// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: whatever is read prints in a form that reads and prints the same again. Includes are left
 * out, since they would make the outcome depend on the host. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct policy *read_text(const char *text, size_t len, bool must, FILE *errors)
{
	struct diag d = {.out = errors};
	struct policy *p = policy_read_text("fuzz.conf", text, len, &d);

	if (!p && must) {
		fprintf(stderr, "canonical form is not read:\n%s\n", text);
		for (size_t i = 0; i < d.nlines; i++)
			fprintf(stderr, "%u:%u: %s\n", d.lines[i].line, d.lines[i].col, d.lines[i].message);
		abort();
	}
	if (!p && !d.errors)
		abort(); /* a failure without a message */
	diag_free(&d);
	return p;
}

static char *print(const struct policy *p)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f || policy_print(p, f) || fclose(f))
		abort();
	return text;
}

static void print_tree(const struct policy *p)
{
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (nowhere && policy_print_ast(p, nowhere))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *errors; /* messages are formatted as well, but go nowhere */
	struct policy *p, *again;
	char *once, *twice;

	if (size && memmem(data, size, "include", 7))
		return 0;
	if (!errors)
		errors = fopen("/dev/null", "w");
	p = read_text((const char *)data, size, false, errors);
	if (!p)
		return 0;
	print_tree(p);
	once = print(p);
	policy_free(p);
	again = read_text(once, strlen(once), true, errors);
	twice = print(again);
	policy_free(again);
	if (strcmp(once, twice)) {
		fprintf(stderr, "not stable:\n%s\n---\n%s\n", once, twice);
		abort();
	}
	free(once);
	free(twice);
	return 0;
}
