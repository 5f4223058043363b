/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent's own lines on standard output and standard error. Nobody who forgets to read a pipe may hold up
 * the agent: what cannot be written at once is dropped, and how much that was is said when there is room
 * again.
 */
#ifndef CGWALL_OUTPUT_H
#define CGWALL_OUTPUT_H

#include <stddef.h>

/* Writes a line; a newline is added. fd: STDOUT_FILENO or STDERR_FILENO. */
void output_line(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes text of whole lines as it is. */
void output_text(int fd, const char *text, size_t len);

/* A line for standard output that may wait for others, until output_flush() or the next line of another kind.
 */
void output_log(const char *line);
void output_flush(void);

#endif
