#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [--table] [NAME ...]   every way around cgwall that is known (the tables in the other files here), or those named: first without
# cgwall, which tells whether it works on this kernel at all; then under a policy that blocks everything; then
# under one with a single hole; those that go by this very host also under one that allows that;
# those that hand a connection on under one that allows it to who made it alone. What gets through is counted by sink.c in another network namespace, never by
# what the sender was told. A line each: `NAME: closed`, `open`, or `not possible here (reason)`.
# Without NAME also what is tried on names: names.sh.
#
# --table prints Markdown instead: technique, result, reason.
# Ways that no cgroup program can close are marked in their table, with the reason; they are run all the same.
TABLE=
if [ "${1:-}" = --table ]; then TABLE=1; shift; fi
# lib.sh runs this file once more in a network namespace
[ -z "${BYPASS_TABLE:-}" ] || TABLE=1
export BYPASS_TABLE=$TABLE
. "$(dirname "$0")/../kernel/lib.sh"
. "$TOP/tests/kernel/peer.sh"
. "$TOP/tests/bypass/names.sh"
. "$TOP/tests/bypass/host.sh"

TRICK=$W/bin/trick # a copy of its own: executed by everybody
cp "$O/tests/bypass/main" "$TRICK" && cp "$TRICK" "$TRICK.other" || { echo "'make tests' builds it"; exit 1; }
SINK=$O/tests/bypass/sink
FRAMES=$W/frames
# Seconds that a trick may take, and wait for its turn.
LIMIT=${LIMIT:-60}
WAIT_LIMIT=${WAIT_LIMIT:-900}
trap : PIPE # a trick that has ended before its turn is one that failed, not the end of all

declare -A HOW OPEN WORKS RESULT WHY
NAMES=()
while read -r name how open; do
	case " ${*:-$name} " in *" $name "*) ;; *) continue ;; esac
	NAMES+=("$name") HOW[$name]=$how OPEN[$name]=$open
done < <("$TRICK" --list)

setup() {
	local a f
	peer_up || return 1
	for a in 239.0.0.0/8 224.0.0.0/4; do ip route add $a dev wall0; done
	at_peer ip route add default via $HOST4
	echo "0 2147483647" >/proc/sys/net/ipv4/ping_group_range
	echo 1 >/proc/sys/net/ipv4/tcp_fastopen
	for f in all wall0; do
		at_peer sh -c "echo 1 >/proc/sys/net/ipv4/conf/$f/accept_source_route" 2>/dev/null
	done
	# MPTCP opens a second subflow by itself, to what the other end announces: another port there
	ip mptcp limits set subflow 2 add_addr_accepted 2 2>/dev/null
	ip mptcp endpoint add $HOST4 dev wall0 subflow fullmesh 2>/dev/null
	at_peer ip mptcp limits set subflow 2 add_addr_accepted 2 2>/dev/null
	at_peer ip mptcp endpoint add $ELSE4 dev peer0 signal port 7010 2>/dev/null
	for a in "$PEER4 7001" "$PEER6 7001" "$ELSE4 7009" "$ELSE6 7009"; do
		# shellcheck disable=SC2086
		peer_flow_serve $a -m
	done
	at_peer "$TRICK" --sctp >"$W/serve.sctp" 2>&1 &
	a=$!
	SERVERS+=("$a")
	until_ok 10 sh -c "grep -q ready '$W/serve.sctp' || ! kill -0 $a" # not every kernel has SCTP
	: >"$FRAMES"
	at_peer "$SINK" peer0 "$FRAMES" >"$W/sink.peer" 2>&1 &
	SERVERS+=($!)
	"$SINK" lo "$FRAMES" >"$W/sink.lo" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/sink.peer" && until_ok 10 grep -q ready "$W/sink.lo" && until_ok 10 line_quiet
}

# Waits until everything that was sent before has been counted, on both lines.
flush() {
	local from
	from=$(stat -c %s "$FRAMES")
	echo >/dev/udp/198.51.100.4/9
	echo >/dev/udp/127.0.0.4/9
	until_ok 20 flushed "$from" || fail "what arrives is not counted any more"
}
flushed() {
	[ "$(tail -c +$(($1 + 1)) "$FRAMES" | grep -cE '^(198.51.100|127.0.0).4 17 9$')" = 2 ]
}

# leaks FROM MODE NAME: packets in $FRAMES from byte FROM on that the policy does not allow
leaks() {
	tail -c +$(($1 + 1)) "$FRAMES" | awk -v mode="$2" -v name="$3" -v how="${HOW[$3]}" -v hole4=$PEER4 -v hole6=$PEER6 '
		($1 == "198.51.100.4" || $1 == "127.0.0.4") && $2 == 17 && $3 == 9 {next}
		# what the kernel announces, perhaps long after a program has gone
		$1 == "224.0.0.22" && !/ mark/ && name !~ /^igmp-/ {next}
		$1 == "ff02::16" && !/ mark/ && name !~ /^mld-/ {next}
		# they begin at the hole, which is not what counts
		name ~ /^(connect-rewritten|sctp-announced|sctp-peeled|sctp-connectx-both|mptcp-subflow-by-netlink)/ && ($1 == hole4 || $1 == hole6) && $3 == 7001 {next}
		# nodes of a cluster say by themselves that they are there
		$2 == 17 && $3 == 6118 && !/ mark/ {next}
		# they go by this host, which is not what counts; an ICMP error is
		name ~ /^source-/ && $1 !~ /:3$|\.3$/ && !/ spoofed/ {next}
		name ~ /^source-/ && ($1 == "127.0.0.1" || $1 == "::1" || $1 ~ /:1$|\.1$/) {next}
		# said by the kernel itself, about what came for a program that has gone
		/ error/ && name !~ /^source-/ {next}
		how ~ /i/ && / reset/ {next}
		# it sends before it goes inside, too, but not that text
		how ~ /[ou]/ && !/ mark/ && name !~ /^(igmp|mld)-/ {next}
		mode != "deny" && ($1 == hole4 || $1 == hole6) && $3 == 7001 && !/ route/ && !/ spoofed/ {next}
		{n++; if (n == 1) first = $0} END {if (n) print n " packets, the first: " first}'
}

declare -A PIDS FIFO
# A trick that makes its socket first: it is left waiting.
begin_one() { # NAME
	local fd
	host_begin "$1"
	mkfifo "$W/fifo.$1"
	in_cgroup "$OUTSIDE" timeout -s KILL $WAIT_LIMIT "$TRICK" "$1" "$GUARD" "$OUTSIDE" <"$W/fifo.$1" >"$W/out.$1" 2>&1 &
	PIDS[$1]=$!
	exec {fd}>"$W/fifo.$1"
	FIFO[$1]=$fd
	rm "$W/fifo.$1"
}
begin() {
	local name
	for name in "${NAMES[@]}"; do
		case ${HOW[$name]} in *b*) ;; *) continue ;; esac
		[ "${WORKS[$name]-yes}" = yes ] || continue
		begin_one "$name"
	done
	for name in "${!PIDS[@]}"; do
		until_ok 20 sh -c "[ -s '$W/out.$name' ]"
	done
}

# one NAME MODE: runs it; LEAK tells what got through, CODE how it ended
one() {
	local from fd port kind rest
	host_begin "$1"
	case $1 in igmp-* | mld-*) until_ok 10 line_quiet ;; esac # what the kernel says of the group that the last one left
	flush
	from=$(stat -c %s "$FRAMES")
	GOT=''
	case ${HOW[$1]} in
	*b*)
		fd=${FIFO[$1]}
		echo >&"$fd"
		exec {fd}>&-
		wait "${PIDS[$1]}" 2>/dev/null
		CODE=$?
		unset "PIDS[$1]" "FIFO[$1]"
		;;
	*i*)
		(echo "$BASHPID" >"$OUTSIDE/cgroup.procs" && exec "$TRICK" "$1" "$GUARD" "$OUTSIDE") >"$W/out.$1" 2>&1 </dev/null &
		fd=$!
		until_ok 20 sh -c "[ -s '$W/out.$1' ] || ! kill -0 $fd"
		read -r rest kind port <"$W/out.$1"
		[ "$rest" != listen ] || at_peer "$FLOW" call <<<"$kind $HOST4 $port" >"$W/call" 2>&1
		[ "$2" != control ] || until_ok 1 grep -q '^got' "$W/out.$1" # it may be slow to say so
		kill $fd 2>/dev/null
		wait $fd 2>/dev/null
		CODE=$?
		[ $CODE != 143 ] || CODE=0
		GOT=$(grep -c '^got' "$W/out.$1")
		;;
	*)
		in_cgroup "$OUTSIDE" timeout -s KILL $LIMIT "$TRICK" "$1" "$GUARD" "$OUTSIDE" >"$W/out.$1" 2>&1 </dev/null
		CODE=$?
		case ${HOW[$1]} in *u*) GOT=$(grep -c '^got' "$W/out.$1") ;; esac
		;;
	esac
	flush
	host_end "$1"
	LEAK=$(leaks "$from" "$2" "$1")
	[ "${GOT:-0}" = 0 ] || LEAK="the program got what was sent to it${LEAK:+; $LEAK}"
}

control() {
	local name
	begin
	for name in "${NAMES[@]}"; do
		one "$name" control
		if [ $CODE = 77 ]; then
			WORKS[$name]=no WHY[$name]=$(grep -v '^ready' "$W/out.$name" | tail -1)
		elif [ -z "$LEAK" ]; then
			WORKS[$name]=no WHY[$name]='nothing arrives without cgwall either'
		else
			WORKS[$name]=yes
		fi
		[ $CODE = 0 ] || [ $CODE = 77 ] || fail "$name: exit code $CODE without cgwall: $(tail -3 "$W/out.$name")"
	done
}

under() { # MODE WORDS
	local name
	for name in "${NAMES[@]}"; do
		[ "${WORKS[$name]}" = yes ] || continue
		[ "$1" != self ] || [[ ${HOW[$name]} == *s* ]] || continue
		case $1.${HOW[$name]} in named.*u*) ;; named.* | *u*) continue ;; esac
		one "$name" "$1"
		[ "$1" != named ] || grep -q '^up' "$W/out.$name" || fail "$name: the program that may did not get its connection: $(cat "$W/out.$name")"
		[ -z "$LEAK" ] || RESULT[$name]+="${RESULT[$name]:+; }$2: $LEAK"
	done
}

report() {
	local name
	[ -z "$TABLE" ] || printf '| technique | result on %s | reason, remedy |\n| --- | --- | --- |\n' "$(uname -r)"
	for name in "${NAMES[@]}"; do
		local result reason=''
		if [ "${WORKS[$name]}" != yes ]; then
			result='not possible here' reason=${WHY[$name]}
			skipped=$((skipped + 1))
		elif [ -z "${RESULT[$name]:-}" ]; then
			result=closed
			passed=$((passed + 1))
		elif [ "${OPEN[$name]}" != - ] && { [[ ${HOW[$name]} != *t* ]] || [ "$TRACED" != True ]; } &&
			{ [[ ${HOW[$name]} != *l* ]] || [ "$CLOSES" != True ]; }; then
			result=open reason="expected: ${OPEN[$name]}"
			passed=$((passed + 1))
		else
			result=LEAK reason=${RESULT[$name]}
			failed=$((failed + 1))
		fi
		if [ -n "$TABLE" ]; then
			echo "| \`$name\` | $result | ${reason#expected: } |"
		else
			echo "  $name: $result${reason:+ ($reason)}"
		fi
	done
}

setup || { fail "no second network namespace"; finish; }
control
# sockets of the first round are older than the agent, those of the second than the policy
begin
printf 'default out block\ndefault in block\n' | policy
agent_start || finish
feature() { json "[f['present'] for f in d['features'] if f['name'] == '$1'][0]" "$CGWALL" status --json; }
TRACED=$(feature lent-listeners) CLOSES=$(feature other-sockets)
under deny "everything blocked"
guarded_calls <<<"EPERM tcp $PEER4 7001"
printf 'default out pass\ndefault in pass\n' | policy
reload
begin
printf 'default out block\ndefault in block\npass out to { %s, %s } port 7001\n' $PEER4 $PEER6 | policy
reload
guarded_calls <<P
OK tcp $PEER4 7001
OK udp $PEER4 7001
OK tcp $PEER6 7001
OK udp $PEER6 7001
P
under hole "a single hole"
# what goes by this very host, where that is allowed, and anybody may call
printf 'default out block\ndefault in pass\npass out to { loopback, %s, %s }\npass out to { %s, %s } port 7001\n' \
	$HOST4 $HOST6 $PEER4 $PEER6 | policy
reload
under self "this host"
policy <<P
default out block
default in block
app one = exe "$TRICK"
pass out app one to { 198.51.100.3, 2001:db8:5::3 } port 7009
P
reload
under named "another program's connection"
agent_end
report
[ $# -gt 0 ] || names_report
[ -z "$TABLE" ] || { [ $failed = 0 ]; exit; }
finish
