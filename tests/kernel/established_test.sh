#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Flows that are up when the policy changes: those that are no longer allowed stop at once, in both directions,
# and their programs are told; those beside them lose nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
cp "$FLOW" "$W/bin/cut"
cp "$FLOW" "$W/bin/keep"
declare -A PORT_OF
ports=7300

# flow_up NAME PROGRAM tcp|udp out|in ADDR HOW: numbered messages between the guarded cgroup and the peer. $W/NAME.in and
# NAME.peer get the counters of the two ends. HOW: both, send (from inside), recv, idle.
flow_up() {
	local inside=$6 other=$6 near far
	case $6 in send) other=recv ;; recv) other=send ;; idle) inside=recv other=recv ;; esac
	ports=$((ports + 1))
	PORT_OF[$1]=$ports
	near="$W/bin/$2 $3" far="$FLOW $3"
	if [ "$4" = out ]; then
		far+=" listen $5 $ports $other $W/$1.peer" near+=" connect $5 $ports $inside $W/$1.in"
		# shellcheck disable=SC2086
		at_peer $far >"$W/$1.out" 2>&1 &
		SERVERS+=($!)
		until_ok 5 grep -q ready "$W/$1.out"
		# shellcheck disable=SC2086
		in_cgroup "$GUARD" $near >"$W/$1.out2" 2>&1 &
	else
		near+=" listen $5 $ports $inside $W/$1.in" far+=" connect $5 $ports $other $W/$1.peer"
		# shellcheck disable=SC2086
		in_cgroup "$GUARD" $near >"$W/$1.out" 2>&1 &
		SERVERS+=($!)
		until_ok 5 grep -q ready "$W/$1.out"
		# shellcheck disable=SC2086
		at_peer $far >"$W/$1.out2" 2>&1 &
	fi
	SERVERS+=($!)
	until_ok 5 grep -q ready "$W/$1.out2" || fail "$1 does not start: $(cat "$W/$1.out" "$W/$1.out2")"
}

value() { # FIELD FILE: sent got gaps error
	local v
	read -r -a v <<<"$(od -An -tu8 -w32 "$2")"
	case $1 in sent) echo "${v[0]}" ;; got) echo "${v[1]}" ;; gaps) echo "${v[2]}" ;; error) echo "${v[3]}" ;; esac
}
got() { echo "$(value got "$W/$1.in") $(value got "$W/$1.peer")"; }
has() { [ "$(value got "$W/$1.$2")" -gt "$3" ]; }
# moves NAME DIRECTIONS: more comes at the ends that receive
moves() {
	local end
	for end in $2; do
		until_ok 3 has "$1" "$end" $(($(value got "$W/$1.$end") + 20)) || { fail "$1: nothing comes $end"; return; }
	done
	pass "$1 moves"
}
still() { # NAME ...: nothing comes at any end for a while; what was in flight had 100 ms
	local name now
	declare -A was
	sleep 0.1
	for name in "$@"; do was[$name]=$(got "$name"); done
	sleep 0.5
	for name in "$@"; do
		now=$(got "$name")
		is "$name: after the reload nothing comes at either end" "${was[$name]}" "$now"
	done
}
told() { # NAME ...: the program inside has got an error by now: a second at most after the reload
	local name
	for name in "$@"; do
		if until_ok 2 sh -c "[ \"\$(od -An -tu8 -j24 -N8 '$W/$name.in' | tr -d ' ')\" != 0 ]"; then
			pass "$name: the program is told"
		else
			fail "$name: the program inside hangs: no error within a second"
		fi
	done
}
whole() { # NAME ...: what came is without a gap, and no send failed
	local name
	for name in "$@"; do
		is "$name: gaps and errors" "0 0 0 0" "$(value gaps "$W/$name.in") $(value gaps "$W/$name.peer") $(value error "$W/$name.in") $(value error "$W/$name.peer")"
	done
}

# ---- outbound: one is cut, the one beside it stays ----
open_policy() { printf 'default out block\ndefault in block\npass out exe "%s"\npass out exe "%s"\npass in exe "%s"\npass in exe "%s"\n%s' \
	"$W/bin/cut" "$W/bin/keep" "$W/bin/cut" "$W/bin/keep" "${1:-}" | policy; }
shut_policy() { printf 'default out block\ndefault in block\npass out exe "%s"\npass in exe "%s"\n%s' "$W/bin/keep" "$W/bin/keep" "${1:-}" | policy; }

open_policy
agent_start || finish
all=()
cut_all() {
	local proto dir
	for proto in tcp udp; do
		for dir in out in; do
			flow_up "$1-$proto-$dir" "$1" $proto $dir "$([ $dir = out ] && echo $PEER4 || echo $HOST4)" both
			flow_up "$1-$proto-$dir-v6" "$1" $proto $dir "$([ $dir = out ] && echo $PEER6 || echo $HOST6)" both
			all+=("$1-$proto-$dir" "$1-$proto-$dir-v6")
		done
	done
}
cut_all cut
cut=("${all[@]}")
all=()
cut_all keep
keep=("${all[@]}")
flow_up cut-send cut tcp out $PEER4 send
flow_up cut-recv cut tcp out $PEER4 recv
flow_up cut-in-send cut tcp in $HOST4 send
flow_up cut-in-recv cut tcp in $HOST4 recv
flow_up cut-idle-out cut tcp out $PEER4 idle
flow_up cut-idle-in cut tcp in $HOST6 idle
flow_up keep-idle keep tcp out $PEER4 idle
cut+=(cut-send cut-recv cut-in-send cut-in-recv)
for name in "${cut[@]}" "${keep[@]}"; do
	case $name in *send) moves "$name" peer ;; *recv) moves "$name" in ;; *) moves "$name" "in peer" ;; esac
done
whole "${cut[@]}" "${keep[@]}"

# a change that changes nothing for them
open_policy $'pass out to 203.0.113.1\n'
reload
for name in cut-tcp-out cut-udp-in keep-tcp-in; do moves $name "in peer"; done
whole "${cut[@]}" "${keep[@]}"

shut_policy
reload
still "${cut[@]}"
mapfile -t tcp < <(printf '%s\n' "${cut[@]}" | grep -v udp)
told "${tcp[@]}" cut-udp-out cut-udp-out-v6 cut-idle-out cut-idle-in
for name in "${keep[@]}"; do moves "$name" "in peer"; done
whole "${keep[@]}" keep-idle

# allowed again: datagrams go on, what was cut stays cut
open_policy
reload
moves cut-udp-out "in peer"
moves cut-udp-in-v6 "in peer"

# one direction's rules do not cut the other's flows
printf 'default out block\ndefault in pass\n' | policy
reload
still keep-tcp-out keep-udp-out
moves keep-tcp-in "in peer"
moves keep-udp-in "in peer"
whole keep-tcp-in

# ---- set established keep ----
kill "${SERVERS[@]:3}" 2>/dev/null
ports=7400
open_policy $'set established keep\n'
reload
flow_up stay-tcp-out cut tcp out $PEER4 both
flow_up stay-tcp-in cut tcp in $HOST6 both
flow_up stay-udp-out cut udp out $PEER4 both
for name in stay-tcp-out stay-tcp-in stay-udp-out; do moves $name "in peer"; done
shut_policy $'set established keep\n'
reload
for name in stay-tcp-out stay-tcp-in stay-udp-out; do moves $name "in peer"; done
whole stay-tcp-out stay-tcp-in
is "a new one under 'keep'" EPERM "$(in_cgroup "$GUARD" "$W/bin/cut" call <<<"tcp $PEER4 7401")"
agent_end
finish
