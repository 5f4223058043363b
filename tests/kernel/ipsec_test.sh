#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The host's own IPsec: what leaves is seen wrapped up, and is judged by the ends that its socket has all the same.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

cp "$FLOW" "$W/bin/flow"
peer_up || { fail "no second network namespace"; finish; }
ip xfrm state >/dev/null 2>&1 || { skip "no IPsec in this kernel"; finish; }

# wrap MODE A B: between these two everything is wrapped up; nothing is encrypted, so that no cipher is needed
n=100
wrap() {
	local at
	n=$((n + 1))
	for at in "" at_peer; do
		$at ip xfrm state add src "$2" dst "$3" proto esp spi $n reqid $n mode "$1" enc cipher_null '' auth digest_null '' || return 1
		$at ip xfrm state add src "$3" dst "$2" proto esp spi $((n + 100)) reqid $n mode "$1" enc cipher_null '' auth digest_null '' || return 1
	done
	ip xfrm policy add src "$2" dst "$3" dir out tmpl src "$2" dst "$3" proto esp reqid $n mode "$1" &&
		ip xfrm policy add src "$3" dst "$2" dir in tmpl src "$3" dst "$2" proto esp reqid $n mode "$1" &&
		at_peer ip xfrm policy add src "$3" dst "$2" dir out tmpl src "$3" dst "$2" proto esp reqid $n mode "$1" &&
		at_peer ip xfrm policy add src "$2" dst "$3" dir in tmpl src "$2" dst "$3" proto esp reqid $n mode "$1"
}
if ! { wrap transport "$HOST4" "$PEER4" && wrap tunnel "$HOST4" "$ELSE4" && wrap transport "$HOST6" "$PEER6"; } 2>"$W/xfrm.err"; then
	skip "no IPsec without a cipher here: $(head -1 "$W/xfrm.err")"
	finish
fi
for addr in $PEER4 $ELSE4 $PEER6; do
	peer_flow_serve "$addr" 7001
	peer_flow_serve "$addr" 7002
done
wrapped() { ip -s xfrm state list | awk '/bytes\), [0-9]+\(packets/ {split($2, a, "("); n += a[1]} END {print n + 0}'; }

rules="default out block
default in block
pass out to { $PEER4, $ELSE4, $PEER6 } port { 7001, 7301-7399 }
pass in to any port 7301-7399"
policy <<<"$rules"
agent_start || finish
before=$(wrapped)
# a datagram's socket that is connected to nowhere does not tell whom the packet is for: that is protocol 50
for addr in $PEER4 $ELSE4 $PEER6; do
	guarded_calls <<-P
		OK tcp $addr 7001
		EPERM tcp $addr 7002
		EPERM udp $addr 7002
		EPERM udp $addr 7001
	P
done
if [ "$(wrapped)" -gt "$before" ]; then pass "it was wrapped up"; else fail "nothing was wrapped up: $(ip -s xfrm state list)"; fi
flow_up udp4 flow udp out $PEER4 both
flow_up udp6 flow udp out $PEER6 both
flow_up in4 flow tcp in $HOST4 both
flow_up in6 flow tcp in $HOST6 both
flow_up out4 flow tcp out $ELSE4 both
for name in udp4 udp6 in4 in6 out4; do moves $name "in peer"; done
printf 'default out block\ndefault in block\npass in to any port 7301-7399\n' | policy
reload
told udp4 out4
still udp4 udp6 out4
for name in in4 in6; do moves $name "in peer"; done
whole in4 in6
finish
