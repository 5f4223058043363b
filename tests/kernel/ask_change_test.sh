#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What was answered is judged again when policy or surroundings change: it stays answered under the same rule, is cut
# under one that forbids it, and asked about under another one that asks. What is up when a rule begins to ask is held.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up || finish
peer_serve 7800 40

cat >"$W/talk.py" <<'PY'
# connects, then sends a line for each that it reads and prints what comes back, or the error
import socket, sys
kind, addr, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
info = socket.getaddrinfo(addr, port)[0]
s = socket.socket(info[0], socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(60)
print("begun", flush=True)
try:
    s.connect(info[4])
    print("up", flush=True)
    for line in sys.stdin:
        s.send(line.strip().encode())
        back = s.recv(100)
        print("closed" if not back else back.decode(), flush=True)
except OSError as e:
    print(type(e).__name__, flush=True)
PY
printf '#!/bin/sh\nexec %s %s "$@"\n' "$PYTHON" "$W/talk.py" >"$W/talk"
chmod +x "$W/talk"
talk() { ASK_AS=$W/talk ask_begin "$@"; } # NAME KIND ADDR PORT
# The input is open for writing as well: whoever writes a line waits for nobody.
say() { echo "$2" >"$W/$1.in"; }                   # NAME LINE
hears() { until_ok 15 grep -qx "$2" "$W/$1.out"; } # NAME LINE
heard() { if hears "$2" "$3"; then pass "$1"; else fail "$1: $(paste -sd' ' "$W/$2.out")"; fi; } # WHAT NAME LINE

base='default out pass
default in pass
'
asks='ask timeout 300s out to { 198.51.100.0/24, 2001:db8:5::/64 }'
echo "$base$asks" | policy
agent_start || finish

talk tcp tcp $PEER4 7800
answer "$(question_of 7800)" pass
heard "answered" tcp up
say tcp one
heard "answered: it talks" tcp one
talk tcp6 tcp $PEER6 7801
answer "$(question_of 7801)" pass
heard "answered, IPv6" tcp6 up
talk udp udp $PEER4 7802
heard "a datagram socket is not asked about before it sends" udp up
say udp one
answer "$(question_of 7802)" pass
heard "answered, udp" udp one

# other numbers, other neighbours, the same rule: nothing happens
echo "${base}pass out to 203.0.113.1
pass out to 203.0.113.2
$asks" | policy
reload
for name in tcp tcp6 udp; do
	say $name two
	heard "another policy with the same rule: $name talks on" $name two
done
is "another policy with the same rule: nothing is asked" 0 "$(questions)"

# a rule that asks otherwise asks again, and holds what is up meanwhile
echo "$base${asks/300s/200s}" | policy
reload
for name in tcp tcp6 udp; do say $name three; done
three() { [ "$(questions)" = 3 ]; }
until_ok 20 three
is "another rule asks again" 3 "$(questions)"
sleep 0.5
for name in tcp tcp6 udp; do is "another rule: $name is held" two "$(tail -1 "$W/$name.out")"; done
answer "$(question_of 7800)" pass
heard "yes: it goes on" tcp three
answer "$(question_of 7801)" block
heard "no: it is ended" tcp6 ConnectionAbortedError
answer "$(question_of 7802)" pass
heard "yes, udp: it goes on" udp three

# one that forbids it cuts it, whatever was answered
echo "${base}block out to 198.51.100.0/24" | policy
reload
heard "forbidden: cut" tcp three
say tcp four
until_ok 15 grep -qE 'Connection(Aborted|Reset)Error|BrokenPipeError|PermissionError' "$W/tcp.out" && pass "forbidden: it sees an error" ||
	fail "forbidden: $(paste -sd' ' "$W/tcp.out")"
say udp four
until_ok 15 grep -q PermissionError "$W/udp.out" && pass "forbidden, udp: it sees an error" || fail "forbidden, udp: $(paste -sd' ' "$W/udp.out")"

# up before any rule asked
echo "$base" | policy
reload
talk tcp tcp $PEER4 7810
heard "up without being asked about" tcp up
say tcp one
heard "it talks" tcp one
echo "$base$asks" | policy
reload
say tcp two
id=$(question_of 7810)
sleep 1
is "a rule begins to ask: held" one "$(tail -1 "$W/tcp.out")"
answer "$id" pass
heard "and goes on" tcp two

# what waits when the policy decides it otherwise is over at once, either way
talk waits tcp $PEER4 7811
talk waits6 tcp $PEER6 7812
question_of 7811 >/dev/null
question_of 7812 >/dev/null
echo "${base}block out to 2001:db8:5::/64" | policy
reload
heard "the policy lets it through" waits up
until_ok 15 grep -qE 'Error' "$W/waits6.out" && pass "the policy refuses it" || fail "the policy refuses it: $(paste -sd' ' "$W/waits6.out")"
is "nothing is open" 0 "$(questions)"
like "the log says why" 'question [0-9]+ policy$' "$("$CGWALL" log)"

# a change of the surroundings is one as well
echo "$base${asks} if active \"dummy9\"
block out to { 198.51.100.0/24 } unless active \"dummy9\"" | policy
reload
is "the interface is not there: blocked" PermissionError "$(talk away tcp $PEER4 7820; hears away PermissionError; tail -1 "$W/away.out")"
if ip link add dummy9 type dummy 2>"$W/dummy.err" || ip link add dummy9 type veth peer name dummy8 2>"$W/dummy.err"; then
	ip link set dummy8 up 2>/dev/null
	ip addr add 203.0.113.9/32 dev dummy9
	ip link set dummy9 up
	until_ok 15 sh -c "'$CGWALL' log | grep -q '^state active dummy9 up'" || fail "the interface is not noticed: $("$CGWALL" log | tail -3)"
	talk near tcp $PEER4 7821
	id=$(question_of 7821)
	like "the interface is there: asked" '^[0-9]+$' "$id"
	ip link set dummy9 down
	until_ok 15 grep -q Error "$W/near.out" && pass "it goes: what waits is refused" || fail "it goes: $(paste -sd' ' "$W/near.out")"
	until_ok 5 no_questions
	is "nothing is open any more" 0 "$(questions)"
else
	skip "no interface can be made: $(cat "$W/dummy.err")"
fi
finish
