#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who may answer, and what a program that is held tries instead: answering its own question, forging the other
# end's answer, raw sockets, filling the tables, being the agent.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up
peer_serve 7600 40
GROUP=games # one that every host has, and nobody of interest is in
GID=$(getent group $GROUP | cut -d: -f3)

policy <<'P'
default out pass
ask timeout 300s out to { 198.51.100.0/24, 2001:db8:5::/64 } port { 7600-7700, 20000-65535 }
set sockets-other block
P
agent_start --group $GROUP || finish
packets=$(peer_packets)

# ---- who may answer ----

ask_begin tcp tcp $PEER4 7600
id=$(question_of 7600)
is "a guarded program may not answer" 1 "$(guarded "$CGWALL" answer "$id" pass >"$W/out" 2>&1; echo $?)"
like "a guarded program is told" 'guarded cannot answer' "$(cat "$W/out")"
# by hand, and by a process that it has put elsewhere
is "nor by hand" False "$(guarded bash -c "$(declare -f control); $(declare -p PYTHON CGWALL_RUN_DIR) && control '{\"do\":\"answer\",\"id\":$id,\"verdict\":\"pass\"}'" |
	"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["ok"])')"
is "nor from where it has moved to" 1 "$(guarded bash -c "echo \$\$ >'$OUTSIDE/cgroup.procs'; exec '$CGWALL' answer $id pass" >/dev/null 2>&1; echo $?)"
as() { # GROUPS COMMAND ...: a user without rights
	local groups=$1
	shift
	outside setpriv --reuid=65534 --regid=65534 --groups="$groups" "$@"
}
is "others may not" 1 "$(as 65534 "$CGWALL" answer "$id" pass >/dev/null 2>&1; echo $?)"
is "others may not look" 1 "$(as 65534 "$CGWALL" questions >/dev/null 2>&1; echo $?)"
is "members may look" 1 "$(as "65534,$GID" "$CGWALL" questions --json | wc -l)"
like "members may ask whether it enforces" '"enforcing": ?true' "$(as "65534,$GID" "$CGWALL" status --json)"
for verb in reload rules log flows names detach; do
	[ $verb != detach ] || continue # without the agent it looks at the pins itself
	is "members may not: $verb" 1 "$(as "65534,$GID" "$CGWALL" $verb >"$W/out" 2>&1; echo $?)"
	like "members are told: $verb" "only root" "$(cat "$W/out")"
done
is "still waits" begun "$(tail -1 "$W/tcp.out")"
is "nothing has left" "$packets" "$(peer_packets)"
is "a member answers" 0 "$(as "65534,$GID" "$CGWALL" answer "$id" pass >/dev/null 2>&1; echo $?)"
is "and it goes" OK "$(ask_result tcp)"
like "the log says who" "question $id by uid 65534 .*pid [0-9]+ for once" "$("$CGWALL" log)"
ask_begin member -k nonblock $PEER4 7601
id=$(question_of 7601)
members() { for _ in $(seq 70); do as "65534,$GID" "$CGWALL" questions --follow >/dev/null 2>&1 & done; }
members
sleep 1
is "members cannot keep root out" 0 "$("$CGWALL" answer "$id" block >/dev/null; echo $?)"
kill_all_in "$OUTSIDE"
is "too long a wait, too large a number, nonsense" "False False False False" "$(control '{"do":"answer"}' '{"do":"answer","id":-1,"verdict":"pass"}' \
	'{"do":"answer","id":9e99,"verdict":"pass"}' '{"do":"answer","id":1,"verdict":"pass","for":"soon","scope":"all"}' |
	"$PYTHON" -c 'import json, sys; print(*[json.loads(line)["ok"] for line in sys.stdin])')"

# ---- what else it tries ----

packets=$(peer_packets)
# simultaneous open: the other end, which is in on it, connects to the very socket that waits
cat >"$W/meet.py" <<'PY'
import socket, sys, time
mine, theirs, port, limit = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ":" in mine else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((mine, int(port)))
s.settimeout(int(limit))
print("begun", flush=True)
try:
    s.connect((theirs, int(port)))
    s.sendall(b"secret")
    print("OK")
except OSError as e:
    print("no", e)
PY
in_cgroup "$GUARD" "$PYTHON" "$W/meet.py" $HOST4 $PEER4 7690 60 >"$W/meet.own" 2>&1 &
SERVERS+=($!)
id=$(question_of 7690)
at_peer "$PYTHON" "$W/meet.py" $PEER4 $HOST4 7690 3 >"$W/meet.peer" 2>&1
unlike "simultaneous open: the other end" OK "$(cat "$W/meet.peer")"
is "simultaneous open: ours" begun "$(cat "$W/meet.own")"
kill_all_in "$GUARD"
until_ok 10 no_questions
# what came here is refused without a sign, what went there is nothing
is "simultaneous open: packets at the peer" "$packets" "$(peer_packets)"

# raw sockets: for the protocol that is held, and for whole packets
ask_begin tcp tcp $PEER4 7602
id=$(question_of 7602)
cat >"$W/raw.py" <<'PY'
import socket, struct, sys
def try_it(name, make):
    try:
        make()
        print(name, "sent")
    except OSError as e:
        print(name, e.strerror)
def whole():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    udp = struct.pack("!HHHH", 40000, int(sys.argv[2]), 14, 0) + b"secret"
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 34, 0, 0, 64, 17, 0, bytes(4), socket.inet_aton(sys.argv[1]))
    s.sendto(ip + udp, (sys.argv[1], 0))
def tcp():
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    s.sendto(struct.pack("!HHIIBBHHH", 40000, int(sys.argv[2]), 1, 0, 0x50, 2, 8192, 0, 0), (sys.argv[1], 0))
try_it("whole", whole)
try_it("tcp", tcp)
PY
out=$(guarded "$PYTHON" "$W/raw.py" $PEER4 7602 2>&1)
unlike "raw sockets" sent "$out"
is "raw sockets: packets at the peer" "$packets" "$(peer_packets)"

# the socket that was let through connects elsewhere: that is asked about again
cat >"$W/reuse.py" <<'PY'
import socket, struct, sys
s = socket.socket()
s.connect((sys.argv[1], 7603))
print("begun", flush=True)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
# AF_UNSPEC: the connection is over, the socket is not
import ctypes
ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16)
s.settimeout(60)
try:
    s.connect((sys.argv[1], 7604))
    print("OK")
except OSError as e:
    print("no", e)
PY
in_cgroup "$GUARD" "$PYTHON" "$W/reuse.py" $PEER4 >"$W/reuse.out" 2>&1 &
SERVERS+=($!)
answer "$(question_of 7603)" pass
until_ok 10 grep -q begun "$W/reuse.out"
like "a socket that was let through, elsewhere: asked again" '^[0-9]+$' "$(question_of 7604)"
is "and held" begun "$(cat "$W/reuse.out")"
kill_all_in "$GUARD" # nobody calls any more when the agent ends
until_ok 10 no_questions

# the agent's exemption is for the agent: another process that claims its raw sockets is not it, wherever it runs
policy <<'P'
default out ask timeout 300s
default in pass
P
agent_end
: >"$W/agent.log"
"$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" --run-dir "$CGWALL_RUN_DIR" >>"$W/agent.log" 2>&1 </dev/null 6>&- &
AGENT=$!
echo $AGENT >"$GUARD/cgroup.procs"
enforcing() { "$CGWALL" status --json | grep -q '"enforcing":true'; }
until_ok 60 enforcing || fail "no agent in the guarded cgroup: $(cat "$W/agent.log")"
for to in $PEER4 $PEER6; do
	ask_begin tcp tcp $to 7605
	answer "$(question_of 7605)" pass
	is "an agent that is guarded itself sends on: $to" OK "$(ask_result tcp)"
	ask_begin udp udp $to 7605
	answer "$(question_of 7605)" pass
	is "an agent that is guarded itself sends datagrams on: $to" OK "$(ask_result udp)"
done
packets=$(peer_packets)
out=$(guarded "$PYTHON" "$W/raw.py" $PEER4 7602 2>&1)
unlike "raw sockets of others" 'whole sent' "$out"
is "raw sockets of others: packets at the peer" "$packets" "$(peer_packets)"
agent_end

# tables that are full refuse, and count
policy <<'P'
default out pass
ask timeout 300s out to 198.51.100.0/24 port 20000-65535
P
agent_start || finish
packets=$(peer_packets)
out=$(guarded "$PYTHON" - $PEER4 <<'PY' 2>&1
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sent = refused = 0
for port in range(20000, 32000):
    try:
        s.sendto(b"x", (sys.argv[1], port))
        sent += 1
    except PermissionError:
        refused += 1
print(sent <= 8192, sent + refused, refused > 0)
PY
)
is "full: what is not held is refused" "True 12000 True" "$out"
is "full: packets at the peer" "$packets" "$(peer_packets)"
like "full: counted" '"hold_full": ?[1-9]' "$("$CGWALL" status --json)"
is "full: everything else goes on" OK "$(guarded "$W/bin/client" tcp 127.0.0.1 $PORT)"
finish
