#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `cgwall rules` tells of ports on which a guarded program listens though no rule could let anybody through.
. "$(dirname "$0")/lib.sh"

# listens PROTO ADDR PORT ...: one program of the guarded cgroup holds them all
cat >"$W/listens.py" <<'P'
import socket, sys, time
held = []
for proto, addr, port in zip(*[iter(sys.argv[1:])] * 3):
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    s.bind((addr, int(port)))
    if proto == "tcp":
        s.listen()
    held.append(s)
# what a client has is no open port: bound by its first datagram, or connected
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.sendto(b"x", ("127.0.0.1", 7001))
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other.bind(("127.0.0.1", 8099))
other.connect(("127.0.0.1", 7001))
print("ready", flush=True)
time.sleep(1000)
P
guarded "$PYTHON" "$W/listens.py" tcp 0.0.0.0 8001 tcp :: 8002 tcp 127.0.0.1 8003 udp 0.0.0.0 8004 tcp 192.0.2.1 8005 >"$W/listens" 2>&1 &
SERVERS+=($!)
until_ok 20 grep -q ready "$W/listens" || fail "nobody listens: $(cat "$W/listens")"
outside "$PYTHON" "$W/listens.py" tcp 192.0.2.2 8006 >"$W/listens2" 2>&1 &
SERVERS+=($!)
until_ok 20 grep -q ready "$W/listens2" || fail "nobody listens: $(cat "$W/listens2")"

# The ends, in order.
unreachable() {
	json "' '.join(sorted(u['proto'] + '/' + u['local'] for r in d if r['dir'] == 'in' and not r['rule'] for u in r['unreachable']))" \
		"$CGWALL" rules --json
}
rules() { # WHAT EXPECTED, the policy on standard input
	policy
	reload
	is "$1" "$2" "$(unreachable)"
}

echo 'default in block' | policy
agent_start || finish
all='tcp/0.0.0.0:8001 tcp/127.0.0.1:8003 tcp/192.0.2.1:8005 tcp/[::]:8002 udp/0.0.0.0:8004'
is "everything blocked" "$all" "$(unreachable)"
text=$("$CGWALL" rules)
like "in words" 'no in rule could ever let anybody through' "$text"
like "in words" 'tcp .*:8001 .*python.* pid [0-9]+ uid 0 \(in rule 0\)' "$text"
rules "everything passes" '' <<<'default in pass'
unlike "no words without need" 'could ever' "$("$CGWALL" rules)"
rules "two ports" 'tcp/127.0.0.1:8003 tcp/192.0.2.1:8005 tcp/[::]:8002' <<'P'
default in block
pass in service tcp/8001
pass in service udp/8004
P
rules "another protocol is not the one" "$all" <<'P'
default in block
pass in service udp/8001
pass in service tcp/8004
P
rules "from somewhere is enough" 'tcp/127.0.0.1:8003 tcp/192.0.2.1:8005 tcp/[::]:8002 udp/0.0.0.0:8004' <<'P'
default in block
pass in from 203.0.113.7 service tcp/8001
P
rules "for another program" "$all" <<'P'
default in block
pass in exe "/nowhere/at/all" service tcp/8001
P
rules "for one local address" 'tcp/127.0.0.1:8003' <<'P'
default in block
pass in to 192.0.2.1
pass in service udp/8004
P
rules "a condition may hold one day" 'tcp/127.0.0.1:8003 tcp/192.0.2.1:8005 tcp/[::]:8002 udp/0.0.0.0:8004' <<'P'
default in block
pass in service tcp/8001 if ssid "nowhere"
P
rules "a condition of a block, too" '' <<'P'
default in pass
block in if active "lo"
P
rules "a question may be answered" 'tcp/127.0.0.1:8003 tcp/192.0.2.1:8005 tcp/[::]:8002 udp/0.0.0.0:8004' <<'P'
default in block
ask in service tcp/8001
P
rules "on an interface" '' <<'P'
default in block
pass in on "nowhere0"
P
rules "observed" '' <<'P'
set mode observe
default in block
P
rules "a later rule hides it" "$all" <<'P'
default in block
pass in service tcp/8001
block in service tcp/8001
P
agent_end
finish
