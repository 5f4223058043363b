// SPDX-License-Identifier: GPL-2.0-only
#include "output.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_LINE_MAX 4096 /* also what a pipe that polls writable takes without waiting (PIPE_BUF) */

static unsigned long dropped[3];

/* Log lines that wait to be written together. */
static char pending[OUTPUT_LINE_MAX];
static size_t pending_len;
static unsigned long pending_lines;

static bool write_now(int fd, const char *text, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return false;
	return write(fd, text, len) == (ssize_t)len;
}

static void write_or_drop(int fd, const char *text, size_t len, unsigned long lines)
{
	char note[96];
	int n;

	if (dropped[fd]) {
		n = snprintf(note, sizeof(note),
			     "cgwall: %lu lines were not written here: nobody read them\n", dropped[fd]);
		if (!write_now(fd, note, (size_t)n)) {
			dropped[fd] += lines;
			return;
		}
		dropped[fd] = 0;
	}
	if (!write_now(fd, text, len))
		dropped[fd] += lines;
}

void output_flush(void)
{
	if (pending_len)
		write_or_drop(STDOUT_FILENO, pending, pending_len, pending_lines);
	pending_len = 0;
	pending_lines = 0;
}

void output_log(const char *line)
{
	size_t len = strlen(line);

	if (len > sizeof(pending) - 1)
		len = sizeof(pending) - 1;
	if (pending_len + len + 1 > sizeof(pending))
		output_flush();
	memcpy(pending + pending_len, line, len);
	pending_len += len;
	pending[pending_len++] = '\n';
	pending_lines++;
}

void output_line(int fd, const char *format, ...)
{
	char line[OUTPUT_LINE_MAX];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n] = '\n';
	output_flush();
	write_or_drop(fd, line, (size_t)n + 1, 1);
}

void output_text(int fd, const char *text, size_t len)
{
	output_flush();
	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) + 1 : len;

		for (size_t part; n; n -= part, text += part, len -= part) {
			part = n < OUTPUT_LINE_MAX ? n : OUTPUT_LINE_MAX;
			write_or_drop(fd, text, part, 1);
		}
	}
}
