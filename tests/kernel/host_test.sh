#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a policy says of this host follows the host: interfaces that rules name, its addresses, its resolvers.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
peer_flow_serve $PEER4 7200
peer_flow_serve $PEER6 7200
generation() { json "d['generation']" "$CGWALL" status --json; }
# rule WHAT NUMBER QUESTION ...: which rule decides, soon
rule_is() { local want=$1; shift; [ "$(json "d['rule']" "$CGWALL" explain --json "$@")" = "$want" ]; }
rule() {
	local what=$1 want=$2
	shift 2
	if until_ok 10 rule_is "$want" "$@"; then pass "$what"; else fail "$what: rule $(json "d['rule']" "$CGWALL" explain --json "$@") instead of $want"; fi
}
# ends WHAT EXPECTED CALL: a call from inside ends so, soon
call_ends() { [ "$(in_cgroup "$GUARD" "$FLOW" call <<<"+$2")" = "$1" ]; }
ends() { if until_ok 10 call_ends "$2" "$3"; then pass "$1"; else fail "$1: $3 does not end with $2"; fi; }

# ---- on: the tables follow, no policy is compiled ----
policy <<END
default out pass
default in  pass
block out to { $PEER4, $PEER6 } on "lan*"
block in  on "lan?" service { tcp/7203 }
END
agent_start || finish
gen=$(generation)
flow_serve "$GUARD" "$FLOW" 7203
ends "not the interface that is meant" OK "tcp $PEER4 7200"
calls <<END
OK tcp $HOST4 7203
END
is "explain knows interfaces" 1 "$(json "d['rule']" "$CGWALL" explain --json out to=$PEER4:80 proto=tcp on=lan7)"
is "and others" 0 "$(json "d['rule']" "$CGWALL" explain --json out to=$PEER4:80 proto=tcp on=wall0)"
rename() { ip link set "$1" down && ip link set "$1" name "$2" && ip link set "$2" up; }
neighbours() { # a link that was down has forgotten them
	ip addr replace $HOST6/64 dev "$1" nodad
	for a in 2 3 4; do
		ip neigh replace 198.51.100.$a lladdr 02:00:00:00:51:02 dev "$1" nud permanent
		ip neigh replace 2001:db8:5::$a lladdr 02:00:00:00:51:02 dev "$1" nud permanent
	done
}
rename wall0 lan0
neighbours lan0
ends "renamed to one" ECONNABORTED "tcp $PEER4 7200"
ends "over IPv6, too" ECONNABORTED "tcp $PEER6 7200"
calls <<END
TIMEOUT tcp $HOST4 7203
END
rename lan0 wall0
neighbours wall0
ends "and back" OK "tcp $PEER4 7200"
is "no policy was compiled for that" "$gen" "$(generation)"
# hundreds come and go, with names that matter; the next index may be one that was used before
for ((i = 0; i < 300; i++)); do echo "link add lan$i type veth peer name q$i"; done | ip -batch -
for ((i = 0; i < 300; i++)); do echo "link del lan$i"; done | ip -batch -
rename wall0 lan0
neighbours lan0
ends "after many others" ECONNABORTED "tcp $PEER4 7200"
rename lan0 wall0
neighbours wall0
ends "one last time" OK "tcp $PEER4 7200"
agent_end

# ---- self ----
policy <<END
default out pass
block out to self port 7001
pass  out to 127.0.0.0/8
expect pass out to=203.0.113.9:7001 proto=tcp
END
agent_start || finish
gen=$(generation)
rule "not ours" 0 out to=10.55.0.1:7001 proto=tcp
rule "ours" 1 out to=$HOST4:7001 proto=tcp
echo "this is no policy" >>"$W/policy.conf" # nobody has asked to read it
ip addr add 10.55.0.1/24 dev wall0
rule "an address that came" 1 out to=10.55.0.1:7001 proto=tcp
probe OK tcp 127.0.0.1 $PORT
[ "$(generation)" -gt "$gen" ] && pass "in a generation of its own" || fail "the generation is $gen still"
like "the log tells what changed" '^state self .*10\.55\.0\.1' "$("$CGWALL" log)"
like "the agent says why" "the host's addresses .*changed: enforcing generation" "$(cat "$W/agent.log")"
ip addr del 10.55.0.1/24 dev wall0
rule "and went" 0 out to=10.55.0.1:7001 proto=tcp
ip -6 addr add 2001:db8:55::1/64 dev wall0 nodad
rule "IPv6" 1 out "to=[2001:db8:55::1]:7001" proto=tcp
# what the policy promises does not hold with this address: the old tables stay, and that is said
gen=$(generation)
ip addr add 203.0.113.9/32 dev wall0
until_ok 10 sh -c "\"$CGWALL\" status | grep -q 'note .*host.s addresses'"
like "a policy that would break its word is not put in force" "note .*host's addresses" "$("$CGWALL" status)"
is "what was stays" "$gen" "$(generation)"
ip addr del 203.0.113.9/32 dev wall0
ip addr add 10.55.0.2/24 dev wall0
rule "until it holds again" 1 out to=10.55.0.2:7001 proto=tcp
unlike "and the note goes" "note .*host's addresses" "$("$CGWALL" status)"
agent_end

# ---- resolvers: in a mount namespace with a resolv.conf of its own ----
mkdir "$W/resolve"
echo "nameserver 192.0.2.53" >"$W/resolv.conf"
cat >"$W/cgwall-mnt" <<END
#!/bin/bash
[ "\$1" = run ] || exec "$CGWALL" "\$@"
exec unshare -m --propagation slave sh -c 'mount --bind "$W/resolv.conf" /etc/resolv.conf && exec "$CGWALL" "\$@"' sh "\$@"
END
chmod +x "$W/cgwall-mnt"
real=$CGWALL
CGWALL=$W/cgwall-mnt
policy <<END
default out block
pass out service dns to resolvers
END
agent_start || finish
CGWALL=$real
rule "the one that it says" 1 out to=192.0.2.53:53 proto=udp
rule "not another" 0 out to=192.0.2.54:53 proto=udp
printf 'nameserver 192.0.2.54\nnameserver 2001:db8::53\n' >"$W/resolv.conf"
rule "another one" 1 out to=192.0.2.54:53 proto=udp
rule "two of them" 1 out "to=[2001:db8::53]:53" proto=udp
rule "the old one is none any more" 0 out to=192.0.2.53:53 proto=udp
like "the log tells them" '^state resolvers 192.0.2.54,2001:db8::53$' "$("$CGWALL" log)"
is "status tells them" "192.0.2.54 2001:db8::53" \
	"$(json "' '.join(sorted(d['surroundings']['resolvers']))" "$CGWALL" status --json)"
agent_end
finish
