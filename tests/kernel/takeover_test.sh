#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is pinned already: another version's is left alone and goes on enforcing, another build's is taken over whole,
# another cgroup's is refused.
. "$(dirname "$0")/lib.sh"

T1="tcp 192.0.2.1 7001" T2="tcp 192.0.2.2 7001"
STATE=$W/state
# run_with OPTION ...: ends only where it cannot start
run_with() { timeout $((60 * PATIENCE)) "$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --run-dir "$CGWALL_RUN_DIR" "$@" >"$W/start.out" 2>&1; }
field() { json "d['$1']" "$CGWALL" status --json; }
links() { find "$pins" -name 'link_*' -printf '%f\n' | sort; }
# poke OFFSET VALUE: 32 bits of the control map's header (struct cgw_ctl: 8 the version, 12 the build)
poke() {
	"$PYTHON" - "$pins/map_ctl" "$@" <<'P' || fail "the control map cannot be written"
import ctypes, mmap, os, platform, struct, sys
name = ctypes.create_string_buffer(sys.argv[1].encode())
attr = struct.pack("=QII", ctypes.addressof(name), 0, 0) + bytes(112)
fd = ctypes.CDLL(None, use_errno=True).syscall({"x86_64": 321, "aarch64": 280}[platform.machine()], 7, attr, len(attr)) # BPF_OBJ_GET
if fd < 0:
    raise OSError(ctypes.get_errno())
m = mmap.mmap(fd, mmap.PAGESIZE)
old = struct.unpack_from("=I", m, int(sys.argv[2]))[0]
struct.pack_into("=I", m, int(sys.argv[2]), old ^ int(sys.argv[3]))
P
}

policy <<'P'
default out block
pass out to 192.0.2.1
P
agent_start --state-dir "$STATE" --last-good || finish
agent_stop
pins=$("$CGWALL" status --json | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["pins"])')
all=$(links)

# ---- another version ----

# enforces WHAT: what was in force still is, and nothing else
enforces() {
	is "$1: its links" "$all" "$(links)"
	probes <<<"OK $T1
EPERM $T2
EPERM tcp 127.0.0.1 7001"
	is "$1: not closed" "False" "$(field closed)"
}
other_version() { # WHAT
	like "$1: it says why" "$pins was made by another version of cgwall and goes on enforcing" "$(cat "$W/start.out")"
	like "$1: and what that means" "not started; the programs that are attached go on" "$(cat "$W/start.out")"
	unlike "$1: nothing else" "BLOCKED|nothing is enforced" "$(cat "$W/start.out")"
	enforces "$1"
	status "$1: status" 1 "$CGWALL" status
	like "$1: status tells it" "another version of cgwall" "$("$CGWALL" status)"
	is "$1: status --json" "False True" "$(field enforcing) $(field other_version)"
}
poke 8 64
run_with --attach "$PARENT" --state-dir "$STATE" --last-good
is "another version" 1 $?
other_version "another version"
run_with --attach "$PARENT" --state-dir none
is "another version, without --last-good" 1 $?
cp "$W/policy.conf" "$W/good.conf"
echo 'pass owt' >>"$W/policy.conf"
run_with --attach "$PARENT" --state-dir "$STATE" --last-good
is "and the policy has an error" 1 $?
other_version "and the policy has an error"
rm -r "$STATE"
run_with --attach "$PARENT" --state-dir "$STATE" --last-good
is "and nothing is kept" 1 $?
enforces "and nothing is kept"
cp "$W/good.conf" "$W/policy.conf"
poke 8 64
is "this version again" True "$(field enforcing)"

# ---- another build of this version, whose programs have other names ----

poke 12 1
for name in hook_egress proc_exec1; do mv "$pins/link_$name" "$pins/link_was_$name"; done
all=$(links)
echo 'pass owt' >>"$W/policy.conf"
run_with --attach "$PARENT" --state-dir "$STATE" --last-good
is "another build, and no policy" 1 $?
like "it says what that means" "not started; the programs that are attached go on" "$(cat "$W/start.out")"
enforces "another build, and no policy"
is "status --json" "False True" "$(field enforcing) $(field other_version)"
cp "$W/good.conf" "$W/policy.conf"
fire_start EPERM 192.0.2.2 7001 OK 192.0.2.1 7001
agent_start || finish
fire_end "another build is taken over"
is "no program of the other build stays" "" "$(links | grep was_)"
is "status --json" True "$(field enforcing)"
for name in hook_egress proc_exec1; do [ -e "$pins/link_$name" ] || fail "no $name"; done
agent_stop
# none of its names is known
poke 12 1
for name in $(links); do mv "$pins/$name" "$pins/link_was_${name#link_}"; done
agent_start || finish
is "no program of a build of other names stays" "" "$(links | grep was_)"
is "status --json" True "$(field enforcing)"
probes <<<"OK $T1
EPERM $T2"
agent_stop

# ---- another cgroup ----

all=$(links)
run_with --attach "$GUARD" --state-dir "$STATE" --last-good
is "another place" 1 $?
like "it says why" "attached at another cgroup than $GUARD; start with the --attach" "$(cat "$W/start.out")"
like "what was in force stays" "generation [0-9]+ of an earlier agent stays in force" "$(cat "$W/start.out")"
enforces "another place"
is "status --json" True "$(field enforcing)"
agent_start || finish
is "where it is attached" "$PARENT" "$(field attach)"
agent_end
# and with nothing pinned it may be another one
PARENT=$GUARD agent_start || finish
is "attached elsewhere" "$GUARD" "$(field attach)"
probes <<<"OK $T1
EPERM $T2"
agent_end
finish
