#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Under fire: policies A and B are swapped again and again while one thread connects without pause. A
# verdict belongs to A or to B, never to a mixture: what both allow never fails, what both block never
# passes, and where they differ nothing but their two answers comes out.
. "$(dirname "$0")/lib.sh"

swaps=${SWAPS:-1000}
cp "$O/tests/kernel/fire" "$W/bin/fire"
# The rules stand at other places, the classes differ, and so does what would come out of A's rows with B's
# actions: wherever the two disagree, a mixture gives EPERM.
cat >"$W/a.conf" <<P
default out block
pass   out to 192.0.2.1
reject out to 192.0.2.2
pass   out to 2001:db8::1 port 7001
block  out quick to 127.0.0.2
pass   out to 127.0.0.1
P
{
	echo 'default out block'
	for i in $(seq 300); do echo "block out to 10.$((i / 250)).$((i % 250)).0/24 port $i"; done
	cat <<P
reject out quick to 2001:db8::1
pass   out to { 192.0.2.2, 127.0.0.2 }
block  out to 127.0.0.2 port 1-60000
pass   out to 127.0.0.0/31
reject out to 192.0.2.1
P
} >"$W/b.conf"
cp "$W/a.conf" "$W/policy.conf"
agent_start || finish

# each alone first
probes <<'P'
EPERM udp 127.0.0.2 7001
EPERM udp 127.0.0.5 7001
OK udp 192.0.2.1 7001
ECONNREFUSED udp 192.0.2.2 7001
OK udp 2001:db8::1 7001
OK udp 127.0.0.1 7001
P
reload <"$W/policy.conf"
cp "$W/b.conf" "$W/policy.conf"
reload
probes <<'P'
EPERM udp 127.0.0.2 7001
EPERM udp 127.0.0.5 7001
ECONNREFUSED udp 192.0.2.1 7001
OK udp 192.0.2.2 7001
ECONNREFUSED udp 2001:db8::1 7001
OK udp 127.0.0.1 7001
P

fire_start EPERM 127.0.0.2 7001 EPERM 127.0.0.5 7001 OK 127.0.0.1 7001 \
	OK,ECONNREFUSED 192.0.2.1 7001 OK,ECONNREFUSED 192.0.2.2 7001 OK,ECONNREFUSED 2001:db8::1 7001
bad=0
end=$((SECONDS + 120)) # of a busy machine two hundred are enough
for ((i = 0; i < swaps && (i < 200 || SECONDS < end); i++)); do
	if ((i % 2)); then cp "$W/b.conf" "$W/policy.conf"; else cp "$W/a.conf" "$W/policy.conf"; fi
	"$CGWALL" reload >"$W/reload.out" 2>&1 || { bad=$((bad + 1)); cat "$W/reload.out"; }
done
is "reloads that failed" 0 $bad
fire_end "$i swaps"
[ "$swaps" -lt 100 ] || for to in "192.0.2.1" "192.0.2.2"; do # both policies were really seen
	unlike "both policies decided on $to" " 0 OK| 0 ECONNREFUSED" "$(grep "^$to " "$W/fire.out")"
done
agent_end
finish
