#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Questions as notifications on a desktop: a session bus of the test's own, a desktop on it that presses buttons, the
# real agent, connections that really wait.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"
. "$(dirname "$0")/ask.sh"
GROUP=games # one that every host has
GID=$(getent group $GROUP | cut -d: -f3)
DESKTOP=$O/tests/kernel/desktop
"$DESKTOP" >/dev/null 2>&1 </dev/null
if [ $? = 77 ] || ! type -P dbus-daemon >/dev/null; then
	skip "no libdbus or no dbus-daemon ('sudo make deps' installs them)"
	finish
fi
peer_up || finish
peer_serve 7800 20

policy <<'P'
default out pass
ask timeout 60s out to { 198.51.100.0/24, 2001:db8:5::/64 } label "<b>who</b>"
P

status "no session bus" 1 env -u DBUS_SESSION_BUS_ADDRESS -u XDG_RUNTIME_DIR -u DISPLAY "$CGWALL" ask --notify
like "it says so" "there is no session bus" "$(env -u DBUS_SESSION_BUS_ADDRESS -u XDG_RUNTIME_DIR -u DISPLAY "$CGWALL" ask --notify 2>&1)"
status "--for without --notify" 2 "$CGWALL" ask --for=1h
status "--for what" 2 "$CGWALL" ask --notify --for=long

cat >"$W/bus.conf" <<X
<busconfig><type>session</type><listen>unix:path=$W/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
X
export DBUS_SESSION_BUS_ADDRESS=unix:path=$W/bus
dbus-daemon --config-file="$W/bus.conf" --nofork --nopidfile --nosyslog >"$W/bus.out" 2>&1 &
BUS=$!
SERVERS+=("$BUS")
until_ok 10 test -S "$W/bus" || { fail "no bus: $(cat "$W/bus.out")"; finish; }

# A session that begins before its desktop and before the agent.
"$CGWALL" ask --notify >"$W/ask.out" 2>&1 </dev/null &
ASK=$!
SERVERS+=("$ASK")
until_ok 10 grep -q 'waiting for one' "$W/ask.out" && pass "it waits for an agent" || fail "no agent: $(cat "$W/ask.out")"
like "one in a session is enough" 'runs already' "$("$CGWALL" ask --notify 2>&1)"
agent_start --group $GROUP || finish
ask_begin first tcp $PEER4 7800
question_of 7800 >/dev/null
until_ok 10 grep -q 'nothing in this session shows notifications' "$W/ask.out" && pass "it waits for a desktop" || fail "no desktop: $(cat "$W/ask.out")"

desktop_up() {
	rm -f "$W/desktop.in"
	mkfifo "$W/desktop.in"
	"$DESKTOP" serve <"$W/desktop.in" >"$W/desktop.out" 2>&1 6>&- &
	SHOWS=$!
	SERVERS+=("$SHOWS")
	exec 6>"$W/desktop.in"
	until_ok 10 grep -q ready "$W/desktop.out" || fail "no desktop: $(cat "$W/desktop.out")"
}
# note_of PORT: the number of the notification that tells of it; waits
note_of() {
	until_ok 10 grep -q "^notify .*:$1/" "$W/desktop.out" || fail "nothing shown about port $1: $(cat "$W/desktop.out")"
	grep "^notify .*:$1/" "$W/desktop.out" | tail -1 | tr '|' ' ' | cut -d' ' -f2
}
desktop_up
note=$(note_of 7800)
like "what it shows" "^notify $note\|asker wants to reach 198\.51\.100\.2\|tcp to 198\.51\.100\.2:7800/.*/asker, pid [0-9]+, root/block from [-0-9T:.]+Z\|pass=Pass,block=Block\$" "$(grep "^notify $note|" "$W/desktop.out")"
"$DESKTOP" forge org.cgwall.Ask "$note" pass
ask_begin second tcp $PEER6 7801
second=$(note_of 7801)
is "another program's click counts for nothing" begun "$(cat "$W/first.out")"
is "both are open" 2 "$(questions)"
echo "click $second block" >&6
is "Block: the one that was meant" ECONNABORTED "$(ask_result second)"
is "the other one waits" begun "$(cat "$W/first.out")"
echo "click $note pass" >&6
is "Pass" OK "$(ask_result first)"
like "the log tells who" 'pass out .*:7800 question [0-9]+ by uid 0 \(root\) pid '"$ASK"' for once' "$("$CGWALL" log)"

# answered elsewhere: taken away
ask_begin udp udp $PEER4 7802
note=$(note_of 7802)
answer "$(question_of 7802)" pass
until_ok 10 grep -q "^close $note\$" "$W/desktop.out" && pass "answered elsewhere: withdrawn" || fail "still shown: $(cat "$W/desktop.out")"
is "a datagram" OK "$(ask_result udp)"

# a press that means nothing, and one that closes it, answer nothing
ask_begin stays tcp $PEER4 7803
note=$(note_of 7803)
printf 'click %s default\ndismiss %s\n' "$note" "$note" >&6
# a name that looks like markup
cp "$ASKER" "$W/<a href=x>"
ASK_AS="$W/<a href=x>" ask_begin markup tcp $PEER4 7804
note=$(note_of 7804)
like "nothing of a name is read as markup" 'desktop.*/&lt;a href=x&gt;, pid' "desktop$(grep "^notify $note|" "$W/desktop.out")"
is "closed is not answered" begun "$(cat "$W/stays.out")"
# one with lines of its own, and what else deceives
nasty=$W/$'x, pid 1, root\npass from\e[2J\xe2\x80\xae\xe2\x80\xa8'
cp "$ASKER" "$nasty"
ASK_AS=$nasty ask_begin nasty tcp $PEER4 7817
like "nothing of a name is a line" '^notify [0-9]+\|x, pid 1, root\\x0apass from\\x1b\[2J\\xe2\\x80\\xae\\xe2\\x80\\xa8 wants to reach [0-9.]+\|tcp to [0-9.]+:7817/[^|]*/x, pid 1, root\\x0apass from\\x1b\[2J\\xe2\\x80\\xae\\xe2\\x80\\xa8, pid [0-9]+, root/block from [-0-9T:.]+Z\|' "$(grep "^notify $(note_of 7817)|" "$W/desktop.out")"
answer "$(question_of 7817)" pass
is "and it is answered as any other" OK "$(ask_result nasty)"

# another desktop takes over: what is open is shown again, but for what was closed
exec 6>&-
wait "$SHOWS"
desktop_up
note=$(note_of 7804)
unlike "what was closed is not" ':7803/' "$(cat "$W/desktop.out")"
echo "click $note block" >&6
is "answered on that one" ECONNABORTED "$(ask_result markup)"
answer "$(question_of 7803)" pass
is "still to be answered elsewhere" OK "$(ask_result stays)"

# many: a few are shown, the others after them
for p in $(seq 7805 7816); do ask_begin "many.$p" -t 60000 tcp $PEER4 "$p"; done
for p in $(seq 7805 7812); do note_of "$p" >/dev/null; done
all() { [ "$(questions)" = 12 ]; }
until_ok 10 all
unlike "not more than eight at once" ':7813/' "$(cat "$W/desktop.out")"
echo "click $(note_of 7805) pass" >&6
note_of 7813 >/dev/null
is "the next one when one is over" OK "$(ask_result many.7805)"

# the agent dies and another one comes: the same questions
agent_kill
until_ok 10 grep -q "^close " "$W/desktop.out" && pass "without an agent nothing is shown" || fail "still shown: $(cat "$W/desktop.out")"
lines=$(wc -l <"$W/desktop.out")
agent_start --group $GROUP || finish
again() { tail -n +$((lines + 1)) "$W/desktop.out" | grep -m 1 '^notify'; }
until_ok 15 again && pass "shown again under the next agent" || fail "not shown again: $(cat "$W/desktop.out" "$W/ask.out")"
port=$(again | sed 's/.*198\.51\.100\.2:\([0-9]*\).*/\1/')
echo "click $(note_of "$port") pass" >&6
is "answered under the next agent" OK "$(ask_result many."$port")"
is "the other ones are refused" 10 "$(answer_all block)"
kill "$ASK"
wait "$ASK"
is "ended by a signal" 0 $?

# users who may not, and those who may; a click that lasts; and the session's end
user() { # GROUPS COMMAND ...
	outside setpriv --reuid=65534 --regid=65534 --groups="$1" "${@:2}"
}
chmod 666 "$W/bus"
is "a user who may not" 1 "$(user 65534 "$CGWALL" ask --notify >"$W/ask.out" 2>&1 </dev/null; echo $?)"
like "a user who may not is told" "only root.* members of its group" "$(cat "$W/ask.out")"
user "65534,$GID" "$CGWALL" ask --notify --for=1h >"$W/ask.out" 2>&1 </dev/null &
ASK=$!
SERVERS+=("$ASK")
ask_begin hour tcp $PEER4 7818
note=$(note_of 7818)
like "the buttons tell" 'pass=Pass \(1h\),block=Block \(1h\)$' "$(grep "^notify $note|" "$W/desktop.out")"
echo "click $note block" >&6
is "for an hour" ECONNABORTED "$(ask_result hour)"
ask_begin again tcp $PEER4 7818
is "for an hour: again, at once" EPERM "$(ask_result again)"
kill "$BUS"
wait "$ASK"
is "it ends with the session" 0 $?
finish
