// SPDX-License-Identifier: GPL-2.0-only
/* What the iterator `cut` names is destroyed through the socket diagnosis interface, network namespace by
 * network namespace. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"
#include "cgwall.skel.h"

/* 0; also where it has gone by itself. */
static int cut_destroy(int netlink, const struct cgw_cut *c)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} request = {
		.h = {.nlmsg_len = sizeof(request),
		      .nlmsg_type = SOCK_DESTROY,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.r = {.sdiag_family = (__u8)c->family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u},
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char rest[512];
	} answer;

	request.r.id.idiag_sport = htons(c->lport);
	request.r.id.idiag_dport = htons(c->rport);
	request.r.id.idiag_if = c->ifindex;
	memcpy(request.r.id.idiag_src, c->local, 16);
	memcpy(request.r.id.idiag_dst, c->remote, 16);
	request.r.id.idiag_cookie[0] = (__u32)c->cookie;
	request.r.id.idiag_cookie[1] = (__u32)(c->cookie >> 32);
	if (send(netlink, &request, sizeof(request), 0) < 0 ||
	    recv(netlink, &answer, sizeof(answer), 0) < (ssize_t)(sizeof(answer.h) + sizeof(answer.e.error)))
		return -errno;
	if (answer.h.nlmsg_type != NLMSG_ERROR || !answer.e.error || answer.e.error == -ENOENT)
		return 0;
	return answer.e.error;
}

/* The connections of the namespace that the caller is in. */
static int cut_here(struct kernel *k, size_t *ncut)
{
	struct bpf_link *link = bpf_program__attach_iter(k->skel->progs.cut, NULL);
	struct cgw_cut batch[64];
	size_t have = 0;
	ssize_t n;
	int fd = -1, netlink = -1, r = 0;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (fd < 0 || netlink < 0) {
		r = -errno;
		goto out;
	}
	for (;;) {
		n = read(fd, (char *)batch + have, sizeof(batch) - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && !r)
			r = -errno;
		if (n <= 0)
			break;
		have += (size_t)n;
		for (size_t i = 0; i < have / sizeof(*batch); i++) {
			int error = cut_destroy(netlink, &batch[i]);

			r = r ? r : error;
			*ncut += !error;
		}
		memmove(batch, (char *)batch + have / sizeof(*batch) * sizeof(*batch), have % sizeof(*batch));
		have %= sizeof(*batch);
	}
out:
	if (fd >= 0)
		close(fd);
	if (netlink >= 0)
		close(netlink);
	bpf_link__destroy(link);
	return r;
}

/* Was this namespace among the `n` that were done? Notes it where not. */
static bool cut_seen(ino_t **done, size_t *n, ino_t ino)
{
	ino_t *more;

	for (size_t i = 0; i < *n; i++)
		if ((*done)[i] == ino)
			return true;
	more = realloc(*done, (*n + 1) * sizeof(**done));
	if (more) {
		*done = more;
		more[(*n)++] = ino;
	}
	return false;
}

int kernel_cut(struct kernel *k, size_t *ncut)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), procs = bpf_map__fd(k->skel->maps.procs);
	struct cgw_proc *rec = malloc(sizeof(*rec));
	uint32_t tgid, next;
	ino_t *done = NULL;
	struct stat st;
	size_t n = 0;
	int r;

	*ncut = 0;
	if (own < 0 || !rec || fstat(own, &st)) {
		r = own < 0 ? -errno : -ENOMEM;
		goto out;
	}
	cut_seen(&done, &n, st.st_ino);
	r = cut_here(k, ncut);
	for (bool more = !bpf_map_get_next_key(procs, NULL, &next); more;) {
		char path[64];
		int fd, error = 0;

		tgid = next;
		more = !bpf_map_get_next_key(procs, &tgid, &next);
		if (bpf_map_lookup_elem(procs, &tgid, rec) ||
		    !(rec->flags & (CGW_PROC_INSIDE | CGW_PROC_HELD)))
			continue;
		snprintf(path, sizeof(path), "/proc/%u/ns/net", tgid);
		if (stat(path, &st) || cut_seen(&done, &n, st.st_ino))
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue; /* gone meanwhile */
		if (setns(fd, CLONE_NEWNET)) {
			error = -errno;
		} else {
			error = cut_here(k, ncut);
			if (setns(own, CLONE_NEWNET))
				abort(); /* in a stranger's network namespace nothing may go on */
		}
		close(fd);
		r = r ? r : error;
	}
out:
	free(done);
	free(rec);
	if (own >= 0)
		close(own);
	return r;
}
