/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel side as the rest of the agent sees it: programs and maps that are loaded or adopted, a
 * policy that is published into them, questions to their tables, counters and events.
 *
 * Pins: /sys/fs/bpf/cgwall/NAME/, where NAME is the run directory's last component (`/run/cgwall` gives
 * `cgwall`) with a short hash of its full path. One agent at a time holds the lock file in the run
 * directory. Links, maps and programs are pinned before the first policy is in force and stay when the
 * agent dies; kernel_open() of the next agent adopts them without a gap.
 *
 * Functions return 0 or -errno unless said otherwise; on failure *message (if not NULL) is a sentence for
 * the user that says what to do, owned by the caller.
 */
#ifndef CGWALL_KERNEL_H
#define CGWALL_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <cgwall/abi.h>
#include <cgwall/names.h>

struct image;
struct kernel;

struct kernel_options {
	const char *run_dir; /* /run/cgwall */
	const char *cgroup;  /* guarded directory, NULL: the cgroup v2 root */
	const char *attach;  /* where programs are attached: it or an ancestor; NULL: the root */
	bool verbose;	     /* libbpf's own messages to stderr */
	bool *refused;	     /* set where all that was given is right and the kernel refuses; may be NULL */
	bool *occupied;	     /* set where the pins are another version's, or another cgroup's; may be NULL */
};

/* Loads and pins, or adopts what is pinned. Attaches only after the first kernel_publish(), so that an
 * agent that fails to read its policy changes nothing. *adopted tells which. */
int kernel_open(const struct kernel_options *o, struct kernel **ret, bool *adopted, char **message);

/* Lets go of file descriptors. What is pinned stays and goes on enforcing. */
void kernel_close(struct kernel *k);

/* Fills the idle slot with the image, carries nothing over, flips the control word. Takes nothing; the
 * image may be freed afterwards. *gen is the new generation. Attaches the programs on first use. On
 * failure what was in force before stays in force. */
int kernel_publish(struct kernel *k, const struct image *im, uint64_t *gen, char **message);

/* The room for interfaces that come after the policy was published: kernel_iface_put(). */
#define KERNEL_SPARE_IFACES 256

/* Puts rows of enabled rules in force, without a new generation: row[dir] is a whole row as the image stores
 * it (summary and bits); NULL where the direction has no rule with a condition. *changed: they were not in
 * force already. Never waits: 0, -EAGAIN where every variant of the row may still be read by somebody (then
 * it is to be called again when kernel_grace_fd() is readable), -ENOENT without a policy in force. */
int kernel_enable(struct kernel *k, const struct cgw_chunk *const row[CGW_DIRS], bool *changed);

/* Writes a row of the policy in force that no class refers to yet. 0 or -EINVAL. */
int kernel_row(struct kernel *k, enum cgw_dir dir, uint32_t row, const struct cgw_chunk *chunks);

/* Gives an interface (a key as in abi.h) its class, or takes it away, in the policy in force. Decisions under
 * the present control word may see it or not: kernel_new_epoch() is due afterwards. 0 or -errno; putting:
 * -ENOSPC where there is no room (a new policy makes some), -EAGAIN where what was taken away is to be let go
 * of first (kernel_grace_fd()). */
int kernel_iface_put(struct kernel *k, const struct cgw_key *key, const struct cgw_class *class);
int kernel_iface_drop(struct kernel *k, const struct cgw_key *key);

/* Everything that was decided before is decided again. */
void kernel_new_epoch(struct kernel *k);

/* Readable when what was left by earlier changes is free again; then call the other. */
int kernel_grace_fd(const struct kernel *k);
void kernel_grace_read(struct kernel *k);

/* Generation in force; 0: none. */
uint64_t kernel_generation(const struct kernel *k);

/* Is every program attached and the policy in force? false with a reason in *message. */
bool kernel_enforcing(const struct kernel *k, char **message);

/* One question to the kernel's own tables, by the syscall program. The paths are classified by the kernel
 * too. `chunks`: room for CGW_CHUNKS_MAX chunks, gets the whole AND (bit i: entry i matches); NULL: not
 * wanted. */
struct kernel_ask {
	struct cgw_query query; /* word, path classes: filled by the kernel */
	/* With these rules enabled, whatever is in force; as in kernel_enable(). NULL: those in force. */
	const struct cgw_chunk *const *row;
	char exe[CGW_PATH_MAX]; /* "": none */
	char cgroup[CGW_PATH_MAX];
	char *const *domains; /* names of the remote end, as struct query has them; borrowed */
	size_t ndomains;  /* 0: what was learned counts, in the network namespace with the cookie `netns` */
	uint64_t netns;	  /* 0: nothing does */
	uint64_t learned; /* result: CGW_NAME_REF of the remote end's name, for kernel_name(); 0: none */
	uint32_t wild;	  /* not 0: cgw_could() is asked, too */
	struct cgw_answer answer;   /* result */
	uint32_t nchunks;	    /* result */
	uint32_t could;		    /* result: enum cgw_could */
	struct cgw_answer possible; /* result of cgw_could() */
};
int kernel_ask(struct kernel *k, struct kernel_ask *ask, struct cgw_chunk *chunks);

/* The agent's sign of life, to be given each second while the policy in force asks; false: nobody can be
 * asked from now on, and `background` holds. 0 or -errno. */
int kernel_beat(struct kernel *k, bool alive);

/* Seconds since the last one; below 0: there is none, nobody can be asked. */
double kernel_beat_age(const struct kernel *k);

/* Hit counts of the generation in force: out[i] for rule i of the direction (0: the default), n entries. */
int kernel_hits(struct kernel *k, enum cgw_dir dir, uint64_t *out, size_t n);

/* Sum over CPUs, indices of enum cgw_error and enum cgw_counter. */
int kernel_counters(struct kernel *k, uint64_t out[CGW_COUNTERS]);

/* The events' epoll descriptor, and reading what is there: fn for each. Of a CGW_EV_CUT only the kind is
 * meant: a connection's packets are refused, kernel_cut() ends it. fn's event is valid only inside. At most
 * KERNEL_BURST of each kind are read; the descriptor stays readable while there are more. */
#define KERNEL_BURST 256
int kernel_event_fd(const struct kernel *k);
int kernel_read_events(struct kernel *k, void (*fn)(void *arg, const struct cgw_event *e), void *arg);

/* What this kernel can do, each found by trying (probe.c). Names are stable; printed by `status`. */
struct kernel_feature {
	const char *name;
	bool present;
	const char *meaning; /* what it is needed for, and what is done without it */
};
size_t kernel_features(const struct kernel *k, const struct kernel_feature **ret);

/* Guarded directory, place of attachment, pin folder: for `status`. */
const char *kernel_guard(const struct kernel *k);
const char *kernel_attached_at(const struct kernel *k);
const char *kernel_pins(const struct kernel *k);
/* Is there nothing that is not guarded? */
bool kernel_guards_all(const struct kernel *k);
/* Number of processes with a record. */
uint64_t kernel_processes(const struct kernel *k);

/* A look at what is pinned for run_dir, without loading, locking or changing anything. */
struct kernel_peek {
	bool pinned;	/* there are pins */
	bool enforcing; /* a policy is in force and every program is attached */
	bool closed;	/* the minimal program is there instead (closed.h) */
	bool other; /* programs are attached, another version's, and no more is known of what they enforce */
	bool counted; /* the counters could be read */
	uint64_t gen;
	double beat;			 /* as kernel_beat_age() */
	uint64_t counters[CGW_COUNTERS]; /* as kernel_counters() */
	char pins[256];			 /* the pin folder */
};
/* 0 or -errno; pins, closed and other are told all the same. */
int kernel_peek(const char *run_dir, struct kernel_peek *ret);

/* Cuts the connections that the policy in force no longer lets be: they are judged at once, idle or not, in
 * every network namespace that guarded processes are in, and destroyed, so that their programs see an error
 * and not a hang. *ncut: how many. To be called after kernel_publish(). Needs CAP_SYS_ADMIN and
 * CAP_SYS_PTRACE for namespaces other than the agent's; without them the next packet of such a connection is
 * dropped all the same. 0 or the first -errno. */
int kernel_cut(struct kernel *k, size_t *ncut);

/* The same in a thread of its own, which has the capabilities that the caller has when this is called for the
 * first time. When kernel_cut_fd() is readable something of it was done: then kernel_cut_end() gives what
 * kernel_cut() would, for all that was done since the last time. */
void kernel_cut_begin(struct kernel *k);
int kernel_cut_fd(const struct kernel *k);
int kernel_cut_end(struct kernel *k, size_t *ncut);

/* One live flow of a guarded program's socket. */
struct kernel_flow {
	struct cgw_who who; /* who opened the socket */
	uint64_t cookie;
	uint64_t sent, received;       /* bytes: TCP's payload, of datagrams whole packets */
	uint8_t remote[16], local[16]; /* as in struct cgw_key; local may be the wildcard */
	uint16_t rport, lport;	       /* host order */
	uint8_t proto, dir;
};

/* All of them as they are just now: connections, and what datagram sockets exchanged in the last three
 * minutes. *ret is owned by the caller. 0 or -errno. */
int kernel_flows(struct kernel *k, struct kernel_flow **ret, size_t *n);

/* The sockets of guarded programs that listen for connections, or are bound to a port for datagrams from
 * anybody: who, cookie, local, lport and proto. *ret is owned by the caller. 0 or -errno. */
int kernel_listening(struct kernel *k, struct kernel_flow **ret, size_t *n);

/* The path that a struct cgw_who has the key of. 0; -ENOENT where the table of paths has lost it. */
int kernel_path(struct kernel *k, const uint8_t hash[16], char ret[CGW_PATH_MAX]);

/* Every address that names were learned for, in force or not: fn gets a copy, and ends the walk by giving
 * something else than 0, which is given back. */
int kernel_names(struct kernel *k, int (*fn)(void *arg, const struct cgw_bound *b), void *arg);

/* A copy of a learned name by a CGW_NAME_REF. 0; -ENOENT where another name has its place by now. */
int kernel_name(struct kernel *k, uint64_t ref, struct cgw_name *ret);

/* What was learned for an address (as in struct cgw_key) in a network namespace. 0 or -ENOENT. */
int kernel_bound(struct kernel *k, const uint8_t addr[16], uint64_t netns, struct cgw_bound *ret);

/* Which entries of a direction the names (at most CGW_BOUND_NAMES) make a difference to, under the policy in
 * force: bits as rules_matched() takes them, room for CGW_CHUNKS_MAX chunks. 0 or -errno. */
int kernel_name_rules(struct kernel *k, enum cgw_dir dir, char *const *names, size_t n,
		      struct cgw_chunk *bits, uint32_t *nchunks);

/* Has the names that live flows use held on, in a thread of its own, if there are any; a walk that takes long
 * is not repeated before it has paid for itself. To be called every CGW_NAME_LOOK_NS while kernel_mentions(),
 * for the first time with the capabilities that kernel_cut() needs. */
void kernel_names_use(struct kernel *k);

/* Does the policy in force mention names? */
bool kernel_mentions(const struct kernel *k);

/* Cookie of the agent's network namespace; 0: it cannot be told. */
uint64_t kernel_home(const struct kernel *k);

/* Follows the host's mount table, which tells what the files of programs in other mount namespaces are
 * called here (bpf/path.h). The descriptor is readable when the table has changed; then call the other. */
int kernel_mounts_fd(const struct kernel *k);
int kernel_mounts_refresh(struct kernel *k);

/* Takes every program, map and pin of run_dir out of the kernel. 0 also where there was nothing; *found
 * tells. Needs no agent. */
int kernel_detach(const char *run_dir, bool *found, char **message);

#define KERNEL_ATTACHED_MAX 64

/* Programs that are attached, by the kernel's numbers. */
struct kernel_attached {
	uint32_t id[KERNEL_ATTACHED_MAX], link[KERNEL_ATTACHED_MAX];
	size_t n;
};

/* Notes those whose links are pinned now; what cannot be seen is left out. */
void kernel_attached_note(const char *run_dir, struct kernel_attached *ret);

/* The kernel lets go of a program a little after the last pin of its link is gone, by a worker of its own.
 * Waits until it has, ten seconds at most, so that what is done next meets no program any more. 0, or -EBUSY
 * where some are attached still: another process holds their links. Needs CAP_SYS_ADMIN, without which it
 * does not wait. */
int kernel_attached_await(const struct kernel_attached *a);

#endif
