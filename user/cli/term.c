// SPDX-License-Identifier: GPL-2.0-only
#include "term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "../event/show.h"

/* The other screen and back; the cursor gone and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[H\033[2J";
static const char leave[] = "\033[0m\033[?25h\033[?1049l";

static struct termios before;
static volatile sig_atomic_t started, ended;

static void put(const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, text, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		text += done;
		n -= (size_t)done;
	}
}

void term_stop(void)
{
	if (!started)
		return;
	started = 0;
	put(leave, sizeof(leave) - 1);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

static void on_end(int number)
{
	ended = number;
}

static void on_resize(int number)
{
	(void)number; /* it has ended the wait */
}

/* Signals end the wait for keys, and the program then ends by itself. */
static void catch (int number, void (*handler)(int))
{
	struct sigaction sa = {.sa_handler = handler};

	sigemptyset(&sa.sa_mask);
	sigaction(number, &sa, NULL);
}

int term_start(void)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	if (tcgetattr(STDIN_FILENO, &before))
		return -errno;
	raw = before;
	raw.c_iflag &= ~(tcflag_t)(ICRNL | IXON | ISTRIP | INLCR);
	raw.c_lflag &= ~(tcflag_t)(ECHO | ICANON | IEXTEN | ISIG);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	catch (SIGINT, on_end);
	catch (SIGTERM, on_end);
	catch (SIGHUP, on_end);
	catch (SIGWINCH, on_resize);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw))
		return -errno;
	if (!started)
		atexit(term_stop);
	started = 1;
	put(enter, sizeof(enter) - 1);
	return 0;
}

bool term_ended(void)
{
	return ended;
}

void term_size(unsigned *rows, unsigned *cols)
{
	struct winsize w = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w))
		w.ws_row = 0;
	*rows = w.ws_row ? w.ws_row : 24;
	*cols = w.ws_col ? w.ws_col : 80;
}

/* One byte, or -1; a sequence's next one may be on its way for a moment. */
static int byte(int timeout_ms)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	unsigned char c;

	if (poll(&p, 1, timeout_ms) <= 0)
		return -1;
	if (read(STDIN_FILENO, &c, 1) == 1)
		return c;
	ended = SIGHUP; /* readable and empty: the terminal is gone */
	return -1;
}

int term_key(void)
{
	static const struct {
		const char *text;
		int key;
	} sequences[] = {
		{"[A", TERM_UP},    {"OA", TERM_UP},   {"[B", TERM_DOWN},     {"OB", TERM_DOWN},
		{"[H", TERM_HOME},  {"OH", TERM_HOME}, {"[F", TERM_END},      {"OF", TERM_END},
		{"[1~", TERM_HOME}, {"[4~", TERM_END}, {"[5~", TERM_PAGE_UP}, {"[6~", TERM_PAGE_DOWN},
	};
	char text[8] = "";
	size_t n = 0;
	int c = byte(0);

	if (c < 0)
		return TERM_NONE;
	if (c != '\033')
		return c;
	while (n < sizeof(text) - 1 && (c = byte(20)) >= 0) {
		text[n++] = (char)c;
		/* a letter or `~` ends it, but for the one that begins it */
		if (n > 1 && (c == '~' || (c >= '@' && c <= 'z')))
			break;
	}
	if (!n)
		return '\033';
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++)
		if (!strcmp(sequences[i].text, text))
			return sequences[i].key;
	return TERM_OTHER;
}

unsigned term_text(const char *text, unsigned cols, FILE *out)
{
	unsigned used = 0;
	mbstate_t state = {0};

	while (*text && used < cols) {
		size_t n = show_plain(text);
		wchar_t wide = 0;
		int width = 1;

		if (n > 1 && mbrtowc(&wide, text, n, &state) == n)
			width = wcwidth(wide);
		else if (n > 1)
			width = -1;
		if (!n || width < 0) {
			memset(&state, 0, sizeof(state));
			fputc('?', out);
			width = 1;
			n = show_utf8(text);
			n = n ? n : 1;
		} else if (used + (unsigned)width > cols) {
			break;
		} else {
			fwrite(text, 1, n, out);
		}
		used += (unsigned)width;
		text += n;
	}
	return used;
}
