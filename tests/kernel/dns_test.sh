#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Names are learned before the answer arrives, from trusted resolvers and from nobody else. A scripted name
# server (answerer.py) answers right and wrong; resolve.c asks, and connects to what it was told at once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.sh"
RESOLVE=$O/tests/kernel/resolve
ip addr add 192.0.2.53/32 dev lo
ip addr add 192.0.2.54/32 dev lo
ip addr add 2001:db8::53/128 dev lo nodad
for i in 10 11 12 13 14 15 16 17 18 19 100; do ip addr add "192.0.2.$i/32" dev lo; done

$PYTHON - >"$W/script.json" <<'P'
import json
a = lambda owner, addr, ttl=300: [owner, "A", ttl, addr]
c = lambda owner, to: [owner, "CNAME", 300, to]
s = {
    "one.good.test": {"records": [a("", "192.0.2.10"), ["", "AAAA", 300, "2001:db8::2"]]},
    "full.good.test": {"compress": False, "records": [a("", "192.0.2.10")]},
    "chain.good.test": {"records": [c("", "b.cdn.test"), c("b.cdn.test", "c.cdn.test"), a("c.cdn.test", "192.0.2.11")]},
    "order.good.test": {"records": [a("c.cdn.test", "192.0.2.11"), c("b.cdn.test", "c.cdn.test"), c("", "b.cdn.test")]},
    "other.test": {"records": [c("", "way.good.test"), a("way.good.test", "192.0.2.12")]},
    "many.good.test": {"records": [a("", "192.0.2.%d" % (100 + i)) for i in range(40)]},
    "big.good.test": {"pad": 9000, "records": [a("", "192.0.2.13")]},
    "pieces.good.test": {"pieces": [1, 1, 5, 30], "records": [a("", "192.0.2.14")]},
    "bigpieces.good.test": {"pad": 9000, "pieces": [2, 1000, 3000], "records": [a("", "192.0.2.15")]},
    "any.bad.test": {"records": [a("", "192.0.2.16")]},
    "twice.good.test": {"times": 3, "records": [a("", "192.0.2.17")]},
    "stranger.good.test": {"records": [a("", "192.0.2.19")]},
    "short.good.test": {"records": [a("", "192.0.2.18", 0)]},
    "*": {"number": "198.18.0.0"},
    "*.bad.test": {"number": "198.19.250.0"},
}
print(json.dumps(s))
P
answerer_up 192.0.2.53 192.0.2.54 2001:db8::53

policy <<'P'
set resolvers { 192.0.2.53, 2001:db8::53 }
default out block
pass out to { 192.0.2.53, 192.0.2.54, 2001:db8::53 } port 53
pass out to domain "good.test" port 7001
P
agent_start || finish

# go WHAT EXPECTED ARGUMENTS ...: asks, and connects to the first address
go() { is "$1" "$2" "$(guarded "$RESOLVE" go "${@:3}" 2>&1)"; }

probe EPERM tcp 192.0.2.10 7001
go "one address" "OK OK" 192.0.2.53 one.good.test 7001
go "the name counts, not the port alone" "EPERM EPERM" 192.0.2.53 one.good.test 7002
go "another name" "EPERM EPERM" 192.0.2.53 any.bad.test 7001
probe EPERM tcp 192.0.2.11 7001
go "names in full" "OK OK" 192.0.2.53 full.good.test 7001
go "aliases" "OK OK" 192.0.2.53 chain.good.test 7001
go "aliases in the wrong order" "OK OK" 192.0.2.53 order.good.test 7001
go "a name on the way" "OK OK" 192.0.2.53 other.test 7001
go "40 addresses" "OK OK" 192.0.2.53 many.good.test 7001
go "AAAA" "OK OK" -6 192.0.2.53 one.good.test 7001
go "by IPv6" "OK OK" 2001:db8::53 twice.good.test 7001
go "case does not count" "OK OK" 192.0.2.53 OnE.gOOd.tEst 7001
go "a large datagram" "OK OK" 192.0.2.53 big.good.test 7001
go "TCP" "OK OK" -t 192.0.2.53 one.good.test 7001
go "TCP, in pieces" "OK OK" -t 192.0.2.53 pieces.good.test 7001
go "TCP, large, in pieces" "OK OK" -t 192.0.2.53 bigpieces.good.test 7001
go "TCP, the question in two segments" "OK OK" -t -2 192.0.2.53 short.good.test 7001
go "TCP by IPv6" "OK OK" -t 2001:db8::53 one.good.test 7001
go "a resolver that is not trusted" "EPERM EPERM" 192.0.2.54 stranger.good.test 7001

# What is asked for may be called at once, each time at an address that nobody has seen before.
ip route add local 198.18.0.0/15 dev lo
probe EPERM udp 198.18.0.0 7001
rounds=${ROUNDS:-3000}
is "resolve, then connect at once" "rounds $rounds refused 0 other 0" \
	"$(guarded "$RESOLVE" rounds "$rounds" 192.0.2.53 good.test 7001 2>&1)"
is "and what is not let through is not" "rounds 300 refused 300 other 0" \
	"$(guarded "$RESOLVE" rounds 300 192.0.2.53 bad.test 7001 2>&1)"
finish
