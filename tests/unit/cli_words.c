// SPDX-License-Identifier: GPL-2.0-only
/* Queries on lines: words and quotes, lines that come in pieces. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../user/cli/words.h"
#include "test.h"

/* The words of a line joined by '|', or the error. */
static const char *split(const char *text)
{
	static char out[256];
	char *line = strdup(text), **words;
	const char *wrong;
	size_t n;

	wrong = words_split(line, &words, &n);
	if (wrong) {
		snprintf(out, sizeof(out), "error: %s", wrong);
	} else {
		*out = '\0';
		for (size_t i = 0; i < n; i++) {
			strcat(out, i ? "|" : "");
			strcat(out, words[i]);
		}
		free(words);
	}
	free(line);
	return out;
}

static void splitting(void)
{
	CHECK_STR(split(""), "");
	CHECK_STR(split("  \t "), "");
	CHECK_STR(split("# a comment"), "");
	CHECK_STR(split("out to=192.0.2.1:443"), "out|to=192.0.2.1:443");
	CHECK_STR(split("  out\tto=x  exe=/a#b\r"), "out|to=x|exe=/a#b");
	CHECK_STR(split("in exe=\"/a b\" from=x # rest"), "in|exe=/a b|from=x");
	CHECK_STR(split("\"a \\\"b\\\" \\\\ c\"d"), "a \"b\" \\ cd");
	CHECK_STR(split("ssid=a\\b"), "ssid=a\\b");
	CHECK_STR(split("a \"b"), "error: a double quote is not closed");
	CHECK_STR(split("a \"\" b"), "a||b");
}

static void many_words(void)
{
	char *line = malloc(4001), **words;
	size_t n;

	for (int i = 0; i < 4000; i++)
		line[i] = i % 2 ? ' ' : 'x';
	line[4000] = '\0';
	CHECK(!words_split(line, &words, &n));
	CHECK_INT(n, 2000);
	CHECK_STR(words[1999], "x");
	free(words);
	free(line);
}

static void lines(void)
{
	struct words_reader r = {0};
	int fds[2];
	char *line;

	CHECK(!pipe(fds));
	r.fd = fds[0];
	CHECK(!words_line(&r, false));
	CHECK_INT(write(fds[1], "one\ntw", 6), 6);
	line = words_line(&r, false);
	CHECK_STR(line, "one");
	free(line);
	CHECK(!words_line(&r, false));
	CHECK_INT(write(fds[1], "o\n\nlast", 7), 7);
	close(fds[1]);
	line = words_line(&r, true);
	CHECK_STR(line, "two");
	free(line);
	line = words_line(&r, true);
	CHECK_STR(line, "");
	free(line);
	line = words_line(&r, true);
	CHECK_STR(line, "last");
	free(line);
	CHECK(!words_line(&r, true));
	CHECK(!words_line(&r, true));
	words_reader_free(&r);
	close(fds[0]);
}

/* A line without an end does not take memory without an end. */
static void endless_line(void)
{
	struct words_reader r = {.fd = open("/dev/zero", O_RDONLY)};
	char *line = words_line(&r, true);

	CHECK(line);
	CHECK(r.buffer.size <= 4 * WORDS_LINE_MAX);
	free(line);
	words_reader_free(&r);
	close(r.fd);
}

int main(void)
{
	RUN(splitting);
	RUN(many_words);
	RUN(lines);
	RUN(endless_line);
	return test_done();
}
