#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Hosts whose network brings what comes, or leaves, elsewhere than its addresses say: transparent proxies, and routes in
# a VRF. Rules speak of what the packets say, and of interfaces that they really go by; what they allow must go.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
at_peer ip route add default via $HOST4
for p in proxy other; do cp "$FLOW" "$W/bin/$p"; done
FAR=203.0.113.80

# ---- a transparent proxy: what is for another host is given to a socket of this one ----

# tproxy PORT: what goes to $FAR port 80 is for whoever listens there
tproxy() {
	nft -f - <<N
table ip elsewhere
delete table ip elsewhere
table ip elsewhere {
	chain in {
		type filter hook prerouting priority mangle;
		ip daddr $FAR tcp dport 80 tproxy to :$1 meta mark set 1 accept
		ip daddr $FAR udp dport 80 tproxy to :$1 meta mark set 1 accept
	}
}
N
}
if tproxy 7110 2>"$W/nft.out" && ip rule add fwmark 1 lookup 100 && ip route add local default dev lo table 100; then
	policy <<P
default out block
default in block
pass in exe "$W/bin/proxy" to any port 7110
pass in exe "$W/bin/other" to any port 7111
P
	agent_start || finish
	flow_serve "$GUARD" "$W/bin/proxy" -t -a 0.0.0.0 7110
	PROXY=$OUT
	flow_serve "$GUARD" "$W/bin/other" -t -a 0.0.0.0 7111
	OTHER_OUT=$OUT
	calls <<C
OK tcp $HOST4 7110
OK udp $HOST4 7110
TIMEOUT tcp $FAR 80
SILENT udp $FAR 80
C
	is "the port that a rule allows is not that where the proxy listens" 3 "$(grep -cE '^(accept|tcp|udp)' "$PROXY")"
	policy <<P
default out block
default in block
pass in exe "$W/bin/proxy" to $FAR port 80
P
	reload
	calls <<C
OK tcp $FAR 80
TIMEOUT tcp $HOST4 7110
SILENT udp $HOST4 7110
C
	# its answer comes from the proxy's own address
	at_peer "$FLOW" call <<<"udp $FAR 80" >/dev/null
	is "a datagram gets there" 1 "$(grep -c '^udp' "$PROXY" | awk '{print $1 - 1}')"
	tproxy 7111
	calls <<C
TIMEOUT tcp $FAR 80
SILENT udp $FAR 80
C
	is "another program's socket gets nothing of it" 0 "$(grep -cE '^(accept|tcp|udp)' "$OTHER_OUT")"
	nft delete table ip elsewhere
	agent_end
else
	skip "no transparent proxy: $(head -1 "$W/nft.out")"
fi

# ---- eBPF moves what is written to one socket into another program's: `set sockets-other` ----

for p in trick trick.other; do cp "$O/tests/bypass/main" "$W/bin/$p"; done
peer_flow_serve $ELSE4 7009
move() { in_cgroup "$OUTSIDE" "$W/bin/trick" user-sockmap-skb "$GUARD" "$OUTSIDE" >"$W/move.out" 2>&1; }
came() { grep -c '^tcp 11' "$W/serve.$ELSE4.7009"; }
move
if until_ok 2 grep -q '^tcp 11' "$W/serve.$ELSE4.7009"; then
	rules="default out block
pass out exe \"$W/bin/trick\" to $ELSE4 port 7009"
	policy <<<"$rules"
	agent_start || finish
	move
	policy <<<"set sockets-other pass
$rules"
	reload
	move
	until_ok 2 sh -c "[ \$(grep -c '^tcp 11' '$W/serve.$ELSE4.7009') = 2 ]"
	is "it goes where sockets-other lets it, and only there" 2 "$(came)"
	like "the log says that nobody knows who it is" "owner.* by another program's socket$" "$("$CGWALL" log)"
	agent_end
else
	skip "no eBPF for sockets: $(tail -1 "$W/move.out")"
fi

# ---- a queue that lets packets wait: what is to leave in a minute must not outlast the policy ----

cat >"$W/later.py" <<'P'
import socket, struct, sys, time
SO_TXTIME = 61
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, SO_TXTIME, struct.pack("iI", time.CLOCK_MONOTONIC, 0))
at = time.clock_gettime_ns(time.CLOCK_MONOTONIC) + 60 * 10**9
s.sendmsg([b"later"], [(socket.SOL_SOCKET, SO_TXTIME, struct.pack("Q", at))], 0, (sys.argv[1], int(sys.argv[2])))
P
if tc qdisc add dev wall0 root fq horizon 120s horizon_cap 2>"$W/fq.out"; then
	peer_flow_serve $PEER4 7201
	policy <<P
default out block
pass out to $PEER4
P
	agent_start || finish
	guarded "$PYTHON" "$W/later.py" $PEER4 7201 || fail "nothing can be sent later"
	until_ok 5 grep -q ^udp "$W/serve.$PEER4.7201" || fail "a datagram waits longer than a second"
	is "it is there" 1 "$(grep -c ^udp "$W/serve.$PEER4.7201")"
	# nor are many that wait for each other, a second each
	guarded "$PYTHON" - $PEER4 7201 <<-'P' || fail "nothing can be sent slowly"
		import socket, sys
		SO_MAX_PACING_RATE = 47
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, 1)
		for i in range(90):
		    s.sendto(b"slowly", (sys.argv[1], int(sys.argv[2])))
	P
	slowly() { [ "$(grep -c ^udp "$W/serve.$PEER4.7201")" = 91 ]; }
	until_ok 5 slowly && pass "a slow socket's queue is short" || fail "of 90 slow datagrams came $(grep -c ^udp "$W/serve.$PEER4.7201")"
	agent_end
	tc qdisc del dev wall0 root
else
	skip "no queue that lets packets wait: $(head -1 "$W/fq.out")"
fi

# ---- routes in a VRF: the program is bound to its device, and what it sends leaves by another one ----

vrf() { # PROGRAM: lines as guarded_calls takes them, by sockets that are bound to the VRF
	FLOW_DEV=vrf7 guarded_calls "$W/bin/$1"
}
if ip link add vrf7 type vrf table 107 2>"$W/vrf.out"; then
	ip link set vrf7 up
	ip link set wall0 master vrf7
	ip addr add $HOST6/64 dev wall0 nodad 2>/dev/null
	until_ok 10 ready6 wall0
	for a in 2 3; do
		ip neigh replace 198.51.100.$a lladdr 02:00:00:00:51:02 dev wall0 nud permanent
		ip neigh replace 2001:db8:5::$a lladdr 02:00:00:00:51:02 dev wall0 nud permanent
	done
	for a in $PEER4 $PEER6 $ELSE4 $ELSE6; do peer_flow_serve $a 7200; done
	policy <<P
default out block
default in block
pass out to { $PEER4, $PEER6 }
pass in exe "$W/bin/proxy" from $PEER4
P
	agent_start || finish
	vrf proxy <<P
OK tcp $PEER4 7200
OK udp $PEER4 7200
OK tcp $PEER6 7200
OK udp $PEER6 7200
EPERM tcp $ELSE4 7200
EPERM udp $ELSE4 7200
EPERM tcp $ELSE6 7200
EPERM udp $ELSE6 7200
P
	flow_serve "$GUARD" "$W/bin/proxy" -i vrf7 -a 0.0.0.0 7112
	flow_serve "$GUARD" "$W/bin/other" -i vrf7 -a 0.0.0.0 7113
	calls <<C
OK tcp $HOST4 7112 $PEER4
OK udp $HOST4 7112 $PEER4
TIMEOUT tcp $HOST4 7112 $ELSE4
SILENT udp $HOST4 7112 $ELSE4
TIMEOUT tcp $HOST4 7113 $PEER4
SILENT udp $HOST4 7113 $PEER4
C
	policy <<P
default out block
default in block
pass out to { $PEER4, $PEER6 } on "wall0"
pass out to { $ELSE4, $ELSE6 } on "vrf7"
pass in exe "$W/bin/proxy" on "wall0"
pass in exe "$W/bin/other" on "vrf7"
P
	reload
	vrf proxy <<P
OK tcp $PEER4 7200
OK udp $PEER4 7200
OK tcp $PEER6 7200
OK udp $PEER6 7200
ECONNABORTED tcp $ELSE4 7200
EPERM udp $ELSE4 7200
ECONNABORTED tcp $ELSE6 7200
EPERM udp $ELSE6 7200
P
	calls <<C
OK tcp $HOST4 7112
OK udp $HOST4 7112
TIMEOUT tcp $HOST4 7113
SILENT udp $HOST4 7113
C
	agent_end
else
	skip "no VRF: $(head -1 "$W/vrf.out")"
fi
finish
