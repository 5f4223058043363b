#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sockets that no rule can name are not made under `default out block`, unless the policy says so.
. "$(dirname "$0")/lib.sh"

sysctl -qw net.ipv4.ping_group_range="0 2147483647" # in this namespace alone: ping sockets for everybody

# family type protocol: raw ICMP, raw ICMPv6, raw TCP; ping, ping6, UDP-Lite, SCTP, L2TP-IP
raw='2 3 1
10 3 58
2 3 6'
raw_other='10 3 58
2 3 6'
named='2 2 1
10 2 58
2 2 136
10 2 136
2 1 132
2 5 132
2 2 115'

# sockets EXPECTED KINDS: refused, or what they are outside
sockets() {
	local kind free
	while read -r kind; do
		# shellcheck disable=SC2086
		free=$(outside "$CLIENT" socket $kind)
		case $1.$free in
		EPERM.OK) probe EPERM socket $kind ;;
		EPERM.*) echo "  socket $kind: this kernel has none ($free)" ;;
		*) probe "$free" socket $kind ;;
		esac
	done <<<"$2"
}

policy <<'P'
default out block
pass out to 192.0.2.1
P
agent_start || finish
sockets EPERM "$raw"
sockets OK "$named"
probe OK tcp 192.0.2.1 7001
probe OK sendto 192.0.2.1 7001
probe OK socket 1 1 0  # UNIX
probe OK socket 16 3 0 # netlink

# Sockets of protocols that a rule can name are made, and judged by their packets (protocols_test.sh).
# Raw sockets carry whatever they like: no rule can name what they send, the setting can.
printf 'default out block\nset sockets-other pass\n' | policy
reload
sockets OK "$named"
sockets OK "$raw"
printf 'default out pass\nset sockets-other block\n' | policy
reload
sockets EPERM "$raw"
sockets OK "$named"
probe OK tcp 192.0.2.1 7001

# A protocol that a rule names may have its sockets, raw ones too: their packets are judged one by one.
policy <<'P'
default out block
pass out proto icmp
pass out proto 136
P
reload
sockets EPERM "$raw_other"
sockets OK "2 3 1"
sockets OK "$named"

echo 'default out pass' | policy
reload
sockets OK "$raw
$named"
agent_end
finish
