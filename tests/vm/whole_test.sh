#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The whole host is guarded (`cgwall run --policy FILE`, nothing else), on a host that translates addresses and
# forwards for others:
#
#   netns inner 10.1.0.2 ── 10.1.0.1 host 10.2.0.1 ── 10.2.0.2 netns outer
#   netns left  10.3.0.1 ─────── bridge of the host ───────── 10.3.0.2 netns right
#
# iptables masquerades inner's connections, and forwards port 8080 of the host to inner; what of it is up takes
# nftables' short cut (a flow table). All that is the host's own stays as it is, and what it forwards flows on, before, during and after. Only in a virtual machine: see run.sh.
[ -n "${IN_VM:-}" ] || { echo "only in a virtual machine"; exit 2; }
export CGWALL_TEST_NETNS=1 # the machine's own
. "$(dirname "$0")/../kernel/lib.sh"
. "$TOP/tests/kernel/snapshot.sh"
FLOW=$O/tests/kernel/flow

agent_spawn() {
	"$CGWALL" run --policy "$W/policy.conf" --run-dir "$CGWALL_RUN_DIR" "$@" >>"$W/agent.log" 2>&1 </dev/null 6>&- &
	AGENT=$!
}

# ---- the host ----

for side in inner:1 outer:2; do
	name=${side%:*} net=10.${side#*:}.0
	ip netns add "$name"
	ip link add "to-$name" type veth peer name eth0 netns "$name"
	ip addr add "$net.1/24" dev "to-$name" && ip link set "to-$name" up
	ip -n "$name" addr add "$net.2/24" dev eth0 && ip -n "$name" link set eth0 up && ip -n "$name" link set lo up
done
ip -n inner route add default via 10.1.0.1
echo 1 >/proc/sys/net/ipv4/ip_forward
[ -n "$(tool iptables)" ] || { fail "no iptables"; finish; }
iptables-restore <<'I' || { fail "iptables cannot be used here"; finish; }
*nat
-A PREROUTING -i to-outer -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:7101
-A POSTROUTING -s 10.1.0.0/24 -o to-outer -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 10.1.0.0/24 -j ACCEPT
-A FORWARD -d 10.1.0.2/32 -p tcp -m tcp --dport 7101 -j ACCEPT
COMMIT
*mangle
-A OUTPUT -d 203.0.113.7/32 -j MARK --set-xmark 0x7/0xffffffff
COMMIT
I
ip link add br0 type bridge && ip link set br0 up
for side in left:1 right:2; do
	name=${side%:*}
	ip netns add "$name"
	ip link add "to-$name" type veth peer name eth0 netns "$name"
	ip link set "to-$name" master br0 && ip link set "to-$name" up
	ip -n "$name" addr add "10.3.0.${side#*:}/24" dev eth0 && ip -n "$name" link set eth0 up
done
flowtable=''
if [ -n "$(tool nft)" ] && nft -f - 2>"$W/nft.err" <<'N'
table inet shortcut {
	flowtable f { hook ingress priority 0; devices = { to-inner, to-outer }; }
	chain forward { type filter hook forward priority 0; policy accept; meta l4proto tcp flow add @f; }
}
N
then
	flowtable=1
else
	skip "no flow table here: $(head -1 "$W/nft.err")"
fi
tc qdisc add dev to-outer root handle 7: pfifo limit 99
somebody "$CGROOT"
like "iptables' rules are there to be seen" "MASQUERADE" "$(iptables-save)"

# ---- what it forwards ----

in_netns() { ip netns exec "$@"; }
# forwarded NAME FROM ADDR PORT TO PORT: numbered messages both ways
forwarded() {
	in_netns "$5" "$FLOW" tcp listen - "$6" both "$W/$1.far" >"$W/$1.out" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/$1.out"
	in_netns "$2" "$FLOW" tcp connect "$3" "$4" both "$W/$1.near" >"$W/$1.out2" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/$1.out2" || fail "$1 does not start: $(cat "$W/$1.out" "$W/$1.out2")"
}
value() { # FIELD FILE
	local v
	read -r -a v <<<"$(od -An -tu8 -w32 "$2")"
	case $1 in got) echo "${v[1]}" ;; gaps) echo "${v[2]}" ;; error) echo "${v[3]}" ;; esac
}
has() { [ "$(value got "$1")" -gt "$2" ]; }
flows_on() { # WHAT
	local file
	for file in out.near out.far in.near in.far bridged.near bridged.far; do
		if until_ok 20 has "$W/$file" $(($(value got "$W/$file") + 50)); then
			is "$1: $file: gaps, error" "0 0" "$(value gaps "$W/$file") $(value error "$W/$file")"
		else
			fail "$1: $file: nothing comes any more"
		fi
	done
}
forwarded out inner 10.2.0.2 7100 outer 7100
forwarded in outer 10.2.0.1 8080 inner 7101
forwarded bridged left 10.3.0.2 7103 right 7103
if [ -n "$flowtable" ] && [ -r /proc/net/nf_conntrack ]; then
	until_ok 10 grep -q OFFLOAD /proc/net/nf_conntrack
	like "the short cut is taken" OFFLOAD "$(cat /proc/net/nf_conntrack)"
fi
everything() {
	probes -c "$CGROOT" <<P
$1 tcp 127.0.0.1 7001
$1 tcp ::1 7001
$1 sendto 192.0.2.1 7001
$2 tcp 10.1.0.2 7102
P
}
in_netns inner "$FLOW" serve 7102 >"$W/serve.inner" 2>&1 &
SERVERS+=($!)
until_ok 10 grep -q ready "$W/serve.inner"

# ---- before, during, after ----

snapshot "$W/before"
flows_on before
same "nothing changes by itself"
everything OK OK
policy <<'P'
default out block log
default in  block
pass out to 10.0.0.0/8
pass in  from 10.0.0.0/8
P
agent_start || finish
is "it guards the root and is attached there" "$CGROOT $CGROOT" "$(json "d['guard'] + ' ' + d['attach']" "$CGWALL" status --json)"
everything EPERM OK
flows_on during
same during
pins=$("$CGWALL" status | awk '$1 == "pins" {print $2}')
reload
flows_on "after a reload"
same "after a reload"
agent_kill
everything EPERM OK
flows_on "with the agent dead"
same "with the agent dead"
agent_start || finish
agent_end
everything OK OK
flows_on "after detach"
same "after detach"
[ -z "$pins" ] || [ ! -e "$pins" ] || fail "pins after detach: $(ls "$pins")"
finish
