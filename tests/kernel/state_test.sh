#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rules that hold in some surroundings and not in others: interfaces that come, go, get and lose addresses,
# carrier and names, and are moved to other network namespaces.
. "$(dirname "$0")/lib.sh"

rules_in_force() { json "' '.join(r['dir'] + str(r['rule']) for r in d if r['rule'] and r['in_force'])" "$CGWALL" rules --json; }
# in_force WHAT "out1 out3": the rules that are in force, soon
in_force_is() { [ "$(rules_in_force)" = "$1" ]; }
in_force() { if until_ok 5 in_force_is "$2"; then pass "$1"; else fail "$1: expected '$2', got '$(rules_in_force)'"; fi; }
state() { json "[f['$3'] for f in d['$1'] if f.get('fact', f.get('name')) == '$2'][0]" "$CGWALL" status --json; }

# a pair of which one end is called so; the other's carrier is its own
link() { ip link add "$1" type veth peer name "p-$1" && ip link set "p-$1" up; }

policy <<END
default out pass
condition wired = active "en*"
block out to 192.0.2.1
pass  out to 192.0.2.1 if active "wg?"
pass  out to 192.0.2.1 if wired and not active "wg?"
block out to 192.0.2.2 unless wired
END
agent_start
in_force "nothing is there" "out1 out4"
is "the agent goes first, where it may" "$(if [ "$(nice)" = 0 ]; then nice -n -10 nice 2>/dev/null; else nice; fi)" \
	"$(ps -o ni= -p "$AGENT" | tr -d ' ')"
probe EPERM tcp 192.0.2.1 $PORT

# ---- one after the other: link, address, up ----
link wg0
ip link set wg0 up
until_ok 5 sh -c "ip link show wg0 | grep -q 'state UP'"
in_force "up, without an address" "out1 out4"
until_ok 5 sh -c "ip -6 addr show dev wg0 | grep -q fe80 && ! ip -6 addr show dev wg0 | grep -q tentative"
in_force "an IPv6 link-local address alone does not count" "out1 out4"
ip addr add 10.9.0.1/24 dev wg0
in_force "with an address" "out1 out2 out4"
probe OK tcp 192.0.2.1 $PORT
ip addr add 10.9.0.2/24 dev wg0
ip addr del 10.9.0.1/24 dev wg0 # its secondary goes with it
in_force "without it again" "out1 out4"
probe EPERM tcp 192.0.2.1 $PORT
ip addr add 2001:db8:9::1/64 dev wg0 nodad
in_force "an IPv6 address counts" "out1 out2 out4"
ip addr del 2001:db8:9::1/64 dev wg0
ip addr add 2001:db8:9::1 peer 2001:db8:9::2 dev wg0 nodad
in_force "one that has a peer, too" "out1 out2 out4"
ip addr change 2001:db8:9::1 peer 2001:db8:9::3 dev wg0 nodad
ip addr del 2001:db8:9::1 peer 2001:db8:9::3 dev wg0
in_force "which has changed before it goes" "out1 out4"
ip addr add 2001:db8:9::1/64 dev wg0 nodad
in_force "another one" "out1 out2 out4"
ip link set p-wg0 down
in_force "no carrier" "out1 out4"
ip link set p-wg0 up
ip addr replace 10.9.0.1/24 dev wg0
in_force "carrier" "out1 out2 out4"
ip link set wg0 down
in_force "down" "out1 out4"
ip link set wg0 up
in_force "up" "out1 out2 out4"

# ---- names ----
ip link set wg0 down
ip link set wg0 name en0
ip link set en0 up
in_force "another name" "out1 out3"
link wg1
ip addr add 10.10.0.1/24 dev wg1
ip link set wg1 up
in_force "a second one" "out1 out2"
is "facts are told" True "$(state facts 'active "wg?"' holds)"
is "with the rules that they switch" "[2] [3]" \
	"$(json "' '.join(str(d['facts'][i]['rules'][k]['out']) for i, k in ((1, 'on'), (1, 'off')))" "$CGWALL" status --json)"
is "conditions are told" True "$(state conditions wired holds)"
like "since when" '^20..-..-..T' "$(state conditions wired since)"

# ---- gone ----
ip link del wg1
in_force "removed" "out1 out3"
unshare -n sleep infinity &
OTHER_NS=$!
SERVERS+=("$OTHER_NS")
until_ok 10 sh -c "[ \"\$(readlink /proc/$OTHER_NS/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
ip link set en0 netns $OTHER_NS
in_force "moved to another namespace" "out1 out4"
nsenter -t $OTHER_NS -n ip link set en0 netns $$
ip addr add 10.9.0.1/24 dev en0
ip link set en0 up
in_force "and back" "out1 out3"

# ---- bridge and tun ----
ip link add wg2 type bridge
ip addr add 10.11.0.1/24 dev wg2
ip link set wg2 up
ip link set en0 master wg2
ip link set en0 nomaster # the bridge tells of this in the words of a link that is gone
ip addr del 10.11.0.1/24 dev wg2
in_force "a port that leaves its bridge is still there" "out1 out3"
ip link del wg2
if ip tuntap add wg3 mode tun 2>/dev/null; then
	ip addr add 10.12.0.1/24 dev wg3
	ip link set wg3 up
	in_force "a tunnel that nobody serves has no carrier" "out1 out3"
	ip link del wg3
else
	skip "no tun device here"
fi

# ---- what the log says ----
log=$("$CGWALL" log)
like "the log has a line for each change" '^state active wg0 up: rules out 2 on$' "$log"
like "one that switches rules both ways" '^state active wg1 up: rules out 2 on, out 3 off$' "$log"
is "in JSON" "state wg1 down up [2] [3]" \
	"$(json "[' '.join([d['kind'], d['fact'].split()[1], d['old'], d['new'], str(d['rules']['on']['out']), str(d['rules']['off']['out'])]) for d in ds if d['fact'] == 'active wg1'][0]" "$CGWALL" log --json)"
unlike "what no rule asks for is not told" 'active p-' "$log"
like "the agent prints them, too" '^state active wg0 down' "$(cat "$W/agent.log")"

# ---- questions ----
explain() { "$CGWALL" explain "$@"; }
like "a question is answered by what is true" 'rule 3' "$(explain out to=192.0.2.1:80 proto=tcp)"
like "or by the facts that it gives" 'rule 2' "$(explain out to=192.0.2.1:80 proto=tcp active=wg7)"
like "none" 'rule 1' "$(explain out to=192.0.2.1:80 proto=tcp active=)"
like "which changes nothing" 'rule 3' "$(explain out to=192.0.2.1:80 proto=tcp)"
in_force "nothing at all" "out1 out3"
agent_end

# ---- a kernel with nohz_full= has no membarrier() for all: here a filter says so ----
if [ "$(uname -m)" = x86_64 ]; then
	cat >"$W/without" <<-END
		#!$(command -v $PYTHON)
		import ctypes, os, struct, sys
		steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 324), (6, 0, 0, 0x50000 | 22), (6, 0, 0, 0x7fff0000)]
		code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *s) for s in steps))
		filter = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
		libc = ctypes.CDLL(None)
		if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filter) or libc.syscall(324, 0, 0, 0) != -1:
		    sys.exit("no filter")
		os.execv("$CGWALL", ["$CGWALL"] + sys.argv[1:])
	END
	chmod +x "$W/without"
	{
		echo 'default out pass'
		for i in 0 1 2 3; do
			echo "block out to 192.0.2.1 if active \"gray$i\""
			link gray$i
			ip addr add 10.13.$i.1/24 dev gray$i
		done
	} | policy
	CGWALL=$W/without agent_start || finish
	in_force "a policy is in force all the same" ""
	# one of four links at a time: more rows of rules than there is room for at once
	up=(0 0 0 0)
	for ((i = 1; i <= 10; i++)); do
		for ((n = 0, k = i; k % 2 == 0; k /= 2)); do n=$(((n + 1) % 4)); done
		up[n]=$((1 - up[n]))
		ip link set gray$n "$([ "${up[n]}" = 1 ] && echo up || echo down)"
		want=''
		for k in 0 1 2 3; do [ "${up[k]}" = 0 ] || want+="${want:+ }out$((k + 1))"; done
		in_force "and follows what changes, $i" "$want"
	done
	agent_end
fi
finish
