#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two agents guard two cgroups; neither sees, changes or ends the other.
. "$(dirname "$0")/lib.sh"

SECOND=$PARENT/second
mkdir -p "$SECOND" "$W/run2"
policy <<'P'
default out block
pass out to 192.0.2.1
P
agent_start || finish
probes -c "$SECOND" <<<'OK tcp 127.0.0.1 7001'

cat >"$W/second.conf" <<'P'
default out block
pass out to 192.0.2.2
P
second() { CGWALL_RUN_DIR=$W/run2 "$CGWALL" "$@"; }
second_start() {
	"$CGWALL" run --policy "$W/second.conf" --cgroup "$SECOND" --attach "$PARENT" --run-dir "$W/run2" >>"$W/second.log" 2>&1 </dev/null &
	SERVERS+=($!)
	SECOND_PID=$!
	until_ok 60 sh -c "CGWALL_RUN_DIR='$W/run2' '$CGWALL' status --json 2>&1 | tee '$W/second.out' | grep -qE '\"pid\": *$SECOND_PID\b'" || fail "the second agent does not enforce: $(cat "$W/second.out" "$W/second.log")"
}
test_cleanup() { second detach >/dev/null 2>&1; }
second_start
both() {
	probes <<<'EPERM tcp 127.0.0.1 7001
EPERM tcp 192.0.2.2 7001
OK tcp 192.0.2.1 7001'
	probes -c "$SECOND" <<<'EPERM tcp 127.0.0.1 7001
EPERM tcp 192.0.2.1 7001
OK tcp 192.0.2.2 7001'
	probes -c "$OUTSIDE" <<<'OK tcp 127.0.0.1 7001'
}
both
status "a second agent for the same run directory" 1 timeout 60 "$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT"
both
{ kill -9 $SECOND_PID && wait $SECOND_PID; } 2>/dev/null
both
second_start
both

# the log of each holds its own alone
printf 'default out block log\n' >"$W/second.conf"
second reload >/dev/null || fail "reload of the second"
probes -c "$SECOND" <<<'EPERM tcp 127.0.0.1 7002'
probe EPERM tcp 127.0.0.1 7002
until_ok 10 sh -c "CGWALL_RUN_DIR='$W/run2' '$CGWALL' log | grep -q 127.0.0.1"
is "lines in the second's log" 1 "$(second log | wc -l)"
is "lines in the first's log" 0 "$("$CGWALL" log | wc -l)"

# One ends, the other stays; the guard of one may lie within the other's.
status "detach of the second" 0 second detach
probes -c "$SECOND" <<<'OK tcp 127.0.0.1 7001'
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'
kill $SECOND_PID 2>/dev/null
until_ok 10 sh -c "! kill -0 $SECOND_PID"
mkdir -p "$GUARD/inner"
SECOND=$GUARD/inner
printf 'default out block\npass out to { 192.0.2.1, 192.0.2.2 } port 7001\n' >"$W/second.conf"
second_start
probes -c "$SECOND" <<<'EPERM tcp 192.0.2.2 7001
EPERM tcp 192.0.2.1 7002
OK tcp 192.0.2.1 7001'
probes <<<'OK tcp 192.0.2.1 7002'
status "detach of the inner one" 0 second detach
probes -c "$SECOND" <<<'OK tcp 192.0.2.1 7002'
agent_end
finish
