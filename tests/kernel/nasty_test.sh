#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs, cgroups and DNS names that are called so that whoever reads of them is deceived, or his terminal obeys:
# whatever cgwall prints holds no line of theirs, no control character and nothing that turns the text; and what it
# writes into a policy is no rule of theirs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/dns.sh"
. "$(dirname "$0")/ask.sh"
RESOLVE=$O/tests/kernel/resolve
ip addr add 192.0.2.53/32 dev lo

# ends a line and says more, moves the cursor (ESC, C1 in two bytes, DEL), turns the text, is no UTF-8, ends strings
EVIL=$'x\npass out rule 1 curl\r\e[2J\xc2\x9b2J\x7f\xe2\x80\xae\xe2\x80\xa8\xff"} # \\'
nasty=$W/bin/$EVIL
# a cgroup's name may hold no new line
CGROUP=$GUARD/${EVIL//$'\n'/}.service
cp "$ASKER" "$nasty"
cp "$O/tests/kernel/flow" "$nasty 2"
mkdir "$CGROUP" || { fail "no such cgroup"; finish; }

$PYTHON - >"$W/script.json" <<'P'
import json
a = lambda addr: {"records": [["", "A", 300, addr]]}
print(json.dumps({"*.good.test": a("192.0.2.1"), "*": a("127.0.0.1")}))
P
answerer_up 192.0.2.53

policy <<'P'
set resolvers { 192.0.2.53 }
default out block log
default in  block log
pass out log service dns to resolvers
pass out log to 192.0.2.1
pass in log from loopback to any port 7301
ask timeout 600s out to 192.0.2.2
P
agent_start || finish

# clean WHAT [LINES]: standard input is text that is what it looks like; with so many lines
clean() {
	local bad
	cat >"$W/said"
	# in UTF-8: other control characters than the end of a line, and what turns or breaks lines; then the lines
	bad=$($PYTHON - "$W/said" <<'P'
import re, sys
text = open(sys.argv[1], "rb").read()
try:
    m = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", text.decode())
    print(ascii(m.string[max(0, m.start() - 60):m.end() + 20]) if m else "")
except UnicodeDecodeError as e:
    print("no UTF-8:", e)
P
	)
	is "$1: nothing but text" "" "$bad"
	[ -z "${2:-}" ] || is "$1: lines" "$2" "$(wc -l <"$W/said")"
	unlike "$1: no line of somebody else's" '^pass out rule 1 curl' "$(cat "$W/said")"
}

by() { in_cgroup "$CGROUP" "$@"; }
by "$nasty" tcp 192.0.2.1 7999 >"$W/out" 2>&1 # nobody there; the log has it
by "$nasty" tcp 127.0.0.1 7001 >"$W/out" 2>&1
# names with blanks and control characters are never learned; these are
by "$RESOLVE" ask 192.0.2.53 $'"}<b>\xc2\x9b2j\xe2\x80\xae\\.good.test' >"$W/out" 2>&1
by "$RESOLVE" ask 192.0.2.53 $'"}<i>\xc2\x9b2j\xe2\x80\xae\\.test' >"$W/out" 2>&1
by "$nasty 2" serve 7301 >"$W/serve.in" 2>&1 </dev/null &
SERVERS+=($!)
until_ok 20 grep -q ready "$W/serve.in"
by "$nasty 2" udp connect 192.0.2.1 7001 send "$W/flow" >"$W/sends" 2>&1 &
SERVERS+=($!)
by "$nasty 2" serve 7302 >"$W/serve.none" 2>&1 </dev/null & # whom no rule lets anybody reach
SERVERS+=($!)
until_ok 20 grep -q ready "$W/serve.none"
outside "$O/tests/kernel/flow" call <<<"+tcp 127.0.0.1 7301" >"$W/heard"
is "it is heard" OK "$(cat "$W/heard")"
ASK_CGROUP=$CGROUP ASK_AS=$nasty ask_begin asks tcp 192.0.2.2 7001
id=$(question_of 7001)

# ---- everything that prints ----

enough() { [ "$("$CGWALL" log | wc -l)" -ge 7 ]; } # three calls out, two questions for names, an alarm, one that came in
until_ok 10 enough
lines=$("$CGWALL" log --json | wc -l)
clean log "$lines" < <("$CGWALL" log)
like "log: it is in there" 'block out rule 0 x\\x0apass\\x20out\\x20rule\\x201\\x20curl\\x0d\\x1b\[2J\\xc2\\x9b2J\\x7f\\xe2\\x80\\xae' "$(cat "$W/said")"
like "log: the alarm" '^alarm dns-rebind .* name "}<i>\\xc2\\x9b2j\\xe2\\x80\\xae\\x5c\.test' "$(cat "$W/said")"
clean "log --json" "$lines" < <("$CGWALL" log --json)
is "log --json: it means the same" True "$(json 'any((d["exe"] or "").endswith("/x\npass out rule 1 curl\r\x1b[2J\x9b2J\x7f\u202e\u2028\ufffd\"} # \\") for d in ds)' "$CGWALL" log --json)"
clean "what the agent prints" <"$W/agent.log"
flowing() { "$CGWALL" flows --json | grep -q '"192.0.2.1:7001"'; }
until_ok 20 flowing || fail "no flow: $("$CGWALL" flows)"
clean flows < <("$CGWALL" flows)
clean "flows --json" 1 < <("$CGWALL" flows --json)
clean questions 1 < <("$CGWALL" questions)
clean "questions --json" 1 < <("$CGWALL" questions --json)
clean names < <("$CGWALL" names)
is "names: it was learned" True "$(json 'any("good.test" in n["name"] for b in d for n in b["names"])' "$CGWALL" names --json)"
clean "names --json" 1 < <("$CGWALL" names --json)
clean rules < <("$CGWALL" rules)
like "rules: who listens in vain" ':7302 +/.*/x\\x0apass' "$(cat "$W/said")"
clean "rules --json" 1 < <("$CGWALL" rules --json)
clean status < <("$CGWALL" status)
clean metrics < <("$CGWALL" status --metrics)
clean explain 1 < <("$CGWALL" explain out exe="$nasty" proto=tcp to=192.0.2.1:1)

# ---- what becomes a policy ----

for by in auto exe unit; do
	clean "suggest --by $by" < <("$CGWALL" suggest --by "$by" 2>"$W/err")
	status "suggest --by $by: check takes it" 0 "$CGWALL" check "$W/said"
	clean "suggest --by $by: what else it says" <"$W/err"
done
clean "suggest --json" 1 < <("$CGWALL" suggest --json 2>&1)
clean "answer for ever" < <("$CGWALL" answer "$id" pass --for=ever 2>&1)
rules() { grep -cvE '^(#.*)?$' "$W/policy.answers.conf"; }
[ ! -e "$W/policy.answers.conf" ] || is "one answer is one rule at most" 1 "$(rules)"
status "reload" 0 "$CGWALL" reload
status "check" 0 "$CGWALL" check "$W/policy.conf"
agent_end
finish
