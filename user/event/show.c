// SPDX-License-Identifier: GPL-2.0-only
#include "show.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cgwall/names.h>

#include "../policy/names.h"

static const struct {
	const char *name, *meaning;
} errors[CGW_ERRORS] = {
	[CGW_ERR_NO_POLICY] = {"no-policy", "no policy was in force yet"},
	[CGW_ERR_TABLE] = {"table", "a kernel table was broken"},
	[CGW_ERR_NO_PROC] = {"no-proc", "the process was not known"},
	[CGW_ERR_PATH] = {"path", "the program's path could not be told"},
	[CGW_ERR_CGROUP] = {"cgroup", "the cgroup's path could not be read"},
	[CGW_ERR_SCRATCH] = {"scratch", "no working memory was free"},
	[CGW_ERR_EVENT_LOST] = {"lost", "a log line was lost"},
	[CGW_ERR_PROC_FULL] = {"proc-full", "the table of processes was full"},
	[CGW_ERR_OWNER] = {"owner", "nobody knows who opened the socket"},
	[CGW_ERR_PACKET] = {"packet", "the packet could not be read, or says that it goes another way"},
	[CGW_ERR_SOURCE] = {"source", "it was sent from an address that is not this host's"},
	[CGW_ERR_HOLD] = {"hold", "a rule asks about it, and nothing of the kind can be held"},
	[CGW_ERR_HOLD_FULL] = {"hold-full", "a rule asks about it, and there was no room to hold it"},
	[CGW_ERR_NAME] = {"name",
			  "the names of the address could not be put together: too many sets of names"},
};

static const struct {
	const char *name, *meaning;
} alarms[CGW_ALARMS] = {
	[CGW_ALARM_UNASKED] = {"dns-unasked", "an answer to nothing that was asked"},
	[CGW_ALARM_STRANGER] = {"dns-stranger", "an answer from port 53 of no trusted resolver"},
	[CGW_ALARM_PLACE] = {"dns-place", "a resolver's answer came another way than from there"},
	[CGW_ALARM_MALFORMED] = {"dns-malformed", "an answer that cannot be read"},
	[CGW_ALARM_UNRELATED] = {"dns-unrelated", "an answer that tells of other names than were asked for"},
	[CGW_ALARM_REBIND] = {"dns-rebind", "an answer that binds a name to loopback or a local network"},
	[CGW_ALARM_HUGE] = {"dns-huge", "an answer larger than anything that is read"},
};

const char *show_alarm(unsigned alarm)
{
	return alarm < CGW_ALARMS ? alarms[alarm].name : "unknown";
}

const char *show_alarm_meaning(unsigned alarm)
{
	return alarm < CGW_ALARMS ? alarms[alarm].meaning : "the reason is not known";
}

const char *show_action(unsigned action)
{
	return names_action[action < CGW_ACTIONS ? action : CGW_BLOCK];
}

const char *show_dir(unsigned dir)
{
	return names_dir[dir == CGW_IN ? CGW_IN : CGW_OUT];
}

const char *show_error(unsigned error)
{
	if (!error)
		return NULL;
	return error < CGW_ERRORS && errors[error].name ? errors[error].name : "unknown";
}

const char *show_error_meaning(unsigned error)
{
	return error < CGW_ERRORS && errors[error].meaning ? errors[error].meaning
							   : "the reason is not known";
}

const char *show_proto(uint8_t proto, char buf[4])
{
	const char *name = names_proto_name(proto);

	if (name)
		return name;
	snprintf(buf, 4, "%u", proto);
	return buf;
}

bool show_proto_has_ports(uint8_t proto)
{
	return names_has_ports(proto);
}

static bool is_v4(const uint8_t addr[16])
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return !memcmp(addr, mapped, sizeof(mapped));
}

void show_addr(const uint8_t addr[16], char *out, size_t size)
{
	bool v4 = is_v4(addr);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, out, (socklen_t)size) && size)
		out[0] = '\0';
}

void show_end(const uint8_t addr[16], bool has_addr, uint16_t port, bool has_port, char *out, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "*";
	bool brackets = has_addr && !is_v4(addr);

	if (has_addr)
		show_addr(addr, text, sizeof(text));
	if (has_port)
		snprintf(out, size, "%s%s%s:%u", brackets ? "[" : "", text, brackets ? "]" : "", port);
	else
		snprintf(out, size, "%s%s%s", brackets ? "[" : "", text, brackets ? "]" : "");
}

void show_time(int64_t ns, char *out, size_t size)
{
	time_t s = (time_t)(ns / 1000000000);
	struct tm tm;
	char date[24] = "";

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, size, "%s.%06dZ", date, (int)(ns % 1000000000 / 1000));
}

size_t show_utf8(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t code;
	size_t n;

	if (u[0] < 0x80)
		return u[0] != 0;
	n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	code = u[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (u[i] & 0x3f);
	}
	if (code < least[n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return n;
}

size_t show_plain(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = show_utf8(s);

	if (n == 1)
		return u[0] >= ' ' && u[0] != 0x7f;
	if ((n == 2 && u[0] == 0xc2 && u[1] < 0xa0) || (n == 2 && u[0] == 0xd8 && u[1] == 0x9c))
		return 0;
	if (n != 3 || u[0] != 0xe2)
		return n;
	if (u[1] == 0x80 && (u[2] == 0x8e || u[2] == 0x8f || (u[2] >= 0xa8 && u[2] <= 0xae)))
		return 0;
	return u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9 ? 0 : n;
}

static void quote(const char *text, bool blanks, char *out, size_t size)
{
	size_t at = 0;

	while (*text && at + 1 < size) {
		const unsigned char c = (unsigned char)*text;
		size_t n = show_plain(text);

		if (!n || (c == ' ' && !blanks) || c == '\\') {
			if (at + 5 > size)
				break;
			snprintf(out + at, size - at, "\\x%02x", c);
			at += 4;
			text++;
			continue;
		}
		if (at + n + 1 > size)
			break;
		memcpy(out + at, text, n);
		at += n;
		text += n;
	}
	if (size)
		out[at] = '\0';
}

void show_quote(const char *text, char *out, size_t size)
{
	quote(text, false, out, size);
}

void show_quote_blanks(const char *text, char *out, size_t size)
{
	quote(text, true, out, size);
}
