#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A service that neighbours may reach at home, nobody may elsewhere, and everybody may again while the VPN is up:
# what the manual's first example promises, with flows that are up meanwhile.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
cp "$FLOW" "$W/bin/sharingd"
cp "$FLOW" "$W/bin/other"
DAEMON="$W/bin/sharingd"
link_up() { # NAME ADDRESS
	ip link add "$1" type veth peer name "p-$1"
	ip link set "p-$1" up
	ip addr add "$2/24" dev "$1"
	ip link set "$1" up
}
# a real tunnel, held by a process, where there are such things
tunnel_up() {
	if ip tuntap add tun0 mode tun 2>/dev/null; then
		$PYTHON -c '
import fcntl, struct, time
t = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(t, 0x400454CA, struct.pack("16sH", b"tun0", 1))
time.sleep(1000)' &
		TUNNEL=$!
		SERVERS+=("$TUNNEL")
		ip addr add 10.88.0.1 peer 10.88.0.2 dev tun0
		ip link set tun0 up
	else
		TUNNEL=
		link_up tun0 10.88.0.1
	fi
}
lines() { "$CGWALL" log | grep -c "$1"; }
logged() { [ "$(lines "$1")" -gt "$2" ]; }
# says WHAT REGEX BEFORE: the log has more such lines than before
says() { if until_ok 5 logged "$2" "$3"; then pass "$1"; else fail "$1: no new line '$2' in the log: $("$CGWALL" log | tail -5)"; fi; }

policy <<END
service airdrop   = { tcp/7301-7399, udp/7301-7399 }
app     sharingd  = exe "$DAEMON"
app     other     = exe "$W/bin/other"
condition at-home = ssid "home-net" secured or active "en5"

default out pass
default in  block log
pass  in  app other
pass  in  app sharingd service airdrop log
block in  log unless at-home
pass  in  app other
pass  in  app sharingd service airdrop log if active "tun0"
pass  out app other on "wg0" # of no other flow's business
END
link_up en5 10.77.0.1
agent_start || finish
flow_serve "$GUARD" "$DAEMON" 7301
ports=7310

# ---- at home ----
calls <<END
OK tcp $HOST4 7301
OK tcp $HOST6 7301
OK udp $HOST4 7301
END
says "the log names the rule that let it in" "^pass in rule 2 sharingd pid .* -> $HOST4:7301$" 0
flow_up cut-home-tcp sharingd tcp in $HOST4 both
flow_up cut-home-udp sharingd udp in $HOST6 both
flow_up cut-home-idle sharingd tcp in $HOST4 idle
flow_up beside sharingd tcp out $PEER4 both
flow_up other other tcp in $HOST4 both
for name in cut-home-tcp cut-home-udp beside other; do moves $name "in peer"; done

# ---- out of the house ----
ip link set p-en5 down
says "the log tells what happened" '^state active en5 down: rules in 3 on$' 0
told cut-home-tcp cut-home-idle
still cut-home-tcp cut-home-udp
calls <<END
TIMEOUT tcp $HOST4 7301
TIMEOUT tcp $HOST6 7301
SILENT udp $HOST4 7301
END
says "the log names the rule that refuses" "^block in rule 3 sharingd pid .* -> $HOST4:7301$" 0
is "status knows" False "$(json "[c['holds'] for c in d['conditions'] if c['name'] == 'at-home'][0]" "$CGWALL" status --json)"
like "and says it" 'no +at-home since .*: rules in 3 on$' "$("$CGWALL" status)"

# ---- with the VPN ----
refused=$(lines '^block in rule 3 sharingd')
tunnel_up
says "the tunnel is told" '^state active tun0 up: rules in 5 on$' 0
calls <<END
OK tcp $HOST4 7301
OK udp $HOST4 7301
END
says "the log names the rule that lets it in again" "^pass in rule 5 sharingd pid .* -> $HOST4:7301$" 0
flow_up cut-vpn-tcp sharingd tcp in $HOST6 both
moves cut-vpn-tcp "in peer"
is "nothing was refused meanwhile" "$refused" "$(lines '^block in rule 3 sharingd')"

# ---- and without ----
if [ -n "$TUNNEL" ]; then
	kill "$TUNNEL" # the device loses its carrier with the process that held it
else
	ip link del tun0
fi
says "the end of the tunnel is told" '^state active tun0 down: rules in 5 off$' 0
told cut-vpn-tcp
still cut-vpn-tcp
calls <<END
TIMEOUT tcp $HOST4 7301
SILENT udp $HOST4 7301
END

# ---- home again ----
ip link set p-en5 up
says "coming home is told" '^state active en5 up: rules in 3 off$' 0
calls <<END
OK tcp $HOST4 7301
OK udp $HOST4 7301
END
moves beside "in peer"
moves other "in peer"
whole beside other

# ---- without an agent the rules stay as they were ----
agent_kill
ip link set p-en5 down
calls <<END
OK tcp $HOST4 7301
END
agent_start || finish
calls <<END
TIMEOUT tcp $HOST4 7301
END
agent_end
finish
