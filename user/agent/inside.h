/* SPDX-License-Identifier: GPL-2.0-only */
/* The agent's state, for its own modules. */
#ifndef CGWALL_AGENT_INSIDE_H
#define CGWALL_AGENT_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "../event/cgroups.h"
#include "../event/log.h"
#include "../event/rules.h"
#include "../kernel/kernel.h"
#include "../policy/texts.h"
#include "agent.h"
#include "keep.h"
#include "server.h"
#include "surroundings.h"
#include "watch.h"

#define AGENT_GENERATIONS 4 /* rule tables that are kept for events that come late */

struct agent {
	const struct agent_options *o;
	struct ev_loop *loop;
	struct kernel *kernel;
	struct server *server;
	struct watch *watch;	 /* NULL without --watch */
	bool by_watch;		 /* the policy is being read because a file changed */
	struct cgroups *cgroups; /* NULL where there is no cgroup v2 tree */
	int lock;
	struct rules *rules[AGENT_GENERATIONS]; /* the one in force first */
	struct texts texts;			/* of the policy in force */
	char *last_good; /* the last good policy is in force; why. NULL: it is the one of the files */
	struct keep_lists kept_lists; /* where that one's list files are; empty: at their own places */
	char *not_kept;		      /* why the policy in force could not be kept for the next start */
	bool compiled;		      /* a policy was read, so that this is known: */
	bool on_failure_pass;	      /* of the last policy that was read without an error */
	bool closed;		      /* and everything is blocked instead */
	bool refused;		      /* the kernel did not take what was right */
	bool occupied;		      /* what is pinned already is not for us to take over */
	bool observe;
	int64_t since; /* when the generation in force was put there, ns since the epoch */
	struct log log;
	uint64_t lost; /* CGW_ERR_EVENT_LOST as last seen */
	ev_io events, mounts;
	ev_timer mounts_again;
	ev_timer cut; /* armed while a connection waits to be ended */
	ev_io cut_done;
	double cut_start, cut_cost; /* when it began last, how long it took; seconds */
	double cut_hold;	    /* none before, by the monotonic clock */
	struct surroundings *around;
	bool asks;	 /* the policy in force has an `ask`: the kernel wants to know that we live */
	bool names_full; /* the policy in force has no room for one more class of names */
	bool beat_failed;
	bool mounts_failed; /* the last time, and that was said */
	ev_timer beat, use;
	struct hold *hold; /* NULL until it asks: hold.h */
	ev_timer wake;	   /* armed while there is something new for those who follow */
	ev_signal hup, term, intr;
	bool detached; /* there is no `kernel` any more, and the loop is about to end */
	enum agent_exit code;
};

/* Reads the policy and puts it in force. What there is to say about it (errors, warnings) goes to *text,
 * owned by the caller. 0, or -errno: what was in force before still is. */
int agent_load(struct agent *a, bool color, char **text);

struct load;

/* Puts l in force, opening the kernel side the first time, and does what belongs to that; l stays the
 * caller's. since: when the reading of its files began. 0 or -errno with a sentence in *message: what was in
 * force before still is. */
int agent_take(struct agent *a, const struct load *l, const struct timespec *since, char **message);

/* fallback.c. Keeps the policy that l was, where there is a state folder. */
void fallback_keep(struct agent *a, const struct load *l);
/* Puts the last good policy in force, if that is wanted, and says so. 0 or -errno. */
int fallback_last(struct agent *a);
/* Closes everything, if that is wanted and nothing is in force, and says so. Is it closed? */
bool fallback_close(struct agent *a, const char *reason);

/* Compiles the policy in force anew, from the texts that were read then, and puts it in force; `why` is said.
 * 0, or -errno with a sentence in *message (owned by the caller, may be NULL): what was in force still is. */
int agent_again(struct agent *a, const char *why, char **message);

/* cut.c, about connections that may not be any more. First of all; and, when the kernel side is open, before
 * the loop runs. */
void cut_init(struct agent *a);
void cut_start(struct agent *a);

/* Ends them, and the questions that are not asked any more, before it returns: for a new policy. */
void cut_now(struct agent *a);

/* The same a little later, with others of their kind. */
void cut_soon(struct agent *a);

/* Ends none for less than a second, counted from the first of several calls: a Wi-Fi station that goes from
 * one access point to the next is nowhere in between, and its connections shall outlive that. Their packets
 * are refused all the same. */
void cut_hold(struct agent *a);

/* A line of the log; takes r over, NULL is fine. */
void agent_record(struct agent *a, struct record *r);

/* Takes everything out of the kernel and ends the loop. 0, or -errno with *message as in kernel_detach(). */
int agent_detach(struct agent *a, char **message);

/* There is something new for streams: they are woken when the loop goes on. */
void agent_wake(struct agent *a);

/* beat.c: gives the sign of life now, and from now on while the policy in force asks; looks after the names
 * that live flows use, while it mentions any. beat_stop(): nobody can be asked any more. To be called after
 * each policy, and where something has kept the loop for long. */
void beat_start(struct agent *a);
void beat_stop(struct agent *a);

/* "12 rules out, 3 in" of the generation in force. */
void agent_rule_counts(const struct agent *a, char *out, size_t size);

/* Handles one request of the control socket (a server_handler; arg is the agent): requests.c. */
void requests_handle(void *arg, struct server_client *c, struct json_object *request);

/* Requests with a file of their own: flows.c. */
void flows_handle(struct agent *a, struct server_client *c, struct json_object *request);
void learned_handle(struct agent *a, struct server_client *c, struct json_object *request);

/* The name that was asked for before somebody talked to an address in a network namespace: that of `ref`
 * where it is not 0, else the last one that was learned for the address. False: none is known. learned.c. */
bool learned_find(struct agent *a, uint64_t ref, const uint8_t addr[16], uint64_t netns,
		  char ret[CGW_NAME_MAX]);

/* Asks the kernel's tables; gives the answer's object: ask.c. NULL without memory. */
struct json_object *ask_explain(struct agent *a, enum cgw_dir dir, char *const *words, size_t n);

#endif
