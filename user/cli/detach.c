// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../agent/failure.h"
#include "../agent/rundir.h"
#include "../event/json.h"
#include "../kernel/kernel.h"
#include "client.h"
#include "cmd.h"

#define PATIENCE_MS 10000
#define LOCK_MS 2000 /* `status --wait` has it for a moment, and who was killed until he has ended */
#define STEP_MS 20

/* 1: an agent did it; 0: none answers; -1: one could not. */
static int ask_agent(const char *run_dir)
{
	struct json_object *answer;
	struct client *c;
	int status;

	if (client_open(run_dir, &c))
		return 0;
	if (client_call(c, "detach", PATIENCE_MS, &answer)) {
		client_close(c);
		return 0;
	}
	status = json_get_bool(answer, "ok", false) ? 1 : -1;
	if (status < 0)
		fprintf(stderr, "cgwall: %s\n", json_get_text(answer, "error", "the agent could not detach"));
	json_object_put(answer);
	/* Until it has ended: then the next one may start. */
	if (!client_recv(c, PATIENCE_MS, &answer))
		json_object_put(answer);
	client_close(c);
	return status;
}

/* Nobody else may have the programs, or be about to put them in, while the pins go. False: somebody has the
 * lock. *ret: a descriptor, or -1 where there is nothing to lock, and so no agent. */
static bool take_lock(const char *run_dir, int *ret)
{
	for (int left = LOCK_MS / STEP_MS;; left--) {
		char *message = NULL;
		int fd = rundir_lock(run_dir, &message);

		free(message);
		*ret = fd < 0 ? -1 : fd;
		if (fd != -EWOULDBLOCK)
			return true;
		if (!left)
			return false;
		nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000L}, NULL);
	}
}

static void say_held(const char *run_dir, bool asked)
{
	int pid = rundir_holder(run_dir);

	fprintf(stderr,
		asked ? "cgwall: detached, but an agent has the run directory %s again"
		      : "cgwall: nothing was taken out: an agent has the run directory %s and does not "
			"answer",
		run_dir);
	fputs(": end it, by its service manager", stderr);
	if (pid > 0)
		fprintf(stderr, " or else by `kill -9 %d`", pid);
	fputs(", and `cgwall detach` again\n", stderr);
}

static int detach(const struct cmd_args *a)
{
	char *run_dir, *message = NULL;
	struct kernel_attached attached;
	bool found = false;
	int asked, err, lock = -1;

	if (a->argc)
		return cmd_usage_error(a->cmd, "'%s' is one word too many", a->argv[0]);
	run_dir = rundir_resolve(cmd_value(a, "run-dir"));
	if (!run_dir)
		return CMD_FAILED;
	kernel_attached_note(run_dir, &attached);
	asked = ask_agent(run_dir);
	err = asked < 0 ? -1 : 0;
	if (!err && !take_lock(run_dir, &lock)) {
		say_held(run_dir, asked);
		err = -1;
	}
	if (!err) {
		/* Also after an agent did it: whatever is left goes. */
		err = kernel_detach(run_dir, &found, &message);
		if (asked && geteuid())
			err = 0;
		if (err)
			fprintf(stderr, "cgwall: %s\n", message ? message : strerror(-err));
	}
	if (!err) {
		err = kernel_attached_await(&attached);
		if (err)
			fputs("cgwall: the pins are gone, but the programs are still attached and go on "
			      "enforcing: another process holds them, and has to end first\n",
			      stderr);
	}
	if (!err) {
		failure_clear(run_dir);
		puts(asked || found ? "cgwall: detached: nothing is enforced any more"
				    : "cgwall: there was nothing to detach");
	}
	if (lock >= 0)
		close(lock);
	free(message);
	free(run_dir);
	return err ? CMD_FAILED : CMD_OK;
}

static const struct cmd_flag flags[] = {CMD_RUN_DIR, {NULL, NULL, NULL}};

const struct cmd cmd_detach = {
	.name = "detach",
	.usage = "",
	.brief = "takes everything out of the kernel",
	.help = "Takes every program, map and pin of the run directory out of the kernel; nothing is "
		"enforced any more then. An\n"
		"agent that runs ends. None has to; but one that runs and does not answer has to be ended "
		"first.\n"
		"Exit code: 0, also where there was nothing; 1 where it could not be done.",
	.flags = flags,
	.run = detach,
};
