#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# `cgwall flows`: what is guarded and talks is listed, with program, ends, bytes and rule; nothing else is.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

peer_up || { fail "no second network namespace"; finish; }
policy <<EOP
app flow = exe "$W/bin/flow"
default out block
default in block
pass out app flow proto tcp
pass out app flow proto udp
pass in app flow
EOP
cp "$FLOW" "$W/bin/flow"
agent_start || finish

# up NAME tcp|udp out|in PORT CGROUP
up() {
	local near="$W/bin/flow $2" far="$FLOW $2" addr=$PEER4
	[ "$3" = out ] || addr=$HOST4
	if [ "$3" = out ]; then
		far+=" listen $addr $4 both $W/$1.peer" near+=" connect $addr $4 both $W/$1.in"
		# shellcheck disable=SC2086
		at_peer $far >"$W/$1.out" 2>&1 &
		SERVERS+=($!)
		until_ok 5 grep -q ready "$W/$1.out"
		# shellcheck disable=SC2086
		in_cgroup "$5" $near >"$W/$1.out2" 2>&1 &
	else
		near+=" listen $addr $4 both $W/$1.in" far+=" connect $addr $4 both $W/$1.peer"
		# shellcheck disable=SC2086
		in_cgroup "$5" $near >"$W/$1.out" 2>&1 &
		SERVERS+=($!)
		until_ok 5 grep -q ready "$W/$1.out"
		# shellcheck disable=SC2086
		at_peer $far >"$W/$1.out2" 2>&1 &
	fi
	SERVERS+=($!)
	until_ok 5 grep -q ready "$W/$1.out2" || fail "$1 does not start: $(cat "$W/$1.out" "$W/$1.out2")"
}
flows() { json "$1" "$CGWALL" flows --json; }
# seen PORT: is there such a flow with bytes both ways?
seen() { [ "$(flows "any((f['remote'] + ' ' + f['local']).find(':$1') >= 0 and f['sent'] > 500 and f['received'] > 500 for f in d)")" = True ]; }

is "at first there is none" "[]" "$(flows d)"
up a tcp out 7501 "$GUARD"
up b udp out 7502 "$GUARD"
up c tcp in 7503 "$GUARD"
up d udp in 7504 "$GUARD"
up e tcp out 7505 "$OUTSIDE"
up f udp out 7506 "$OUTSIDE"
for port in 7501 7502 7503 7504; do
	until_ok 5 seen $port || fail "no flow with bytes at port $port: $(flows d)"
done
is "these four and no other" "[7501, 7502, 7503, 7504]" \
	"$(flows "sorted(int((f['remote'] if f['dir'] == 'out' else f['local']).split(':')[-1]) for f in d)")"
is "direction, protocol and rule" "[('in', 'tcp', 1), ('in', 'udp', 1), ('out', 'tcp', 1), ('out', 'udp', 2)]" \
	"$(flows "sorted((f['dir'], f['proto'], f['rule']) for f in d)")"
is "program, app, cgroup, place" "[('$W/bin/flow', 'flow', '${GUARD#"$CGROOT"/}', 'policy.conf')]" \
	"$(flows "sorted({(f['exe'], f['app'], f['cgroup'], f['file'].split('/')[-1]) for f in d})")"
is "ends" "{('$HOST4', '$PEER4')}" "$(flows "{(f['local'].split(':')[0], f['remote'].split(':')[0]) for f in d}")"
is "pids" "True" "$(flows "all(f['pid'] in [int(p) for p in open('$GUARD/cgroup.procs').read().split()] for f in d)")"
like "a line of the table" "^out +tcp +flow +[0-9]+ +$HOST4:[0-9]+ +$PEER4:7501 +- +[0-9.]+[kMG]? +[0-9.]+[kMG]? +1\$" "$("$CGWALL" flows)"
# bytes go on being counted across a reload
before=$(flows "[f['sent'] for f in d if f['local'].endswith(':7504')][0]")
reload
until_ok 5 seen 7504
[ "$(flows "[f['sent'] for f in d if f['local'].endswith(':7504')][0]")" -ge "$before" ] && pass "bytes after a reload" || fail "bytes were forgotten at a reload"

# a flow that ends is gone
kill_all_in "$GUARD"
until_ok 5 sh -c "[ \"\$('$CGWALL' flows --json)\" = '[]' ]" || fail "flows of dead programs: $(flows d)"
status "one word too many" 2 "$CGWALL" flows x
agent_end
status "without an agent" 1 "$CGWALL" flows
finish
