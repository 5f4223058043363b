/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of abi.h, which includes it: questions, and flows that are held while somebody is asked. */
#ifndef CGWALL_HELD_H
#define CGWALL_HELD_H

#define CGW_QUESTIONS_MAX 8192	 /* open at once, of what begins here */
#define CGW_QUESTIONS_IN_MAX 512 /* of what others begin: they must not crowd out the former */
#define CGW_HELD_MAX 8192	 /* packets held, of all questions */
#define CGW_HELD_FLOWS 1024	 /* connections that one question tells of */
#define CGW_HELD_DATAGRAMS 16	 /* datagrams that one question holds or tells of */
#define CGW_HELD_BYTES 2048	 /* of a packet; what is not shorter is not held but refused */
#define CGW_ANSWERS_MAX 4096	 /* answers that hold for a time; the agent remembers what is evicted */
#define CGW_GRANTED_MAX 8192	 /* flows that were answered one by one */

/* What makes flows equal, so that they are one question. */
struct cgw_question_key {
	__u8 exe[16]; /* key of the program's path; where the host has none for it, its tgid in four bytes */
	__u8 remote[16];
	__u64 cgroup; /* id */
	__u32 uid;
	__u32 ask;  /* cgw_entry.ask */
	__u16 port; /* remote for out, local for in; 0: the protocol has none. Host order */
	__u8 proto, dir;
	__u8 state; /* enum cgw_path_state of the program */
	__u8 reserved[3];
};

/* An open question. It outlives the agent that asks it. */
struct cgw_question {
	__u64 id;    /* they count from 1 as long as the maps live */
	__u64 time;  /* boot clock, ns */
	__u64 start; /* of the process that asked first: with pid it tells which one that was */
	__u64 gen;
	__u64 name; /* CGW_NAME_REF of the remote end's; 0: none is known */
	__u32 pid, uid, gid;
	__u32 told; /* flows or datagrams that the agent was told of */
};

/* A packet that waits for an answer, by a number that is never used again. */
struct cgw_held {
	struct cgw_question_key key;
	__u64 question;
	__u64 time; /* boot clock, ns */
	__u64 cookie, netns;
	__u8 local[16];
	__u16 lport, rport;
	__u32 ifindex, mark;
	__u16 len; /* 0: not written to its end */
	__u16 gso; /* not 0: several datagrams of so many bytes behind one header */
	__u8 data[CGW_HELD_BYTES];
};

/* An answer that holds for every flow with that key. */
struct cgw_answered {
	__u64 until; /* boot clock, ns; 0: as long as the entry is there */
	__u32 verdict;
	__u32 reserved;
};

/* One flow that was answered. */
struct cgw_flow_key {
	__u64 cookie; /* the socket's for out; the cgroup's id for in */
	__u8 remote[16];
	__u16 rport;
	__u16 lport; /* for in; else 0 */
	__u8 proto, dir;
	__u16 reserved;
};
struct cgw_granted {
	__u32 ask; /* the rule that asked: another one asks again */
	__u32 verdict;
};

#ifndef __bpf__
static_assert(sizeof(struct cgw_question_key) == 56, "question key");
static_assert(sizeof(struct cgw_question) == 56, "question");
static_assert(sizeof(struct cgw_held) == 56 + 64 + CGW_HELD_BYTES, "held packet");
static_assert(sizeof(struct cgw_flow_key) == 32, "flow key");
#endif

#endif
