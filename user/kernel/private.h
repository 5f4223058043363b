/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share. */
#ifndef CGWALL_KERNEL_PRIVATE_H
#define CGWALL_KERNEL_PRIVATE_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel.h"
#include "place.h"
#include "trace.h"

#define KERNEL_HOOKS_MAX 48

/* What is attached, by the name of its program, in the order in which it is attached. */
enum kernel_place { PLACE_TRACE, PLACE_CGROUP, PLACE_LSM, PLACE_ERROR, PLACE_USE, PLACE_ALTER };
struct kernel_hook {
	const char *program;
	/* LSM: only where the kernel calls such programs. ERROR: only while a policy asks, and nothing is
	 * enforced by it. USE: what trace_choose() says. ALTER: the same, for what LSM has not. */
	enum kernel_place place;
};
extern const struct kernel_hook kernel_hooks[];
extern const size_t kernel_nhooks;

/* What of a slot is written while it is in force. */
struct kernel_slot {
	/* rows of enabled rules and of interfaces, with what lies between: mapped, n chunks from the first-th
	 * on. Not all of the image: what is mapped counts as the agent's memory. */
	struct kernel_window {
		struct cgw_chunk *at; /* NULL: nothing is written in this direction */
		uint32_t first, n;
	} rows[CGW_DIRS];
	int ifaces_fd; /* -1: none */
};

struct kernel {
	struct cgwall_bpf *skel;
	struct cgw_ctl *ctl;		 /* mapped */
	struct cgw_ask *ask;		 /* mapped */
	const struct cgw_chunk *matches; /* mapped */
	size_t ctl_size, ask_size, matches_size;
	struct ring_buffer *ring[2];			     /* what is to be logged, what is asked */
	int events_fd;					     /* either has something; -1: not open */
	unsigned burst;					     /* records that may still be read in one go */
	void (*event)(void *arg, const struct cgw_event *e); /* during kernel_read_events() */
	void *event_arg;
	void (*asked)(void *arg, const struct cgw_asked *e);
	void *asked_arg;
	struct places places; /* network namespaces that questions are about */
	struct bpf_link *links[KERNEL_HOOKS_MAX];
	bool destroys;			/* it ends sockets by SOCK_DESTROY */
	bool attached;			/* every hook has a pinned link */
	bool lsm;			/* this kernel calls LSM programs */
	enum trace_extent uses;		/* what is seen of the calls that use sockets */
	bool others, mounts;		/* it lets these be closed: sockets that no rule can name, mounts */
	bool watched[KERNEL_HOOKS_MAX]; /* of PLACE_USE and PLACE_ALTER: this one is to be attached */
	int attach_fd;			/* the cgroup */
	int mounts_fd, mounts_poll;
	struct kernel_slot slot;      /* in force, since publish */
	int grace_outer, grace_inner; /* the maps that grace periods are waited for with: state.c */
	struct worker *grace;	      /* waits for them */
	struct worker *cutter;
	struct worker *user;   /* of names: used.c */
	uint64_t used, use_ns; /* when it ended last (monotonic clock), how long it took; atomic */
	size_t ncut;	       /* by the cutter, and its last error, since they were told; atomic */
	int cut_error;
	uint64_t
		left[CGW_VARIANTS]; /* tickets: since when nobody new reads the variant; 0: nobody ever did */
	uint64_t freed;		    /* ticket: since the last element of the interfaces was given back */
	uint64_t lists_digest;	    /* of the lists in list slot `lists_slot`; meaningless while that is ~0 */
	uint32_t lists_slot;
	char pins[256];
	char guard[1024], attach[1024]; /* real paths */
};

/* Sends libbpf's own messages to standard error where `verbose`, else nowhere. */
void kernel_print(bool verbose);

/* A sentence for the user; always gives `error` back. message may be NULL. */
int kernel_fail(char **message, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- publish.c ---- */

void publish_let_go(struct kernel_slot *s);

/* ---- state.c ---- */

/* Returns when every program that began before the call has ended: the kernel's own grace period. Any thread
 * may call it. 0 or -errno. */
int state_grace(const struct kernel *k);

/* The threads, and what they wait with; state_close() waits for them. 0 or -errno. */
int state_open(struct kernel *k);
void state_close(struct kernel *k);

/* A variant in which these rows stand, in force or not: only for the syscall program. -EAGAIN: none is free.
 */
int kernel_ask_variant(struct kernel *k, const struct cgw_chunk *const row[CGW_DIRS]);

/* ---- pin.c: the pin folder's protocol ---- */

/* Makes /sys/fs/bpf a bpffs where it is none, and the pin folder; its path into k->pins. */
int pin_folder(const char *run_dir, char *ret, size_t size, bool make, char **message);

/* Path of one pin: KIND is "map" or "link". */
void pin_path(const char *folder, const char *kind, const char *name, char *ret, size_t size);

/* Is there a pin? */
bool pin_exists(const char *folder, const char *kind, const char *name);

/* Is there a link, of whatever version, that is not the minimal program's? */
bool pin_any_link(const char *folder);

/* ---- kernel.c ---- */

/* A map's memory, or NULL with errno; the pages that hold so many bytes. */
void *kernel_map(int fd, size_t size, bool write);
size_t kernel_pages(size_t size);

/* What is pinned must be of this version, before anything of it is used. *found: something is. 0; -EPROTO
 * where it is another version's; or -errno; with a sentence in *message (may be NULL). */
int kernel_check_pins(const char *pins, bool *found, char **message);

/* Tells apart the BPF objects of two builds. */
uint32_t kernel_build(void);

/* ---- used.c ---- */

/* The thread that has names held on. 0 or -errno; used_close() waits for it. */
int used_open(struct kernel *k);
void used_close(struct kernel *k);

/* ---- names.c ---- */

/* Classes of names under the policy in force, by the very keys that the kernel has. 0 or -errno. */
int names_classes(struct kernel *k, char *const *names, size_t n, uint32_t *ret);

/* ---- attach.c ---- */

/* Attaches and pins what is not attached yet; links that this build does not have are taken out then. On
 * failure what this call attached is let go again. */
int attach_all(struct kernel *k, char **message);

/* Are the pinned links of cgroups attached at the one with this id? */
bool attach_at(const struct kernel *k, uint64_t cgroup);

/* Adopts pinned links; puts this object's programs in their place where `replace`. Sets k->attached. */
int attach_adopt(struct kernel *k, bool replace, char **message);

/* What tells programs of late refusals is attached while a policy asks, and let go of again: nobody else's
 * calls are to cost more for it. Where it cannot be, an error has another name, and that is all. */
void attach_errors(struct kernel *k, bool wanted);

/* Is this hook one that this kernel has, and that has to be there? */
bool attach_wanted(const struct kernel *k, const struct kernel_hook *hook);

#endif
