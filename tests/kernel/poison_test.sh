#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Answers that must teach nothing: each would bind an address of its own (192.0.2.1NN) to a name that the policy
# lets through, and the call to that address tells whether it did.
. "$(dirname "$0")/lib.sh"
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
    "alias.bad.test": {"records": [c("elsewhere.test", "x.good.test"), a("x.good.test", 110)]},
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
    "a.b.bad.test": {"records": [a("", 123)]},
    "tcp.good.test": {"records": [a("", 124)], "cut": 2},
    "tcplength.good.test": {"records": [a("", 125)], "length": 20},
}
print(json.dumps(s))
P
$PYTHON "$HERE/answerer.py" "$W/script.json" 192.0.2.53 192.0.2.54 >"$W/answerer.out" 2>"$W/answerer.err" &
SERVERS+=($!)
until_ok 20 grep -q ready "$W/answerer.out" || fail "no name server: $(cat "$W/answerer.err")"

policy <<'P'
set resolvers { 192.0.2.53 }
default out block
pass out to { 192.0.2.53, 192.0.2.54 } port 53
pass out to domain "good.test" port 7001
P
agent_start || finish

asked() { guarded timeout 10 "$RESOLVE" ask "$@" 2>&1; }
# poisoned WHAT NAME ADDRESS ...: after the question for NAME none of the addresses may be called
poisoned() {
	local what=$1 name=$2 addr
	shift 2
	asked 192.0.2.53 "$name" >/dev/null
	for addr in "$@"; do
		is "$what: $addr" EPERM "$(guarded "$W/bin/client" tcp "$addr" 7001 2>&1)"
	done
}
poisoned "another id" id.good.test 192.0.2.101
poisoned "another name" name.good.test 192.0.2.102
poisoned "another type" type.good.test 192.0.2.103
poisoned "another port" port.good.test 192.0.2.104
poisoned "another address" from.good.test 192.0.2.105
probe OK tcp 192.0.2.100 7001
poisoned "a second answer" second.good.test 192.0.2.106
poisoned "an address of another name" unrelated.good.test 192.0.2.107
poisoned "another name's address beside the right one" also.good.test 192.0.2.108 192.0.2.109
poisoned "an alias of a name that was not asked for" alias.bad.test 192.0.2.110
poisoned "two aliases" two.good.test 192.0.2.111 192.0.2.112
poisoned "aliases in a circle" circle.good.test 192.0.2.113
poisoned "an alias of itself" itself.good.test 192.0.2.114
poisoned "the address of an alias on the way" middle.good.test 192.0.2.115
poisoned "cut off" cut.good.test 192.0.2.116
poisoned "without its address" cut4.good.test 192.0.2.117
poisoned "20 aliases" long.good.test 192.0.2.118
poisoned "refused" refused.good.test 192.0.2.119
poisoned "huge" huge.good.test 192.0.2.120
poisoned "loopback" loopback.good.test 127.0.0.1
probe OK tcp 192.0.2.121 7001
poisoned "local networks" private.good.test 10.1.2.3 192.168.7.7 169.254.1.1 100.64.0.1 172.31.0.1
asked -6 192.0.2.53 mapped.good.test >/dev/null
for addr in ::ffff:127.0.0.1 ::1 fe80::1 fd00::1 127.0.0.1; do
	is "loopback and local networks by AAAA: $addr" EPERM "$(guarded "$W/bin/client" tcp "$addr" 7001 2>&1)"
done
poisoned "nowhere" nowhere.good.test 0.0.0.0 127.0.0.1
poisoned "a pointer to itself" loop.good.test 192.0.2.126
poisoned "a pointer forwards" ahead.good.test 192.0.2.122
asked -t 192.0.2.53 tcp.good.test >/dev/null
probe EPERM tcp 192.0.2.124 7001
asked -t 192.0.2.53 tcplength.good.test >/dev/null
probe EPERM tcp 192.0.2.125 7001
poisoned "not mentioned" a.b.bad.test 192.0.2.123
finish
