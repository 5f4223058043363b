// SPDX-License-Identifier: GPL-2.0-only
/* foreign CGROUP FOLDER   somebody else's BPF: one program attached at the cgroup the old way, one there by a
 * link, one at a tracepoint by a link. The programs and links are pinned in FOLDER (of a bpffs), which is
 * made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "foreign.skel.h"

static int pin_link(struct bpf_link *link, const char *folder, const char *name)
{
	char path[256];

	if (!link)
		return -errno;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return bpf_link__pin(link, path);
}

int main(int argc, char **argv)
{
	struct foreign_bpf *s = argc == 3 ? foreign_bpf__open_and_load() : NULL;
	int fd = s ? open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, r;
	char path[256];

	if (fd < 0 || mkdir(argv[2], 0700)) {
		fprintf(stderr, "foreign: %s\n", strerror(errno));
		return 1;
	}
	snprintf(path, sizeof(path), "%s/program", argv[2]);
	r = bpf_program__pin(s->progs.foreign_connect4, path);
	if (!r)
		r = bpf_prog_attach(bpf_program__fd(s->progs.foreign_connect4), fd, BPF_CGROUP_INET4_CONNECT,
				    BPF_F_ALLOW_MULTI);
	if (!r)
		r = pin_link(bpf_program__attach_cgroup(s->progs.foreign_egress, fd), argv[2], "cgroup");
	if (!r)
		r = pin_link(bpf_program__attach_trace(s->progs.foreign_exec), argv[2], "trace");
	if (r)
		fprintf(stderr, "foreign: %s\n", strerror(-r));
	return r != 0;
}
