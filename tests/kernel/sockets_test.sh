#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sockets that no rule can name are not made under `default out block`, unless the policy says so.
. "$(dirname "$0")/lib.sh"

sysctl -qw net.ipv4.ping_group_range="0 2147483647" # in this namespace alone: ping sockets for everybody

# family type protocol: raw ICMP, raw ICMPv6, raw TCP, ping, ping6, UDP-Lite, SCTP, L2TP-IP
kinds='2 3 1
10 3 58
2 3 6
2 2 1
10 2 58
2 2 136
10 2 136
2 1 132
2 5 132
2 2 115'

policy <<'P'
default out block
pass out to 192.0.2.1
P
agent_start || finish
while read -r kind; do
	# shellcheck disable=SC2086
	free=$(outside "$CLIENT" socket $kind)
	case $free in
	OK) probe EPERM socket $kind ;;
	*) skip "socket $kind: this kernel has none ($free)" ;;
	esac
done <<<"$kinds"
probe OK tcp 192.0.2.1 7001
probe OK sendto 192.0.2.1 7001
probe OK socket 1 1 0  # UNIX
probe OK socket 16 3 0 # netlink

# Every way to say that they are welcome: in words, and by a default that passes.
for text in "default out block
set sockets-other pass" "default out pass"; do
	echo "$text" | policy
	reload
	while read -r kind; do
		# shellcheck disable=SC2086
		probe "$(outside "$CLIENT" socket $kind)" socket $kind
	done <<<"$kinds"
done
printf 'default out pass\nset sockets-other block\n' | policy
reload
probe EPERM socket 2 3 1
probe OK tcp 192.0.2.1 7001
agent_end
finish
