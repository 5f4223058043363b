// SPDX-License-Identifier: GPL-2.0-only
/* trick --list                    a line each: NAME HOW REASON (HOW: letters o, b, i, t, s, u, l; REASON: -
 * or why it stays open) trick NAME GUARD OUTSIDE        runs one. Exit code 0: tried; 77: not possible here,
 * the reason is printed. trick --sctp                    the other end of sctp.c */
#include "trick.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct trick *const tables[] = {
	tricks_datagram, tricks_stream,	  tricks_raw,	tricks_uring,  tricks_pass,    tricks_move,
	tricks_lent,	 tricks_join,	  tricks_other, tricks_source, tricks_user,    tricks_kernel,
	tricks_full,	 tricks_redirect, tricks_ebpf,	tricks_sctp,   tricks_subflow, tricks_family,
	tricks_mount,	 tricks_errand,	  tricks_rdma};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

int main(int argc, char **argv)
{
	bool list = argc == 2 && !strcmp(argv[1], "--list");

	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && !strcmp(argv[1], "--sctp"))
		return sctp_serve();
	if (!list && argc != 4)
		return 2;
	guard = list ? "" : argv[2];
	outside = list ? "" : argv[3];
	for (size_t i = 0; i < TABLES; i++) {
		for (const struct trick *t = tables[i]; t->name; t++) {
			const char *reason;

			if (list && t->how & TRICK_HERE)
				continue;
			if (list) {
				printf("%s -%s%s%s%s%s%s%s %s\n", t->name, t->how & TRICK_OUTSIDE ? "o" : "",
				       t->how & TRICK_BEFORE ? "b" : "", t->how & TRICK_INBOUND ? "i" : "",
				       t->how & TRICK_TRACED ? "t" : "", t->how & TRICK_SELF ? "s" : "",
				       t->how & TRICK_USER ? "u" : "", t->how & TRICK_OTHER ? "l" : "",
				       t->open ? t->open : "-");
				continue;
			}
			if (strcmp(t->name, argv[1]) != 0)
				continue;
			if (!(t->how & (TRICK_OUTSIDE | TRICK_HERE)))
				enter(guard);
			reason = t->run();
			if (reason)
				puts(reason);
			return reason ? NOT_POSSIBLE : 0;
		}
	}
	return list ? 0 : 2;
}
