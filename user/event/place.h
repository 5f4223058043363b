/* SPDX-License-Identifier: GPL-2.0-only */
/* What a cgroup's path says of where a program runs. */
#ifndef CGWALL_PLACE_H
#define CGWALL_PLACE_H

/* The unit: the deepest component that is a service's or a scope's name. Owned by the caller; NULL where
 * there is none. path may be NULL. */
char *place_unit(const char *path);

/* The container: the deepest run of 32 hex digits or more that is a component, or what is left of one without
 * what engines put around it (`docker-ID.scope`, `libpod-ID.scope`, `cri-containerd-ID.scope`). As above. */
char *place_container(const char *path);

#endif
