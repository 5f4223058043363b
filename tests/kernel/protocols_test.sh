#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `proto`, `service` and ports with every kind of socket; what is allowed arrives, what is refused does not, both
# counted at the other end.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

SINK=$O/tests/bypass/sink
FRAMES=$W/frames
CPU=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//') # any that this may use
[ -x "$SINK" ] || { echo "no $SINK: 'make tests' builds it"; exit 1; }
peer_up || { fail "no second network namespace"; finish; }
echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range
: >"$FRAMES"
at_peer "$SINK" peer0 "$FRAMES" >"$W/sink.out" 2>&1 &
SERVERS+=($!)
until_ok 5 grep -q ready "$W/sink.out" || fail "no sink: $(cat "$W/sink.out")"
for a in $PEER4 $PEER6; do
	peer_flow_serve $a 7001
	peer_flow_serve $a 7002
done

# What of every kind gets there: "KIND ADDR PORT" and what the sink says of it.
KINDS="ping $PEER4 1|$PEER4 1 0
ping $PEER6 2|$PEER6 58 0
rawping $PEER4 3|$PEER4 1 0
rawping $PEER6 4|$PEER6 58 0
proto $PEER4 47|$PEER4 47 0
proto $PEER6 47|$PEER6 47 0
proto $PEER4 253|$PEER4 253 0
lite $PEER4 7001|$PEER4 136 7001
lite $PEER6 7002|$PEER6 136 7002
udp $PEER4 7001|$PEER4 17 7001
udp $PEER6 7001|$PEER6 17 7001
udp $PEER4 7002|$PEER4 17 7002
tcp $PEER4 7001|$PEER4 6 7001
tcp $PEER6 7001|$PEER6 6 7001
tcp $PEER4 7002|$PEER4 6 7002
sctp $PEER4 7001|$PEER4 132 7001
sctp $PEER4 7002|$PEER4 132 7002"

# arrived OFFSET FRAME: the sink has seen it since
arrived() { tail -c +$(($1 + 1)) "$FRAMES" | grep -qE "^$2( |$)"; }

# arrives: which of $KINDS get there, one after the other so that each is told from the others. A datagram from
# outside the guarded cgroup follows each on the same CPU, and so on the same queue: when that one has come, so has
# what was sent before it.
arrives() {
	local from kind seen
	while IFS='|' read -r kind seen; do
		from=$(stat -c %s "$FRAMES")
		FLOW_MS=40 in_cgroup "$GUARD" taskset -c "$CPU" "$FLOW" call <<<"$kind" >/dev/null 2>&1
		FLOW_MS=1 in_cgroup "$OUTSIDE" taskset -c "$CPU" "$FLOW" call <<<"udp $PEER4 7999" >/dev/null 2>&1
		until_ok 10 arrived "$from" "$PEER4 17 7999" || echo "lost track after $kind"
		! arrived "$from" "$seen" || echo "$kind"
	done <<<"$KINDS"
}

possible=$(arrives)
for kind in ping rawping lite sctp; do
	grep -q "^$kind " <<<"$possible" || skip "$kind: not on this kernel"
done

# under "WHAT" "KIND ADDR PORT ..." (those that arrive, as far as this kernel has them), policy on stdin
under() {
	local expected
	policy
	reload
	expected=$(grep -Fx "$2" <<<"$possible")
	is "$1" "$(paste -sd';' <<<"$expected")" "$(arrives | paste -sd';')"
}

echo 'default out block' | policy
agent_start || finish
under "all blocked" "nothing" <<<'default out block'
under "all allowed" "$possible" <<<'default out pass'
under "icmp" "ping $PEER4 1
rawping $PEER4 3" <<P
default out block
pass out proto icmp
P
under "icmpv6" "ping $PEER6 2
rawping $PEER6 4" <<P
default out block
pass out proto icmpv6
P
under "icmp to another place" "nothing" <<P
default out block
pass out proto icmp to $ELSE4
P
under "icmp, but not there" "nothing" <<P
default out block
pass out proto icmp
block out to $PEER4
P
under "proto 47" "proto $PEER4 47
proto $PEER6 47" <<P
default out block
pass out proto 47
P
under "proto 47 and IPv4 alone" "proto $PEER4 47" <<P
default out block
pass out proto 47 to $PEER4
P
under "everything but proto 47" "$(grep -v ' 47$' <<<"$possible")" <<P
default out pass
block out proto 47
P
under "UDP-Lite" "lite $PEER4 7001
lite $PEER6 7002" <<P
default out block
pass out proto 136
P
under "UDP-Lite to a port" "lite $PEER6 7002" <<P
default out block
pass out proto 136 to any port 7002
P
under "UDP is not UDP-Lite" "udp $PEER4 7001
udp $PEER6 7001
udp $PEER4 7002" <<P
default out block
pass out proto udp
P
under "sctp" "sctp $PEER4 7001" <<P
default out block
pass out proto sctp to any port 7001
P
under "a port without a protocol" "udp $PEER4 7002
tcp $PEER4 7002" <<P
default out block
pass out proto tcp to any port 7002
pass out proto udp to any port 7002
P
under "a service" "ping $PEER4 1
rawping $PEER4 3
udp $PEER4 7001
udp $PEER6 7001
tcp $PEER4 7002" <<P
service s = { tcp/7002, udp/7000-7001, icmp }
default out block
pass out service s
P
under "a service with others in it" "ping $PEER6 2
rawping $PEER6 4
tcp $PEER4 7001
tcp $PEER6 7001" <<P
service a = { icmpv6 }
service b = { a, tcp/7001, sctp/7002 }
default out block
pass out service b
block out proto sctp
P
under "a service, blocked" "$(grep -vE '^(ping|rawping|udp|lite .* 9)' <<<"$possible")" <<P
service s = { udp/*, icmp, icmpv6 }
default out pass
block out service s
P
under "any protocol to a port" "$(grep -E '^(lite|udp|tcp|sctp) .* 7001$' <<<"$possible")" <<P
default out block
pass out to any port 7001
P
under "by address, whatever the protocol" "$(grep "$PEER6" <<<"$possible")" <<P
default out block
set sockets-other pass
pass out to $PEER6
P

# inbound: an echo request to the host is the kernel's own to answer, not a program's
printf 'default in block\ndefault out block\n' | policy
reload
at_peer sh -c 'echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range'
calls <<P
OK ping $HOST4 1
OK ping $HOST6 2
P
agent_end
finish
