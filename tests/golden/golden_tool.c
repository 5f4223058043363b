// SPDX-License-Identifier: GPL-2.0-only
/* Reads a policy and prints it: golden_tool print|ast|check FILE. Errors go to standard error.
 * Exit: 0 good, 1 errors in the policy, 2 wrong use. */
#include <stdio.h>
#include <string.h>

#include "../../user/policy/policy.h"

int main(int argc, char **argv)
{
	struct diag d = {.out = stderr};
	struct policy *p;
	int r = 0;

	if (argc != 3 || (strcmp(argv[1], "print") && strcmp(argv[1], "ast") && strcmp(argv[1], "check"))) {
		fprintf(stderr, "usage: golden_tool print|ast|check FILE\n");
		return 2;
	}
	p = policy_read(argv[2], &d);
	diag_free(&d);
	if (!p)
		return 1;
	if (!strcmp(argv[1], "print"))
		r = policy_print(p, stdout);
	else if (!strcmp(argv[1], "ast"))
		r = policy_print_ast(p, stdout);
	policy_free(p);
	return r ? 2 : 0;
}
