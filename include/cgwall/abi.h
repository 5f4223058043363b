/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel side and user space both compile: the tables, the keys, the events, the limits.
 *
 * A policy in force is one *slot*: a head (struct cgw_head, inside the control map), one array of
 * 128-byte chunks (the image: rows, action table, port classes, automata, hit counters), one hash
 * (full-length addresses, literal paths, users, groups) and one prefix trie. Two slots exist; the
 * control word names the one in force. Big address lists stand beside them, since they do not
 * depend on the rules.
 *
 * A *row* is a bit vector over the priority list of one direction: bit i is set where entry i can
 * match a value of that class. Row 0 stands for "all ones" and is never stored or read. Where a
 * direction has more than CGW_QUAD_BITS entries, a row is one summary chunk (bit w: word w of the
 * row is not zero) followed by `nchunks` chunks of bits; otherwise it is a single chunk of bits.
 */
#ifndef CGWALL_ABI_H
#define CGWALL_ABI_H

#ifndef __bpf__
#include <linux/types.h>
#include <assert.h>
#include <stddef.h>
#endif

#define CGW_MAGIC 0x6c6c61776763ULL /* "cgwall" */
#define CGW_ABI 8		    /* raised with every change of a struct below or of a map */

#define CGW_CHUNK_WORDS 16
#define CGW_CHUNK_BYTES 128
#define CGW_CHUNK_BITS 1024
#define CGW_QUAD_WORDS 4 /* what is ANDed at once: half a cache line of each row */
#define CGW_QUAD_BITS 256
#define CGW_CHUNKS_MAX 64				  /* of one row, without the summary */
#define CGW_ENTRIES_MAX (CGW_CHUNKS_MAX * CGW_CHUNK_BITS) /* 65,536 a direction */
#define CGW_PATH_MAX 1024  /* bytes of a program's or cgroup's path, NUL included */
#define CGW_HIT_STRIPES 8  /* power of two; by CPU, to keep counters off each other */
#define CGW_VARIANTS 8	   /* of the enabled row: one in force, the others being let go of */
#define CGW_NAME_MAX 256   /* bytes of a name as text: lower case, no dot at the end, NUL included */
#define CGW_NAME_SPARE 256 /* name classes that the kernel may add to an image */

struct cgw_chunk {
	__u64 w[CGW_CHUNK_WORDS];
};

enum cgw_dir { CGW_OUT = 0, CGW_IN = 1, CGW_DIRS = 2 };

/* Zero must never mean pass: a table that was not written blocks. */
enum cgw_action { CGW_BLOCK = 0, CGW_PASS = 1, CGW_REJECT = 2, CGW_ASK = 3, CGW_ACTIONS = 4 };

/* One dimension of the classifier: a value of this kind has a class, a class has a row. Paths come
 * twice, since literal paths are looked up in a hash and patterns run through an automaton; an `or`
 * over both makes two entries (expand.c). */
enum cgw_dim {
	CGW_DIM_EXE_PATH = 0, /* literal executable paths */
	CGW_DIM_EXE_GLOB,
	CGW_DIM_CG_PATH, /* literal cgroup paths; the deepest one that is a prefix decides */
	CGW_DIM_CG_GLOB, /* patterns, units */
	CGW_DIM_UID,
	CGW_DIM_GID,
	CGW_DIM_PROPS, /* what only user space can tell: sha256, package, script, ancestor, container */
	CGW_DIM_REMOTE,
	CGW_DIM_REMOTE_LIST, /* address lists from files */
	CGW_DIM_NAME,	     /* names bound to the remote address */
	CGW_DIM_RPORT,	     /* protocol with remote port */
	CGW_DIM_LOCAL,
	CGW_DIM_LOCAL_LIST,
	CGW_DIM_LPORT, /* protocol with local port */
	CGW_DIM_IFACE,
	CGW_DIM_ENABLED, /* if, unless, until: evaluated in user space */
	CGW_DIMS = 16
};

/* What is not known yet when a program calls connect() or sendto(): its packets are judged instead. */
#define CGW_DIMS_LATE \
	(1u << CGW_DIM_LOCAL | 1u << CGW_DIM_LOCAL_LIST | 1u << CGW_DIM_LPORT | 1u << CGW_DIM_IFACE)
/* What is not known of whoever may come: where he comes from and by which interface. */
#define CGW_DIMS_CALLER                                                                                \
	(1u << CGW_DIM_REMOTE | 1u << CGW_DIM_REMOTE_LIST | 1u << CGW_DIM_NAME | 1u << CGW_DIM_RPORT | \
	 1u << CGW_DIM_IFACE)

enum cgw_end { CGW_REMOTE = 0, CGW_LOCAL = 1, CGW_ENDS = 2 };

/* ---- the image's sections; every base is a chunk index into the slot's chunk array ---- */

/* What an entry of the priority list says. Eight to a chunk. */
struct cgw_entry {
	__u32 rule;  /* its number in its direction, from 1; 0: the default */
	__u32 line;  /* of the rule in its file */
	__u16 file;  /* index into the policy's files */
	__u8 action; /* enum cgw_action */
	__u8 flags;  /* CGW_E_* */
	__u32 ask;   /* of an `ask`: a digest of its text, by which it is known under every generation; else 0
		      */
};
#define CGW_E_LOG 1
#define CGW_E_QUICK 2
#define CGW_E_BACK_PASS 4 /* of an `ask`: while nobody can be asked it passes; not set: it blocks */
#define CGW_ENTRIES_PER_CHUNK 8

/* An automaton over the bytes of a path: next = trans[state * classes + byte_class[byte]], state 0
 * is the start. Byte classes: 256 bytes in 2 chunks. Transitions: 64 __u16 a chunk. Accept: the
 * state's path class, 64 __u16 a chunk; class 0 is "no pattern matches". */
struct cgw_dfa {
	__u32 bytes;
	__u32 trans;
	__u32 accept;
	__u32 classes; /* 0: no automaton, every path has class 0 */
	__u32 states;
	__u32 reserved;
};
#define CGW_U16_PER_CHUNK 64
#define CGW_U32_PER_CHUNK 32
#define CGW_DFA_STATES_MAX 16384

/* One direction. Rows named here are row numbers, not chunk numbers. */
struct cgw_dirhead {
	__u32 rows;    /* chunk base of row 0 (which is not stored): row r starts at rows + r * stride */
	__u32 stride;  /* chunks a row: nchunks, plus 1 where there is a summary */
	__u32 nchunks; /* of bits, 1..CGW_CHUNKS_MAX; 0: no entries, the default decides */
	__u32 nentries;
	__u32 entries; /* chunk base of the action table */
	__u32 hits; /* chunk base of the counters: hits + stripe * hit_chunks + rule / 16, word rule % 16 */
	__u32 hit_chunks;
	__u32 ports[CGW_ENDS]; /* chunk base of __u32 rows: [proto_index * nports + port class]; 0: dimension
				* unused. The last two classes are a port that is not known yet:
				* CGW_PORT_SOME, CGW_PORT_EVERY */
	__u32 path_rows[4]; /* by CGW_DIM_EXE_PATH..CG_GLOB: chunk base of __u32 rows by path class; 0: unused
			     */
	__u32 list_rows[CGW_ENDS]; /* chunk base of __u32 rows by list class; 0: unused */
	__u32 none[CGW_DIMS]; /* row of a value that no table knows (an address in no group, another user) */
	__u32 enabled[CGW_VARIANTS]; /* the enabled-rules row, by the control word's variant */
	__u32 name_rows;      /* row of name class c, c > 0: name_rows + c; class 0 has none[CGW_DIM_NAME] */
	__u32 name_not;	      /* a row: the entries that ask for names *not* to be bound */
	__u32 dims;	      /* bit per dimension that some entry constrains */
	__u32 open[CGW_DIMS]; /* row of the entries that do not ask for the dimension */
	__u32 passing[2];     /* rows of the entries that pass, and of those that pass or ask */
	struct cgw_entry fallback; /* the default: rule 0 */
};

#define CGW_PORT_SOME(h) ((h)->nports - 2)  /* the entries that match with some port */
#define CGW_PORT_EVERY(h) ((h)->nports - 1) /* those that match with each */

#define CGW_H_OBSERVE 1	   /* set mode observe */
#define CGW_H_OTHER_PASS 2 /* set sockets-other pass */
#define CGW_H_KEEP 4	   /* set established keep */
#define CGW_H_REBIND 8	   /* set dns-rebind allow */
#define CGW_H_ASK 16	   /* some rule, or a default, asks */
#define CGW_H_RESOLVERS 32 /* set resolvers with addresses */

struct cgw_head {
	__u64 gen;	    /* the generation this slot holds */
	__u64 seed[2];	    /* of the path hash, for this slot's literal paths */
	__u32 flags;	    /* CGW_H_* */
	__u32 nchunks;	    /* of the whole image */
	__u32 port_class;   /* chunk base: __u16 by port (1024 chunks); class 0 is "no port" */
	__u32 nports;	    /* port classes: class 0, those that are told apart, and the two below */
	__u32 lists;	    /* which slot of the list maps; ~0: none */
	__u32 has_prefixes; /* the trie holds something */
	__u32 names;	    /* name classes of the image, with class 0; CGW_NAME_SPARE rows follow theirs */
	__u32 name_labels;  /* most labels of a name that the policy mentions; 0: it mentions none */
	__u32 ttl_min, ttl_max; /* of a name's binding, seconds: set dns-min-ttl, dns-max-ttl */
	struct cgw_dfa dfa[2];	/* executables, cgroups */
	struct cgw_dirhead dir[CGW_DIRS];
	__u8 proto[256];    /* protocol number -> proto_index; 0: one that no rule names */
	__u8 has_ports[32]; /* bit per protocol: its ports are looked at */
};

/* The control word: read once a decision, everything else follows from it.
 * bit 0 slot, bits 2-4 free for what is decided under it, bits 5-7 variant of the enabled row, bits 8-35
 * generation of the policy, bits 36-63 epoch: counts the changes of state (a condition, a link) within and
 * across generations, so that no word comes back while anybody remembers it. 0: nothing in force yet. */
#define CGW_WORD(gen, slot, variant, epoch)                                                             \
	((__u64)((epoch)&0xfffffff) << 36 | (__u64)((gen)&0xfffffff) << 8 | (__u64)((variant)&7) << 5 | \
	 (__u64)(slot))
#define CGW_WORD_SLOT(w) ((__u32)((w)&1))
#define CGW_WORD_VARIANT(w) ((__u32)((w) >> 5) & (CGW_VARIANTS - 1))
#define CGW_WORD_GEN(w) ((w) >> 8 & 0xfffffff)
#define CGW_WORD_EPOCH(w) ((w) >> 36)

/* An agent whose policy asks says so every second, in nanoseconds of the monotonic clock, which stands still
 * while the machine sleeps; after so long without a sign there is none. */
#define CGW_BEAT_LIFE_NS (5ULL * 1000000000)

/* The one value of the control map. */
struct cgw_ctl {
	__u64 magic;
	__u32 abi;
	__u32 build; /* checksum of the BPF object whose programs are attached */
	__u64 word;
	__u64 guard;	       /* cgroup id of the guarded directory; 0: everything */
	__u32 guard_level;     /* its depth below the cgroup v2 root */
	__u32 mnt_ns;	       /* inode number of the mount namespace in which path rules are meant */
	__u64 heartbeat;       /* see CGW_BEAT_LIFE_NS; 0: no agent that can be asked */
	__u32 name_classes[2]; /* by slot: classes in use, with those that the kernel added */
	__u64 questions, held; /* last numbers given to a question, to a held packet */
	__u64 agent_start;     /* the agent's own process: tgid, and when it started */
	__u32 agent;
	__u32 seeded;	  /* CGW_SEEDED_*: what was there before what follows it was attached is known */
	__u64 seed[2];	  /* of the path hash, for mount points */
	__u64 netns;	  /* cookie of the agent's network namespace */
	__u64 names_used; /* boot clock, ns: until then some live flow is taken to use a learned name */
	__u64 last_gen;	  /* the last that was in force, or was put there and taken back: never used again */
	struct cgw_head head[2];
};
#define CGW_SEEDED_PROGRAMS 1u
#define CGW_SEEDED_SOCKETS 2u

/* ---- the slot's hash: what has a class of its own ---- */

enum cgw_key_kind {
	CGW_KEY_ADDR = 1,
	CGW_KEY_EXE,
	CGW_KEY_CGROUP,
	CGW_KEY_UID,
	CGW_KEY_GID,
	CGW_KEY_POINT,
	CGW_KEY_PATH,
	CGW_KEY_IFACE,
	CGW_KEY_NAME,
	CGW_KEY_UNION,
	CGW_KEY_RESOLVER,
};

/* ADDR: network byte order, IPv4 as ::ffff:a.b.c.d. EXE, CGROUP: 128 bits of path hash in data
 * (POINT likewise, in the map of mount points).
 * UID, GID: host order in the first four bytes, the rest zero. IFACE, in the map of interfaces: its index in
 * the first four bytes, the cookie of its network namespace in the last eight, host order.
 * NAME: 128 bits of name hash (namehash.h) of a name that the policy mentions. UNION: two name classes, the
 * smaller one first, four bytes each, host order. RESOLVER: as ADDR, a resolver whose answers are believed.
 */
struct cgw_key {
	__u32 kind;
	__u8 data[16];
};

/* ADDR: rows by direction and end. UID, GID, IFACE: row[dir][0]. EXE, CGROUP: row[0][0] is the path class.
 * NAME: row[0][0] is the class of that very name, row[0][1] that of every name below it that has no mentioned
 * name nearer. UNION: row[0][0] is the class of an address that is bound to names of both. */
struct cgw_class {
	__u32 row[CGW_DIRS][CGW_ENDS];
};

struct cgw_prefix {
	__u32 len; /* bits, 96 more for IPv4 */
	__u8 addr[16];
};

/* Lists: full-length addresses in hashes, shorter prefixes in a trie; the value is a list class, the
 * set of lists that hold the address. Class 0: in none. */

/* ---- who ---- */

/* A path as the programs pass it around; NUL-terminated. */
struct cgw_path {
	char c[CGW_PATH_MAX];
};

/* Mounts of the host's mount namespace. A program that runs in another mount namespace has its file on
 * some superblock; these tell which path, if any, the host has for it. Keyed by the superblock's device,
 * several a device: `root` is the directory of the file system that is mounted, `point` where. */
#define CGW_MOUNTS_MAX 8192
#define CGW_MOUNTS_PER_DEV 8
#define CGW_MOUNT_PATH_MAX 256
struct cgw_mount_key {
	__u32 dev;
	__u32 index; /* 0.. without a gap */
};
struct cgw_mount {
	__u32 id; /* what `points` says of `point` while this mount is the uppermost one there */
	__u16 root_len, point_len; /* without NUL; 0 for "/" */
	char root[CGW_MOUNT_PATH_MAX];
	char point[CGW_MOUNT_PATH_MAX];
};

/* A program's or cgroup's path classes under one generation, in one word so that it can be cached
 * without a lock: generation 28 bits, literal class 20, pattern class 16. */
#define CGW_PATH_WORD(gen, lit, glob) \
	((((__u64)(gen)&0xfffffff) << 36) | ((__u64)(lit) << 16) | (__u64)(glob))
#define CGW_PATH_WORD_GEN(w) ((w) >> 36)
#define CGW_PATH_WORD_LIT(w) ((__u32)(((w) >> 16) & 0xfffff))
#define CGW_PATH_WORD_GLOB(w) ((__u32)((w)&0xffff))
#define CGW_LIT_CLASSES_MAX (1 << 20)
#define CGW_GLOB_CLASSES_MAX (1 << 16)

/* A path and, under one generation each, what the policy makes of it as a program's and as a cgroup's. */
struct cgw_named {
	__u64 classes[2]; /* CGW_PATH_WORD as executable, as cgroup; caches */
	struct cgw_path path;
};

/* Paths that sockets refer to, by CGW_KEY_PATH: a socket may outlive the program that opened it. A cache
 * that evicts: a socket whose path was lost is refused under the next generation, never trusted. */
#define CGW_PATHS_MAX 8192

/* How a program's path came to be known. */
enum cgw_path_state {
	CGW_PATH_UNKNOWN = 0, /* could not be told: refused wherever programs matter, and counted */
	CGW_PATH_HOST,	      /* the file the host's mount namespace has there */
	CGW_PATH_NONE, /* it is certain that the host has no path for it (memfd, deleted, foreign mount) */
};

#define CGW_PROCS_MAX 262144 /* processes with a record */

/* One process; pinned at exec, passed on at fork, gone at exit. Keyed by tgid. */
struct cgw_proc {
	__u64 start;   /* start_boottime of the thread group's leader, ns */
	__u64 exec_id; /* its count of execs when this was written */
	__u64 ino;
	__u32 dev; /* the superblock's device, as the kernel numbers it */
	__u32 ino_gen;
	__u32 mnt_ns;
	__u32 user_ns;
	__u8 state;   /* enum cgw_path_state */
	__u8 seeded;  /* found running when the agent started, not seen at its exec */
	__u16 len;    /* of the path, without NUL */
	__u32 flags;  /* CGW_PROC_* */
	__u8 key[16]; /* of the path, in the table of paths */
	struct cgw_named named;
};
#define CGW_PROC_INSIDE 1 /* in the guarded cgroup */
#define CGW_PROC_HELD 2	  /* left it by its own doing: still guarded */

/* Who a socket belongs to: the process that opened it, as it was then. */
struct cgw_who {
	__u64 start; /* its start and its count of execs: with pid they tell whether the caller is still it */
	__u64 exec_id;
	__u64 cgroup_id;
	__u64 netns;	  /* cookie of its network namespace; 0: not known */
	__u64 classes[2]; /* CGW_PATH_WORD of executable and cgroup; caches */
	__u8 path[2][16]; /* keys of both in the table of paths; zero: none */
	char comm[16];	  /* what its thread called itself */
	__u32 uid, gid, pid;
	__u8 state; /* enum cgw_path_state of the executable */
	__u8 known; /* 0: nobody knows who opened it */
	__u16 reserved;
};

/* What a socket carries with it. Decisions are kept in one word each, so that no reader on another CPU ever
 * sees half of one. */
struct cgw_sock {
	struct cgw_who who;
	__u64 decided; /* of the connection: control word with the verdict in bits 2 and 3; 0: not decided */
	__u64 call;    /* the last IPv4 destination that the opener was let to: CGW_CALL; 0: none */
	__u64 began;   /* boot clock, ns: when the connection was first let through; 0: not yet */
	__u64 user[2]; /* who used it last and was let to: digests, see bpf/use.h; 0: nobody */
	__u64 asked;   /* the question that its connection was told to */
	__u32 granted; /* the `ask` whose question was answered with pass for this very connection; 0: none */
	__u8 dir;      /* enum cgw_dir of the connection; a listener's is CGW_IN */
	__u8 flags;    /* CGW_SOCK_* */
	__u8 syns;     /* with CGW_SOCK_PATIENT: its own TCP_SYNCNT, 0: the system's */
	__u8 taken;    /* not 0: somebody used it who may not, and nothing goes by it any more */
	__u8 source[16]; /* the last address that it sent from and that is its network namespace's: source.h
			  */
};
#define CGW_SOCK_BEGAN 1    /* dir is known */
#define CGW_SOCK_AGENT 2    /* the agent's own, by which it sends on what was held */
#define CGW_SOCK_PATIENT 4  /* was made to wait longer for its connection, while somebody is asked */
#define CGW_SOCK_FOREIGN 8  /* asked to be bound to foreign addresses at some time */
#define CGW_SOCK_SUBFLOW 16 /* of a multipath connection, whose record counts, too */
#define CGW_SOCK_ORPHAN 32  /* its listener went before it was accepted: bpf/orphan.h */
#define CGW_SOCK_KERNEL 64  /* the kernel's own, and no program's */

/* The verdict goes into bits 2 and 3 of the control word, the direction of a flow into bit 4. */
#define CGW_DECIDED(word, verdict) ((word) | (__u64)(verdict) << 2)
#define CGW_DECIDED_FLOW(word, verdict, dir) (CGW_DECIDED(word, verdict) | (__u64)(dir) << 4)
#define CGW_DECIDED_WORD(d) ((d) & ~28ULL)
#define CGW_DECIDED_DIR(d) ((__u32)((d) >> 4) & 1)
#define CGW_DECIDED_VERDICT(d) ((__u32)((d) >> 2) & 3)
/* Address and port as they are on the wire, and what tells the control word from its latest ones. */
#define CGW_CALL(addr, port, word)                                                                 \
	((__u64)(addr) << 32 | (__u64)((port)&0xffff) << 16 | ((CGW_WORD_GEN(word) & 0xff) << 8) | \
	 (CGW_WORD_EPOCH(word) & 0xff))

/* A cgroup, by its id. */
struct cgw_cgroup {
	__u8 path[16]; /* key in the table of paths */
};

/* ---- what one decision is about ---- */

enum cgw_given { CGW_GIVEN_PROPS, CGW_GIVEN_NAME, CGW_GIVEN_IFACE, CGW_GIVENS };

struct cgw_query {
	__u64 word; /* the control word under which rows were looked up */
	__u8 dir;
	__u8 proto;
	__u8 known;	    /* CGW_Q_* */
	__u8 tcp_flags;	    /* of the packet's header, where there is one; not looked at by decide() */
	__u16 rport, lport; /* host order */
	__u32 uid, gid;
	__u32 exe_lit, exe_glob, cg_lit, cg_glob; /* path classes */
	__u32 given[CGW_GIVENS];		  /* rows determined elsewhere; 0: not, CGW_ROW_ALL: row 0 */
	__u32 name; /* the remote end's in the table of learned names, its place + 1; 0: none is known */
	__u8 remote[16], local[16]; /* as in cgw_key; folded by cgw_fold() */
	/* Not looked at by decide(). In: the `ask` that was answered with pass for this very flow; out: the
	 * one that decided. 0: none. */
	__u32 ask;
};
#define CGW_ROW_ALL (~0u)	 /* in given[]: determined, and it is row 0 */
#define CGW_ROW_BROKEN (~0u - 1) /* it could not be determined: no decision */
#define CGW_Q_REMOTE 1		 /* remote is an address */
#define CGW_Q_LOCAL 2
#define CGW_Q_RPORT 4
#define CGW_Q_LPORT 8
#define CGW_Q_UID 16
#define CGW_Q_GID 32
#define CGW_Q_PROTO 64

struct cgw_answer {
	struct cgw_entry entry; /* the deciding one */
	__u32 prio;		/* its place in the priority list; ~0: the default */
	__u32 error;		/* enum cgw_error; not 0: refused for this reason, entry is not meant */
};

/* What the AND goes over. BPF has 512 bytes of stack for a whole call chain, hence quads. */
struct cgw_scan {
	__u64 word;
	__u64 quad[CGW_QUAD_WORDS]; /* ANDed: four words of bits, or of summaries */
	__u32 rows[CGW_DIMS];	    /* 0: no constraint */
	__u32 base, stride, nchunks;
	__u32 prio; /* found */
};

/* What can be said of a query of which a part is not known yet: cgw_could(). A bit for each such dimension,
 * and besides: */
#define CGW_WILD_CERTAIN (1u << CGW_DIMS)   /* rows hold what is certain to match, not what could */
#define CGW_WILD_ASK (1u << (CGW_DIMS + 1)) /* to ask counts as to pass */
enum cgw_could {
	CGW_COULD_PASS = 0, /* it may come to that */
	CGW_COULD_NEVER,    /* whatever the rest turns out to be, it does not pass: the answer says so */
	CGW_COULD_SETTLED,  /* the answer decides, whatever the rest turns out to be */
};

/* Why something was refused without a rule, or lost. Also the index of its counter. */
enum cgw_error {
	CGW_ERR_NONE = 0,
	CGW_ERR_NO_POLICY,  /* nothing in force yet */
	CGW_ERR_TABLE,	    /* a lookup that cannot fail did */
	CGW_ERR_NO_PROC,    /* a process without a record */
	CGW_ERR_PATH,	    /* its path could not be told */
	CGW_ERR_CGROUP,	    /* the cgroup's path could not be read */
	CGW_ERR_SCRATCH,    /* no free buffer */
	CGW_ERR_EVENT_LOST, /* the ring buffer was full: a log line is missing, the verdict held */
	CGW_ERR_PROC_FULL,  /* the table of processes was full */
	CGW_ERR_OWNER,	    /* nobody knows who opened the socket */
	CGW_ERR_PACKET, /* a packet that cannot be read, or that says it goes another way (source routes) */
	CGW_ERR_NAME,	/* the names of an address could not be put together: no room for one more class */
	CGW_ERR_HOLD,	/* a rule asks, and nothing of the kind can be held */
	CGW_ERR_HOLD_FULL, /* a rule asks, and there is no room to hold it or to tell of it */
	CGW_ERR_SOURCE,	   /* it was sent from an address that its network namespace has not got */
	CGW_ERRORS = 16
};

/* Counters: one per-CPU array. First the errors, then these. */
enum cgw_counter {
	CGW_CNT_PASS = CGW_ERRORS,
	CGW_CNT_BLOCK,
	CGW_CNT_REJECT,
	CGW_CNT_OBSERVED,	/* would have been refused, let through by set mode observe */
	CGW_CNT_SOCKET,		/* sockets refused at creation */
	CGW_CNT_ASK,		/* flows held until somebody answers */
	CGW_CNT_DNS_ASKED = 32, /* questions to trusted resolvers */
	CGW_CNT_DNS_LEARNED,	/* answers that taught */
	CGW_CNT_DNS_AGAIN,	/* a second answer to a question that had its answer */
	CGW_CNT_DNS_NULL,	/* addresses in answers that mean "nowhere" (0.0.0.0, ::): not learned */
	CGW_CNT_DNS_LOST,	/* questions or answers that nothing could be learned from for want of room */
	CGW_CNT_DNS_HELD,	/* packets dropped to come again: out of order, or no buffer was free */
	CGW_CNT_NAME_EVICTED,	/* names or addresses in force, and mentioned, that made room for others */
	CGW_CNT_NAME_UNIONS,	/* classes that the kernel added */
	CGW_CNT_NAME_FULL,	/* times that there was no room for one more class */
	CGW_CNT_ALARM = 48,	/* + enum cgw_alarm */
	CGW_COUNTERS = 64
};

/* ---- a question to the kernel's own tables ---- */

#define CGW_ASK_NAMES_MAX 64

struct cgw_ask {
	struct cgw_query query;	   /* in; word and path classes are filled by the kernel */
	struct cgw_answer answer;  /* out */
	__u32 has_exe, has_cgroup; /* in: the paths below are given */
	__u32 want_matches;	   /* in: leave the whole AND in the map of matches */
	__u32 nclasses;		   /* in: of the remote end's names, where these are given */
	__u32 classes[CGW_ASK_NAMES_MAX];
	struct cgw_who who;	    /* in: where no name is given, what was learned in its `netns` counts */
	__u64 learned;		    /* out: CGW_NAME_REF of the remote end's name; 0: none is known */
	__u32 nchunks;		    /* out: of that */
	__u32 wild, could;	    /* in: of cgw_could(), 0: it is not asked; out: what it gives */
	struct cgw_answer possible; /* out: its answer */
	__s32 variant;		    /* in: of the enabled row; -1: the one in force */
	__u32 reserved;
	struct cgw_path exe, cgroup;
};

/* A connection that the policy in force no longer lets be, as the iterator `cut` tells the agent. */
struct cgw_cut {
	__u64 cookie;
	__u8 remote[16], local[16]; /* IPv4 in the first four bytes where family says so */
	__u16 rport, lport;	    /* host order */
	__u16 family;
	__u16 reserved;
	__u32 ifindex; /* that it is bound to; 0: none */
	__u32 reserved2;
};

/* A socket and what it is connected to, as the iterator `live` tells the agent. */
struct cgw_live {
	struct cgw_who who;
	__u64 cookie;
	__u64 decided;	      /* as in struct cgw_sock */
	__u64 sent, received; /* TCP: bytes that came to the other end, and from there; else 0 */
	__u8 remote[16], local[16];
	__u16 rport, lport; /* host order; rport 0: not connected */
	__u16 proto, family;
	__u8 dir, state; /* enum cgw_dir; TCP's states */
	__u8 bound;	 /* not 0: a program asked for that very local port */
	__u8 reserved[5];
};

#include "held.h"

/* ---- events, in the ring buffer ---- */

enum cgw_event_kind {
	CGW_EV_VERDICT = 1,
	CGW_EV_CUT,	   /* packets of a connection are refused: somebody should end it */
	CGW_EV_ALARM,	   /* enum cgw_alarm; at most one a second of each kind, the counters have them all */
	CGW_EV_NAMES_FULL, /* no room for one more name class: publish the policy again */
};

/* In the ring buffer of questions: a flow waits for an answer. The first one of a question opens it. */
struct cgw_asked {
	struct cgw_question_key key;
	__u64 question;
	__u64 packet; /* its number among the held ones; 0: none is held, the other end or TCP will repeat it
		       */
	__u64 cookie, netns;
	__u8 local[16];
	__u16 lport, rport;
	__u32 ifindex; /* by which the packet goes */
};

struct cgw_event {
	__u32 kind;
	__u32 size;
	__u64 time; /* boot clock, ns */
	__u64 gen;
	__u64 cgroup; /* id */
	__u64 cookie; /* the socket's */
	struct cgw_answer answer;
	__u8 dir, proto, known, verdict; /* verdict: what was done, enum cgw_action */
	__u16 rport, lport;
	__u32 pid; /* tgid in the initial pid namespace */
	__u32 uid, gid;
	__u32 ifindex;
	__u8 remote[16], local[16];
	char comm[16];
	__u16 path_len;
	__u16 alarm; /* enum cgw_alarm */
	__u16 user;  /* not 0: the socket was opened by another program */
	__u16 reserved;
	__u64 name;  /* CGW_NAME_REF: the name that was asked for and that the remote address is bound to; 0:
		      * none is known, or the policy names none and nobody has looked */
	__u64 netns; /* cookie of the socket's network namespace; 0: not known */
	struct cgw_path path; /* of the program; "": none. CGW_EV_ALARM: the name that the packet asks or
			       * tells about; its source is `remote`, `local` the address it would bind */
};

#ifndef __bpf__
static_assert(sizeof(struct cgw_chunk) == CGW_CHUNK_BYTES, "chunk");
static_assert(sizeof(struct cgw_entry) == 16, "entry");
static_assert(sizeof(struct cgw_key) == 20, "key");
static_assert(sizeof(struct cgw_class) == 16, "class");
static_assert(sizeof(struct cgw_prefix) == 20, "prefix");
static_assert(offsetof(struct cgw_prefix, addr) == offsetof(struct cgw_key, data),
	      "an address's key and prefix");
static_assert(sizeof(struct cgw_proc) == 64 + 16 + CGW_PATH_MAX, "proc");
static_assert(sizeof(struct cgw_answer) == 24, "answer");
static_assert(sizeof(struct cgw_asked) == 112, "asked");
static_assert(sizeof(struct cgw_ctl) % 8 == 0, "ctl");
#endif

#endif
