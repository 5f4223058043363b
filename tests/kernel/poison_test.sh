#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Answers that must teach nothing: each would bind an address of its own (192.0.2.1NN) to a name that the policy
# lets through, and the call to that address tells whether it did. Each is counted as an alarm of the right kind.
# POISON_LIST=1: prints a line for each technique, `NAME closed` or `NAME open WHY`; tests/bypass/run.sh lists them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.sh"
RESOLVE=$O/tests/kernel/resolve
ip addr add 192.0.2.53/32 dev lo
ip addr add 192.0.2.54/32 dev lo
for i in $(seq 100 140); do ip addr add "192.0.2.$i/32" dev lo; done

$PYTHON - >"$W/script.json" <<'P'
import json
a = lambda owner, addr, ttl=300: [owner, "A", ttl, "192.0.2.%d" % addr if isinstance(addr, int) else addr]
c = lambda owner, to: [owner, "CNAME", 300, to]
good = {"records": [a("", 100)]}
evil = lambda addr, **more: {"records": [a("", addr)], **more}
after = lambda first: {**good, "before": first}
s = {
    "id.good.test": after(evil(101, id="1")),
    "name.good.test": after(evil(102, name="other.good.test")),
    "type.good.test": after(evil(103, type=28, all=True)),
    "port.good.test": after(evil(104, port=5354)),
    "from.good.test": after(evil(105, **{"from": "192.0.2.54"})),
    "second.good.test": {**evil(106), "before": good},
    "unrelated.good.test": {"records": [a("elsewhere.good.test", 107)]},
    "also.good.test": {"records": [a("", 108), a("elsewhere.good.test", 109)]},
    "alias.good.test": {"records": [c("elsewhere.test", "x.good.test"), a("x.good.test", 110)]},
    "two.good.test": {"records": [c("", "a.test"), c("", "b.test"), a("a.test", 111), a("b.test", 112)]},
    "circle.good.test": {"records": [c("", "b.test"), c("b.test", "circle.good.test"), a("", 113)]},
    "itself.good.test": {"records": [c("", "itself.good.test"), a("", 114)]},
    "middle.good.test": {"records": [c("", "b.test"), c("b.test", "c.test"), a("b.test", 115)]},
    "cut.good.test": {"records": [a("", 116)], "cut": 1},
    "cut4.good.test": {"records": [a("", 117)], "cut": 4},
    "long.good.test": {"records": [c("" if not i else "n%d.test" % i, "n%d.test" % (i + 1)) for i in range(20)]
                       + [a("n20.test", 118)]},
    "refused.good.test": {"records": [a("", 119)], "rcode": 5},
    "huge.good.test": {"records": [a("", 120)], "pad": 40000},
    "loopback.good.test": {"records": [a("", "127.0.0.1"), a("", 121)]},
    "private.good.test": {"records": [a("", "10.1.2.3"), a("", "192.168.7.7"), a("", "169.254.1.1"),
                                      a("", "100.64.0.1"), a("", "172.31.0.1"), a("", "224.0.0.1")]},
    "mapped.good.test": {"records": [["", "AAAA", 300, "::ffff:127.0.0.1"], ["", "AAAA", 300, "::1"],
                                     ["", "AAAA", 300, "fe80::1"], ["", "AAAA", 300, "fd00::1"],
                                     ["", "AAAA", 300, "::127.0.0.1"]]},
    "nowhere.good.test": {"records": [a("", "0.0.0.0")]},
    # one question, one answer; the answer's owner is a pointer to itself, or leads forwards
    "loop.good.test": {"hex": "0001000100000000" "046c6f6f7004676f6f640474657374000001" "0001"
                              "c020" "000100010000012c0004" "c000027e"},
    "ahead.good.test": {"hex": "0001000100000000" "05616865616404676f6f640474657374000001" "0001"
                               "c021" "000100010000012c0004" "c000027a"},
    "silent.good.test": {"hex": "no"},
    "stranger.good.test": {"records": [a("", 127)]},
    "tcp-cut.good.test": {"records": [a("", 124)], "cut": 2},
    "tcp-length.good.test": {"records": [a("", 125)], "length": 20},
}
print(json.dumps(s))
P
answerer_up 192.0.2.53 192.0.2.54

policy <<'P'
set resolvers { 192.0.2.53, 203.0.113.53 }
default out block
pass out to { 192.0.2.53, 192.0.2.54, 203.0.113.53 } port 53
pass out to domain "good.test" port 7001
P
agent_start || finish

asked() { guarded timeout 60 "$RESOLVE" ask "$@" >"$W/asked" 2>&1; }
alarmed() { [ "$(alarms "$1")" -gt "$2" ]; } # ALARM BEFORE
# judged ALARM BEFORE NAME ADDRESS ...: none of the addresses may be called, nor has one a name; the alarm was counted
judged() {
	local alarm=$1 before=$2 name=$3 addr got=0 open=''
	shift 3
	# packets that take different ways may overtake each other
	[ "$alarm" = - ] || until_ok 5 alarmed "dns-$alarm" "$before"
	for addr in "$@"; do
		got=$(guarded "$W/bin/client" tcp "$addr" 7001 2>&1)
		is "$name: $addr" EPERM "$got"
		[ "$got" = EPERM ] || open+=" $addr may be called"
	done
	if [ "$alarm" != - ]; then
		got=$(($(alarms "dns-$alarm") - before))
		is "$name: alarms dns-$alarm" True "$([ "$got" -ge 1 ] && echo True || echo "$got")"
		[ "$got" -ge 1 ] || open+=" no alarm dns-$alarm"
	fi
	[ -z "${POISON_LIST:-}" ] || echo "dns-$name ${open:+open}${open:-closed}"
}
# poisoned ALARM NAME ADDRESS ... [-- OPTION ...]: after the question for NAME.good.test
poisoned() {
	local alarm=$1 name=$2 before addrs=()
	shift 2
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		addrs+=("$1")
		shift
	done
	[ $# = 0 ] || shift
	before=$([ "$alarm" = - ] || alarms "dns-$alarm")
	asked "$@" 192.0.2.53 "$name.good.test"
	judged "$alarm" "$before" "$name" "${addrs[@]}"
}
poisoned unasked id 192.0.2.101
poisoned unasked name 192.0.2.102
poisoned unasked type 192.0.2.103
poisoned - port 192.0.2.104 # the kernel does not bring it to a socket that asked elsewhere
poisoned - from 192.0.2.105
probe OK tcp 192.0.2.100 7001
again=$(dns_count again)
poisoned - second 192.0.2.106 -- -a
is "a second answer is counted" True "$([ "$(dns_count again)" -gt "$again" ] && echo True)"
poisoned unrelated unrelated 192.0.2.107
poisoned unrelated also 192.0.2.108 192.0.2.109
poisoned unrelated alias 192.0.2.110
poisoned unrelated two 192.0.2.111 192.0.2.112
poisoned unrelated circle 192.0.2.113
poisoned unrelated itself 192.0.2.114
poisoned unrelated middle 192.0.2.115
poisoned malformed cut 192.0.2.116
poisoned malformed cut4 192.0.2.117
poisoned huge long 192.0.2.118
poisoned - refused 192.0.2.119
poisoned huge huge 192.0.2.120
poisoned rebind loopback 127.0.0.1
probe OK tcp 192.0.2.121 7001
poisoned rebind private 10.1.2.3 192.168.7.7 169.254.1.1 100.64.0.1 172.31.0.1
poisoned rebind mapped ::ffff:127.0.0.1 ::1 fe80::1 fd00::1 127.0.0.1 -- -6
poisoned - nowhere 0.0.0.0 127.0.0.1
poisoned malformed loop 192.0.2.126
poisoned malformed ahead 192.0.2.122
poisoned malformed tcp-cut 192.0.2.124 -- -t
poisoned malformed tcp-length 192.0.2.125 -- -t

# somebody whom nobody trusts
before=$(alarms dns-stranger)
asked 192.0.2.54 stranger.good.test
judged stranger "$before" stranger 192.0.2.127

# somebody else on this host forges a remote resolver's answer, with the right id and port, over loopback
ip link add away0 type veth peer name away1 && ip link set away0 up && ip link set away1 up
ip addr add 203.0.113.1/24 dev away0
ip neigh replace 203.0.113.53 lladdr 02:00:00:00:00:53 dev away0
before=$(alarms dns-place)
guarded "$PYTHON" "$HERE/forger.py" wait 203.0.113.53 place.good.test - >"$W/waits" 2>&1 &
SERVERS+=($!)
until_ok 10 grep -q ^asked "$W/waits" || fail "nobody asks: $(cat "$W/waits")"
read -r _ own port ident <"$W/waits"
outside "$PYTHON" "$HERE/forger.py" send 203.0.113.53 place.good.test 192.0.2.128 "$own" "$port" "$ident" >"$W/sends" 2>&1
until_ok 10 grep -qE "^(got|nothing)" "$W/waits"
judged place "$before" place 192.0.2.128

# a guarded program does, for a resolver on this host: its packets do not get that far
policy <<'P'
set resolvers { 192.0.2.53 }
set sockets-other pass
default out block
pass out to { loopback, 192.0.2.53, 192.0.2.1 }
pass out to domain "good.test" port 7001
P
reload
for how in raw share; do
	before=$(alarms dns-stranger)
	guarded "$PYTHON" "$HERE/forger.py" $how 192.0.2.53 silent.good.test 192.0.2.129 >"$W/forged" 2>&1
	judged stranger "$before" "local-$how" 192.0.2.129
done
like "status shows them" "alarms +dns-unasked [1-9].*dns-stranger [1-9].*dns-place 1.*dns-malformed [1-9].*dns-unrelated [1-9].*dns-rebind [1-9].*dns-huge [1-9]" "$("$CGWALL" status)"
like "the log tells of them" "^alarm dns-unrelated from 192.0.2.53:53 name " "$("$CGWALL" log)"
is "nothing else was learned" "['192.0.2.100', '192.0.2.121']" "$(names "[b['address'] for b in d if b['address'].startswith('192.0.2.1')]")"
finish
