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
ask timeout 60s out to { 198.51.100.0/24, 2001:db8:5::/64 }
ask timeout 1s else block for 1h out to { 198.51.100.3, 2001:db8:5::3 }
P
agent_start || finish

at_peer "$PYTHON" - >"$W/http.out" 2>&1 <<'PY' &
import http.server, socket
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")
    def log_message(self, *args):
        pass
Server(("::", 8080), Handler).serve_forever()
PY
SERVERS+=($!)
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

# late WHAT PORT VERDICT COMMAND ...: held, nothing at the peer, answered
late() {
	local what=$1 port=$2 verdict=$3 before
	shift 3
	before=$(peer_packets)
	run late "$@"
	ID=$(question_of "$port")
	sleep 1.2
	is "$what: packets at the peer before the answer" "$before" "$(peer_packets)"
	is "$what: still waits" '' "$(cat "$W/late.rc" 2>/dev/null)"
	is "$what: who asks" "$(basename "$(readlink -f "$(command -v "$1")")")" "$(question "$ID" "q['program']")"
	# shellcheck disable=SC2086
	answer "$ID" $verdict
}

SSH="ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -p 2222"
for to in $PEER4 $PEER6; do
	[ $to = $PEER4 ] && url="http://$to:8080/" || url="http://[$to]:8080/"
	late "curl $to" 8080 pass curl -sS --noproxy '*' "$url"
	is "curl $to: allowed late" "0 hello" "$(rc late) $(cat "$W/late.out")"
	late "curl $to" 8080 block curl -sS --noproxy '*' "$url"
	is "curl $to: denied late" 7 "$(rc late)"
	# shellcheck disable=SC2086
	late "ssh $to" 2222 pass $SSH $to true
	rc late >/dev/null
	until_ok 5 grep -q SSH "$W/sshd.out"
	like "ssh $to: allowed late" '^SSH-2.0-OpenSSH' "$(tail -1 "$W/sshd.out")"
	# shellcheck disable=SC2086
	late "ssh $to" 2222 block $SSH $to true
	is "ssh $to: denied late" 255 "$(rc late)"
	like "ssh $to: says so" 'abort|not permitted' "$(cat "$W/late.out")"
	for tcp in +notcp +tcp; do
		late "dig $tcp $to" 53 pass dig $tcp +short +tries=1 +time=20 @$to x.test
		is "dig $tcp $to: allowed late" "0 192.0.2.7" "$(rc late) $(cat "$W/late.out")"
	done
	# its second try is another socket's, and would be asked about as well
	late "dig $to" 53 "block --for=1h" dig +short +tries=2 +time=3 @$to x.test
	is "dig $to: denied late" 9 "$(rc late)"
done

# nobody answers
before=$(peer_packets)
for to in $ELSE4 $ELSE6; do
	[ $to = $ELSE4 ] && url="http://$to:8080/" || url="http://[$to]:8080/"
	run curl curl -sS --noproxy '*' "$url"
	is "curl $to: timed out" 7 "$(rc curl)"
	run curl curl -sS --noproxy '*' "$url"
	is "curl $to: blocked for 1h" 7 "$(rc curl)"
	like "curl $to: says so" "ermission|permitted|ailed to connect|ouldn't connect" "$(cat "$W/curl.out")"
	run dig dig +short +tries=2 +time=3 @$to x.test
	is "dig $to: timed out" 9 "$(rc dig)"
done
is "timed out: packets at the peer" "$before" "$(peer_packets)"
is "nothing is open" 0 "$(questions)"
finish
