#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# More changes of the surroundings than anybody can follow one by one: what is true in the end is in force in the
# end, also where messages were lost, and rules never hold by halves.
. "$(dirname "$0")/lib.sh"

rules_in_force() { json "' '.join(r['dir'] + str(r['rule']) for r in d if r['rule'] and r['in_force'])" "$CGWALL" rules --json; }
in_force_is() { [ "$(rules_in_force)" = "$1" ]; }
in_force() { if until_ok 10 in_force_is "$2"; then pass "$1"; else fail "$1: expected '$2', got '$(rules_in_force)'"; fi; }
overruns() { json "d['surroundings']['overruns']" "$CGWALL" status --json; }
address() { printf 'addr %s 10.9.0.1/24 dev wg0\n' "$1"; }
# changes N: an address that comes and goes, and is there in the end
changes() { # N FIRST SECOND
	local i
	for ((i = 0; i < $1; i++)); do address "$2"; address "$3"; done | ip -batch -
}

# Both rules are in force, or none: under one row there is no verdict but these two.
policy <<END
default out block
pass  out to 192.0.2.1 if active "wg0"
pass  out to 192.0.2.1 unless active "wg0"
pass  out to 192.0.2.2 if active "wg0"
END
ip link add wg0 type veth peer name p-wg0
ip link set p-wg0 up
ip link set wg0 up
ip addr add 10.9.0.1/24 dev wg0
until_ok 5 sh -c "ip link show wg0 | grep -q 'state UP'"
agent_start || finish
in_force "before" "out1 out3"

# ---- a link that flaps, under calls without pause ----
fire_start OK 192.0.2.1 $PORT
changes 1500 del add
in_force "the last of 3,000 changes" "out1 out3"
probe OK tcp 192.0.2.2 $PORT
changes 1500 del add
ip addr del 10.9.0.1/24 dev wg0
in_force "and of one more" "out2"
probe EPERM tcp 192.0.2.2 $PORT
for ((i = 0; i < 200; i++)); do echo "link set p-wg0 down"; echo "link set p-wg0 up"; done | ip -batch -
fire_end "allowed in every state"
like "the log has the last one last" '^state active wg0 down: rules out 1,3 off, out 2 on$|^state active wg0 down: rules out 2 on, out 1,3 off$' \
	"$("$CGWALL" log | tail -1)"

# ---- messages are lost ----
is "so far none was" 0 "$(overruns)"
kill -STOP "$AGENT"
changes 6000 add del
ip addr add 10.9.0.1/24 dev wg0
ip link add wg1 type veth peer name p-wg1
kill -CONT "$AGENT"
in_force "after messages were lost" "out1 out3"
[ "$(overruns)" -gt 0 ] && pass "they were lost" || fail "no message was lost: this tested nothing"
kill -STOP "$AGENT"
changes 6000 del add
ip link del wg0
kill -CONT "$AGENT"
in_force "a link that went with them" "out2"
ip link add wg0 type veth peer name p-wg0
ip link set p-wg0 up
ip addr add 10.9.0.1/24 dev wg0
ip link set wg0 up
in_force "and came again" "out1 out3"
# what came before the loss is told of, and went with it
ip addr del 10.9.0.1/24 dev wg0
in_force "without its address" "out2"
kill -STOP "$AGENT"
for i in $(seq 1 200); do echo "addr add 10.8.0.$i/32 dev wg0"; done | ip -batch -
changes 6000 add del
ip addr flush dev wg0 scope global
kill -CONT "$AGENT"
in_force "two hundred addresses that went unseen" "out2"
sleep 0.5
in_force "and stay away" "out2"
ip addr add 10.9.0.1/24 dev wg0
in_force "one is there again" "out1 out3"
# before the agent has seen everything it may be lost once more
kill -STOP "$AGENT"
changes 6000 del add
kill -CONT "$AGENT"
changes 1000 del add
ip addr del 10.9.0.1/24 dev wg0
in_force "lost, and a storm on top of it" "out2"

# ---- idle is idle ----
switches() { cat /proc/"$AGENT"/task/*/status | awk '/ctxt/ {n += $2} END {print n}'; }
quiet() { local n; n=$(switches); sleep 0.5; [ "$(switches)" = "$n" ]; }
if until_ok 20 quiet; then pass "nothing wakes it when nothing happens"; else fail "it wakes up without a reason"; fi
agent_end
finish
