#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A program that may not be called takes the port of one that may: with SO_REUSEPORT, with a filter that sends all to
# itself, by a more specific address, and, where the kernel hands over what a closed listener leaves, when the other
# one goes. What it gets is counted by itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
PYTHON3=$("$PYTHON" -c "import os, sys; print(os.path.realpath(sys.executable))")
for p in owner thief; do cp "$PYTHON3" "$W/bin/$p"; done

# serve.py NAME ADDR PORT HOW ...: a line for all that comes, and an answer to it. HOW: reuseport, reuseaddr, steer
# (all to the second socket of the group), late (accepts nothing until a line says go; ends
# by another one; after one that says shut it only stops listening)
cat >"$W/serve.py" <<'P'
import ctypes, select, socket, struct, sys
addr, port, how = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
SO_ATTACH_REUSEPORT_CBPF = 51
held = []
for kind in socket.SOCK_STREAM, socket.SOCK_DGRAM:
    s = socket.socket(socket.AF_INET, kind)
    if "reuseport" in how:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if "reuseaddr" in how and kind == socket.SOCK_DGRAM:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "tcp" in how and kind == socket.SOCK_DGRAM or "udp" in how and kind == socket.SOCK_STREAM:
        continue
    s.bind((addr, port))
    if kind == socket.SOCK_STREAM:
        s.listen(16)
    if "steer" in how:
        code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 1))  # return 1
        s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, struct.pack("HxxxxxxQ", 1, ctypes.addressof(code)))
    held.append(s)
print("ready", flush=True)
line = sys.stdin.readline().strip() if "late" in how else "go"
if line == "shut":
    for s in held:
        s.shutdown(socket.SHUT_RD)
    sys.stdin.readline()
if line != "go":
    sys.exit()
bound = held[:]
while True:
    for s in select.select(held, [], [])[0]:
        if s in bound and s.type == socket.SOCK_STREAM:
            held.append(s.accept()[0])
            print("accept", flush=True)
        elif s.type == socket.SOCK_STREAM:
            try:
                data = s.recv(100)
            except OSError:
                data = b""
            if data:
                print("got tcp", flush=True)
                s.send(data)
            else:
                held.remove(s)
        else:
            data, peer = s.recvfrom(100)
            print("got udp", flush=True)
            s.sendto(data, peer)
P

# up NAME ADDR PORT HOW ...: in the guarded cgroup; LAST is its pid
up() {
	local name=$1
	shift
	: >"$W/$name.out"
	rm -f "$W/$name.in"
	mkfifo "$W/$name.in"
	(echo "$BASHPID" >"$GUARD/cgroup.procs" && exec "$W/bin/$name" "$W/serve.py" "$@") >"$W/$name.out" 2>&1 <>"$W/$name.in" &
	LAST=$!
	SERVERS+=("$LAST")
	until_ok 20 grep -q ready "$W/$name.out" || fail "$name does not start: $(cat "$W/$name.out")"
}
down() {
	{ kill "$1" && wait "$1"; } 2>/dev/null
}
got() { grep -cE "^(got|accept)" "$W/$1.out"; }

# many PORT: sixteen calls of each kind; how many were answered
many() {
	for _ in $(seq 16); do
		echo "tcp $HOST4 $1"
		echo "udp $HOST4 $1"
	done | at_peer "$FLOW" call | grep -c OK
}

policy <<P
default out block
default in block
pass in exe "$W/bin/owner"
P
agent_start || finish

up owner 0.0.0.0 7100 reuseport
OWNER=$LAST
is "alone it is called" 32 "$(many 7100)"
up thief 0.0.0.0 7100 reuseport
THIEF=$LAST
n=$(many 7100)
[ "$n" -lt 32 ] && pass "a part goes to the second socket of the port" || fail "all were answered, the port is not shared"
is "sharing the port gives nothing" 0 "$(got thief)"
down "$THIEF"
up thief 0.0.0.0 7100 reuseport steer
THIEF=$LAST
is "all is steered to the second socket" 0 "$(many 7100)"
is "steering gives nothing" 0 "$(got thief)"
down "$THIEF"
is "afterwards all is as it was" 32 "$(many 7100)"
down "$OWNER"

up owner 0.0.0.0 7101 udp reuseaddr
OWNER=$LAST
up thief $HOST4 7101 udp reuseaddr
THIEF=$LAST
is "a more specific address: nobody is called" SILENT "$(at_peer "$FLOW" call <<<"udp $HOST4 7101")"
is "a more specific address gives nothing" 0 "$(got thief)"
down "$THIEF"
down "$OWNER"

# ---- an sk_lookup program gives what comes for one port to whoever has another ----

# steer FROM PID TO, until steer_end; false where this kernel has no such programs
steer() {
	"$O/tests/kernel/steer" "$@" >"$W/steer.out" 2>&1 </dev/null &
	STEER=$!
	SERVERS+=("$STEER")
	until_ok 10 sh -c "grep -q ready '$W/steer.out' || ! kill -0 $STEER"
	grep -q ready "$W/steer.out"
}
steer_end() { down "$STEER"; }

policy <<P
default out block
default in block
pass in exe "$W/bin/owner" to any port { 7104, 7106 }
P
reload
up owner 0.0.0.0 7104
OWNER=$LAST
calls <<C
OK tcp $HOST4 7104
OK udp $HOST4 7104
C
if steer 7105 "$OWNER" 7104; then
	n=$(got owner)
	calls <<C
TIMEOUT tcp $HOST4 7105
SILENT udp $HOST4 7105
C
	is "a port that no rule allows is not one that leads to another" "$n" "$(got owner)"
	steer_end
	steer 7106 "$OWNER" 7104
	calls <<C
OK tcp $HOST4 7106
OK udp $HOST4 7106
OK tcp $HOST4 7104
C
	is "a port that a rule allows is" 5 "$(($(got owner) - n))" # two lines for each connection
	steer_end
	up thief 0.0.0.0 7107
	THIEF=$LAST
	steer 7104 "$THIEF" 7107
	calls <<C
TIMEOUT tcp $HOST4 7104
SILENT udp $HOST4 7104
C
	is "what comes for a port that another program may have gives nothing" 0 "$(got thief)"
	steer_end
	down "$THIEF"
else
	skip "sk_lookup: $(cat "$W/steer.out")"
fi
down "$OWNER"

# ---- who listens goes, and what he has not accepted yet is handed to who listens beside him ----

# left RULES LINE SURE: how the caller fares; who listened gets that line, and SURE is + where somebody else answers
left() {
	local OWNER THIEF
	policy <<<"$1"
	reload
	up owner 0.0.0.0 7108 tcp reuseport late
	OWNER=$LAST
	FLOW_MS=1500 at_peer "$FLOW" call <<<"$3tcp $HOST4 7108" >"$W/call.out" &
	CALLER=$!
	until_ok 10 sh -c "ss -tn state established '( sport = :7108 )' | grep -q :7108"
	until_ok 10 sh -c "ss -Htn state established '( sport = :7108 )' | awk '{exit \$1 == 0}'" # what it says has come
	up thief 0.0.0.0 7108 tcp reuseport
	THIEF=$LAST
	echo "$2" >"$W/owner.in"
	wait "$CALLER"
	cat "$W/call.out"
	down "$OWNER"
	down "$THIEF"
}
feature() { json "[f['present'] for f in d['features'] if f['name'] == '$1'][0]" "$CGWALL" status --json; }
not_taken() { # WHAT LINE
	unlike "$1: who may not does not take over" OK "$(left "$rules" "$2" '')"
	n=$(grep -c got "$W/thief.out")
	if [ "$(feature users-refused)" = True ]; then
		is "$1: who may not gets nothing" 0 "$n"
	else
		[ "$n" -le 1 ] && pass "$1: who may not gets no more than what had come" || fail "$1: who may not got $n times what was sent to another"
	fi
}
if [ -e /proc/sys/net/ipv4/tcp_migrate_req ]; then
	echo 1 >/proc/sys/net/ipv4/tcp_migrate_req
	rules="default out block
default in block
pass in exe \"$W/bin/owner\""
	is "who may be called takes over" OK "$(left "$rules
pass in exe \"$W/bin/thief\"" '' +)"
	is "and gets it" 2 "$(got thief)"
	not_taken "closed" ''
	if [ "$(feature lent-listeners)" = True ]; then
		not_taken "shut down" shut
	else
		skip "functions cannot be traced: that somebody shuts a listener down is not seen"
	fi
else
	skip "this kernel hands nothing on"
fi
agent_end
finish
