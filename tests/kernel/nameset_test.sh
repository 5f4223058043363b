#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What rules make of names: addresses that have several, of several programs' rules, and more sets of them than there
# is room for; `not`; lists with addresses; what comes in; local addresses; who may speak for a resolver on this host.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.sh"
RESOLVE=$O/tests/kernel/resolve FLOW=$O/tests/kernel/flow
ip addr add 192.0.2.53/32 dev lo
for i in $(seq 10 30); do ip addr add "192.0.2.$i/32" dev lo; done
ip route add local 198.18.0.0/15 dev lo
SETS=24 # of names that differ, and one address for each two of them

$PYTHON - $SETS >"$W/script.json" <<'P'
import json, sys
a = lambda addr: {"records": [["", "A", 300, addr]]}
s = {"x.a.test": a("192.0.2.10"), "x.b.test": a("192.0.2.10"), "a.test": a("192.0.2.11"), "b.test": a("192.0.2.12"),
     "x.c.test": a("192.0.2.10"), "other.test": a("192.0.2.13"), "near.test": a("127.0.0.9"), "lan.test": a("10.9.8.7"),
     "silent.test": {"hex": "no"}}
n, k = int(sys.argv[1]), 0
for i in range(n):
    for j in range(i):
        s["p%d.s%d.test" % (k, i)] = s["p%d.s%d.test" % (k, j)] = a("198.18.%d.%d" % (k // 256, k % 256))
        k += 1
print(json.dumps(s))
P
answerer_up 192.0.2.53
copy "$W/bin/two"
copy "$W/bin/three"
asked() {
	local name
	for name in "$@"; do
		guarded "$RESOLVE" ask 192.0.2.53 "$name" >"$W/asked" 2>&1 || fail "no answer for $name: $(cat "$W/asked")"
	done
}
policy_of() {
	policy <<-EOP
		set resolvers { 192.0.2.53 }
		default out block log
		pass out exe "$RESOLVE" service dns to resolvers
		$1
	EOP
}

# ---- one address, several names; several programs' rules ----
policy_of "pass out exe \"$W/bin/client\" to domain \"a.test\" port $PORT
pass out exe \"$W/bin/two\" to { domain \"b.test\", 192.0.2.14, file \"$W/list\" } port $PORT
pass out exe \"$W/bin/three\" to not { domain \"a.test\", domain \"b.test\" } port $PORT"
printf '192.0.2.15\n*.c.test\n0.0.0.0 d.test\n' >"$W/list"
agent_start || finish
asked x.a.test a.test
probes <<P
OK tcp 192.0.2.10 $PORT
OK tcp 192.0.2.11 $PORT
EPERM tcp 192.0.2.12 $PORT
P
probes -p "$W/bin/two" <<P
EPERM tcp 192.0.2.10 $PORT
EPERM tcp 192.0.2.12 $PORT
OK tcp 192.0.2.14 $PORT
OK tcp 192.0.2.15 $PORT
P
asked x.b.test b.test other.test
probes <<P
OK tcp 192.0.2.10 $PORT
EPERM tcp 192.0.2.12 $PORT
EPERM tcp 192.0.2.13 $PORT
P
probes -p "$W/bin/two" <<P
OK tcp 192.0.2.10 $PORT
EPERM tcp 192.0.2.11 $PORT
OK tcp 192.0.2.12 $PORT
OK udp 192.0.2.10 $PORT
P
probes -p "$W/bin/three" <<P
EPERM tcp 192.0.2.10 $PORT
EPERM tcp 192.0.2.11 $PORT
EPERM tcp 192.0.2.12 $PORT
OK tcp 192.0.2.13 $PORT
OK tcp 192.0.2.16 $PORT
P
is "names tells all rules" "[2, 3, 4]" "$(names "[b['rules']['out'] for b in d if b['address'] == '192.0.2.10'][0]")"
is "one class was added" 1 "$(dns_count classes)"
is "the kernel's tables agree, asked by name" "pass 3" \
	"$(json "d['verdict'] + ' ' + str(d['rule'])" "$CGWALL" explain --json out exe="$W/bin/two" proto=tcp to="203.0.113.5:$PORT" domain=q.a.test,q.b.test)"
is "and by address" "pass 3" "$(json "d['verdict'] + ' ' + str(d['rule'])" "$CGWALL" explain --json out exe="$W/bin/two" proto=tcp to="192.0.2.10:$PORT")"
asked x.c.test # three names
probe OK tcp 192.0.2.10 "$PORT"

# ---- what comes in ----
flow_serve() {
	(echo "$BASHPID" >"$GUARD/cgroup.procs" && exec "$FLOW" serve 7010) >"$W/serve" 2>&1 </dev/null 6>&- &
	SERVERS+=($!)
	until_ok 10 grep -q ready "$W/serve" || fail "no server: $(cat "$W/serve")"
}
flow_serve
policy_of "default in block log
pass in quick exe \"$FLOW\" from domain \"a.test\"
pass in quick exe \"$FLOW\" from not { domain \"a.test\", domain \"b.test\", domain \"other.test\" }"
reload
# what has to be answered is waited for
calls_from() { is "from $2 $3" "$1" "$(echo "$([ "$1" != OK ] || echo +)$3 192.0.2.20 7010 $2" | outside "$FLOW" call)"; }
calls_from OK 192.0.2.10 tcp # a and b
calls_from OK 192.0.2.11 tcp
calls_from TIMEOUT 192.0.2.12 tcp
calls_from SILENT 192.0.2.12 udp
calls_from TIMEOUT 192.0.2.13 tcp
calls_from OK 192.0.2.16 tcp # nobody knows its name
calls_from OK 192.0.2.11 udp
like "the log names who was refused" "^block in rule 0 flow .* 192.0.2.12:[0-9]+ -> 192.0.2.20:7010 name b.test\$" "$("$CGWALL" log | grep '^block in' | head -1)"

# ---- more sets of names than there is room for ----
rules=''
for i in $(seq 0 $((SETS - 1))); do rules+="pass out to domain \"s$i.test\" port $((9000 + i))"$'\n'; done
policy_of "$rules
pass out to domain \"test\" port $PORT"
reload
pairs=$((SETS * (SETS - 1) / 2))
kill -STOP "$AGENT" # it would make room while they are asked for
guarded bash -c "k=0; for i in \$(seq 0 $((SETS - 1))); do for j in \$(seq 0 \$((i - 1))); do
	$RESOLVE ask 192.0.2.53 p\$k.s\$i.test; $RESOLVE ask 192.0.2.53 p\$k.s\$j.test; k=\$((k + 1)); done; done" >"$W/asked" 2>&1
is "every pair was answered" $((2 * pairs)) "$(grep -c '^198.18' "$W/asked")"
for k in $(seq 0 $((pairs - 1))); do echo "udp 198.18.$((k / 256)).$((k % 256)) $PORT"; done >"$W/calls"
guarded "$W/bin/client" - <"$W/calls" >"$W/results" 2>&1
kill -CONT "$AGENT"
is "each is let through or refused for want of room" "$pairs" "$(grep -cE '^(OK|EPERM)$' "$W/results")"
is "not all found room" True "$($PYTHON -c "print(0 < $(grep -c EPERM "$W/results") < $pairs - 200)")"
like "what did not is refused and told" "^block out error name client .* -> 198.18.1.19:$PORT name p" "$("$CGWALL" log | grep '^block' | tail -1)"
is "counted" True "$(json "d['dns']['full'] > 0 and d['counters']['name'] > 0" "$CGWALL" status --json)"
like "and shown" "names .*full [1-9]" "$("$CGWALL" status)"
roomy() { guarded "$W/bin/client" udp 198.18.1.19 "$PORT" | grep -q OK; }
until_ok 20 roomy || fail "the agent makes no room"
like "it says so" "^cgwall: more sets of names than there was room for: enforcing generation" "$(cat "$W/agent.log")"
paste -d' ' "$W/results" "$W/calls" | sed -n 's/^EPERM //p' | head -20 >"$W/again"
is "then there is room again" "$(wc -l <"$W/again")" "$(guarded "$W/bin/client" - <"$W/again" 2>&1 | grep -c OK)"

# ---- local addresses ----
policy_of "pass out to domain \"test\""
reload
asked near.test lan.test
is "not learned" "False False" "$(known near.test) $(known lan.test)"
probe EPERM tcp 127.0.0.9 "$PORT"
probe EPERM udp 10.9.8.7 "$PORT"
policy_of "set dns-rebind allow
pass out to domain \"test\""
reload
asked near.test lan.test
is "learned where the policy wants it" "True True" "$(known near.test) $(known lan.test)"
probe OK tcp 127.0.0.9 "$PORT"

# ---- a program that speaks for the resolver on this host, under a policy that lets it do nearly everything ----
policy <<P
set resolvers { 192.0.2.53 }
set sockets-other pass
default out block
pass out to { loopback, 192.0.2.0/24 }
pass out to domain "silent.test"
P
reload
before=$(alarms dns-stranger)
for how in raw share; do
	is "a forged answer by $how does not arrive" nothing "$(guarded "$PYTHON" "$HERE/forger.py" $how 192.0.2.53 silent.test 198.18.9.9 2>&1 | sed 's/^cannot .*/nothing/')"
	probe EPERM udp 198.18.9.9 "$PORT"
done
is "and is counted" True "$($PYTHON -c "print($(alarms dns-stranger) >= $before + 2)")"
is "while the resolver is heard" True "$(asked other.test && known other.test)"
is "it arrives where nobody guards" got "$(FORGER_SECONDS=20 outside "$PYTHON" "$HERE/forger.py" raw 192.0.2.53 silent.test 198.18.9.9 2>&1)"
finish
