#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Real programs under `ask`: curl, ssh, dig over UDP and TCP, held, allowed late, denied late, timed out; IPv4 and
# IPv6. What has come to the peer is counted there.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
for program in curl ssh dig dnsmasq; do
	command -v $program >/dev/null || { skip "no $program ('sudo make deps' installs it)"; finish; }
done
peer_up

policy <<'P'
default out pass
ask timeout 300s out to { 198.51.100.0/24, 2001:db8:5::/64 }
ask timeout 1s else block for 1h out to { 198.51.100.3, 2001:db8:5::3 }
P
agent_start || finish

peer_http
# says what an SSH server says first, and prints what the client does
at_peer "$PYTHON" - >"$W/sshd.out" 2>&1 <<'PY' &
import socket
s = socket.create_server(("::", 2222), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    c, _ = s.accept()
    c.sendall(b"SSH-2.0-test\r\n")
    print(c.recv(100).split(b"\r\n")[0].decode(), flush=True)
    c.close()
PY
SERVERS+=($!)
at_peer dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --address=/x.test/192.0.2.7 --bind-dynamic >"$W/dns.out" 2>&1 &
SERVERS+=($!)
up() { [ "$(at_peer ss -lnH "sport = :8080 or sport = :2222 or sport = :53" | wc -l)" -ge 4 ]; }
until_ok 20 up || fail "no servers at the peer"

# run NAME COMMAND ...: in the guarded cgroup, its output and exit code into a file
run() {
	local name=$1
	shift
	rm -f "$W/$name.rc"
	(guarded "$@" >"$W/$name.out" 2>&1 </dev/null; echo $? >"$W/$name.rc") 6>&- &
}
rc() { until_ok 30 test -s "$W/$1.rc"; cat "$W/$1.rc"; }

# question_at ADDR PORT PROTO: its number; waits
question_at() {
	local find="next((q['id'] for q in [d.get('question', {}) for d in ds] if (q.get('address'), q.get('port'), q.get('proto')) == ('$1', $2, '$3')), '')" id
	for ((n = 0; n < 500; n++)); do
		id=$(json "$find" "$CGWALL" questions --json)
		[ -z "$id" ] || break
		sleep 0.02
	done
	echo "$id"
}
# asks WHAT NAME ADDR PORT PROTO COMMAND ...: begun, and who asks is told
declare -A ID
asks() {
	local what=$1 name=$2 addr=$3 port=$4 proto=$5
	shift 5
	run "$name" "$@"
	ID[$name]=$(question_at "$addr" "$port" "$proto")
	is "$what: who asks" "$(basename "$(readlink -f "$(command -v "$1")")")" "$(question "${ID[$name]}" "q['program']")"
}
# none_yet WHAT NAME ...: nothing of them has come to the peer, and all of them wait
none_yet() {
	local what=$1 name
	shift
	sleep 1.2 # as long as TCP's own first tries take
	is "$what: packets at the peer" "$before" "$(peer_packets)"
	for name; do is "$what: $name still waits" '' "$(cat "$W/$name.rc" 2>/dev/null)"; done
}

SSH="ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p 2222"
url() { case $1 in *:*) echo "http://[$1]:8080/" ;; *) echo "http://$1:8080/" ;; esac; }
before=$(peer_packets)
names=()
for to in $PEER4 $PEER6; do
	asks "curl $to" "curl.$to" $to 8080 tcp curl -sS --noproxy '*' "$(url $to)"
	# shellcheck disable=SC2086
	asks "ssh $to" "ssh.$to" $to 2222 tcp $SSH $to true
	asks "dig $to" "dig.$to" $to 53 udp dig +notcp +short +tries=1 +time=100 @$to x.test
	asks "dig +tcp $to" "digtcp.$to" $to 53 tcp dig +tcp +short +tries=1 +time=100 @$to x.test
	names+=("curl.$to" "ssh.$to" "dig.$to" "digtcp.$to")
done
none_yet "before a yes" "${names[@]}"
for to in $PEER4 $PEER6; do
	for name in curl ssh dig digtcp; do answer "${ID[$name.$to]}" pass; done
	is "curl $to: allowed late" "0 hello" "$(rc "curl.$to") $(cat "$W/curl.$to.out")"
	rc "ssh.$to" >/dev/null
	is "dig $to: allowed late" "0 192.0.2.7" "$(rc "dig.$to") $(cat "$W/dig.$to.out")"
	is "dig +tcp $to: allowed late" "0 192.0.2.7" "$(rc "digtcp.$to") $(cat "$W/digtcp.$to.out")"
done
spoke() { [ "$(grep -c '^SSH-2.0-OpenSSH' "$W/sshd.out")" = 2 ]; }
until_ok 5 spoke && pass "ssh: allowed late" || fail "ssh: allowed late: $(cat "$W/sshd.out")"

# a connection that is closing says so, until nothing of it is left there
closed() { ! at_peer ss -Htan | grep -vE '^(LISTEN|TIME-WAIT)'; }
until_ok 15 closed && until_ok 15 line_quiet || fail "connections do not close: $(at_peer ss -Htan)"
before=$(peer_packets)
names=()
for to in $PEER4 $PEER6; do
	asks "curl $to" "curl.$to" $to 8080 tcp curl -sS --noproxy '*' "$(url $to)"
	# shellcheck disable=SC2086
	asks "ssh $to" "ssh.$to" $to 2222 tcp $SSH $to true
	# its next tries are other sockets', and would be asked about as well; it may be done with them by then
	asks "dig $to" "dig.$to" $to 53 udp dig +short +tries=3 +time=2 @$to x.test
	names+=("curl.$to" "ssh.$to")
done
none_yet "before a no" "${names[@]}"
for to in $PEER4 $PEER6; do
	answer "${ID[curl.$to]}" block
	is "curl $to: denied late" 7 "$(rc "curl.$to")"
	answer "${ID[ssh.$to]}" block
	is "ssh $to: denied late" 255 "$(rc "ssh.$to")"
	like "ssh $to: says so" 'abort|not permitted' "$(cat "$W/ssh.$to.out")"
	answer "${ID[dig.$to]}" block --for=1h
	is "dig $to: denied late" 9 "$(rc "dig.$to")"
done

# nobody answers
for to in $ELSE4 $ELSE6; do
	run "curl.$to" curl -sS --noproxy '*' "$(url $to)"
	run "dig.$to" dig +short +tries=2 +time=2 @$to x.test
done
for to in $ELSE4 $ELSE6; do
	is "curl $to: timed out" 7 "$(rc "curl.$to")"
	run "curl.$to" curl -sS --noproxy '*' "$(url $to)"
	is "curl $to: blocked for 1h" 7 "$(rc "curl.$to")"
	like "curl $to: says so" "ermission|permitted|ailed to connect|ouldn't connect" "$(cat "$W/curl.$to.out")"
	is "dig $to: timed out" 9 "$(rc "dig.$to")"
done
is "denied and timed out: packets at the peer" "$before" "$(peer_packets)"
is "nothing is open" 0 "$(questions)"
finish
