#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Inbound `ask`: what begins outside is dropped without a sign while the question is open; what the other end
# repeats after a yes gets in, after a no it does not. TCP and UDP, IPv4 and IPv6.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up

policy <<'P'
default out pass
default in pass
ask timeout 60s in from { 198.51.100.0/24, 2001:db8:5::/64 } port any
ask timeout 1s else pass for 1h in from 198.51.100.0/24 service tcp/7330
P
sed -i 's/ port any//' "$W/policy.conf"
agent_start || finish
in_cgroup "$GUARD" "$ASKER" serve 7300 40 >"$W/serve.out" 2>&1 6>&- &
SERVERS+=($!)
until_ok 10 grep -q ready "$W/serve.out"

# from_peer NAME KIND ADDR PORT
from_peer() {
	local name=$1
	shift
	rm -f "$W/$name.out"
	at_peer "$ASKER" -t 15000 "$@" >"$W/$name.out" 2>&1 </dev/null &
	SERVERS+=($!)
}

for to in $HOST4 $HOST6; do
	[ $to = $HOST4 ] && port=7300 || port=7310
	from_peer tcp tcp $to $port
	id=$(question_of $port)
	is "tcp $to: what it tells" "in tcp $port asker" "$(question "$id" "' '.join([q['dir'], q['proto'], str(q['port']), q['program']])")"
	sleep 1.5 # its second try has been refused by then, too
	is "tcp $to: nothing yet" begun "$(cat "$W/tcp.out")"
	is "tcp $to: one question" 1 "$(questions)"
	answer "$id" pass
	is "tcp $to: let in late" OK "$(ask_result tcp)"
	port=$((port + 1))
	from_peer tcp -t 3000 nonblock $to $port
	answer "$(question_of $port)" block
	is "tcp $to: not let in" TIMEOUT "$(ask_result tcp)"
	is "tcp $to: not asked again" 0 "$(questions)"
	port=$((port + 1))
	from_peer udp quic $to $port
	id=$(question_of $port)
	is "udp $to: nothing yet" begun "$(cat "$W/udp.out")"
	answer "$id" pass --for=1h
	is "udp $to: let in late" OK "$(ask_result udp)"
	from_peer udp udp $to $port
	is "udp $to: again" OK "$(ask_result udp)"
	is "udp $to: not asked again" 0 "$(questions)"
	port=$((port + 1))
	from_peer udp -t 2000 quic $to $port
	answer "$(question_of $port)" block
	is "udp $to: not let in" TIMEOUT "$(ask_result udp)"
done

from_peer tcp tcp $HOST4 7330
is "else pass" OK "$(ask_result tcp)"
from_peer tcp tcp $HOST4 7330
is "else pass for 1h: again" OK "$(ask_result tcp)"
is "nothing is asked" 0 "$(questions)"

# a flood from outside leaves room for what is asked about inside, and asks no more than it may
at_peer ip addr add 198.51.100.5/24 dev peer0
at_peer "$PYTHON" - $HOST4 <<'PY'
import socket, sys
for port in range(20000, 21200):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("198.51.100.2", port))
    s.sendto(b"x", (sys.argv[1], 7300 + port % 40))
    s.close()
PY
is "flood: one question for each port of ours, but for the one that was answered for 1h" 39 "$(questions)"
finish
