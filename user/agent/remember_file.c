// SPDX-License-Identifier: GPL-2.0-only
#include "remember_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../event/json.h"
#include "../event/show.h"

/* Names this boot: what is kept "until the machine restarts" must not outlive it. */
static bool boot_id(char out[64])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool good;

	if (!f)
		return false;
	good = fgets(out, 64, f) != NULL;
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return good && *out;
}

static void put_addr(struct json_object *o, const uint8_t addr[16])
{
	char text[INET6_ADDRSTRLEN];

	json_put_text(o, "address", inet_ntop(AF_INET6, addr, text, sizeof(text)));
}

static struct json_object *to_json(const struct remembered *m)
{
	struct json_object *o = json_object_new_object();
	char life[CHOICE_WORD_MAX], scope[CHOICE_WORD_MAX];

	if (!o)
		return NULL;
	json_put_int(o, "id", m->id);
	json_put_text(o, "verdict", show_action(m->choice.verdict));
	json_put_text(o, "for", choice_life(&m->choice, life, sizeof(life)));
	json_put_text(o, "scope", choice_scope(&m->choice, scope, sizeof(scope)));
	json_put_text(o, "who", choice_who(&m->choice));
	json_put_text(o, "dir", show_dir(m->dir));
	json_put_int(o, "time", m->time);
	json_put_int(o, "until", (int64_t)m->until);
	json_put_int(o, "until_real", m->until_real);
	json_put_int(o, "pid", m->pid);
	json_put_int(o, "start", (int64_t)m->start);
	json_put_int(o, "uid", m->uid);
	json_put_int(o, "proto", m->proto);
	json_put_int(o, "port", m->port);
	put_addr(o, m->addr);
	json_put_text(o, "exe", m->exe);
	json_put_text(o, "unit", m->unit);
	json_put_text(o, "container", m->container);
	json_put_text(o, "cgroup", m->cgroup);
	json_put_text(o, "name", m->name);
	json_put_text(o, "by", m->by);
	return o;
}

static bool write_line(FILE *f, struct json_object *o)
{
	bool good = o && fprintf(f, "%s\n", json_line(o)) > 0;

	json_object_put(o);
	return good;
}

int remember_write(const char *run_dir, const struct remembered *all, size_t n)
{
	char path[PATH_MAX], fresh[PATH_MAX], boot[64];
	struct json_object *head;
	bool good = true;
	FILE *f;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" REMEMBER_FILE, run_dir) >= (int)sizeof(path) ||
	    snprintf(fresh, sizeof(fresh), "%s/." REMEMBER_FILE, run_dir) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	if (!boot_id(boot))
		return -ENOENT;
	if (unlink(fresh) && errno != ENOENT)
		return -errno;
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		int err = -errno;

		if (fd >= 0)
			close(fd);
		return err;
	}
	head = json_object_new_object();
	if (head)
		json_put_text(head, "boot", boot);
	good = write_line(f, head);
	for (size_t i = 0; good && i < n; i++)
		good = write_line(f, to_json(&all[i]));
	if (fclose(f))
		good = false;
	if (good && !rename(fresh, path))
		return 0;
	unlink(fresh);
	return -EIO;
}

static int keep(char **to, const struct json_object *o, const char *key)
{
	const char *text = json_get_text(o, key, NULL);

	*to = text ? strdup(text) : NULL;
	return text && !*to ? -1 : 0;
}

static bool in_range(int64_t n, int64_t most)
{
	return n >= 0 && n <= most;
}

static int from_json(const struct json_object *o, struct remembered *m)
{
	const char *dir = json_get_text(o, "dir", "");
	int64_t id = json_get_int(o, "id", -1), pid = json_get_int(o, "pid", -1),
		uid = json_get_int(o, "uid", -1), proto = json_get_int(o, "proto", -1),
		port = json_get_int(o, "port", -1);

	memset(m, 0, sizeof(*m));
	if (choice_read(json_get_text(o, "verdict", NULL), json_get_text(o, "for", NULL),
			json_get_text(o, "scope", NULL), json_get_text(o, "who", NULL), &m->choice) ||
	    (strcmp(dir, "out") && strcmp(dir, "in")) || id <= REMEMBER_ID || !in_range(id, UINT32_MAX - 1) ||
	    !in_range(pid, UINT32_MAX) || !in_range(uid, UINT32_MAX) || !in_range(proto, 255) ||
	    !in_range(port, 65535) || m->choice.life == CHOICE_ONCE || m->choice.life == CHOICE_EVER ||
	    inet_pton(AF_INET6, json_get_text(o, "address", ""), m->addr) != 1)
		return -EINVAL;
	m->id = (uint32_t)id;
	m->dir = strcmp(dir, "in") ? CGW_OUT : CGW_IN;
	m->time = json_get_int(o, "time", 0);
	m->until = (uint64_t)json_get_int(o, "until", 0);
	m->until_real = json_get_int(o, "until_real", 0);
	m->pid = (uint32_t)pid;
	m->start = (uint64_t)json_get_int(o, "start", 0);
	m->uid = (uint32_t)uid;
	m->proto = (uint8_t)proto;
	m->port = (uint16_t)port;
	if (keep(&m->exe, o, "exe") || keep(&m->unit, o, "unit") || keep(&m->container, o, "container") ||
	    keep(&m->cgroup, o, "cgroup") || keep(&m->name, o, "name") || keep(&m->by, o, "by")) {
		remembered_free(m);
		return -ENOMEM;
	}
	/* one without an end would never end */
	if ((m->choice.life == CHOICE_TIME && !m->until) ||
	    (m->choice.life == CHOICE_TODAY && m->until_real <= 0)) {
		remembered_free(m);
		return -EINVAL;
	}
	return 0;
}

/* The file, if it is ours and of this boot. */
static FILE *open_file(const char *run_dir)
{
	char path[PATH_MAX];
	struct stat st;
	FILE *f;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" REMEMBER_FILE, run_dir) >= (int)sizeof(path))
		return NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	f = NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
		f = fdopen(fd, "r");
	if (!f)
		close(fd);
	return f;
}

static bool of_this_boot(FILE *f, char **line, size_t *size)
{
	char boot[64];
	struct json_object *o;
	bool same;

	if (getline(line, size, f) <= 0 || !boot_id(boot))
		return false;
	o = json_tokener_parse(*line);
	same = o && !strcmp(json_get_text(o, "boot", ""), boot);
	json_object_put(o);
	return same;
}

void remember_read(const char *run_dir, struct remembered **ret, size_t *n, char **message)
{
	FILE *f = open_file(run_dir);
	struct remembered *all = NULL, *more, m;
	size_t have = 0, bad = 0, size = 0;
	char *line = NULL;

	*ret = NULL;
	*n = 0;
	if (f && of_this_boot(f, &line, &size)) {
		while (have < REMEMBER_MAX && getline(&line, &size, f) > 0) {
			struct json_object *o = json_tokener_parse(line);

			if (o && !from_json(o, &m)) {
				more = realloc(all, (have + 1) * sizeof(*more));
				if (more) {
					all = more;
					all[have++] = m;
				} else {
					remembered_free(&m);
				}
			} else {
				bad++;
			}
			json_object_put(o);
		}
	}
	free(line);
	if (f)
		fclose(f);
	if (bad && message &&
	    asprintf(message, "%zu remembered answer%s could not be read and %s forgotten", bad,
		     bad == 1 ? "" : "s", bad == 1 ? "is" : "are") < 0)
		*message = NULL;
	*ret = all;
	*n = have;
}
