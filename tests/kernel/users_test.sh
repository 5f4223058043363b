#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Whoever uses a connection must be allowed it, whoever made it: who may goes on, who may not ends it, and what is accepted
# may be handed to anybody. The ways around that are in tests/bypass/user.c.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
cp /bin/bash "$W/bin/one"
cp /bin/cat "$W/bin/two"; cp /bin/cat "$W/bin/three"
cp "$FLOW" "$W/bin/keep"; cp "$(readlink -f "$PYTHON")" "$W/bin/server"
chmod 755 "$W/bin"/*
export W FLOW_MS=3000 # emulated machines are slow
for port in 7401 7402; do
	at_peer "$FLOW" serve $port >"$W/listen.$port" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/listen.$port"
done

# one tcp|udp WORDS: a shell that may, connected as descriptor 3; `hear` prints the answer, a byte: `ended`, or `silent`
one() {
	in_cgroup "$GUARD" timeout 20 "$W/bin/one" -c 'exec 3<>/dev/'"$1"'/'"$PEER4"'/7401 || exit 1
		hear() { local line; read -t "${1:-3}" -r -N 1 -u 3 line; case $? in 0) echo "$line" ;; 1) echo ended ;; *) echo silent ;; esac; }
		'"$2" 2>/dev/null | paste -sd' '
}
rules() {
	policy <<P
$1
default out block
default in block
app one = exe "$W/bin/one"
app keep = exe "$W/bin/keep"
app three = exe "$W/bin/three"
app server = exe "$W/bin/server"
pass out app keep
pass out app one to $PEER4
pass out app three to $PEER4 port 7401
pass in app server
$2
P
}
lines() { "$CGWALL" log | grep -c "$1"; }

rules '' ''
agent_start || finish
flow_up stay keep tcp out $PEER4 both

# ---- who may ----
is "what a program forks, and executes of itself, may do what it may" "a b c" \
	"$(one tcp 'printf a >&3; hear; (printf b >&3); hear; "$W/bin/one" -c "printf c >&3"; hear')"
is "so may another program that is allowed to" "a b c" \
	"$(one tcp 'printf a >&3; hear; printf b | "$W/bin/three" >&3; hear; printf c >&3; hear')"
is "by datagrams, too" "a b c" "$(one udp 'printf a >&3; hear; printf b | "$W/bin/three" >&3; hear; printf c >&3; hear')"
is "who has the descriptor and does not use it is nobody's business" "a b" \
	"$(one tcp 'printf a >&3; hear; "$W/bin/two" </dev/null; printf b >&3; hear')"

# ---- who may not ----
ended=$(one tcp 'printf a >&3; hear; printf b | "$W/bin/two" >&3; hear; printf c >&3; hear')
case $ended in
"a ended ended" | "a ended") pass "the connection is ended, and its programs are told" ;;
*) fail "another program used a connection that it may not: '$ended'" ;;
esac
like "the line names who used it" \
	"^block out rule 0 two pid [0-9]+ uid 0 tcp $HOST4:[0-9]+ -> $PEER4:7401 by another program's socket$" "$("$CGWALL" log)"
is "one line" 1 "$(lines "by another program's socket")"
like "as JSON" "by another program's socket" "$(json "[r['note'] for r in ds if r['note']]" "$CGWALL" log --json)"
is "a datagram socket is taken as well" "a silent silent" \
	"$(one udp 'printf a >&3; hear; printf b | "$W/bin/two" >&3; hear 0.5; printf c >&3; hear 0.5')"
is "another connection of who may is not touched" "a" "$(one tcp 'printf a >&3; hear')"

refused() { json "[f['present'] for f in d['features'] if f['name'] == 'users-refused'][0]" "$CGWALL" status --json; }
if [ "$(refused)" = True ]; then
	is "the very call is refused" "Operation not permitted" \
		"$(one tcp 'printf b | "$W/bin/two" 2>&1 >&3 | sed "s/.*: //"')"
	is "also one that receives" "Operation not permitted" \
		"$(one tcp 'printf a >&3; "$W/bin/two" 2>&1 <&3 | sed "s/.*: //"')"
fi

# ---- what changes ----
rules '' "pass out exe \"$W/bin/two\" to $PEER4"
reload
is "allowed by a new policy: a new connection may be used" "a b" \
	"$(one tcp 'printf a >&3; hear; printf b | "$W/bin/two" >&3; hear')"
rules '' "ask out exe \"$W/bin/two\" to $PEER4"
reload
case $(one tcp 'printf a >&3; hear; printf b | "$W/bin/two" >&3; hear') in
"a ended") pass "nobody can be asked about a user: he is refused" ;;
*) fail "a user about whom a rule asks" ;;
esac
rules 'set mode observe' ''
reload
before=$(lines "by another program's socket observed")
is "observed only" "a b c" "$(one tcp 'printf a >&3; hear; printf b | "$W/bin/two" >&3; hear; printf c >&3; hear')"
is "and told" $((before + 1)) "$(lines "by another program's socket observed")"
policy <<P
default out block
pass out to $PEER4
P
reload
is "a policy that asks nobody who he is" "a b" "$(one tcp 'printf a >&3; hear; printf b | "$W/bin/two" >&3; hear')"

# ---- what comes in is the listener's, whoever answers ----
rules '' ''
reload
cat >"$W/server.py" <<'P'
import os, socket, sys
two = os.path.join(os.environ["W"], "bin/two")
s = socket.socket()
s.bind(("0.0.0.0", int(sys.argv[1])))
s.listen(8)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    if not os.fork():
        os.dup2(c.fileno(), 0)
        os.dup2(c.fileno(), 1)
        os.execv(two, [two])
    c.close()
P
(echo "$BASHPID" >"$GUARD/cgroup.procs" && exec "$W/bin/server" "$W/server.py" 7403) >"$W/server.out" 2>&1 &
SERVERS+=($!)
until_ok 10 grep -q ready "$W/server.out" || fail "no server: $(cat "$W/server.out")"
calls <<C
OK tcp $HOST4 7403
OK tcp $HOST4 7403
C

whole stay
moves stay "in peer"

# ---- nobody is there to end a connection: nothing goes by it all the same ----
agent_kill
is "without an agent, who may" "a b" "$(one tcp 'printf a >&3; hear; printf b | "$W/bin/three" >&3; hear')"
for proto in tcp udp; do
	case $(one $proto 'printf a >&3; hear; printf b | "$W/bin/two" >&3; hear 1; printf c >&3; hear 1') in
	"a silent silent" | "a ended ended" | "a ended") pass "without an agent, $proto: who may not" ;;
	*) fail "without an agent another program used a $proto socket that it may not" ;;
	esac
done
agent_start
agent_end
finish
