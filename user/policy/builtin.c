// SPDX-License-Identifier: GPL-2.0-only
#include "builtin.h"

#include <string.h>

#include "diag.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static char name_any[] = "any", name_loopback[] = "loopback", name_local_nets[] = "local-nets",
	    name_multicast[] = "multicast", name_resolvers[] = "resolvers", name_self[] = "self";
static char name_dns[] = "dns", name_mdns[] = "mdns", name_dhcp[] = "dhcp", name_dhcpv6[] = "dhcpv6",
	    name_ntp[] = "ntp", name_http[] = "http", name_https[] = "https", name_ssh[] = "ssh",
	    name_file_sharing[] = "file-sharing", name_ephemeral[] = "ephemeral";

#define V4(a, b, c, d)                               \
	{                                            \
		[10] = 0xff, [11] = 0xff, a, b, c, d \
	}
#define NET4(bits, a, b, c, d, e, f, g, h)                                                     \
	{                                                                                      \
		.kind = ITEM_NET, .lo = V4(a, b, c, d), .hi = V4(e, f, g, h), .prefix = (bits) \
	}
#define FF7 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define FF14 FF7, FF7

static struct item any[] = {{.kind = ITEM_ANY}};
static struct item self[] = {{.kind = ITEM_SELF}};
static struct item resolvers[] = {{.kind = ITEM_RESOLVERS}};
static struct item loopback[] = {
	NET4(8, 127, 0, 0, 0, 127, 255, 255, 255),
	{.kind = ITEM_NET, .lo = {[15] = 1}, .hi = {[15] = 1}, .prefix = 128, .v6 = true},
};
static struct item local_nets[] = {
	NET4(8, 10, 0, 0, 0, 10, 255, 255, 255),
	NET4(12, 172, 16, 0, 0, 172, 31, 255, 255),
	NET4(16, 192, 168, 0, 0, 192, 168, 255, 255),
	NET4(16, 169, 254, 0, 0, 169, 254, 255, 255),
	NET4(10, 100, 64, 0, 0, 100, 127, 255, 255),
	{.kind = ITEM_NET, .lo = {0xfe, 0x80}, .hi = {0xfe, 0xbf, FF14}, .prefix = 10, .v6 = true},
	{.kind = ITEM_NET, .lo = {0xfc}, .hi = {0xfd, 0xff, FF14}, .prefix = 7, .v6 = true},
};
static struct item multicast[] = {
	NET4(4, 224, 0, 0, 0, 239, 255, 255, 255),
	{.kind = ITEM_NET, .lo = {0xff}, .hi = {0xff, 0xff, FF14}, .prefix = 8, .v6 = true},
	NET4(32, 255, 255, 255, 255, 255, 255, 255, 255),
};

#define GROUP(text, array)                                                                \
	{                                                                                 \
		.name = (text), .items = (array), .nitems = COUNT(array), .builtin = true \
	}

struct group builtin_groups[] = {
	GROUP(name_any, any),
	GROUP(name_loopback, loopback),
	GROUP(name_local_nets, local_nets),
	GROUP(name_multicast, multicast),
	GROUP(name_resolvers, resolvers),
	GROUP(name_self, self),
};
const size_t builtin_ngroups = COUNT(builtin_groups);

#define TCP(from, to)                                                \
	{                                                            \
		.proto = 6, .has_ports = true, .ports = { from, to } \
	}
#define UDP(from, to)                                                 \
	{                                                             \
		.proto = 17, .has_ports = true, .ports = { from, to } \
	}

static struct service_item dns[] = {UDP(53, 53), TCP(53, 53)};
static struct service_item mdns[] = {UDP(5353, 5353)};
static struct service_item dhcp[] = {UDP(67, 67), UDP(68, 68)};
static struct service_item dhcpv6[] = {UDP(546, 546), UDP(547, 547)};
static struct service_item ntp[] = {UDP(123, 123)};
static struct service_item http[] = {TCP(80, 80)};
static struct service_item https[] = {TCP(443, 443), UDP(443, 443)};
static struct service_item ssh[] = {TCP(22, 22)};
static struct service_item file_sharing[] = {TCP(445, 445), TCP(139, 139), UDP(137, 137), UDP(138, 138)};
static struct service_item ephemeral[] = {TCP(49152, 65535), UDP(49152, 65535)};

#define SERVICE(text, array)                                                              \
	{                                                                                 \
		.name = (text), .items = (array), .nitems = COUNT(array), .builtin = true \
	}

struct service builtin_services[] = {
	SERVICE(name_dns, dns),
	SERVICE(name_mdns, mdns),
	SERVICE(name_dhcp, dhcp),
	SERVICE(name_dhcpv6, dhcpv6),
	SERVICE(name_ntp, ntp),
	SERVICE(name_http, http),
	SERVICE(name_https, https),
	SERVICE(name_ssh, ssh),
	SERVICE(name_file_sharing, file_sharing),
	SERVICE(name_ephemeral, ephemeral),
};
const size_t builtin_nservices = COUNT(builtin_services);

/* IANA's, for hosts without a services database (Alpine, small containers) */
static const struct {
	const char *name;
	int port;
} ports[] = {
	{"ftp", 21},	     {"ssh", 22},	   {"telnet", 23}, {"smtp", 25},    {"domain", 53},
	{"http", 80},	     {"kerberos", 88},	   {"pop3", 110},  {"sunrpc", 111}, {"ntp", 123},
	{"imap2", 143},	     {"snmp", 161},	   {"bgp", 179},   {"ldap", 389},   {"https", 443},
	{"submission", 587}, {"ldaps", 636},	   {"imaps", 993}, {"pop3s", 995},  {"nfs", 2049},
	{"mysql", 3306},     {"postgresql", 5432}, {"mdns", 5353},
};

int builtin_port(const char *name)
{
	for (size_t i = 0; i < COUNT(ports); i++)
		if (!strcmp(ports[i].name, name))
			return ports[i].port;
	return -1;
}

const char *builtin_port_like(const char *name)
{
	struct closest c = {0};

	for (size_t i = 0; i < COUNT(ports); i++)
		closest_better(name, ports[i].name, &c);
	return c.name;
}
