/* SPDX-License-Identifier: GPL-2.0-only */
/* What the agent may do once the policy is in force. */
#ifndef CGWALL_PRIVILEGES_H
#define CGWALL_PRIVILEGES_H

/* Gives up every capability but those that publishing, asking and reading need, for good: also what is
 * executed later gets no more. 0 or -errno. */
int privileges_drop(void);

#endif
