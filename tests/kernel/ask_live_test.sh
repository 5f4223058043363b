#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `cgwall ask` on a terminal (tmux), with the agent itself behind it and curls that really wait: a key lets them go
# or ends them. What the screen does with odd questions is tried in ask_screen.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
for program in tmux curl; do
	type -P $program >/dev/null || { skip "no $program ('sudo make deps' installs it)"; finish; }
done
peer_up || finish
peer_http
up() { [ "$(at_peer ss -lnH "sport = :8080" | wc -l)" -ge 1 ]; }
until_ok 20 up || fail "no server at the peer"

policy <<'P'
default out pass
ask timeout 120s out to { 198.51.100.0/24, 2001:db8:5::/64 }
P
agent_start || finish

t() { tmux -f /dev/null -S "$W/tmux" "$@"; }
screen() { t capture-pane -p -t s; }
# shows WHAT REGEX: waits until the screen does
shows() { if until_ok 15 sh -c "tmux -S '$W/tmux' capture-pane -p -t s | grep -qE -e '$2'"; then pass "$1"; else fail "$1: no '$2' in: $(screen)"; fi; }
gone() { if until_ok 15 sh -c "! tmux -S '$W/tmux' capture-pane -p -t s | grep -qE -e '$2'"; then pass "$1"; else fail "$1: still '$2' in: $(screen)"; fi; }
keys() { t send-keys -t s "$@"; }
test_cleanup() { t kill-server 2>/dev/null; }

# fetch NAME URL: a curl in the guarded cgroup
fetch() {
	rm -f "$W/$1.rc"
	(guarded curl -sS --noproxy '*' --max-time 600 "$2" >"$W/$1.out" 2>&1 </dev/null; echo $? >"$W/$1.rc") 6>&- &
}
# fetched WHAT NAME REGEX: its exit code and output
fetched() { until_ok 30 test -s "$W/$2.rc"; like "$1" "$3" "$(cat "$W/$2.rc") $(cat "$W/$2.out")"; }
waits() { [ ! -e "$W/$2.rc" ] && pass "$1" || fail "$1: it has ended: $(cat "$W/$2.rc" "$W/$2.out")"; }

t new-session -d -s s -x 100 -y 24 "bash --norc"
t set -t s status off
keys "PS1='shell ready> '; clear" Enter
shows "a shell" '^shell ready>'
keys "CGWALL_RUN_DIR='$CGWALL_RUN_DIR' '$CGWALL' ask; echo code \$?" Enter
shows "nothing is asked yet" '0 open questions'
before=$(peer_packets)
fetch one http://$PEER4:8080/
shows "a curl asks" '> +[0-9]+ curl out tcp 198\.51\.100\.2 8080 [0-9]+s'
shows "who" 'program +/.*/curl \(pid [0-9]+, root\)'
shows "which rule asks" 'asked by +.*policy\.conf:2: ask timeout 2m out'
fetch two "http://[$PEER6]:8080/"
shows "another one" '^ +[0-9]+ curl out tcp 2001:db8:5::2 8080'
is "packets at the peer before an answer" "$before" "$(peer_packets)"
waits "the first waits" one
# the second is selected and refused; the first goes on waiting
keys Down
shows "selected" '> +[0-9]+ curl out tcp 2001:db8:5::2 8080'
keys n
fetched "n: it fails at once" two '^7 .*(abort|refused|Could|ailed)'
gone "n: not open any more" '2001:db8:5::2 8080'
is "n: packets at the peer" "$before" "$(peer_packets)"
waits "n: the other one waits" one
keys y
fetched "y: it goes on" one '^0 hello'
shows "y: none is left" '0 open questions'

# answered elsewhere while it is shown, and in another size
fetch one http://$PEER4:8080/
shows "again" '> +[0-9]+ curl out tcp 198\.51\.100\.2 8080'
t resize-window -t s -x 40 -y 5
shows "small" 'y pass  n block'
answer "$(question_of 8080)" pass
gone "answered elsewhere" '198\.51\.100\.2 8080'
fetched "answered elsewhere: it goes on" one '^0 hello'
t resize-window -t s -x 100 -y 24
shows "large again" '0 open questions'

# who asks gives up
fetch one http://$PEER4:8080/
shows "one more" '> +[0-9]+ curl'
kill_all_in "$GUARD"
gone "who has asked has gone" '> +[0-9]+ curl'

# for ever: a rule, and nobody is asked again
fetch one http://$PEER4:8080/
shows "for how long" '> +[0-9]+ curl.*'
keys f f f f f f
shows "for ever" 'f for: ever'
keys y
fetched "for ever: it goes on" one '^0 hello'
until_ok 15 test -s "$W/policy.answers.conf"
like "for ever: written down" '^pass out exe ".*/curl".* to 198\.51\.100\.2 port 8080 label "answer 1"$' "$(cat "$W/policy.answers.conf")"
fetch two http://$PEER4:8080/
fetched "for ever: not asked again" two '^0 hello'

# the agent dies with a question on the screen; the next one has it
fetch one "http://[$PEER6]:8080/"
shows "open" '> +[0-9]+ curl out tcp 2001:db8:5::2 8080'
agent_kill
shows "the agent has gone" 'the agent .* has gone'
shows "its exit code, and the shell" 'code 1'
agent_start || finish
waits "it still waits" one
keys "clear; CGWALL_RUN_DIR='$CGWALL_RUN_DIR' '$CGWALL' ask; echo code \$?" Enter
shows "the next agent has the question" '> +[0-9]+ curl out tcp 2001:db8:5::2 8080'
keys y
fetched "answered under the next agent" one '^0 hello'
keys q
shows "the shell is back" 'code 0'
finish
