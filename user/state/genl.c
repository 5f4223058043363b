// SPDX-License-Identifier: GPL-2.0-only
#include "genl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define GENL_ANSWER_MAX 32768 /* what the kernel puts into one datagram of a dump */

int genl_open(bool events)
{
	struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	/* nobody waits for ever, whatever a driver does */
	static const struct timeval limit = {.tv_sec = 2};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | (events ? SOCK_NONBLOCK : 0), NETLINK_GENERIC);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int genl_join(int fd, uint32_t group)
{
	return setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) ? -errno : 0;
}

void genl_begin(struct genl_request *r, uint16_t family, uint8_t command, uint16_t flags)
{
	memset(r, 0, sizeof(*r));
	r->h.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	r->h.nlmsg_type = family;
	r->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	r->g.cmd = command;
}

void genl_put(struct genl_request *r, uint16_t type, const void *data, size_t len)
{
	size_t at = r->h.nlmsg_len;
	struct nlattr a = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type};

	if (len > GENL_REQUEST_MAX || at + NLA_ALIGN(NLA_HDRLEN + len) > GENL_REQUEST_MAX)
		abort();
	memcpy(&r->bytes[at], &a, sizeof(a));
	memcpy(&r->bytes[at + NLA_HDRLEN], data, len);
	r->h.nlmsg_len = (uint32_t)(at + NLA_ALIGN(a.nla_len));
}

void genl_put_u32(struct genl_request *r, uint16_t type, uint32_t value)
{
	genl_put(r, type, &value, sizeof(value));
}

/* One datagram from the kernel itself into buf: its length, 0 where there is none to be had, -errno. */
static ssize_t genl_receive(int fd, void *buf, size_t size)
{
	struct sockaddr_nl from = {0};
	socklen_t n;
	ssize_t len;

	for (;;) {
		n = sizeof(from);
		len = recvfrom(fd, buf, size, MSG_TRUNC, (struct sockaddr *)&from, &n);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? 0 : -errno;
		if ((size_t)len > size)
			return -ENOBUFS;
		if (len && n == sizeof(from) && !from.nl_pid) /* other processes can write here, too */
			return len;
	}
}

/* Whose messages are wanted. */
struct wanted {
	uint32_t seq; /* 0: events */
	void (*fn)(void *arg, const struct genl_message *m);
	void *arg;
	bool changed; /* while it was dumped */
};

/* Goes through a datagram. 1: more is to come; 0: that was the last; -errno: the kernel's. */
static int genl_messages(const uint8_t *buf, size_t len, struct wanted *w)
{
	struct nlmsghdr h;
	size_t step;
	int error;

	for (; len >= sizeof(h); buf += step, len -= step) {
		struct genl_message m;
		struct genlmsghdr g;

		memcpy(&h, buf, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len)
			return -EBADMSG;
		step = NLMSG_ALIGN(h.nlmsg_len) < len ? NLMSG_ALIGN(h.nlmsg_len) : len;
		if (h.nlmsg_seq != w->seq && w->seq)
			continue; /* of a request that was given up */
		if (h.nlmsg_flags & NLM_F_DUMP_INTR)
			w->changed = true;
		if (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_type == NLMSG_DONE) {
			if (!w->seq)
				continue;
			if (h.nlmsg_len < NLMSG_LENGTH(sizeof(error)))
				return h.nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
			memcpy(&error, buf + NLMSG_HDRLEN, sizeof(error));
			return error < 0 ? error : 0;
		}
		if (h.nlmsg_type < NLMSG_MIN_TYPE || h.nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN) || !w->fn)
			continue;
		memcpy(&g, buf + NLMSG_HDRLEN, sizeof(g));
		m.family = h.nlmsg_type;
		m.command = g.cmd;
		m.attrs.data = buf + NLMSG_HDRLEN + GENL_HDRLEN;
		m.attrs.len = h.nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN);
		w->fn(w->arg, &m);
	}
	return 1;
}

int genl_call(int fd, struct genl_request *r, void (*fn)(void *arg, const struct genl_message *m), void *arg)
{
	static uint32_t last_seq;
	struct wanted w = {.fn = fn, .arg = arg};
	uint8_t *buf = malloc(GENL_ANSWER_MAX);
	ssize_t len;
	int ret = 1;

	if (!buf)
		return -ENOMEM;
	if (!++last_seq)
		last_seq = 1;
	w.seq = r->h.nlmsg_seq = last_seq;
	while (send(fd, r->bytes, r->h.nlmsg_len, 0) < 0) {
		if (errno != EINTR) {
			ret = -errno;
			break;
		}
	}
	while (ret > 0) {
		len = genl_receive(fd, buf, GENL_ANSWER_MAX);
		ret = len > 0 ? genl_messages(buf, (size_t)len, &w) : len < 0 ? (int)len : -EIO;
	}
	explicit_bzero(buf, GENL_ANSWER_MAX); /* some answers have keys in them */
	free(buf);
	return !ret && w.changed ? -EAGAIN : ret;
}

int genl_event(int fd, void (*fn)(void *arg, const struct genl_message *m), void *arg)
{
	static uint8_t buf[GENL_ANSWER_MAX];
	struct wanted w = {.fn = fn, .arg = arg};
	ssize_t len = genl_receive(fd, buf, sizeof(buf));

	if (len <= 0)
		return (int)len;
	return genl_messages(buf, (size_t)len, &w);
}

bool genl_next(struct genl_attrs *at, uint16_t *type, struct genl_attrs *ret)
{
	struct nlattr a;
	size_t step;

	if (at->len < sizeof(a))
		return false;
	memcpy(&a, at->data, sizeof(a));
	if (a.nla_len < NLA_HDRLEN || a.nla_len > at->len)
		return false;
	*type = a.nla_type & NLA_TYPE_MASK;
	ret->data = at->data + NLA_HDRLEN;
	ret->len = a.nla_len - NLA_HDRLEN;
	step = NLA_ALIGN(a.nla_len);
	if (step > at->len)
		step = at->len;
	at->data += step;
	at->len -= step;
	return true;
}

bool genl_find(struct genl_attrs at, uint16_t type, struct genl_attrs *ret)
{
	struct genl_attrs a;
	bool found = false;
	uint16_t t;

	while (genl_next(&at, &t, &a)) {
		if (t == type) {
			*ret = a;
			found = true;
		}
	}
	return found;
}

uint32_t genl_u32(struct genl_attrs at, uint16_t type, uint32_t otherwise)
{
	struct genl_attrs a;
	uint32_t v;

	if (!genl_find(at, type, &a) || a.len != sizeof(v))
		return otherwise;
	memcpy(&v, a.data, sizeof(v));
	return v;
}

uint16_t genl_u16(struct genl_attrs at, uint16_t type, uint16_t otherwise)
{
	struct genl_attrs a;
	uint16_t v;

	if (!genl_find(at, type, &a) || a.len != sizeof(v))
		return otherwise;
	memcpy(&v, a.data, sizeof(v));
	return v;
}

/* ---- families ---- */

struct search {
	const char *name;
	uint16_t id; /* 0: not found */
	const char *const *groups;
	uint32_t *ids;
	size_t n;
};

static bool is_text(struct genl_attrs a, const char *text)
{
	return a.len == strlen(text) + 1 && !memcmp(a.data, text, a.len);
}

static void look_at_family(void *arg, const struct genl_message *m)
{
	struct genl_attrs a, groups, group;
	struct search *s = arg;
	uint16_t type;

	if (!genl_find(m->attrs, CTRL_ATTR_FAMILY_NAME, &a) || !is_text(a, s->name))
		return;
	s->id = genl_u16(m->attrs, CTRL_ATTR_FAMILY_ID, 0);
	for (size_t i = 0; i < s->n; i++)
		s->ids[i] = 0;
	if (!genl_find(m->attrs, CTRL_ATTR_MCAST_GROUPS, &groups))
		return;
	while (genl_next(&groups, &type, &group)) {
		if (!genl_find(group, CTRL_ATTR_MCAST_GRP_NAME, &a))
			continue;
		for (size_t i = 0; i < s->n; i++)
			if (is_text(a, s->groups[i]))
				s->ids[i] = genl_u32(group, CTRL_ATTR_MCAST_GRP_ID, 0);
	}
}

int genl_family(int fd, const char *name, uint16_t *id, const char *const *groups, uint32_t *ids, size_t n)
{
	struct search s = {.name = name, .groups = groups, .ids = ids, .n = n};
	struct genl_request r;
	int err;

	for (int tries = 0; tries < 5; tries++) {
		genl_begin(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_DUMP);
		err = genl_call(fd, &r, look_at_family, &s);
		if (err != -EAGAIN)
			break;
	}
	if (err && !s.id)
		return err;
	if (!s.id)
		return -ENOENT;
	*id = s.id;
	return 0;
}
