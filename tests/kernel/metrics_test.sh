#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The metrics: in the form that collectors read, and true with an agent, without one, and where nothing is in force.
. "$(dirname "$0")/lib.sh"

T1="tcp 192.0.2.1 7001" T2="tcp 192.0.2.2 7001"
metrics() { "$CGWALL" status --metrics >"$W/metrics"; METRICS_CODE=$?; }
# metric NAME[{LABEL="VALUE"}]: its value; nothing where it is not there
metric() { awk -v m="$1" '!/^#/ && $1 == m {print $2}' "$W/metrics"; }
# A name is told of before its samples, once, and no sample comes twice.
well_formed() {
	"$PYTHON" - "$W/metrics" <<'PY'
import re, sys
text = open(sys.argv[1]).read()
help_, type_, seen, last = set(), {}, set(), None
assert text.endswith("\n")
for line in text.splitlines():
    m = re.fullmatch(r"# HELP ([a-z_]+) (\S.*)", line)
    if m:
        assert m[1] not in help_, line
        help_.add(m[1])
        last = m[1]
        continue
    m = re.fullmatch(r"# TYPE ([a-z_]+) (gauge|counter)", line)
    if m:
        assert m[1] == last and (m[2] == "counter") == m[1].endswith("_total"), line
        type_[m[1]] = m[2]
        continue
    m = re.fullmatch(r'([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"\})? (-?\d+(?:\.\d+)?)', line)
    assert m and m[1] == last and m[1] in type_, line
    assert m[1] + (m[2] or "") not in seen, line
    seen.add(m[1] + (m[2] or ""))
print(len(seen) > 2)
PY
}
# values WHAT "NAME VALUE" ...
values() {
	local what=$1 pair
	shift
	metrics
	is "$what: form" True "$(well_formed 2>&1)"
	for pair; do is "$what: ${pair% *}" "${pair##* }" "$(metric "${pair% *}")"; done
}

status "--json and --metrics" 2 "$CGWALL" status --json --metrics
values "nothing at all" "cgwall_enforcing 0" "cgwall_agent 0" "cgwall_closed 0" 'cgwall_failed{action="block"} 0'
is "nothing at all: exit code" 1 "$METRICS_CODE"
is "nothing at all: nothing is counted" "" "$(metric 'cgwall_decisions_total{verdict="pass"}')"

policy <<'P'
default out block
pass out to 192.0.2.1
ask timeout 60s out to 192.0.2.2
P
agent_start || finish
probes <<<"OK $T1
OK $T1
EPERM tcp 127.0.0.1 7001"
guarded "$W/bin/client" $T2 >"$W/asked" 2>&1 6>&- &
asked=$!
asking() { metrics && [ "$(metric cgwall_questions_open)" = 1 ]; }
until_ok 20 asking
values "an agent" "cgwall_enforcing 1" "cgwall_agent 1" "cgwall_closed 0" "cgwall_last_good 0" "cgwall_observing 0" \
	"cgwall_generation 1" 'cgwall_rules{dir="out"} 2' "cgwall_questions_open 1" "cgwall_events_lost_total 0" \
	'cgwall_alarms_total{alarm="dns-unasked"} 0'
is "an agent: exit code" 0 "$METRICS_CODE"
over() { [ "$(awk -v a="$(metric "$1")" "BEGIN {print (a >= $2)}")" = 1 ] && pass "$1" || fail "$1: $(metric "$1")"; }
over 'cgwall_decisions_total{verdict="pass"}' 2
over 'cgwall_decisions_total{verdict="block"}' 1
over 'cgwall_decisions_total{verdict="ask"}' 1
like "when it was put in force" '^[1-9][0-9]{9}$' "$(metric cgwall_policy_since_seconds)"
young() { metrics && grep -qE '^cgwall_beat_age_seconds [0-4]\.[0-9]{3}$' "$W/metrics"; }
until_ok 20 young && pass "the beat" || fail "the beat: $(metric cgwall_beat_age_seconds)"
passed_then=$(metric 'cgwall_decisions_total{verdict="pass"}')
agent_kill
values "killed" "cgwall_enforcing 1" "cgwall_agent 0" "cgwall_closed 0" "cgwall_generation 1"
is "killed: exit code" 0 "$METRICS_CODE"
over 'cgwall_decisions_total{verdict="pass"}' "$passed_then"
like "killed: the beat ages" '^[0-9]+\.[0-9]{3}$' "$(metric cgwall_beat_age_seconds)"
is "killed: what only an agent knows is left out" "" "$(metric cgwall_questions_open)"
kill "$asked" 2>/dev/null
probe OK $T1
metrics
over 'cgwall_decisions_total{verdict="pass"}' $((passed_then + 1))
"$CGWALL" detach >/dev/null

# no policy that could be put in force
echo 'pass owt' | policy
"$CGWALL" load --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" --state-dir "$W/state" --last-good >"$W/load.out" 2>&1
values "closed" "cgwall_enforcing 0" "cgwall_agent 0" "cgwall_closed 1" 'cgwall_failed{action="block"} 1' 'cgwall_failed{action="pass"} 0'
is "closed: exit code" 1 "$METRICS_CODE"
"$CGWALL" detach >/dev/null
printf 'set on-failure pass\npass owt\n' | policy
"$CGWALL" load --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" --state-dir "$W/state" --last-good >"$W/load.out" 2>&1
values "open" "cgwall_enforcing 0" "cgwall_closed 0" 'cgwall_failed{action="block"} 0' 'cgwall_failed{action="pass"} 1'

# the last good one
printf 'set mode observe\ndefault out block\n' | policy
"$CGWALL" load --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" --state-dir "$W/state" --last-good >"$W/load.out" 2>&1
echo 'pass owt' >>"$W/policy.conf"
agent_start --state-dir "$W/state" --last-good || finish
values "the last good one" "cgwall_enforcing 1" "cgwall_last_good 1" "cgwall_observing 1" 'cgwall_failed{action="pass"} 0'
agent_end
values "detached" "cgwall_enforcing 0" "cgwall_agent 0" "cgwall_closed 0"
finish
