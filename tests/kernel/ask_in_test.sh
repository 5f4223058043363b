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
ask timeout 300s in from { 198.51.100.0/24, 2001:db8:5::/64 } port any
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
	at_peer "$ASKER" -t 600000 "$@" >"$W/$name.out" 2>&1 </dev/null &
	SERVERS+=($!)
}

# All of it at the same time, by families.
for to in $HOST4 $HOST6; do
	[ $to = $HOST4 ] && port=7300 || port=7310
	from_peer tcp.$port tcp $to $port
	from_peer no.$port -t 4000 nonblock $to $((port + 1))
	from_peer udp.$port quic $to $((port + 2))
	from_peer mute.$port -t 4000 quic $to $((port + 3))
done
for to in $HOST4 $HOST6; do
	[ $to = $HOST4 ] && port=7300 || port=7310
	answer "$(question_of $((port + 1)))" block
	answer "$(question_of $((port + 3)))" block
	id=$(question_of $port)
	is "tcp $to: what it tells" "in tcp $port asker" "$(question "$id" "' '.join([q['dir'], q['proto'], str(q['port']), q['program']])")"
	question_of $((port + 2)) >/dev/null
done
sleep 1.5 # second tries have been refused by then, too
is "one question each" 4 "$(questions)"
for to in $HOST4 $HOST6; do
	[ $to = $HOST4 ] && port=7300 || port=7310
	is "tcp $to: nothing yet" begun "$(cat "$W/tcp.$port.out")"
	is "udp $to: nothing yet" begun "$(cat "$W/udp.$port.out")"
	answer "$(question_of $port)" pass
	is "tcp $to: let in late" OK "$(ask_result tcp.$port)"
	answer "$(question_of $((port + 2)))" pass --for=1h
	is "udp $to: let in late" OK "$(ask_result udp.$port)"
	from_peer again udp $to $((port + 2))
	is "udp $to: again" OK "$(ask_result again)"
done
for port in 7300 7310; do
	is "tcp, port $port: not let in" TIMEOUT "$(ask_result no.$port)"
	is "udp, port $port: not let in" TIMEOUT "$(ask_result mute.$port)"
done
is "nothing is asked again" 0 "$(questions)"

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
thirty_nine() { [ "$(questions)" = 39 ]; }
until_ok 10 thirty_nine
is "flood: one question for each port of ours, but for the one that was answered for 1h" 39 "$(questions)"
finish
