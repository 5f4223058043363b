// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: a query, first byte the direction, then words, one a line; and the pattern matcher with
 * the first two words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/policy/glob.h"
#include "../../user/policy/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text, *words[64], *message = NULL;
	struct query q;
	size_t n = 0;
	int r;

	if (!size)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	for (char *s = strtok(text, "\n"); s && n < 64; s = strtok(NULL, "\n"))
		words[n++] = s;
	memset(&q, 0xa5, sizeof(q));
	r = query_parse_words(&q, data[0] & 1 ? CGW_IN : CGW_OUT, words, n, &message);
	if (r) {
		if (!message || *(unsigned char *)&q != 0xa5)
			abort(); /* no reason, or outputs touched */
		free(message);
	} else {
		if (message || q.nactive > QUERY_LIST_MAX || q.ndomains > QUERY_LIST_MAX)
			abort();
		query_free(&q);
	}
	if (n > 1 && !glob_check(words[0]))
		policy_glob(words[0], words[1]);
	free(text);
	return 0;
}
