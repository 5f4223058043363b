/* SPDX-License-Identifier: GPL-2.0-only */
/* The service manager's readiness protocol (sd_notify(3)), spoken without its library. */
#ifndef CGWALL_NOTIFY_H
#define CGWALL_NOTIFY_H

/* Sends e.g. "READY=1\nSTATUS=…" to the socket that NOTIFY_SOCKET names. 0 also where there is none, or
 * -errno. */
int notify_send(const char *state);

#endif
