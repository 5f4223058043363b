#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where the policy's file has an error the last good policy asks all the same: answers hold, those for ever are
# written down, and all of that lasts under the next agent, broken file or not.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
peer_up || finish
peer_serve 7900 20
STATE=$W/state
echo 192.0.2.2 >"$W/list.txt"

policy <<'P'
default out pass
block out to file "list.txt"
ask timeout 120s out to { 198.51.100.0/24, 2001:db8:5::/64 }
P
agent_start --state-dir "$STATE" --last-good || finish
agent_end
echo 'pass owt' >>"$W/policy.conf"
echo 'no address' >"$W/list.txt"
agent_start --state-dir "$STATE" --last-good || finish
last_good() { json 'd["last_good"]' "$CGWALL" status --json; }
is "the last good policy" True "$(last_good)"

# asked NAME KIND ADDR PORT VERDICT [OPTION ...]
asked() {
	ask_begin "$1" "$2" "$3" "$4"
	answer "$(question_of "$4")" "${@:5}"
}
asked once tcp $PEER4 7900 pass
is "once" OK "$(ask_result once)"
asked no tcp $PEER6 7901 block
is "no" ECONNABORTED "$(ask_result no)"
asked hour udp $PEER4 7902 pass --for=1h
is "for an hour" OK "$(ask_result hour)"
asked ever tcp $PEER4 7903 pass --for=ever
is "for ever" OK "$(ask_result ever)"
written() { grep -q 'port 7903 label "answer 1"' "$W/policy.answers.conf"; }
until_ok 15 written && pass "for ever: written down" || fail "for ever: not written: $(cat "$W/policy.answers.conf" 2>&1)"
is "it is still the last good policy" True "$(last_good)"
is "the user's own file is as it was" 'pass owt' "$(tail -1 "$W/policy.conf")"
rules() { "$CGWALL" rules | grep -c 'answer 1'; }
is "for ever: in force" 1 "$(rules)"

# the next agent, with the file still broken; by its pins, and from nothing
for how in agent_kill agent_end; do
	$how
	agent_start --state-dir "$STATE" --last-good || finish
	is "$how: the last good policy" True "$(last_good)"
	is "$how: for ever: in force" 1 "$(rules)"
	ask_begin ever tcp $PEER4 7903
	is "$how: for ever: not asked" OK "$(ask_result ever)"
	if [ $how = agent_kill ]; then
		ask_begin hour udp $PEER4 7902
		is "$how: for an hour: not asked" OK "$(ask_result hour)"
	fi
	probe EPERM tcp 192.0.2.2 7001
	is "$how: nothing is asked" 0 "$(questions)"
	asked no tcp $PEER6 7901 block
	is "$how: asked as before" ECONNABORTED "$(ask_result no)"
done

# repaired: the answers are there; and taken back
sed -i '$d' "$W/policy.conf"
echo 192.0.2.2 >"$W/list.txt"
reload
is "repaired" False "$(last_good)"
is "repaired: for ever: in force" 1 "$(rules)"
echo 'pass owt' >>"$W/policy.conf"
agent_kill
agent_start --state-dir "$STATE" --last-good || finish
is "broken again" True "$(last_good)"
status "forget" 0 "$CGWALL" forget 1
is "taken back" 0 "$(rules)"
ask_begin ever tcp $PEER4 7903
question_of 7903 >/dev/null
agent_end
agent_start --state-dir "$STATE" --last-good || finish
is "taken back: also under the next agent" 0 "$(rules)"
finish
