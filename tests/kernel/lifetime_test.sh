#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How long a name holds: for its answer's lifetime; as long as a flow that used it is up, whatever else is learned
# meanwhile; no longer. What is full, and what is given up first.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.sh"
RESOLVE=$O/tests/kernel/resolve FLOW=$O/tests/kernel/flow
ip addr add 192.0.2.53/32 dev lo
for i in $(seq 10 30); do ip addr add "192.0.2.$i/32" dev lo; done
ip route add local 198.18.0.0/15 dev lo

$PYTHON - >"$W/script.json" <<'P'
import json
a = lambda addr, ttl=1: {"records": [["", "A", ttl, "192.0.2.%d" % addr]]}
s = {"tcp.good.test": a(10), "udp.good.test": a(11), "idle.good.test": a(12), "ended.good.test": a(13),
     "unused.good.test": a(14), "late.good.test": a(12), "elsewhere.good.test": a(15), "*": {"number": "198.18.0.0"}}
for i in range(1, 10):
    s["m%d.good.test" % i] = a(20, 100 + i)
    s["u%d.test" % i] = a(20, 200 + i)
print(json.dumps(s))
P
answerer_up 192.0.2.53
listens() { # PROTO: for one flow
	"$FLOW" "$1" listen - 7601 both "$W/peer.$1" >"$W/listen.$1" 2>&1 &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/listen.$1" || fail "no peer: $(cat "$W/listen.$1")"
}
listens tcp
listens udp

policy <<'P'
set resolvers { 192.0.2.53 }
set dns-min-ttl 1s
default out block
pass out service dns to resolvers
pass out to domain "good.test"
P
agent_start || finish
asked() { guarded "$RESOLVE" ask 192.0.2.53 "$1" >"$W/asked" 2>&1 || fail "no answer for $1: $(cat "$W/asked")"; }
look() { "$CGWALL" names --json >"$W/names.json"; } # once: the list is long
# held ADDRESS: was it bound when we looked, and used by a flow?
held() { json "[[n['used'] for n in b['names']] for b in d if b['address'] == '$1']" cat "$W/names.json"; }
got() { od -An -tu8 -j8 -N8 "$W/own.$1"; }
begins() { # PROTO NAME ADDRESS: a flow by that name
	local pid
	asked "$2"
	rm -f "$W/own.$1"
	in_cgroup "$GUARD" "$FLOW" "$1" connect "$3" 7601 both "$W/own.$1" >"$W/connect.$1" 2>&1 &
	pid=$!
	SERVERS+=("$pid")
	until_ok 5 sh -c "[ \$(od -An -tu8 -j8 -N8 '$W/own.$1') -gt 0 ] || [ \$(od -An -tu8 -j24 -N8 '$W/own.$1') -gt 0 ] || ! kill -0 $pid"
	[ "$(got "$1")" -gt 0 ] || { kill "$pid"; false; }
}
# as often as it takes to ask and to call within the second that the name lives
began() { until_ok 20 begins "$@" || fail "no flow: $(cat "$W/connect.$1")"; }
goes_on() { # PROTO
	local before
	before=$(got "$1")
	until_ok 5 sh -c "[ \$(od -An -tu8 -j8 -N8 '$W/own.$1') -gt $((before + MESSAGES)) ]"
}

# ---- three flows, by three names that live for a second ----
asked unused.good.test
began tcp tcp.good.test 192.0.2.10
began udp udp.good.test 192.0.2.11
idles() {
	local pid
	asked idle.good.test
	in_cgroup "$GUARD" bash -c "exec 3<>/dev/tcp/192.0.2.12/$PORT && echo ready && exec sleep infinity" >"$W/idle" 2>&1 &
	pid=$!
	SERVERS+=("$pid")
	until_ok 5 sh -c "grep -q ready '$W/idle' || ! kill -0 $pid"
	grep -q ready "$W/idle"
}
until_ok 20 idles || fail "no idle connection: $(cat "$W/idle")"
sleep 1.1 # the next name is one that the idle connection did not use
asked late.good.test
ended() { asked ended.good.test && [ "$(guarded "$W/bin/client" tcp 192.0.2.13 "$PORT")" = OK ]; }
until_ok 20 ended && pass "one that ends" || fail "no connection that ends"
start=$SECONDS

# in another network namespace, where the same address is another's
guarded unshare -n bash -c "
	ip link set lo up && ip addr add 192.0.2.53/32 dev lo && ip addr add 192.0.2.15/32 dev lo
	in_outside() { echo \$BASHPID >$OUTSIDE/cgroup.procs && exec \"\$@\"; }
	(in_outside $PYTHON $HERE/answerer.py $W/script.json 192.0.2.53 >$W/other.out 2>&1) &
	(in_outside $FLOW tcp listen - 7601 both $W/other.peer >$W/other.listen 2>&1) &
	until grep -q ready $W/other.out && grep -q ready $W/other.listen; do sleep .05; done
	until $RESOLVE ask 192.0.2.53 elsewhere.good.test && $FLOW tcp connect 192.0.2.15 7601 both $W/own.other; do sleep .05; done" >"$W/other" 2>&1 &
SERVERS+=($!)
until_ok 15 grep -q ready "$W/other" || fail "no flow in another namespace: $(cat "$W/other" "$W/other.out" "$W/other.listen")"

until_ok 5 sh -c "[ \$('$CGWALL' names | grep -c ' yes ') -ge 4 ]" || fail "nobody looks: $("$CGWALL" names)"

# ---- an address has eight names; what is given up first ----
now() { names "' '.join(sorted(n['name'].split('.')[0] for b in d if b['address'] == '192.0.2.20' for n in b['names']))"; }
for n in u1.test u2.test u3.test u4.test m1.good.test m2.good.test m3.good.test m4.good.test; do asked $n; done
is "eight names" "m1 m2 m3 m4 u1 u2 u3 u4" "$(now)"
before=$(dns_count evicted)
asked m5.good.test
is "what nobody mentions goes first, what expires soonest before the rest" "m1 m2 m3 m4 m5 u2 u3 u4" "$(now)"
for n in 6 7 8; do asked m$n.good.test; done
is "all of it" "m1 m2 m3 m4 m5 m6 m7 m8" "$(now)"
is "which nobody misses" "$before" "$(dns_count evicted)"
asked m9.good.test
is "then what expires soonest" "m2 m3 m4 m5 m6 m7 m8 m9" "$(now)"
is "which is counted" $((before + 1)) "$(dns_count evicted)"

# ---- more names than there is room for everywhere, all in force ----
before=$(dns_count evicted)
is "a full table refuses nobody" "rounds 12000 refused 0 other 0" "$(guarded "$RESOLVE" rounds 12000 192.0.2.53 good.test "$PORT" 2>&1)"
is "what it gave up is counted" True "$(json "d['dns']['evicted'] > $before" "$CGWALL" status --json)"
like "status shows it" "names .*evicted [1-9]" "$("$CGWALL" status)"
is "names lists no more than there is room for" True "$(names "8000 < len(d) <= 16384")"
is "what was given up is not let through" True "$(guarded bash -c "
	for i in \$(seq 0 400); do echo tcp 198.18.\$((i / 256)).\$((i % 256)) $PORT; done | $W/bin/client -" | grep -c EPERM |
	$PYTHON -c 'print(int(input()) > 0)')"

# ---- past their time ----
until [ $((SECONDS - start)) -ge 7 ]; do sleep .1; done
look
for addr in 10 11 15; do is "a flow holds the name of 192.0.2.$addr" '[[True]]' "$(held 192.0.2.$addr)"; done
is "an idle one, too, and only the name that it used" "['idle.good.test']" "$(json "[n['name'] for b in d if b['address'] == '192.0.2.12' for n in b['names']]" cat "$W/names.json")"
is "what no flow uses is gone" '[]' "$(held 192.0.2.14)"
is "what has ended holds nothing" '[]' "$(held 192.0.2.13)"
probe EPERM tcp 192.0.2.14 "$PORT"
probe OK tcp 192.0.2.10 "$PORT"
is "names tells it" "idle.good.test yes" "$("$CGWALL" names | awk '$1 == "192.0.2.12" {print $2, $6}')"
reload
for proto in tcp udp other; do
	if goes_on $proto; then pass "$proto goes on after a reload"; else fail "$proto was cut though its name was good when it began"; fi
done
is "the idle one is still there" True "$(json "any(f['remote'] == '192.0.2.12:$PORT' for f in d)" "$CGWALL" flows --json)"

# ---- and no longer ----
kill_all_in "$GUARD"
# what has no connection is up for three minutes more
until_ok 20 sh -c "! '$CGWALL' names | grep -qE '^192.0.2.1[025] '" || fail "what has no flow any more holds its name: $("$CGWALL" names | grep ^192)"
for addr in 10 12 15; do probe EPERM tcp 192.0.2.$addr "$PORT"; done
finish
