#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a guarded program sends comes from an address of its network namespace, or follows `set sockets-other`.
# tests/bypass tries what a foreign source is good for; here is what must go on working, and what is told.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

SINK=$O/tests/bypass/sink
FRAMES=$W/frames
TRICK=$W/bin/trick
cp "$O/tests/bypass/main" "$TRICK" || { echo "'make tests' builds it"; exit 1; }
peer_up || { fail "no second network namespace"; finish; }
: >"$FRAMES"
at_peer "$SINK" peer0 "$FRAMES" >"$W/sink.out" 2>&1 &
SERVERS+=($!)
until_ok 5 grep -q ready "$W/sink.out" || fail "no sink: $(cat "$W/sink.out")"
for a in $PEER4 $PEER6; do
	at_peer "$FLOW" serve -a $a 7001 >/dev/null 2>&1 &
	SERVERS+=($!)
done
at_peer ip route add default via $HOST4
at_peer ip -6 route add default via $HOST6
# own ones, elsewhere than where the packets leave: after many others, on the loopback interface, on one that is down
for i in $(seq 1 200); do
	echo "addr add 10.77.$((i / 100)).$i/32 dev lo"
	echo "addr add 2001:db8:77::$i/128 dev lo nodad"
done | ip -batch - || fail "no addresses"
ip addr add 203.0.113.7/32 dev lo
ip addr add 2001:db8:7::7/128 dev lo nodad
ip route add local 203.0.113.64/26 dev lo # every one of them may be bound to, and no interface has it
ip link add down0 type veth peer name down1
ip addr add 203.0.113.8/24 dev down0

# The trick speaks for another host, to the one place that it may talk to. How many packets of it arrive.
foreign() {
	local from
	from=$(stat -c %s "$FRAMES")
	in_cgroup "$OUTSIDE" "$TRICK" source-through-the-hole "$GUARD" "$OUTSIDE" >/dev/null 2>&1
	FLOW_MS=1 in_cgroup "$OUTSIDE" "$FLOW" call <<<"udp $PEER4 7999" >/dev/null 2>&1
	until_ok 10 grep -q "^$PEER4 17 7999" <(tail -c +$((from + 1)) "$FRAMES")
	tail -c +$((from + 1)) "$FRAMES" | grep -c spoofed
}
refused() { json "d['counters']['source']" "$CGWALL" status --json; }

rules="default out block
pass out to { $PEER4, $PEER6, loopback } port 7001"
policy <<<"$rules"
agent_start || finish
guarded_calls <<P
OK udp $PEER4 7001
OK udp $PEER4 7001 $HOST4
OK udp $PEER4 7001 203.0.113.7
OK udp $PEER4 7001 203.0.113.8
OK udp $PEER4 7001 10.77.2.200
OK udp $PEER4 7001 203.0.113.77
OK tcp $PEER4 7001 203.0.113.77
OK tcp $PEER4 7001 203.0.113.7
OK tcp $PEER4 7001 10.77.1.100
OK udp $PEER6 7001
OK udp $PEER6 7001 2001:db8:7::7
OK udp $PEER6 7001 2001:db8:77::200
OK tcp $PEER6 7001 2001:db8:7::7
P
is "none of that is taken for foreign" 0 "$(refused)"
is "a foreign source" 0 "$(foreign)"
[ "$(refused)" -ge 3 ] && pass "each is counted" || fail "refused for the source: $(refused)"
like "a line tells of the datagram" '^block out error source trick .* udp \[2001:db8:5::3\]:7009 -> \[2001:db8:5::2\]:7001' "$("$CGWALL" log)"
like "and of the connection" '^block out error source trick .* tcp \[2001:db8:5::3\]:7009 -> \[2001:db8:5::2\]:7001' "$("$CGWALL" log)"

# what the host itself translates is the host's doing
if nft -f - 2>/dev/null <<-N; then
	table ip source {
	chain out { type nat hook postrouting priority 100; ip daddr $PEER4 udp dport 7001 snat to 198.51.100.77; }
	}
	N
	at_peer ip neigh replace 198.51.100.77 lladdr 02:00:00:00:51:01 dev peer0 nud permanent
	guarded_calls <<<"OK udp $PEER4 7001"
	nft delete table ip source
else
	skipped=$((skipped + 1))
	echo "  skip: this kernel has no NAT"
fi

{ echo "set sockets-other pass"; echo "$rules"; } | policy
reload
[ "$(foreign)" -ge 3 ] && pass "set sockets-other pass" || fail "set sockets-other pass: nothing arrives"
{ echo "set mode observe"; echo "$rules"; } | policy
reload
n=$(refused)
[ "$(foreign)" -ge 3 ] && pass "set mode observe" || fail "set mode observe: nothing arrives"
[ "$(refused)" -gt "$n" ] && pass "observed: counted" || fail "observed: not counted"
agent_end
finish
