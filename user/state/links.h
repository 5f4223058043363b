/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces of the agent's network namespace. */
#ifndef CGWALL_LINKS_H
#define CGWALL_LINKS_H

#include <stdbool.h>

struct image;

/* A descriptor that is readable when an interface came, went or changed its name. -errno on failure. */
int links_open(void);

/* Reads what is there. Has anything changed that `on` could mean? */
bool links_changed(int fd);

/* Adds every interface that there is to the image (compile/iface.h). 0 or -errno. */
int links_add(struct image *im);

#endif
