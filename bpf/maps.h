/* SPDX-License-Identifier: GPL-2.0-only */
/* Every map. All are pinned by name, survive the agent, and are adopted by the next one. */
#ifndef CGWALL_BPF_MAPS_H
#define CGWALL_BPF_MAPS_H

#include <cgwall/flow.h>
#include <cgwall/pathhash.h>

#define CGW_SLOTS 2

#define CGW_CGROUPS_MAX 16384
#define CGW_LOGGED_MAX 16384
#define CGW_FLOWS_MAX 65536
#define CGW_SCRATCH_MAX 64
#define CGW_RING_BYTES (1 << 20)
#define CGW_ASKED_BYTES (1 << 19)

/* The control word and the two heads: one value, mapped by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgw_ctl);
} ctl SEC(".maps");

/* By slot: the chunks. The inner one is made to measure by publish. */
struct chunk_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct cgw_chunk));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGW_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct chunk_map);
} chunks SEC(".maps");

/* By slot: what has a class of its own. */
struct key_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct cgw_key));
	__uint(value_size, sizeof(struct cgw_class));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGW_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct key_map);
} keys SEC(".maps");

/* By slot: classes of interfaces. Apart from the keys, since these come and go while the slot is in force: an
 * element that was given back must not be taken for anything else while somebody may still read it, and only
 * the agent, which waits, writes here. */
struct iface_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct cgw_key));
	__uint(value_size, sizeof(struct cgw_class));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGW_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct iface_map);
} ifaces SEC(".maps");

/* By slot: address prefixes shorter than an address. */
struct prefix_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct cgw_prefix));
	__uint(value_size, sizeof(struct cgw_class));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGW_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct prefix_map);
} prefixes SEC(".maps");

/* Address lists, in slots of their own: they change with the files, not with the rules. */
struct list4_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGW_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct list4_map);
} lists4 SEC(".maps");

struct list6_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, 16);
	__uint(value_size, 4);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGW_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct list6_map);
} lists6 SEC(".maps");

struct listp_map {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct cgw_prefix));
	__uint(value_size, 4);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CGW_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, struct listp_map);
} listsp SEC(".maps");

/* Processes by tgid. Never evicts: a process without a record is refused, not trusted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGW_PROCS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct cgw_proc);
} procs SEC(".maps");

/* An all-zero record to make new ones from: a kilobyte does not fit on a BPF stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgw_proc);
} blank SEC(".maps");

/* By cgroup id. A cgroup keeps its path as long as it lives, and an id is never used again.
 * A cache: what it has lost is worked out again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CGW_CGROUPS_MAX);
	__type(key, __u64);
	__type(value, struct cgw_cgroup);
} cgroups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CGW_PATHS_MAX);
	__type(key, struct cgw_key);
	__type(value, struct cgw_named);
} paths SEC(".maps");

/* Sockets of guarded processes. A connection that is accepted starts with its listener's. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct cgw_sock);
} socks SEC(".maps");

/* Datagram flows: which end began, so that an answer is not taken for a new flow, and what was decided. An
 * entry that is evicted makes the next answer count as inbound. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CGW_FLOWS_MAX);
	__type(key, struct flow_id);
	__type(value, struct flow);
} flows SEC(".maps");

/* Where the host's mount namespace has file systems: see path.h. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGW_MOUNTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgw_mount_key);
	__type(value, struct cgw_mount);
} mounts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGW_MOUNTS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgw_key);
	__type(value, __u32);
} points SEC(".maps");

/* Flows whose log line was written; a datagram socket does not log every datagram. */
struct flow_key {
	__u64 cookie;
	__u64 gen;
	__u32 prio;
	__u16 port;
	__u8 proto, dir;
	__u8 addr[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CGW_LOGGED_MAX);
	__type(key, struct flow_key);
	__type(value, __u8);
} logged SEC(".maps");

/* A path on its way to its class: path.h. */
struct classify {
	__u64 word;
	struct cgw_hash hash;
	__u64 work[4];
	struct cgw_dfa dfa;
	__u32 kind;
	__u32 state;
	__u32 lit;
	__u32 reserved;
};

/* Buffers, claimed by whoever needs one: per-CPU scratch would be shared with whatever
 * preempts us, and the stack is too small. */
struct scratch {
	__u32 taken;
	__u32 zero; /* always 0, which the verifier does not know: see walk_path() */
	struct cgw_who who;
	struct cgw_query query;
	struct cgw_answer answer;
	struct cgw_scan scan;
	struct classify classify;
	struct cgw_named named;
	char beyond[256]; /* the verifier sees a whole component written at the last byte */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGW_SCRATCH_MAX);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CGW_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CGW_RING_BYTES);
} events SEC(".maps");

/* Flows that wait for an answer: hold.h. What is open is never evicted: without room a flow is refused. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGW_QUESTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgw_question_key);
	__type(value, struct cgw_question);
} questions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGW_QUESTIONS_IN_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct cgw_question_key);
	__type(value, struct cgw_question);
} questions_in SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CGW_HELD_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct cgw_held);
} held SEC(".maps");

/* All zero, to make new ones from. */
struct hold_blank {
	struct cgw_question question;
	struct cgw_held held;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hold_blank);
} hold_blanks SEC(".maps");

/* Answers. Both forget what was not used for long; then somebody is asked again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CGW_ANSWERS_MAX);
	__type(key, struct cgw_question_key);
	__type(value, struct cgw_answered);
} answered SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CGW_GRANTED_MAX);
	__type(key, struct cgw_flow_key);
	__type(value, struct cgw_granted);
} granted SEC(".maps");

/* Not the one of the log: whoever fills that must not keep questions from being asked. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CGW_ASKED_BYTES);
} asking SEC(".maps");

/* Where the syscall program leaves the whole AND for `explain`. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CGW_CHUNKS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct cgw_chunk);
} matches SEC(".maps");

/* x & mask, done by an instruction that clang can neither leave out nor move: it knows where the bound
 * follows from elsewhere, the verifiers do not. x: __u64. */
static __always_inline __u64 masked(__u64 x, const __u64 mask)
{
	asm volatile("%0 &= %1" : "+r"(x) : "i"(mask));
	return x;
}

static __always_inline void count(__u32 what)
{
	__u64 *c = bpf_map_lookup_elem(&counters, &what);

	if (c)
		(*c)++;
}

#endif
