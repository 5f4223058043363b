#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The asking agent is killed in the middle: `background` decides, and the next agent takes the open questions and
# what was answered over.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up
peer_serve 7400 40
BEAT=5 # CGW_BEAT_LIFE_NS

policy <<'P'
default out pass background block
ask timeout 120s out to { 198.51.100.0/24, 2001:db8:5::/64 }
P
agent_start || finish

# what was answered for a time holds without an agent and under the next; until the process ends, too
ask_begin hour udp $PEER4 7410
answer "$(question_of 7410)" pass --for=1h
is "for an hour" OK "$(ask_result hour)"
cat >"$W/twice.py" <<'PY'
import socket, sys
def go():
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
    s.close()
    print("OK 0", flush=True)
print("begun", flush=True)
go()
sys.stdin.readline()
go()
PY
rm -f "$W/twice.in"
mkfifo "$W/twice.in"
in_cgroup "$GUARD" "$PYTHON" "$W/twice.py" $PEER4 7411 <>"$W/twice.in" >"$W/twice.out" 2>&1 6>&- &
SERVERS+=($!)
answer "$(question_of 7411)" pass --for=program --scope=any --who=program
is "for the program" OK "$(ask_result twice)"

# in the middle of TCP and UDP questions, joined and single ones
ask_begin tcp4 tcp $PEER4 7400
ask_begin tcp4too tcp $PEER4 7400
ask_begin tcp6 tcp $PEER6 7401
ask_begin udp4 udp $PEER4 7402
ask_begin udp6 udp $PEER6 7403
for port in 7400 7401 7402 7403; do question_of $port >/dev/null; done
joined() { "$CGWALL" questions --json | grep -q '"flows":2'; }
until_ok 5 joined
ids() { json "sorted((d['question']['port'], d['question']['id']) for d in ds if 'question' in d)" "$CGWALL" questions --json; }
before=$(ids)
packets=$(peer_packets)
agent_kill

# what is new waits until the agent is known to be dead, then `background` decides
sleep $BEAT
ask_begin new tcp $PEER4 7404
is "background block: a new connection" EPERM "$(ask_result new)"
ask_begin new udp $PEER4 7405
is "background block: a new datagram" EPERM "$(ask_result new)"
is "background block: what waits goes on waiting" begun "$(tail -1 "$W/tcp4.out")"
is "background block: packets at the peer" "$packets" "$(peer_packets)"
ask_begin again udp $PEER4 7410
is "for an hour, without an agent" OK "$(ask_result again)"
packets=$(peer_packets)

agent_start || finish
is "the next agent has the questions, by their numbers" "$before" "$(ids)"
is "and their flows" 2 "$(question "$(question_of 7400)" "q['flows']")"
is "nothing has left" "$packets" "$(peer_packets)"
answer "$(question_of 7400)" pass
is "one" OK "$(ask_result tcp4)"
is "and the one that joined it" OK "$(ask_result tcp4too)"
answer "$(question_of 7401)" block
is "another, refused" ECONNABORTED "$(ask_result tcp6)"
answer "$(question_of 7402)" pass
is "datagrams" OK "$(ask_result udp4)"
answer "$(question_of 7403)" pass
is "a datagram that nobody repeats" OK "$(ask_result udp6)"
until_ok 5 no_questions
is "nothing is left" 0 "$(questions)"

is "the answers are remembered" 2 "$("$PYTHON" - "$W/run/control" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b'{"do":"answers"}\n')
f = s.makefile()
n = 0
for line in f:
    o = json.loads(line)
    if not o.get("more"):
        break
    n += 1
print(n)
PY
)"
is "only the agent's user reads them" 600 "$(stat -c %a "$W/run/answers")"
ask_begin again udp $PEER4 7410
is "for an hour, under the next agent" OK "$(ask_result again)"
echo >"$W/twice.in"
second() { [ "$(grep -c OK "$W/twice.out")" = 2 ]; }
until_ok 20 second && pass "for the program, under the next agent" || fail "for the program, under the next agent: $(cat "$W/twice.out")"
is "nobody was asked" 0 "$(questions)"
ask_begin other udp $PEER4 7411
question_of 7411 >/dev/null
is "another program is asked about" 1 "$(questions)"
answer "$(question_of 7411)" pass
mkdir "$W/run/.answers" # where the file's next version would be written
out=$("$CGWALL" forget 1000001 2>&1)
is "forget where the file cannot be written" 1 $?
like "it says so" 'forgotten, but comes back with the next agent: .*/answers cannot be written' "$out"
rmdir "$W/run/.answers"
is "forget again" "1 cgwall: there is no such answer" "$(out=$("$CGWALL" forget 1000001 2>&1); echo "$? $out")"
unlike "the file has caught up" '1000001' "$(cat "$W/run/answers")"
ask_begin again udp $PEER4 7410
id=$(question_of 7410)
like "forgotten: asked again" '^[0-9]+$' "$id"
answer "$id" pass

# stopped in order: nobody can be asked from that moment on; background pass lets go what waits
policy <<'P'
default out pass background pass
ask timeout 120s out to { 198.51.100.0/24, 2001:db8:5::/64 } port 7420-7429
P
reload
ask_begin tcp tcp $PEER4 7420
ask_begin tcp6 nonblock $PEER6 7421
question_of 7420 >/dev/null
question_of 7421 >/dev/null
agent_stop
is "background pass: what waits is let through" OK "$(ask_result tcp)"
is "background pass: what waits is let through, IPv6" OK "$(ask_result tcp6)"
ask_begin new tcp $PEER4 7422
is "background pass: a new connection, at once" OK "$(ask_result new)"
agent_start || finish
is "what background let through is not asked about" 0 "$(questions)"

# questions that the next policy does not ask are over
ask_begin tcp tcp $PEER4 7423
question_of 7423 >/dev/null
agent_kill
policy <<'P'
default out pass
P
agent_start || finish
is "no question any more" 0 "$(questions)"
is "the new policy lets it through" OK "$(ask_result tcp)"
finish
