#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `ask` holds datagrams: they count as sent, go on late as they were, or never; answers to them come back; what
# cannot be held is refused and told. IPv4 and IPv6.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up
peer_serve 7200 60
echo '0 0' >/proc/sys/net/ipv4/ping_group_range

policy <<'P'
default out pass
default in block
ask timeout 300s out to { 198.51.100.0/24, 2001:db8:5::/64 }
ask timeout 1s else pass for 1h out to 198.51.100.0/24 port 7230
ask timeout 1s out to { 198.51.100.0/24, 2001:db8:5::/64 } port 7231
P
agent_start || finish

# Everything waits at the same time.
KINDS="udp sendto quic gso"
before=$(peer_packets)
for to in $PEER4 $PEER6; do
	[ $to = $PEER4 ] && port=7200 || port=7210
	# and four more: a no for udp and quic, a yes and a no for a time
	for kind in $KINDS udp quic udp udp; do ask_begin "$kind.$((port++))" -t 120000 "$kind" "$to" $((port - 1)); done
done
all_open() { [ "$(questions)" = 16 ]; }
until_ok 20 all_open
is "questions" 16 "$(questions)"
sleep 0.5 # QUIC has repeated itself
is "packets at the peer before an answer" "$before" "$(peer_packets)"
for to in $PEER4 $PEER6; do
	[ $to = $PEER4 ] && port=7204 || port=7214
	# a late no: what was held is gone, what the flow sends next is refused
	answer "$(question_of $port)" block
	answer "$(question_of $((port + 1)))" block
	is "quic $to: denied late: the next datagram" EPERM "$(ask_result quic.$((port + 1)))"
	answer "$(question_of $((port + 3)))" block --for=1h
	ask_begin again udp $to $((port + 3))
	is "udp $to: blocked again, not asked" EPERM "$(ask_result again)"
	ask_begin again sendto $to $((port + 3))
	is "sendto $to: blocked again, not asked" EPERM "$(ask_result again)"
done
is "denied late: packets at the peer" "$before" "$(peer_packets)"
for to in $PEER4 $PEER6; do
	[ $to = $PEER4 ] && port=7200 || port=7210
	for kind in $KINDS; do
		answer "$(question_of $port)" pass
		is "$kind $to: what was held comes back" OK "$(ask_result "$kind.$port")"
		port=$((port + 1))
	done
	port=$((port + 2))
	answer "$(question_of $port)" pass --for=1h
	is "udp $to: allowed" OK "$(ask_result udp.$port)"
	ask_begin again udp $to $port
	is "udp $to: allowed again, not asked" OK "$(ask_result again)"
done

# time-outs
ask_begin else udp $PEER4 7230
ask_begin no quic $PEER4 7231
ask_begin no6 quic $PEER6 7231
is "else pass" OK "$(ask_result else)"
ask_begin again udp $PEER4 7230
is "else pass for 1h: again" OK "$(ask_result again)"
is "else pass for 1h: not asked" "" "$("$CGWALL" questions | grep ':7230 ')"
is "else block" EPERM "$(ask_result no)"
is "else block, IPv6" EPERM "$(ask_result no6)"

# a socket that is to hear of errors is told at once, and what was held goes on all the same (to a port where nobody
# answers, so that nothing follows)
before=$(peer_packets)
ask_begin recverr recverr $PEER4 7290
is "recverr" ENOBUFS "$(ask_result recverr)"
answer "$(question_of 7290)" pass
sent_on() { [ "$(peer_packets)" -gt "$before" ]; }
until_ok 5 sent_on && pass "recverr: sent on" || fail "recverr: not sent on"

# ping: the kernel tells its IPv4 sockets that it was not sent; programs try again
for to in $PEER4 $PEER6; do
	before=$(peer_packets)
	ask_begin ping ping $to 0
	until_ok 10 sh -c "'$CGWALL' questions --json | grep -q '\"proto\":\"icmp'"
	[ $to = $PEER6 ] || is "ping $to" ENOBUFS "$(ask_result ping)"
	is "ping $to: packets at the peer before the answer" "$before" "$(peer_packets)"
	id=$("$CGWALL" questions --json | grep '"proto":"icmp' | grep -oE '"id":[0-9]+' | head -1)
	answer "${id#*:}" pass --for=1h
	until_ok 5 sent_on && pass "ping $to: sent on" || fail "ping $to: not sent on"
	[ $to = $PEER4 ] || is "ping $to" OK "$(ask_result ping)"
	ask_begin ping ping $to 0
	is "ping $to: again" OK "$(ask_result ping)"
done

# what cannot be held is refused, and said so
before=$(peer_packets)
for to in $PEER4 $PEER6; do
	for kind in lite raw sctp; do
		ask_begin $kind -t 500 $kind $to 7250
		result=$(ask_result $kind)
		case $kind.$result in
		lite.EPROTONOSUPPORT | sctp.EPROTONOSUPPORT | sctp.ESOCKTNOSUPPORT) skip "this kernel has no $kind" ;;
		raw.E* | lite.E* | sctp.EPERM | lite.TIMEOUT | sctp.TIMEOUT) pass "$kind $to: $result" ;;
		*) fail "$kind $to: $result" ;;
		esac
	done
done
is "refused: packets at the peer" "$before" "$(peer_packets)"
is "refused: not asked" 0 "$(questions)"
like "refused: the log" 'error hold asker' "$("$CGWALL" log)"
like "refused: the counter" '"hold": ?[1-9]' "$("$CGWALL" status --json)"

# a queue that is full drops, and does not grow
guarded "$PYTHON" - $PEER4 <<'PY' >"$W/flood.out" 2>&1
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sent = 0
for i in range(1000):
    sent += s.sendto(b"datagram %d" % i, (sys.argv[1], 7255)) > 0
print(sent)
PY
is "flood: all count as sent" 1000 "$(cat "$W/flood.out")"
id=$(question_of 7255)
is "flood: kept" 16 "$(question "$id" "q['flows']")"
before=$(peer_datagrams)
answer "$id" pass
arrived() { [ "$(peer_datagrams)" -ge $((before + 16)) ]; }
until_ok 5 arrived
is "flood: what arrives" $((before + 16)) "$(peer_datagrams)"
finish
