#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who tries to wear the wall out: more sockets, connections, destinations, programs, processes and log lines
# than any table holds. Verdicts stay right, and what is lost is counted.
# SOCKETS, CONNECTIONS, DATAGRAMS, PATHS, PROCESSES, SHARERS, LINES_LOGGED: how many of each.
. "$(dirname "$0")/lib.sh"

GOOD=192.0.2.1 BAD=192.0.2.2 AT=7100
E=$W/bin/exhaust
copy_exhaust() { cp "$O/tests/kernel/exhaust" "$1"; }
copy_exhaust "$E"
mkdir -p "$W/p" "$GUARD/idle"

"$E" serve $AT >"$W/serve.exhaust" 2>&1 &
SERVERS+=($!)
until_ok 10 grep -q ready "$W/serve.exhaust"

# right WHAT REGEX OUTPUT: no call ended as it must not
right() {
	like "$1" "$2" "$3"
	[ -z "$3" ] || echo "  $3, $((SECONDS - started)) s"
	started=$SECONDS
}
started=$SECONDS
counter() { json "d['counters']['$1']" "$CGWALL" status --json; }

allow() { # ADDRESS: it may be called, $BAD never
	policy <<P
default out block
default in  block
pass  out exe "$E" to 127.0.0.0/8
pass  out exe "$E" to $1 port $AT
pass  out exe "$W/p/p*5" to $1 port $AT
pass  out cgroup "${GUARD#"$CGROOT"/}/idle" exe "$W/bin/client" to $1
block out to $BAD log label "logged"
P
}

# hold_start N: a connection that stays (of a program that goes on running)
hold_start() {
	mkfifo "$W/hold.in"
	guarded "$E" hold $GOOD $AT <"$W/hold.in" >"$W/hold.out" 2>&1 &
	HOLD=$!
	exec 7>"$W/hold.in"
	rm "$W/hold.in"
	until_ok 10 grep -q ready "$W/hold.out"
}
hold_end() { # WHAT EXPECTED
	exec 7>&-
	wait "$HOLD"
	is "$1" "$2" "$(tail -1 "$W/hold.out")"
}

allow $GOOD
agent_start || finish
# a cgroup that is known from now on and then not heard of for a long time
probes -c "$GUARD/idle" <<<"OK tcp $GOOD $AT
EPERM tcp $BAD $AT"
right "short connections" ' 0 wrong' "$(guarded "$E" connects "${CONNECTIONS:-200000}" $GOOD $BAD $AT)"

# ---- sockets: every one carries a record of the kernel's ----

mkfifo "$W/sockets.in"
guarded "$E" sockets "${SOCKETS:-100000}" $GOOD $BAD $AT <"$W/sockets.in" >"$W/sockets.out" 2>&1 &
exec 8>"$W/sockets.in"
until_ok 60 grep -q ready "$W/sockets.out"
right "sockets, as they are opened" '^ready.* 0 wrong' "$(tail -1 "$W/sockets.out")"
check() { # RESULT
	local lines
	lines=$(wc -l <"$W/sockets.out")
	echo "check $1" >&8
	until_ok 60 sh -c "[ \$(wc -l <'$W/sockets.out') -gt $lines ]"
	right "sockets: $1" '^checked.* 0 wrong' "$(tail -1 "$W/sockets.out")"
}
check OK
allow 192.0.2.77
reload
check EPERM
allow $GOOD
reload
check OK
exec 8>&-

# ---- destinations: more than there are places for flows ----

right "datagrams" ' 0 wrong, live 0 wrong, idle 0 wrong, blocked 0 wrong' \
	"$(guarded "$E" datagrams "${DATAGRAMS:-200000}" $GOOD $BAD $AT)"

# ---- programs: more than there are places for paths ----

hold_start
right "programs" ' 0 wrong' "$(guarded "$E" paths "${PATHS:-10000}" "$W/p" $GOOD $BAD $AT)"
right "an old program" ' 0 wrong' "$(guarded "$E" connects 100 $GOOD $BAD $AT)"
probes -c "$GUARD/idle" <<<"OK tcp $GOOD $AT
EPERM tcp $BAD $AT"
reload
probes -c "$GUARD/idle" <<<"OK tcp $GOOD $AT
EPERM tcp $BAD $AT"
hold_end "a connection of a running program after that and a reload" up

# ---- processes: none is forgotten, none is remembered that has gone ----

right "processes" ' 0 wrong' "$(guarded "$E" processes "${PROCESSES:-10000}")"
# records of processes that were no more a moment ago; those that look here come and go
gone() {
	local pins
	pins=$(json "d['pins']" "$CGWALL" status --json)
	$PYTHON - "$pins/map_procs" <<-'P'
		import json, os, subprocess, sys, time

		def dead():
		    out = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", sys.argv[1]], stdout=subprocess.PIPE).stdout
		    pids = (int.from_bytes(bytes(int(b, 16) for b in x["key"]), sys.byteorder) for x in json.loads(out))
		    return {pid for pid in pids if not os.path.exists("/proc/%d" % pid)}

		before = dead()
		time.sleep(.3)
		print(len(before & dead()))
	P
}
is "records of processes that have ended" 0 "$(gone)"
for i in 1 2 3; do # answers arrive on one CPU while another sends
	right "one socket of many processes, $i" ' 0 wrong' "$(guarded "$E" shared "${SHARERS:-300}" $GOOD $BAD $AT)"
done

# ---- log lines: more than the ring buffer holds, and nobody reads ----

lost=$(counter lost)
before=$(counter block)
kill -STOP "$AGENT"
out=$(guarded "$E" blocked "${LINES_LOGGED:-50000}" $BAD $AT)
kill -CONT "$AGENT"
right "blocked while the agent stands still" ' 0 wrong' "$out"
lost=$(($(counter lost) - lost))
is "all of them are counted as blocked" "${LINES_LOGGED:-50000}" "$(($(counter block) - before))"
[ "$lost" -ge $((${LINES_LOGGED:-50000} - 20000)) ] && pass "lost lines" || fail "lost lines: $lost"
like "the log tells where lines are missing" "log lines were lost here" "$("$CGWALL" log | grep lost)"
agent_end
finish
