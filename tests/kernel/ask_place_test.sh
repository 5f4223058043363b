#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is held is sent on from where it came: another network namespace, a socket bound to a device, link-local and
# multicast addresses, marks, translated addresses; and no namespace is kept alive by it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up || finish
peer_serve 7700 40
outside "$ASKER" serve 7740 20 >"$W/serve.out" 2>&1 6>&- &
SERVERS+=($!)
until_ok 10 grep -q ready "$W/serve.out"

policy <<'P'
default out pass
default in pass
ask timeout 300s out to any port { 7700-7759, 5353 }
P
agent_start || finish

# script NAME TEXT: an executable file of the test's own
script() { printf '#!/bin/sh\n%s\n' "$2" >"$W/$1" && chmod +x "$W/$1"; }

# ---- a program in another network namespace ----

script there "exec nsenter -t $PEER_PID -n $ASKER \"\$@\""
port=7740
for to in $HOST4 $HOST6; do
	for kind in tcp udp; do
		ASK_AS=$W/there ask_begin there $kind $to $port
		answer "$(question_of $port)" pass
		is "another namespace, $kind $to: allowed" OK "$(ask_result there)"
		port=$((port + 1))
	done
	ASK_AS=$W/there ask_begin there tcp $to $port
	answer "$(question_of $port)" block
	is "another namespace, tcp $to: denied" ECONNABORTED "$(ask_result there)"
	port=$((port + 1))
	ASK_AS=$W/there ask_begin there -t 1000 nonblock $to $port
	is "another namespace, tcp $to: gives up" TIMEOUT "$(ask_result there)"
	withdrawn() { "$CGWALL" log | grep -q ":$port question [0-9]* withdrawn"; }
	until_ok 10 withdrawn && pass "another namespace, tcp $to: withdrawn" || fail "another namespace, tcp $to: not withdrawn: $("$CGWALL" log | tail -2)"
	port=$((port + 1))
done
own=$(readlink "/proc/$AGENT/ns/net")
kept() { find "/proc/$AGENT/fd" -lname 'net:*' -exec readlink {} + | grep -cvF "$own"; }
is "no namespace is kept" 0 "$(kept)"

# a namespace whose last process ends while its packet is held: it is kept so long, and no longer
unshare -n sleep infinity &
gone=$!
until_ok 10 sh -c "[ \"\$(readlink /proc/$gone/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
nsenter -t $gone -n sh -c 'ip link set lo up'
script gone "exec nsenter -t $gone -n $ASKER \"\$@\""
ASK_AS=$W/gone ask_begin gone -t 100 udp 127.0.0.1 7759
id=$(question_of 7759)
kill $gone
ask_result gone >/dev/null
wait $gone 2>/dev/null
is "a namespace without a process is kept" 1 "$(kept)"
ask_begin beside udp $PEER4 7719
other=$(question_of 7719)
answer "$id" pass
unlike "a namespace without a process: sent on" "question $id: " "$(cat "$W/agent.log")"
is "and is not kept any longer, though there is another question" 0 "$(kept)"
answer "$other" pass
is "that other question" OK "$(ask_result beside)"

# a namespace in which only a thread is: what /proc shows of its process is another one
cat >"$W/thread.py" <<'PY'
import ctypes, os, socket, threading
def alone():
    if ctypes.CDLL(None, use_errno=True).unshare(0x40000000): # CLONE_NEWNET
        print("begun\nno unshare", flush=True)
        return
    os.system("ip link set lo up")
    there, here = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    there.bind(("127.0.0.1", 7755))
    there.settimeout(60)
    here.sendto(b"hello", ("127.0.0.1", 7755))
    print("begun", flush=True)
    try:
        print("OK" if there.recv(100) == b"hello" else "something else", flush=True)
    except OSError as e:
        print(type(e).__name__, flush=True)
t = threading.Thread(target=alone)
t.start()
t.join()
PY
script thread "exec $PYTHON $W/thread.py"
ASK_AS=$W/thread ask_begin thread
id=$(question_of 7755)
is "a thread's own namespace is kept" 1 "$(kept)"
answer "$id" pass
is "a thread's own namespace: sent on" OK "$(ask_result thread)"
is "and is not kept any longer" 0 "$(kept)"

# ---- sockets that want to go a certain way ----

cat >"$W/way.py" <<'PY'
import socket, sys
kind, addr, port, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
info = socket.getaddrinfo(addr, port)[0]
s = socket.socket(info[0], socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(60)
if how == "device":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wall0")
elif how == "mark":
    s.setsockopt(socket.SOL_SOCKET, 36, 77) # SO_MARK
elif how == "tos":
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0x48)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 33)
print("begun", flush=True)
try:
    s.connect(info[4])
    s.send(b"hello")
    print("OK" if s.recv(100) else "closed")
except OSError as e:
    print(type(e).__name__)
PY
script way "exec $PYTHON $W/way.py \"\$@\""
way() { # WHAT KIND ADDR PORT HOW VERDICT EXPECTED
	ASK_AS=$W/way ask_begin way "$2" "$3" "$4" "$5"
	answer "$(question_of "$4")" "$6"
	is "$1" "$7" "$(ask_result way)"
}
way "bound to a device, tcp" tcp $PEER4 7700 device pass OK
way "bound to a device, tcp, IPv6" tcp $PEER6 7701 device pass OK
way "bound to a device, udp" udp $PEER4 7702 device pass OK
way "bound to a device, udp, IPv6" udp $PEER6 7703 device pass OK
way "bound to a device, denied" tcp $PEER4 7704 device block PermissionError
# what a marked packet needs to get there is a route that only it has
ip route add 203.0.113.0/24 dev wall0 table 77
ip rule add fwmark 77 lookup 77
at_peer ip addr add 203.0.113.7/32 dev peer0
ip neigh replace 203.0.113.7 lladdr 02:00:00:00:51:02 dev wall0 nud permanent
way "marked, tcp" tcp 203.0.113.7 7705 mark pass OK
way "marked, udp" udp 203.0.113.7 7706 mark pass OK
way "TOS and TTL" udp $PEER4 7707 tos pass OK
peer_ll=$(at_peer ip -6 addr show dev peer0 scope link | awk '/inet6/ {sub("/.*", "", $2); print $2}')
ip neigh replace "$peer_ll" lladdr 02:00:00:00:51:02 dev wall0 nud permanent
way "link-local, tcp" tcp "$peer_ll%wall0" 7708 plain pass OK
way "link-local, udp" udp "$peer_ll%wall0" 7709 plain pass OK
way "link-local, denied" tcp "$peer_ll%wall0" 7710 plain block PermissionError
way "loopback, tcp" tcp 127.0.0.1 7750 plain pass OK
way "loopback, udp, IPv6" udp ::1 7751 plain pass OK
way "this host's own address" tcp $HOST4 7752 plain pass OK
way "mapped, tcp" tcp ::ffff:$PEER4 7711 plain pass OK
way "mapped, udp" udp ::ffff:$PEER4 7712 plain pass OK

# ---- to many ----

at_peer "$PYTHON" - >"$W/group.out" 2>&1 <<'PY' &
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 5353))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("224.0.0.251") + socket.inet_aton("198.51.100.2"))
print("ready", flush=True)
while True:
    print(s.recv(100).decode(), flush=True)
PY
SERVERS+=($!)
until_ok 10 grep -q ready "$W/group.out"
guarded "$PYTHON" - <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("198.51.100.1"))
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b"to a group", ("224.0.0.251", 5353))
s.sendto(b"to all", ("198.51.100.255", 5353))
PY
two() { [ "$(questions)" = 2 ]; }
until_ok 10 two
is "multicast, broadcast: nothing yet" ready "$(cat "$W/group.out")"
is "multicast, broadcast: both are let through" 2 "$(answer_all pass)"
got_both() { [ "$(wc -l <"$W/group.out")" = 3 ]; }
until_ok 10 got_both
is "multicast, broadcast: they arrive" "to a group to all" "$(tail -n +2 "$W/group.out" | sort | paste -sd' ')"

# ---- where the host translates addresses on the way out, TCP repeats what cannot be sent on ----

cat >"$W/nat.nft" <<'N'
table ip cgwall_test {
	chain out { type nat hook output priority -100; ip daddr 203.0.113.99 dnat to 198.51.100.2; }
	chain post { type nat hook postrouting priority 100; ip daddr 198.51.100.2 tcp dport { 7721, 7723 } snat to 198.51.100.9; }
}
N
if command -v nft >/dev/null && nft -f "$W/nat.nft" 2>"$W/nft.err"; then
	ip route add 203.0.113.99/32 dev wall0
	ip addr add 198.51.100.9/24 dev wall0
	at_peer ip neigh replace 198.51.100.9 lladdr 02:00:00:00:51:01 dev peer0 nud permanent
	# longer than the agent takes to see that nobody waits any more
	late() { # WHAT ADDR PORT VERDICT EXPECTED
		local id
		ASK_AS=$W/way ask_begin way tcp "$2" "$3" plain
		id=$(question_of "$3")
		sleep 2.5
		is "$1: one question, as long as it waits" "$id" "$(question_of "$3")"
		answer "$id" "$4"
		is "$1" "$5" "$(ask_result way)"
	}
	late "translated destination" 203.0.113.99 7720 pass OK
	late "translated source" $PEER4 7721 pass OK
	late "translated destination, refused" 203.0.113.99 7722 block PermissionError
	late "translated source, refused" $PEER4 7723 block PermissionError
	ASK_AS=$W/way ask_begin way tcp 203.0.113.99 7724 plain
	question_of 7724 >/dev/null
	kill "$ASK_PID"
	until_ok 10 no_questions && pass "translated: nobody waits any more" || fail "translated: still asked: $("$CGWALL" questions)"
	nft delete table ip cgwall_test
	ip addr del 198.51.100.9/24 dev wall0
else
	skip "no nft, or no address translation: $(head -1 "$W/nft.err")"
fi
is "nothing is open" 0 "$(questions)"
finish
