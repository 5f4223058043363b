#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A thousand questions at once, beside a flow that nobody asks about and that loses nothing; and questions that are
# over because nobody waits any more.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
MANY=${MANY:-1000}
peer_up
peer_serve 20000 $MANY
peer_serve 7500 10

policy <<'P'
default out pass
ask timeout 300s out to { 198.51.100.0/24, 2001:db8:5::/64 } port { 20000-29999, 7500-7509 }
P
agent_start || finish

# the flow beside them: 500 messages a second there and back
at_peer "$FLOW" tcp listen - 7600 both "$W/flow.peer" >"$W/flow.listen" 2>&1 &
SERVERS+=($!)
until_ok 10 grep -q ready "$W/flow.listen"
guarded "$FLOW" tcp connect $PEER4 7600 both "$W/flow.own" >/dev/null 2>&1 6>&- &
FLOWING=$!
SERVERS+=("$FLOWING")
numbers() { od -An -t u8 -w32 "$1" | awk '{print $'"$2"'}'; } # 1 sent, 2 got, 3 gaps, 4 errno
flowing() { [ "$(numbers "$W/flow.own" 2)" -gt 100 ]; }
until_ok 10 flowing

packets_of() { at_peer awk '$1 == "Tcp:" && $2 ~ /^[0-9]/ {print $7}' /proc/net/snmp; } # connections that were accepted
before=$(packets_of)
ask_begin many -t 280000 -n "$MANY" -p "$MANY" tcp $PEER4 20000
all_open() { [ "$(questions)" -ge "$MANY" ]; }
until_ok 60 all_open
is "open at once" "$MANY" "$(questions)"
is "none of them has reached the peer" "$before" "$(packets_of)"
is "all are let through" "$MANY" "$(answer_all pass)"
until_ok 60 grep -q ok "$W/many.out"
is "all are up" "ok $MANY failed 0 waiting 0 -" "$(tail -1 "$W/many.out")"
until_ok 5 no_questions
is "none is left" 0 "$(questions)"

ask_begin many -t 280000 -n "$MANY" -p "$MANY" tcp $PEER6 20000
until_ok 60 all_open
is "all are refused" "$MANY" "$(answer_all block)"
until_ok 60 grep -q ok "$W/many.out"
is "all have failed" "ok 0 failed $MANY waiting 0 EPERM" "$(tail -1 "$W/many.out")"

ask_begin many -t 280000 -n "$MANY" -p "$MANY" udp $PEER4 20000
until_ok 60 all_open
is "datagrams are let through" "$MANY" "$(answer_all pass)"
until_ok 60 grep -q ok "$W/many.out"
is "all come back" "ok $MANY failed 0 waiting 0 -" "$(tail -1 "$W/many.out")"

# as many connections to one place are one question
ask_begin many -t 280000 -n 900 tcp $PEER4 7500
joined() { [ "$(question "$(question_of 7500)" "q['flows']")" = 900 ]; }
until_ok 30 joined
is "joined: one question" 1 "$(questions)"
is "joined: all of them" 900 "$(question "$(question_of 7500)" "q['flows']")"
is "joined: all are let through" 900 "$(answer_all pass)"
until_ok 60 grep -q ok "$W/many.out"
is "joined: all are up" "ok 900 failed 0 waiting 0 -" "$(tail -1 "$W/many.out")"

# the flow beside them
sent=$(numbers "$W/flow.own" 1)
caught_up() { [ "$(numbers "$W/flow.peer" 2)" -ge "$sent" ]; }
until_ok 10 caught_up && pass "everything of the other flow arrives" || fail "the other flow: $(numbers "$W/flow.peer" 2) of $sent"
is "the other flow: gaps and errors there" "0 0" "$(numbers "$W/flow.peer" 3) $(numbers "$W/flow.peer" 4)"
is "the other flow: gaps and errors here" "0 0" "$(numbers "$W/flow.own" 3) $(numbers "$W/flow.own" 4)"

# nobody waits any more: the socket is closed, the program is gone, its own patience is over
ask_begin closed -k nonblock $PEER4 7501
question_of 7501 >/dev/null
"$PYTHON" - "$CGWALL_RUN_DIR/control" <<'PY' >"$W/follow.out" &
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{"do":"questions","follow":true}\n')
for line in s.makefile():
    o = json.loads(line)
    print(o["event"], o.get("question", {}).get("port"), o.get("how"), flush=True)
PY
SERVERS+=($!)
until_ok 10 grep -q ready "$W/follow.out"
kill $ASK_PID
until_ok 10 no_questions
is "closed: withdrawn" 0 "$(questions)"
follows() { if until_ok 10 grep -q "$2" "$W/follow.out"; then pass "$1"; else fail "$1: no '$2' in: $(cat "$W/follow.out")"; fi; }
follows "closed: followed" '^close 7501 withdrawn$'
ask_begin impatient -t 700 sndtimeo $PEER4 7502
is "its own limit" EINPROGRESS "$(ask_result impatient)"
follows "its own limit: withdrawn" '^close 7502 withdrawn$'
is "its own limit: nothing is open" 0 "$(questions)"
ask_begin many -t 280000 -n 300 -p 300 tcp $PEER4 20000
question_of 20000 >/dev/null
kill $ASK_PID
until_ok 20 no_questions
is "killed: all withdrawn" 0 "$(questions)"
many_closed() { [ "$(grep -c '^close 2[0-9]* withdrawn$' "$W/follow.out")" = 300 ]; }
until_ok 10 many_closed
is "killed: followed" 300 "$(grep -c '^close 2[0-9]* withdrawn$' "$W/follow.out")"
unlike "followed without a gap" '^lost' "$(cat "$W/follow.out")"
is "an answer comes too late" 1 "$("$CGWALL" answer 1 pass >/dev/null 2>&1; echo $?)"
echo "  the agent: $(awk '/RssAnon/ {print $2, $3}' "/proc/$AGENT/status") of its own, $(awk '{print ($14 + $15) / 100}' "/proc/$AGENT/stat") s of CPU"
finish
