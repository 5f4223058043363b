#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What asks while nobody can be asked: `background` decides; and an answer for ever is a rule.
. "$(dirname "$0")/lib.sh"

T1="tcp 192.0.2.1 7001" T2="tcp 192.0.2.2 7001"
policy <<P
default out ask timeout 60s background pass
ask else block out to 192.0.2.2
block out to 127.0.0.1
P
# no agent at all
"$CGWALL" load --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" >"$W/load.out" 2>&1 || fail "load: $(cat "$W/load.out")"
probes <<<"OK $T1
OK sendto 2001:db8::1 7001
OK $T2
EPERM tcp 127.0.0.1 7001"
sed -i 's/background pass/background block/' "$W/policy.conf"
"$CGWALL" load --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" >"$W/load.out" 2>&1 || fail "load: $(cat "$W/load.out")"
probes <<<"EPERM $T1
EPERM $T2
EPERM sendto 2001:db8::1 7001"
# an orderly stop says so at once
agent_start || finish
agent_stop
probes <<<"EPERM $T1"
# under observation nothing is asked
{ echo 'set mode observe'; cat "$W/policy.conf"; } >"$W/policy.new" && mv "$W/policy.new" "$W/policy.conf"
agent_start || finish
probes <<<"OK $T1
OK $T2
OK tcp 127.0.0.1 7001"
until_ok 10 sh -c "'$CGWALL' log | grep -q '^ask out .*192.0.2.1:7001.* observed'" || fail "what would have been asked is not told: $("$CGWALL" log)"
is "no question is open" "" "$("$CGWALL" questions | grep 192.0.2)"
sed -i 1d "$W/policy.conf"
reload
# an answer for ever is written down, decides, and can be taken back
guarded "$W/bin/client" $T1 >"$W/asked" 2>&1 &
asked=$!
until_ok 20 sh -c "'$CGWALL' questions --json | grep -q 192.0.2.1" || fail "no question: $("$CGWALL" questions)"
id=$("$CGWALL" questions --json | grep -oE '"id": *[0-9]+' | head -1 | tr -dc 0-9)
"$CGWALL" answer "$id" pass --for ever >"$W/answer.out" 2>&1 || fail "answer: $(cat "$W/answer.out")"
wait "$asked"
is "the one that was held" OK "$(cat "$W/asked")"
like "written as a rule" '^pass out exe ".*/bin/client".* to 192\.0\.2\.1 port 7001 label "answer 1"$' "$(cat "$W/policy.answers.conf" 2>&1)"
agent_stop
probes <<<"OK $T1
EPERM $T2"
agent_start || finish
status "taken back" 0 "$CGWALL" forget 1
agent_stop
probe EPERM $T1
agent_end
finish
