#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Answers that last are rules in a file of their own: read behind the policy, told apart, taken back one by one.
. "$(dirname "$0")/lib.sh"

T1="tcp 192.0.2.1 7001" T2="tcp 192.0.2.2 7001"
policy <<P
default out block
pass out to 192.0.2.1
block out quick to 2001:db8::1
P
cat >"$W/policy.answers.conf" <<P
# head of the file

# 2026-11-22T14:03:11Z root: one
block out to 192.0.2.1 label "answer 1"

# 2026-11-22T14:03:12Z root: two
pass out to 192.0.2.2 label "answer 2"

# three, which a quick rule leaves without effect
pass out to 2001:db8::1 label "answer 3"
pass out to 127.0.0.1
P
agent_start || finish
probes <<<"EPERM $T1
OK $T2
EPERM tcp 2001:db8::1 7001
OK tcp 127.0.0.1 7001"

# where each rule comes from
origins() { json '[(r["rule"], r["origin"], r["answer"], r["file"] and r["file"].rsplit("/", 1)[1], r["line"]) for r in d if r["dir"] == "out"]' "$CGWALL" rules --json; }
is "rules --json: where each comes from" "[(1, 'policy', None, 'policy.conf', 2), (2, 'policy', None, 'policy.conf', 3), \
(3, 'answer', 1, 'policy.answers.conf', 4), (4, 'answer', 2, 'policy.answers.conf', 7), \
(5, 'answer', 3, 'policy.answers.conf', 10), (6, 'answer', None, 'policy.answers.conf', 11), (0, 'policy', None, 'policy.conf', 1)]" "$(origins)"
like "rules: file and line" "policy\.answers\.conf:7: pass out to 192\.0\.2\.2 .*answer 2" "$("$CGWALL" rules)"
is "explain reads the answers, too" 0 "$("$CGWALL" explain --policy "$W/policy.conf" out proto=tcp to=192.0.2.2:1 >/dev/null; echo $?)"

# taking back
generation() { json 'd["generation"]' "$CGWALL" status --json; }
g=$(generation)
status "forget one that is not there" 1 "$CGWALL" forget 9
status "forget without a number" 2 "$CGWALL" forget
status "forget no number" 2 "$CGWALL" forget one
is "nothing was put in force" "$g" "$(generation)"
cp "$W/policy.conf" "$W/policy.before"
status "forget" 0 "$CGWALL" forget 1
probes <<<"OK $T1
OK $T2"
is "the file" "# head of the file

# 2026-11-22T14:03:12Z root: two
pass out to 192.0.2.2 label \"answer 2\"

# three, which a quick rule leaves without effect
pass out to 2001:db8::1 label \"answer 3\"
pass out to 127.0.0.1" "$(cat "$W/policy.answers.conf")"
is "forget --json" "True 2" "$(json '"%s %s" % (d["ok"], d["answer"])' "$CGWALL" forget --json 2)"
probes <<<"OK $T1
EPERM $T2"
is "the user's own file" "$(cat "$W/policy.before")" "$(cat "$W/policy.conf")"
is "nothing is left behind" "policy.answers.conf policy.before policy.conf" "$(cd "$W" && echo policy.*)"

# What stands in the user's files meanwhile is not put in force with an answer.
echo 'nonsense' >>"$W/policy.conf"
status "forget while the policy is being edited" 0 "$CGWALL" forget 3
probes <<<"OK $T1
EPERM $T2
OK tcp 127.0.0.1 7001"
cp "$W/policy.before" "$W/policy.conf"

# A file that was broken by hand is told, and nothing changes.
printf 'pass out to 192.0.2.2 label "answer 4"\npass owt\n' >"$W/policy.answers.conf"
g=$(generation)
out=$("$CGWALL" forget 4 2>&1)
is "forget in a broken file" 1 $?
like "it says where" "policy\.answers\.conf:2:" "$out"
like "reload says where" "policy\.answers\.conf:2:" "$("$CGWALL" reload 2>&1)"
is "the generation stays" "$g" "$(generation)"
# over several lines: only by hand
printf 'pass out to { 192.0.2.2,\n192.0.2.1 } label "answer 4"\n' >"$W/policy.answers.conf"
reload
probe OK $T2
like "an answer that was edited" "edited by hand" "$("$CGWALL" forget 4 2>&1)"
probe OK $T2
rm "$W/policy.answers.conf"
reload
probe EPERM $T2

# where the file cannot be written nothing changes
echo 'pass out to 192.0.2.2 label "answer 1"' >"$W/policy.answers.conf"
reload
mkdir "$W/policy.answers.conf.new"
like "a file that cannot be written" "policy\.answers\.conf\.new" "$("$CGWALL" forget 1 2>&1)"
probe OK $T2
rmdir "$W/policy.answers.conf.new"
status "forget, again" 0 "$CGWALL" forget 1
probe EPERM $T2
agent_end
finish
