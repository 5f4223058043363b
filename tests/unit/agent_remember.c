// SPDX-License-Identifier: GPL-2.0-only
/* The file of remembered answers, where it is not what it should be. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/agent/remember.h"
#include "test.h"

static char dir[] = "/tmp/cgwall-unit.XXXXXX";

static bool lives(void *arg, uint32_t pid, uint64_t start)
{
	(void)arg;
	(void)pid;
	(void)start;
	return true;
}

static void write_answers(const char *text, mode_t mode)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/" REMEMBER_FILE, dir);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
	CHECK(fd >= 0 && !fchmod(fd, mode) && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static size_t kept(char **message)
{
	struct remember *r;
	size_t n = 0;

	CHECK(!remember_open(dir, lives, NULL, &r, message));
	while (remember_get(r, n))
		n++;
	remember_close(r);
	return n;
}

/* A file that is not what it should be. */
static void files(void)
{
	char boot[64] = "", text[1024], *message = NULL;
	const char *good = "{\"id\":1000009,\"verdict\":\"pass\",\"for\":\"reboot\",\"scope\":\"any\","
			   "\"who\":\"user\",\"dir\":\"out\",\"uid\":5,\"pid\":1,\"proto\":6,\"port\":1,"
			   "\"address\":\"::1\"}\n";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");

	if (!CHECK(f && fgets(boot, sizeof(boot), f)))
		return;
	fclose(f);
	boot[strcspn(boot, "\n")] = '\0';
	snprintf(text, sizeof(text), "{\"boot\":\"%s\"}\n%s", boot, good);
	write_answers(text, 0600);
	CHECK_INT(kept(&message), 1);
	CHECK_STR(message, NULL);
	write_answers(text, 0622); /* others could have written it */
	CHECK_INT(kept(NULL), 0);
	snprintf(text, sizeof(text), "{\"boot\":\"another\"}\n%s", good);
	write_answers(text, 0600);
	CHECK_INT(kept(NULL), 0);
	write_answers(good, 0600);
	CHECK_INT(kept(NULL), 0);
	write_answers("", 0600);
	CHECK_INT(kept(NULL), 0);
	snprintf(text, sizeof(text),
		 "{\"boot\":\"%s\"}\nnonsense\n[1]\n{}\n{\"id\":1,\"verdict\":\"pass\"}\n%s", boot, good);
	write_answers(text, 0600);
	CHECK_INT(kept(&message), 1);
	CHECK(message && strstr(message, "4 remembered answers"));
	free(message);
	/* one for a time that says no end */
	snprintf(text, sizeof(text),
		 "{\"boot\":\"%s\"}\n{\"id\":1000009,\"verdict\":\"pass\",\"for\":\"1h\",\"scope\":\"any\","
		 "\"who\":\"user\",\"dir\":\"out\",\"uid\":5,\"pid\":1,\"proto\":6,\"port\":1,"
		 "\"address\":\"::1\",\"until\":0}\n",
		 boot);
	write_answers(text, 0600);
	CHECK_INT(kept(NULL), 0);
	write_answers("", 0600);
}

int main(void)
{
	char path[64];

	CHECK(mkdtemp(dir));
	RUN(files);
	snprintf(path, sizeof(path), "%s/" REMEMBER_FILE, dir);
	unlink(path);
	CHECK(!rmdir(dir));
	return test_done();
}
