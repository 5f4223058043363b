// SPDX-License-Identifier: GPL-2.0-only
#include "agent.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../state/users.h"
#include "drain.h"
#include "failure.h"
#include "hold.h"
#include "inside.h"
#include "load.h"
#include "notify.h"
#include "output.h"
#include "process.h"
#include "privileges.h"
#include "rundir.h"

void agent_rule_counts(const struct agent *a, char *out, size_t size)
{
	const struct rules *r = a->rules[0];

	snprintf(out, size, "%zu rule%s out, %zu in", r ? r->nrules[CGW_OUT] - 1 : 0,
		 r && r->nrules[CGW_OUT] == 2 ? "" : "s", r ? r->nrules[CGW_IN] - 1 : 0);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* What a large policy took while it was compiled goes back to the system. */
static void give_back_memory(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

static void keep_rules(struct agent *a, struct rules *r)
{
	rules_free(a->rules[AGENT_GENERATIONS - 1]);
	memmove(&a->rules[1], &a->rules[0], (AGENT_GENERATIONS - 1) * sizeof(a->rules[0]));
	a->rules[0] = r;
	if (a->rules[1])
		rules_retire(a->rules[1]);
}

static bool asks(const struct rules *r)
{
	for (int dir = 0; dir < CGW_DIRS; dir++)
		for (size_t i = 0; i < r->nrules[dir]; i++)
			if (r->rule[dir][i].action == CGW_ASK)
				return true;
	return false;
}

/* Puts a compiled policy in force. *message is a sentence on failure. */
static int put_in_force(struct agent *a, const struct load *l, char **message)
{
	struct standing *standing = NULL;
	struct rules *r = NULL;
	uint64_t gen = 0;
	int err = rules_new(l->policy, l->image, &r);

	if (!err)
		err = surroundings_prepare(a->around, l, &standing);
	if (err)
		*message = strdup(strerror(-err));
	else
		err = kernel_publish(a->kernel, l->image, &gen, message);
	if (err) {
		surroundings_discard(standing);
		rules_free(r);
		return err;
	}
	r->gen = gen;
	keep_rules(a, r);
	surroundings_adopt(a->around, standing);
	a->observe = l->policy->settings.observe;
	a->asks = asks(r);
	a->since = now_ns();
	beat_start(a);
	cut_now(a);
	return 0;
}

static int open_kernel(struct agent *a, char **message)
{
	struct kernel_options o = {.run_dir = a->o->run_dir,
				   .cgroup = a->o->cgroup,
				   .attach = a->o->attach,
				   .verbose = a->o->verbose,
				   .refused = &a->refused,
				   .occupied = &a->occupied};
	bool adopted;

	return a->kernel ? 0 : kernel_open(&o, &a->kernel, &adopted, message);
}

int agent_take(struct agent *a, const struct load *l, const struct timespec *since, char **message)
{
	struct texts texts;
	int err = texts_keep(l->policy, &texts);

	if (err) {
		*message = strdup("out of memory");
		return err;
	}
	err = open_kernel(a, message);
	if (!err) {
		err = put_in_force(a, l, message);
		if (err && !kernel_generation(a->kernel))
			a->refused = true;
	}
	if (err) {
		texts_free(&texts);
		return err;
	}
	texts_free(&a->texts);
	a->texts = texts;
	failure_clear(a->o->run_dir);
	fallback_keep(a, l);
	if (a->watch && watch_set(a->watch, l->policy, since))
		output_line(STDERR_FILENO,
			    "cgwall: the policy's files cannot be watched: changes take a reload");
	return 0;
}

static int load_into_kernel(struct agent *a, struct diag *d, char **message)
{
	struct timespec since;
	struct load l;
	char *was;
	int err;

	clock_gettime(CLOCK_REALTIME, &since);
	err = load_enforceable(&l, a->o->policy, d);
	beat_start(a); /* a large one has taken its time */
	if (err)
		return err;
	if (a->by_watch && !watch_settled(a->watch, l.policy)) {
		load_free(&l);
		return -EAGAIN;
	}
	a->compiled = true;
	a->on_failure_pass = l.policy->settings.on_failure_pass;
	was = a->last_good;
	a->last_good = NULL; /* this one is to be kept */
	err = agent_take(a, &l, &since, message);
	if (err) {
		a->last_good = was;
	} else {
		free(was);
		keep_lists_free(&a->kept_lists);
	}
	load_free(&l);
	give_back_memory();
	return err;
}

int agent_load(struct agent *a, bool color, char **text)
{
	char *message = NULL;
	struct diag d = {.color = color};
	size_t n;
	int err;

	d.out = open_memstream(text, &n);
	if (!d.out)
		return -errno;
	err = load_into_kernel(a, &d, &message);
	if (message)
		fprintf(d.out, "cgwall: %s\n", message);
	free(message);
	fclose(d.out);
	diag_free(&d);
	return err;
}

/* Reload without somebody to tell: the log gets it. */
static void reload(struct agent *a, const char *why)
{
	char *text = NULL, counts[64];
	int err;

	if (a->detached) /* in this very turn of the loop, which goes on to its end */
		return;
	err = agent_load(a, a->o->color, &text);
	/* Errors in something half-written are none. */
	if (err && a->by_watch && (err == -EAGAIN || !watch_settled(a->watch, NULL))) {
		free(text);
		return;
	}
	if (text)
		output_text(STDERR_FILENO, text, strlen(text));
	free(text);
	agent_rule_counts(a, counts, sizeof(counts));
	if (err)
		output_line(STDERR_FILENO,
			    "cgwall: %s: the policy was not loaded; generation %" PRIu64 " stays in force",
			    why, kernel_generation(a->kernel));
	else
		output_line(STDOUT_FILENO, "cgwall: %s: enforcing generation %" PRIu64 ", %s", why,
			    kernel_generation(a->kernel), counts);
}

int agent_again(struct agent *a, const char *why, char **message)
{
	char *text = NULL, counts[64];
	struct timespec since;
	struct load l;
	size_t n;
	struct diag d = {.out = open_memstream(&text, &n)};
	int err;

	if (!d.out)
		return -errno;
	clock_gettime(CLOCK_REALTIME, &since);
	err = load_texts(&l, &a->texts, &a->kept_lists, &d);
	beat_start(a);
	if (!err) {
		err = agent_take(a, &l, &since, message);
		load_free(&l);
	}
	give_back_memory();
	fclose(d.out);
	diag_free(&d);
	if (err && !*message &&
	    asprintf(message, "%s, and the policy does not compile as it is now", why) < 0)
		*message = NULL;
	agent_rule_counts(a, counts, sizeof(counts));
	if (err) {
		output_text(STDERR_FILENO, text, strlen(text));
		output_line(STDERR_FILENO, "cgwall: %s: generation %" PRIu64 " stays in force",
			    *message ?: why, kernel_generation(a->kernel));
	} else {
		output_line(STDOUT_FILENO, "cgwall: %s: enforcing generation %" PRIu64 ", %s", why,
			    kernel_generation(a->kernel), counts);
	}
	free(text);
	return err;
}

static void on_hup(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)loop;
	(void)events;
	reload(w->data, "asked by a signal");
}

static void on_watch(void *arg)
{
	struct agent *a = arg;

	a->by_watch = true;
	reload(a, "a file changed");
	a->by_watch = false;
}

static void on_stop(struct ev_loop *loop, ev_signal *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

void agent_record(struct agent *a, struct record *r)
{
	char text[RECORD_TEXT_MAX];

	if (!r)
		return;
	record_text(r, text, sizeof(text));
	output_log(text);
	log_add(&a->log, r);
	agent_wake(a);
}

static void on_wake(struct ev_loop *loop, ev_timer *w, int events)
{
	const struct agent *a = w->data;

	(void)loop;
	(void)events;
	output_flush();
	server_wake(a->server);
}

void agent_wake(struct agent *a)
{
	if (ev_is_active(&a->wake))
		return;
	ev_timer_set(&a->wake, 0., 0.);
	ev_timer_start(a->loop, &a->wake);
}

int agent_detach(struct agent *a, char **message)
{
	bool found;
	int err;

	ev_io_stop(a->loop, &a->events);
	ev_io_stop(a->loop, &a->mounts);
	ev_timer_stop(a->loop, &a->mounts_again);
	ev_timer_stop(a->loop, &a->cut);
	ev_io_stop(a->loop, &a->cut_done);
	beat_stop(a);
	surroundings_rest(a->around);
	hold_stop(a);
	kernel_close(a->kernel);
	a->kernel = NULL;
	err = kernel_detach(a->o->run_dir, &found, message);
	if (err)
		output_line(STDERR_FILENO, "cgwall: %s", *message ? *message : strerror(-err));
	else
		output_line(STDOUT_FILENO, "cgwall: detached: nothing is enforced any more");
	a->detached = true;
	a->code = err ? AGENT_FAILED : AGENT_DETACHED;
	ev_break(a->loop, EVBREAK_ALL);
	return err;
}

#define MOUNTS_AGAIN 2. /* seconds; where there is no room for so many mounts that shall not cost much */

static void mounts_refresh(struct agent *a)
{
	int err = kernel_mounts_refresh(a->kernel);

	if (err && !a->mounts_failed)
		output_line(STDERR_FILENO, "cgwall: a change of the mount table is not in force yet: %s",
			    strerror(-err));
	a->mounts_failed = err;
	ev_timer_stop(a->loop, &a->mounts_again);
	if (!err)
		return;
	ev_timer_set(&a->mounts_again, MOUNTS_AGAIN, 0.);
	ev_timer_start(a->loop, &a->mounts_again);
}

static void on_mounts(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	mounts_refresh(w->data);
}

static void on_mounts_again(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	mounts_refresh(w->data);
}

/* Before anything takes long: a signal that comes meanwhile is answered when the loop runs. */
static void watch_signals(struct agent *a)
{
	ev_signal_init(&a->hup, on_hup, SIGHUP);
	ev_signal_init(&a->term, on_stop, SIGTERM);
	ev_signal_init(&a->intr, on_stop, SIGINT);
	a->hup.data = a->term.data = a->intr.data = a;
	ev_signal_start(a->loop, &a->hup);
	ev_signal_start(a->loop, &a->term);
	ev_signal_start(a->loop, &a->intr);
}

static void watch_kernel(struct agent *a)
{
	cut_start(a);
	ev_io_init(&a->events, drain_events, kernel_event_fd(a->kernel), EV_READ);
	a->events.data = a;
	ev_io_start(a->loop, &a->events);
	if (kernel_mounts_fd(a->kernel) < 0)
		return;
	ev_timer_init(&a->mounts_again, on_mounts_again, 0., 0.);
	ev_io_init(&a->mounts, on_mounts, kernel_mounts_fd(a->kernel), EV_READ);
	a->mounts.data = a->mounts_again.data = a;
	ev_io_start(a->loop, &a->mounts);
}

static void say_ready(struct agent *a)
{
	char counts[64], state[160], *message = NULL;
	uint64_t value[CGW_COUNTERS];

	/* What was lost before this agent is not its news. */
	if (!kernel_counters(a->kernel, value))
		a->lost = value[CGW_ERR_EVENT_LOST];
	agent_rule_counts(a, counts, sizeof(counts));
	if (!kernel_enforcing(a->kernel, &message))
		output_line(STDERR_FILENO, "cgwall: not everything is enforced: %s", message ? message : "?");
	free(message);
	output_line(
		STDOUT_FILENO, "cgwall: enforcing generation %" PRIu64 ", %s, guarding %s, attached at %s",
		kernel_generation(a->kernel), counts, kernel_guard(a->kernel), kernel_attached_at(a->kernel));
	snprintf(state, sizeof(state), "READY=1\nSTATUS=enforcing generation %" PRIu64 ", %s",
		 kernel_generation(a->kernel), counts);
	if (notify_send(state))
		output_line(STDERR_FILENO, "cgwall: the service manager cannot be told: %s", strerror(errno));
}

/* Cuts the text there, and takes colours out. */
static const char *first_line(char *text)
{
	char *to = text;

	if (!text || !*text)
		return "the reason is not known";
	for (const char *from = text; *from && *from != '\n';) {
		if (*from == '\033')
			from += strcspn(from, "m") + (strchr(from, 'm') != NULL);
		else
			*to++ = *from++;
	}
	*to = '\0';
	return text;
}

/* Lets the members of the group in, who may answer questions. */
static void admit(struct agent *a)
{
	const char *name = a->o->group ? a->o->group : AGENT_GROUP;
	uint32_t gid;
	int err = users_gid(name, &gid);

	if (!err)
		err = server_admit(a->server, gid);
	if (err && (err != -ENOENT || a->o->group))
		output_line(STDERR_FILENO, "cgwall: members of the group %s cannot be admitted: %s", name,
			    err == -ENOENT ? "there is no such group" : strerror(-err));
}

/* Everything up to the point where the policy is in force. */
static int start(struct agent *a, char **message)
{
	__u64 seed[2];
	char *text = NULL;
	int err = rundir_make(a->o->run_dir, message);

	if (err)
		return err;
	a->lock = rundir_lock(a->o->run_dir, message);
	if (a->lock < 0)
		return a->lock;
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed)) {
		*message = strdup("the kernel gives no random numbers");
		return -EIO;
	}
	image_seed(seed);
	a->loop = ev_default_loop(EVFLAG_NOENV);
	if (!a->loop) {
		*message = strdup("no event loop can be made");
		return -ENOMEM;
	}
	watch_signals(a);
	ev_timer_init(&a->wake, on_wake, 0., 0.);
	a->wake.data = a;
	cut_init(a);
	cgroups_open(&a->cgroups); /* without it paths of cgroups are not told */
	if (a->o->watch)
		err = watch_open(a->loop, on_watch, a, &a->watch);
	if (!err)
		err = server_open(a->loop, a->o->run_dir, requests_handle, a, &a->server, message);
	if (err)
		return err;
	if (!a->o->once)
		admit(a);
	err = surroundings_open(a, &a->around, message);
	if (err) {
		a->closed = fallback_close(a, *message);
		return err;
	}
	err = agent_load(a, a->o->color, &text);
	if (text)
		output_text(STDERR_FILENO, text, strlen(text));
	if (err && !a->refused && !a->occupied && !fallback_last(a))
		err = 0;
	if (err) /* what the first line says is what `status` can tell later */
		a->closed = fallback_close(a, first_line(text));
	free(text);
	return err;
}

/* Why it did not start, and what that means. */
static void say_failed(const struct agent *a, const char *message)
{
	struct kernel_peek peek = {0};

	if (message)
		output_line(STDERR_FILENO, "cgwall: %s", message);
	if (!kernel_peek(a->o->run_dir, &peek) && peek.enforcing)
		output_line(STDERR_FILENO,
			    "cgwall: not started; generation %" PRIu64 " of an earlier agent stays in force",
			    peek.gen);
	else if (peek.other)
		output_line(
			STDERR_FILENO,
			"cgwall: not started; the programs that are attached go on enforcing what they have");
	else if (!a->closed)
		output_line(STDERR_FILENO, "cgwall: not started, and nothing is enforced");
}

static void stop(struct agent *a)
{
	/* A client that sees the end of its connection may start the next agent. */
	server_unlisten(a->server);
	if (a->lock >= 0)
		close(a->lock);
	server_close(a->server);
	watch_close(a->watch);
	beat_stop(a);
	surroundings_close(a->around);
	hold_stop(a);
	kernel_close(a->kernel);
	cgroups_close(a->cgroups);
	for (int i = 0; i < AGENT_GENERATIONS; i++)
		rules_free(a->rules[i]);
	log_free(&a->log);
	texts_free(&a->texts);
	free(a->last_good);
	keep_lists_free(&a->kept_lists);
	free(a->not_kept);
	if (a->loop)
		ev_loop_destroy(a->loop);
}

int agent_run(const struct agent_options *o)
{
	struct agent a = {.o = o, .lock = -1};
	char *message = NULL;
	int err;

	signal(SIGPIPE, SIG_IGN);
	process_widen();
	if (!o->once)
		process_prefer();
	log_init(&a.log, LOG_KEPT);
	if (start(&a, &message)) {
		say_failed(&a, message);
		free(message);
		stop(&a);
		return a.closed ? AGENT_CLOSED : AGENT_FAILED;
	}
	watch_kernel(&a);
	err = o->once ? 0 : hold_start(&a);
	if (err)
		output_line(STDERR_FILENO, "cgwall: nothing can be asked: %s", strerror(-err));
	err = privileges_drop();
	if (err)
		output_line(STDERR_FILENO, "cgwall: privileges cannot be dropped: %s", strerror(-err));
	/* with the capabilities that are left, which the threads that it starts shall have at most */
	if (!o->once)
		surroundings_follow(a.around);
	say_ready(&a);
	if (!o->once)
		ev_run(a.loop, 0);
	notify_send("STOPPING=1");
	if (!a.detached && !o->once)
		output_line(STDOUT_FILENO,
			    "cgwall: stopped; generation %" PRIu64 " stays in force without an agent",
			    kernel_generation(a.kernel));
	err = o->once && a.last_good ? AGENT_LAST : a.code;
	if (err == AGENT_DETACHED && o->stay)
		process_hold_signals();
	stop(&a);
	if (err == AGENT_DETACHED && o->stay)
		process_stay();
	return err;
}
