#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Flows that are up when the policy changes: those that are no longer allowed stop at once, in both directions,
# and their programs are told; those beside them lose nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
cp "$FLOW" "$W/bin/cut"
cp "$FLOW" "$W/bin/keep"
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
