#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Sockets from outside the guarded cgroup: left alone as long as nobody inside uses them, whatever goes on inside at
# the same time; judged as the guarded process's from its first use on. (tests/bypass tries all ways of handing over.)
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/kernel/peer.sh"

cp "$FLOW" "$W/bin/flow"
peer_up || { fail "no second network namespace"; finish; }
printf 'default out block\ndefault in block\npass out to %s port 7300-7399\n' $PEER4 | policy
agent_start || finish

GUARDED=$GUARD
from_outside() { GUARD=$OUTSIDE flow_up "$@"; }
move_in() { # what runs outside, by somebody who stays there
	local pid pids
	mapfile -t pids <"$OUTSIDE/cgroup.procs" # a list that is changed is not read on where it was left
	for pid in "${pids[@]}"; do echo "$pid" >"$GUARDED/cgroup.procs"; done
}

# ---- nobody inside uses them ----

for proto in tcp udp; do
	from_outside $proto-away flow $proto out $ELSE4 both
	from_outside $proto-here flow $proto in $HOST4 both
done
own="tcp-away tcp-here udp-away udp-here"
fire_start tcp EPERM 192.0.2.1 $PORT
for name in $own; do moves "$name" "in peer"; done
sleep 0.5
for name in $own; do moves "$name" "in peer"; done
fire_end "calls inside, meanwhile"
# shellcheck disable=SC2086
whole $own

# ---- their programs are moved inside ----

from_outside tcp-hole flow tcp out $PEER4 both
from_outside udp-hole flow udp out $PEER4 both
from_outside tcp-silent flow tcp out $ELSE4 recv
moves tcp-silent in
move_in
told tcp-away tcp-silent
# shellcheck disable=SC2086
still $own tcp-silent
for name in tcp-hole udp-hole; do moves "$name" "in peer"; done
whole tcp-hole
# whoever receives by it before he has sent is inbound to begin with: one gap at most, where the scheduler has it so
udp="$(value gaps "$W/udp-hole.in") $(value gaps "$W/udp-hole.peer") $(value error "$W/udp-hole.in") $(value error "$W/udp-hole.peer")"
[[ $udp == [01]" 0 0 0" ]] && pass "udp-hole: one gap at most" || fail "udp-hole: gaps and errors are $udp"
printf 'default out pass\ndefault in block\n' | policy
reload
moves udp-away "in peer"
printf 'default out block\ndefault in block\n' | policy
reload
told tcp-hole
still tcp-hole udp-hole
agent_end
finish
