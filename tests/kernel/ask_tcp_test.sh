#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `ask` holds connections: nothing reaches the other end before the answer; a late yes lets connect() return, a
# late no or a time-out makes it fail; blocking, not blocking, with limits of its own, by io_uring, with data in
# the SYN, IPv4 and IPv6.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up
peer_serve 7100 60

policy <<'P'
default out pass
ask timeout 300s out to { 198.51.100.0/24, 2001:db8:5::/64 } port 7100-7129 log
ask timeout 1s else pass for 1h out to 198.51.100.0/24 port 7130
ask timeout 1s else block out to 198.51.100.0/24 port 7131
ask timeout 1s else pass out to 2001:db8:5::/64 port 7132
P
agent_start || finish

# held KIND ADDR PORT: nothing leaves
held() {
	local before after
	before=$(peer_packets)
	ask_begin "$1.$3" "$1" "$2" "$3"
	ID=$(question_of "$3")
	after=$(peer_packets)
	is "$1 $2: packets at the peer before the answer" "$before" "$after"
}

before=$(peer_packets)
outside "$ASKER" tcp $PEER4 7150 >/dev/null
[ "$(peer_packets)" -gt "$before" ] && pass "the peer counts" || fail "the peer counts nothing"

# All kinds wait at the same time: a yes to the one is none to the other.
KINDS="tcp nonblock sndtimeo fastopen mptcp uring" REFUSED="tcp nonblock fastopen"
before=$(peer_packets)
for to in $PEER4 $PEER6; do
	[ $to = $PEER4 ] && port=7100 || port=7110
	for kind in $KINDS; do ask_begin "$kind.$((port++))" -t 120000 "$kind" "$to" $((port - 1)); done
	[ $to = $PEER4 ] && port=7120 || port=7125
	for kind in $REFUSED; do ask_begin "$kind.$((port++))" -t 120000 "$kind" "$to" $((port - 1)); done
done
expected=18
for port in 7104 7105 7114 7115; do # what a kernel may lack has said so at once
	grep -qE 'NOURING|EPROTONOSUPPORT' "$W"/*."$port.out" && expected=$((expected - 1))
done
all_open() { [ "$(questions)" = $expected ]; }
until_ok 20 all_open
is "questions" $expected "$(questions)"
sleep 1.2 # as long as TCP's own first tries take
is "packets at the peer before an answer" "$before" "$(peer_packets)"

# a late no ends the call at once; other calls of the flow fail as a block does
for to in $PEER4 $PEER6; do
	[ $to = $PEER4 ] && port=7120 || port=7125
	for kind in $REFUSED; do
		answer "$(question_of $port)" block
		# a call that waits cannot be told EPERM; whoever asks for the error can
		[ "$kind" = nonblock ] && error=EPERM || error=ECONNABORTED
		is "$kind $to: denied late" $error "$(ask_result "$kind.$port")"
		port=$((port + 1))
	done
done
is "packets at the peer after no" "$before" "$(peer_packets)"
for to in $PEER4 $PEER6; do
	[ $to = $PEER4 ] && port=7100 || port=7110
	for kind in $KINDS; do
		if grep -qE 'NOURING|EPROTONOSUPPORT' "$W/$kind.$port.out"; then
			skip "this kernel has no $kind"
		else
			answer "$(question_of $port)" pass
			is "$kind $to: allowed late" OK "$(ask_result "$kind.$port")"
		fi
		port=$((port + 1))
	done
done
is "nothing is open" 0 "$(questions)"

# for a time: the next call is not asked about
held tcp $PEER4 7128
answer "$ID" block --for=1h
is "denied for an hour" ECONNABORTED "$(ask_result tcp.7128)"
ask_begin again tcp $PEER4 7128
is "denied again, at once" EPERM "$(ask_result again)"
held tcp $PEER4 7129
answer "$ID" pass --for=1h
is "allowed for an hour" OK "$(ask_result tcp.7129)"
ask_begin again tcp $PEER4 7129
is "allowed again, at once" OK "$(ask_result again)"
is "nothing was asked" 0 "$(questions)"

# the `else` part after the time-out, for the time it says
ask_begin else4 tcp $PEER4 7130
ask_begin no tcp $PEER4 7131
ask_begin else6 tcp $PEER6 7132
is "else pass" OK "$(ask_result else4)"
ask_begin again tcp $PEER4 7130
is "else pass for 1h: again" OK "$(ask_result again)"
is "else pass for 1h: not asked" "" "$("$CGWALL" questions | grep ':7130 ')"
is "else block" ECONNABORTED "$(ask_result no)"
is "else pass, IPv6" OK "$(ask_result else6)"
ask_begin again tcp $PEER6 7132
is "else pass, again" OK "$(ask_result again)"
is "else pass for that flow alone: asked again" 2 "$("$CGWALL" log | grep -c '^pass out rule 4 asker .*:7132 question [0-9]* timeout$')"

# equal ones are joined, others are not
ask_begin one tcp $PEER4 7105
ask_begin two tcp $PEER4 7105
ask_begin three tcp $PEER4 7106
id=$(question_of 7105)
until_ok 10 sh -c "'$CGWALL' questions --json | grep -q '\"flows\":2'"
is "joined" 2 "$(question "$id" "q['flows']")"
is "questions" 2 "$(questions)"
is "what it tells" "out tcp 7105 $PEER4 asker root ask" \
	"$(question "$id" "' '.join([q['dir'], q['proto'], str(q['port']), q['address'], q['program'], q['user'], q['text'].split()[0]])")"
answer "$id" pass
is "first of two" OK "$(ask_result one)"
is "second of two" OK "$(ask_result two)"
is "the other one waits" 1 "$(questions)"
answer "$(question_of 7106)" pass
is "the other one" OK "$(ask_result three)"

# an answer for everywhere takes the other questions of the program along
ask_begin one tcp $PEER4 7107
ask_begin two tcp $PEER6 7108
question_of 7107 >/dev/null
question_of 7108 >/dev/null
answer "$(question_of 7107)" pass --for=program --scope=any
is "one" OK "$(ask_result one)"
is "both are one program's" OK "$(ask_result two)"

log=$("$CGWALL" log)
like "the log has the question" '^ask out rule 1 asker .*-> 198\.51\.100\.2:7100$' "$log"
like "the log has the yes" '^pass out rule 1 asker .*-> 198\.51\.100\.2:7100 question 1 by uid 0 \(root\) pid [0-9]+ for once$' "$log"
like "the log has the no" '^block out rule 1 asker .*:7128 question [0-9]+ by uid 0 \(root\) pid [0-9]+ for 1h$' "$log"
like "the log has the time-out" '^pass out rule 2 asker .*:7130 question [0-9]+ timeout$' "$log"
is "the log's objects" "pass 1 by" "$(json "[' '.join([x['verdict'], str(x['question']), x['note'].split()[0]]) for x in ds if x['question'] == 1][0]" "$CGWALL" log --json)"
unlike "counters" '"hold(_full)?": [1-9]' "$("$CGWALL" status --json)"
finish
