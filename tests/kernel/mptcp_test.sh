#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Multipath TCP: who is talking is known for every subflow, those that the kernel adds by itself included, in
# both directions. How many were really added is counted at both ends by the kernel (MPJoin* in netstat).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
[ -e /proc/sys/net/mptcp/enabled ] && ip mptcp limits set subflow 2 add_addr_accepted 2 2>/dev/null ||
	{ skip "no multipath TCP on this kernel"; finish; }
multipath_on() {
	echo 1 >/proc/sys/net/mptcp/enabled
	# else a call that nobody answers for a few seconds turns it off for an hour
	[ ! -e /proc/sys/net/mptcp/blackhole_timeout ] || echo 0 >/proc/sys/net/mptcp/blackhole_timeout
}
multipath_on
at_peer bash -c "$(declare -f multipath_on); multipath_on"
at_peer ip mptcp limits set subflow 2 add_addr_accepted 2
cp "$FLOW" "$W/bin/one"; cp "$FLOW" "$W/bin/two"; chmod 755 "$W/bin"/*

joined() { at_peer cat /proc/net/netstat | awk '$1 == "MPTcpExt:" {if (n++) for (i = 2; i <= NF; i++) if (h[i] == "'"$1"'") print $i; else; else split($0, h)}'; }
here() { awk '$1 == "MPTcpExt:" {if (n++) for (i = 2; i <= NF; i++) if (h[i] == "'"$1"'") print $i; else; else split($0, h)}' /proc/net/netstat; }
counter() { json "d['counters']['$1']" "$CGWALL" status --json; }

# ---- we call: the other end announces a second address, to which the kernel here connects ----
at_peer ip mptcp endpoint add $ELSE4 dev peer0 signal
ip mptcp endpoint add $HOST4 dev wall0 subflow fullmesh
for port in 7301 7302 7303 7304; do
	at_peer "$FLOW" serve -m $port >"$W/listen.$port" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/listen.$port"
done

# stream PORT PROGRAM: a connection that stays up; LAST is its pid
stream() {
	(echo "$BASHPID" >"$GUARD/cgroup.procs" && exec "$W/bin/$2" mptcp connect $PEER4 "$1" both "$W/send.$1") >/dev/null 2>&1 &
	LAST=$!
	SERVERS+=("$LAST")
}
more() { [ "$("$1" "$2")" -gt "$3" ]; }
sent() { [ "$(od -An -tu8 -N8 "$W/send.$1" 2>/dev/null | tr -d ' ' | grep . || echo 0)" -gt "${2:-0}" ]; }
# joins WHAT yes|no PORT PROGRAM: does a connection get its second subflow?
joins() {
	local before got=no
	before=$(joined MPJoinAckRx)
	stream "$3" "$4"
	until_ok 10 sent "$3" 20 || fail "$1: no connection"
	# what is not to come has a second for it
	[ "$2" = yes ] && until_ok 10 more joined MPJoinAckRx "$before" || sleep 1
	more joined MPJoinAckRx "$before" && got=yes
	is "$1" "$2" "$got"
}
joins "without cgwall" yes 7301 one
kill "$LAST"

policy <<P
default out block
app one = exe "$W/bin/one"
pass out app one to $PEER4
P
agent_start || finish
joins "to an address that the program may not talk to" no 7302 one
before=$(counter owner)
policy <<P
default out block
app one = exe "$W/bin/one"
pass out app one to { $PEER4, $ELSE4 } log
P
reload
joins "to one that it may" yes 7303 one
is "nothing was refused for want of an owner" "$before" "$(counter owner)"
like "the line of the second subflow names the program" "^pass out rule 1 one pid .* tcp $HOST4:[0-9]* -> $ELSE4:7303" \
	"$("$CGWALL" log)"
is "another program" "EPERM" "$(echo "mptcp $PEER4 7304" | guarded "$W/bin/two" call)"

# ---- a new policy cuts one subflow and leaves the other ----
old=$(od -An -tu8 -N8 "$W/send.7303" | tr -d ' ')
policy <<P
default out block
app one = exe "$W/bin/one"
pass out app one to $PEER4
P
reload
until_ok 10 sent 7303 $((old + 100)) && pass "the connection lives on" || fail "the connection died with its second subflow"
gone() { [ "$(ss -Htn state established dst "$1" | wc -l)" = 0 ]; }
until_ok 10 gone $ELSE4 && pass "the second subflow is cut" || fail "the second subflow is still there: $(ss -tn dst $ELSE4)"
# the kernel gives up a connection without subflows after net.mptcp.close_timeout: the program is told then
echo 'default out block' | policy
reload
until_ok 10 gone $PEER4 && pass "both are cut" || fail "a subflow is still there: $(ss -tn dst $PEER4)"
agent_end

# ---- we are called: the other end has two addresses, the program listens at one port ----
ip mptcp endpoint flush
at_peer ip mptcp endpoint flush
at_peer ip mptcp endpoint add $ELSE4 dev peer0 subflow
serve_one() {
	(echo "$BASHPID" >"$GUARD/cgroup.procs" && exec "$W/bin/$2" serve -m "$1") >"$W/listen.$1" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/listen.$1"
}
# called WHAT "CONNECTS JOINS" PORT
called() {
	local before got=no up=no
	before=$(here MPJoinAckRx)
	rm -f "$W/send.$3"
	(exec nsenter -t "$PEER_PID" -n "$W/bin/one" mptcp connect $HOST4 "$3" both "$W/send.$3") >/dev/null 2>&1 &
	LAST=$!
	SERVERS+=("$LAST")
	[ "${2%% *}" = yes ] && until_ok 10 sent "$3" 20
	[ "${2##* }" = yes ] && until_ok 10 more here MPJoinAckRx "$before" || sleep 1
	sent "$3" 20 && up=yes
	more here MPJoinAckRx "$before" && got=yes
	kill "$LAST" 2>/dev/null
	is "$1" "$2" "$up $got"
}
serve_one 7311 one
called "called, without cgwall" "yes yes" 7311
policy <<P
default out block
default in block
app one = exe "$W/bin/one"
pass in app one from { $PEER4, $ELSE4 } to any port 7312-7320
P
agent_start || finish
for port in 7312 7313 7314 7315 7316; do serve_one $port one; done
serve_one 7317 two
called "called, both addresses may" "yes yes" 7312
called "called, another program's port" "no no" 7317
policy <<P
default out block
default in block
app one = exe "$W/bin/one"
pass in app one from $PEER4 to any port 7312-7320
P
reload
called "called, one address may" "yes no" 7313
# a listener that is older than the agent
agent_end
policy <<P
default out block
default in block
app one = exe "$W/bin/one"
pass in app one from { $PEER4, $ELSE4 } to any port 7312-7320
P
agent_start || finish
called "called, at a listener that is older than the agent" "yes yes" 7314
called "the same, of another program" "no no" 7317
agent_end

# ---- everything is guarded: the kernel's workers, too ----
if [ -n "${IN_VM:-}" ]; then
	ip mptcp endpoint flush
	at_peer ip mptcp endpoint flush
	at_peer ip mptcp endpoint add $ELSE4 dev peer0 signal
	ip mptcp endpoint add $HOST4 dev wall0 subflow fullmesh
	chmod 777 "$W"
	policy <<-P
	default out block
	app one = exe "$W/bin/one"
	pass out user root
	pass out user 65534 to $PEER4
	P
	agent_start --cgroup "$CGROOT" --attach "$CGROOT" || finish
	as_nobody() {
		(exec setpriv --reuid 65534 --clear-groups "$W/bin/one" mptcp connect $PEER4 7304 both "$W/send.7304") >/dev/null 2>&1 &
		SERVERS+=($!)
	}
	before=$(joined MPJoinAckRx)
	as_nobody
	until_ok 10 sent 7304 20 && pass "nobody's connection" || fail "nobody's connection"
	sleep 1
	is "what the kernel adds to it is nobody's, not root's" "$before" "$(joined MPJoinAckRx)"
	agent_end
fi
finish
