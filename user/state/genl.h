/* SPDX-License-Identifier: GPL-2.0-only */
/* Generic netlink, as much of it as one client needs: a request with its answers, a family's numbers, the
 * attributes of a message.
 *
 * Requests are answered within the call: the kernel works on them while they are sent, and what it does not
 * answer is an error. Numbers are in host order. */
#ifndef CGWALL_GENL_H
#define CGWALL_GENL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#define GENL_REQUEST_MAX 256

/* A request that is being put together. */
struct genl_request {
	union {
		struct {
			struct nlmsghdr h;
			struct genlmsghdr g;
		};
		uint8_t bytes[GENL_REQUEST_MAX];
	};
};

/* Attributes: `data` begins with the first one. They come from the kernel, but hold what others sent. */
struct genl_attrs {
	const uint8_t *data;
	size_t len;
};

/* A socket that takes part in no group; bound, close-on-exec. `events`: one that never waits. -errno on
 * failure. */
int genl_open(bool events);

/* Takes part in a multicast group. 0 or -errno. */
int genl_join(int fd, uint32_t group);

/* Begins a request: NLM_F_DUMP in flags, or 0. */
void genl_begin(struct genl_request *r, uint16_t family, uint8_t command, uint16_t flags);

/* Appends an attribute. A request that does not fit is a mistake of the caller: see GENL_REQUEST_MAX. */
void genl_put(struct genl_request *r, uint16_t type, const void *data, size_t len);
void genl_put_u32(struct genl_request *r, uint16_t type, uint32_t value);

/* One message that was received. */
struct genl_message {
	uint16_t family;
	uint8_t command;
	struct genl_attrs attrs;
};

/* Sends a request and calls fn (may be NULL) for each message of the answer. 0; -EAGAIN where what was
 * dumped changed meanwhile and has to be asked for again; or the kernel's -errno. */
int genl_call(int fd, struct genl_request *r, void (*fn)(void *arg, const struct genl_message *m), void *arg);

/* Reads one datagram of events and calls fn for each message in it. 1; 0 where there is none; -ENOBUFS where
 * some were lost; or another -errno. */
int genl_event(int fd, void (*fn)(void *arg, const struct genl_message *m), void *arg);

/* The next attribute into *ret, and its type. false at the end, and where the rest is no attribute. */
bool genl_next(struct genl_attrs *at, uint16_t *type, struct genl_attrs *ret);

/* The attribute of that type, the last one where there are several. false where there is none. */
bool genl_find(struct genl_attrs at, uint16_t type, struct genl_attrs *ret);

/* The same for numbers, 0 or `otherwise` where there is none of that size. */
uint32_t genl_u32(struct genl_attrs at, uint16_t type, uint32_t otherwise);
uint16_t genl_u16(struct genl_attrs at, uint16_t type, uint16_t otherwise);

/* The id of a family, by a list of all of them: asking for one by its name would make the kernel load the
 * module that has it. `groups` names multicast groups, whose numbers go into ids (0: it has no such group).
 * 0, or -ENOENT where this kernel has no such family now, or another -errno. */
int genl_family(int fd, const char *name, uint16_t *id, const char *const *groups, uint32_t *ids, size_t n);

#endif
