#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rules that ask for the interface or the local end: neither is known when a program calls connect(). What no
# value of theirs could let through is refused at the call, with its errno; the rest is judged by its packets.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
peer_flow_serve $PEER4 7200
peer_flow_serve $ELSE4 7200
flow_serve "$OUTSIDE" "$FLOW" 7106

# ---- whatever the interface is, the answer is no ----
policy <<P
default out block log
pass   out to { 127.0.0.1, ::1 } port 7001 on "lo" log
pass   out to $PEER4 on "lo"
pass   out to $ELSE4 on "wall0" log
reject out to 192.0.2.2
P
agent_start || finish
probes <<'P'
OK tcp 127.0.0.1 7001
OK tcp ::1 7001
OK sendto 127.0.0.1 7001
EPERM tcp 127.0.0.1 7002
EPERM tcp 192.0.2.1 7001
EPERM tcp 2001:db8::1 7001
EPERM tcp-nonblock 192.0.2.1 7001
EPERM fastopen 192.0.2.1 7001
EPERM udp 192.0.2.1 7001
EPERM udp 2001:db8::1 7001
EPERM sendto 192.0.2.1 7001
EPERM sendto-unspec 192.0.2.1 7001
ECONNREFUSED tcp 192.0.2.2 7001
ECONNREFUSED udp 192.0.2.2 7001
ECONNREFUSED sendto 192.0.2.2 7001
P
# where it depends, the packet says it
guarded_calls <<P
OK tcp $ELSE4 7200
OK udp $ELSE4 7200
ECONNABORTED tcp $PEER4 7200
EPERM tcp 203.0.113.1 7200
P
log() { "$CGWALL" log --json; }
is "the log knows the interface of a connection" '["wall0"]' \
	"$(json "sorted({d['iface'] for d in ds if d['proto'] == 'tcp' and (d['remote'] or '').startswith('$ELSE4')})" log | tr "'" '"')"
is "of a datagram" '["wall0"]' \
	"$(json "sorted({d['iface'] for d in ds if d['proto'] == 'udp' and (d['remote'] or '').startswith('$ELSE4')})" log | tr "'" '"')"
is "of the loopback" '["lo"]' \
	"$(json "sorted({d['iface'] for d in ds if d['verdict'] == 'pass' and (d['remote'] or '').startswith('127.0.0.1')})" log | tr "'" '"')"
is "a refused call has none" '[None]' \
	"$(json "sorted({d['iface'] for d in ds if (d['remote'] or '').startswith('192.0.2.1:')})" log)"
is "a refused call is told once" 1 \
	"$(json "len([d for d in ds if d['proto'] == 'tcp' and (d['remote'] or '') == '[2001:db8::1]:7001'])" log)"
is "the thread has a name" '["client", "flow"]' "$(json "sorted({d['comm'] for d in ds})" log | tr "'" '"')"
hits() { json "[r['hits'] for r in d if r['dir'] == 'out' and r['rule'] == $1][0]" "$CGWALL" rules --json; }
is "what is passed on is counted once for each flow" 3 "$(hits 1)"
is "a refusal at the call is counted, too" 3 "$(hits 4)"

# ---- the local end ----
policy <<P
default out block
pass out from 192.0.2.1 to { 192.0.2.1, 127.0.0.1 }
pass out from any port 4000-4010 to 192.0.2.2
P
reload
probes <<'P'
OK tcp 192.0.2.1 7001
EPERM tcp ::1 7001
EPERM sendto 2001:db8::1 7001
P
guarded_calls <<P
OK tcp 127.0.0.1 7106 192.0.2.1
ECONNABORTED tcp 127.0.0.1 7106
OK tcp 192.0.2.2 7106 192.0.2.2 4005
ECONNABORTED tcp 192.0.2.2 7106 192.0.2.2 4105
EPERM tcp $PEER4 7200
P
# one socket, now from here, now from there
cat >"$W/sources.py" <<'P'
import errno, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for source in sys.argv[1:]:
    info = struct.pack("=I4s4s", 0, socket.inet_aton(source), bytes(4))
    try:
        s.sendmsg([b"x"], [(socket.IPPROTO_IP, socket.IP_PKTINFO if hasattr(socket, "IP_PKTINFO") else 8, info)], 0, ("127.0.0.1", 7106))
        print("OK")
    except OSError as e:
        print(errno.errorcode[e.errno])
P
is "each source is judged" "OK EPERM OK EPERM EPERM OK" \
	"$(guarded "$PYTHON" "$W/sources.py" 192.0.2.1 127.0.0.1 192.0.2.1 192.0.2.2 127.0.0.1 192.0.2.1 | xargs)"

# ---- by interface alone ----
printf 'default out block\npass out on "wall*"\n' | policy
reload
guarded_calls <<P
OK tcp $PEER4 7200
OK udp $PEER4 7200
ECONNABORTED tcp 127.0.0.1 7106
P

# ---- what comes in, and its answers, of which the call does not know by which interface they leave ----
flow_serve "$GUARD" "$FLOW" 7107
printf 'default out block\ndefault in block\npass in to any port 7107 on "wall0"\n' | policy
reload
calls <<P
OK udp $HOST4 7107
OK udp $HOST6 7107
OK tcp $HOST4 7107
P
guarded_calls <<<"EPERM udp $PEER4 7200"
printf 'default out block\ndefault in block\npass in to any port 7107 on "lo"\n' | policy
reload
calls <<P
SILENT udp $HOST4 7107
TIMEOUT tcp $HOST4 7107
P

# observe lets through what is refused at the call
printf 'set mode observe\ndefault out block\npass out to 192.0.2.9 on "lo"\n' | policy
reload
probe OK tcp 192.0.2.1 7001
agent_end
finish
