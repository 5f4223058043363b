#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# As a machine starts: a policy in force without an agent, the last good policy where the file has an error, and
# everything closed where there is no policy at all or the kernel refuses the programs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/peer.sh"

T1="tcp 192.0.2.1 7001" T2="tcp 192.0.2.2 7001" LO="tcp 127.0.0.1 7001"
STATE=$W/state
start() { # VERB OPTION ...
	local verb=$1
	shift
	timeout $((60 * PATIENCE)) "$CGWALL" "$verb" --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" --run-dir "$CGWALL_RUN_DIR" "$@" >"$W/start.out" 2>&1
}
# starts WHAT EXPECTED VERB OPTION ...
starts() {
	local what=$1 expected=$2 rc
	shift 2
	start "$@"
	rc=$?
	is "$what" "$expected" "$rc" || cat "$W/start.out"
}
field() { json "d['$1']" "$CGWALL" status --json; }
detach() { "$CGWALL" detach >"$W/detach.out" 2>&1 || fail "detach: $(cat "$W/detach.out")"; }

# ---- in force without an agent ----

mkdir -p "$W/policy.d"
echo 192.0.2.1 >"$W/list.txt"
policy <<'P'
default out block
include "policy.d/*.conf"
P
echo 'pass out to file "../list.txt"' >"$W/policy.d/a.conf"
starts "load" 0 load --state-dir "$STATE" --last-good
status "status: enforcing" 0 "$CGWALL" status
is "no agent" False "$(field agent)"
probes <<<"OK $T1
EPERM $T2
EPERM $LO"
# an agent that starts later takes it over
fire_start EPERM 127.0.0.1 7001 OK 192.0.2.1 7001
agent_start --state-dir "$STATE" --last-good
is "the next generation" 2 "$(field generation)"
is "it is the policy itself" "False False" "$(field last_good) $(field closed)"
fire_end "an agent takes it over"
starts "load beside an agent" 1 load --state-dir "$STATE" --last-good
like "it says why" "another agent" "$(cat "$W/start.out")"
agent_end

# ---- the policy has an error ----

kept() { stat -c '%i %Y' "$STATE/last"; }
was=$(kept)
echo 'pass owt' >>"$W/policy.d/a.conf"
echo 192.0.2.2 >"$W/list.txt"
starts "run refuses it" 1 run --state-dir "$STATE"
probe OK $T2
starts "load: the last good one" 4 load --state-dir "$STATE" --last-good
like "it says so" "last good policy.*is in force instead" "$(cat "$W/start.out")"
like "and where the error is" "policy\.d/a\.conf:2:" "$(cat "$W/start.out")"
status "status: enforcing" 0 "$CGWALL" status
probes <<<"OK $T1
EPERM $T2"
detach
# the same by an agent, which stays
agent_start --state-dir "$STATE" --last-good
is "status --json" True "$(field last_good)"
like "status" "note +the last good policy is in force, since .*policy\.conf cannot" "$("$CGWALL" status)"
like "rules: still where they come from" "policy\.d/a\.conf:1: pass out to file" "$("$CGWALL" rules)"
probes <<<"OK $T1
EPERM $T2"
status "reload of what is still broken" 1 "$CGWALL" reload
is "still the last good one" True "$(field last_good)"
is "what is kept has not changed" "$was" "$(kept)"
sed -i '$d' "$W/policy.d/a.conf"
reload
is "repaired" False "$(field last_good)"
probes <<<"EPERM $T1
OK $T2"
was=$(kept)
reload
is "the same again is not written again" "$was" "$(kept)"
agent_end
# the file is gone
mv "$W/policy.conf" "$W/policy.gone"
starts "no policy file: the last good one" 4 load --state-dir "$STATE" --last-good
probes <<<"EPERM $T1
OK $T2"
mv "$W/policy.gone" "$W/policy.conf"
# pins of it are in force, and its file is broken: an agent takes them over with what is kept
echo 'pass owt' >>"$W/policy.conf"
fire_start EPERM 192.0.2.1 7001 OK 192.0.2.2 7001
agent_start --state-dir "$STATE" --last-good
fire_end "an agent with a broken policy takes over"
is "status --json" True "$(field last_good)"
agent_end

# ---- no policy that could be put in force ----

# closed WHAT: nothing but loopback
closed() {
	is "$1: closed" True "$(field closed)"
	status "$1: status" 1 "$CGWALL" status
	like "$1: status says it" "everything but loopback is blocked" "$("$CGWALL" status)"
	is "$1: action" block "$(json 'd["failure"]["action"]' "$CGWALL" status --json)"
	probes <<<"EPERM $T1
EPERM udp 192.0.2.2 7001
EPERM sendto 2001:db8::1 7001
OK $LO
OK tcp ::1 7001
OK sendto 127.0.0.1 7001
OK udp ::ffff:127.0.0.1 7001"
	probes -c "$OUTSIDE" <<<"OK $T1"
}
cp "$STATE/last" "$W/last"
sed -i 's/block/pass/' "$STATE/last"
starts "the last good one is damaged" 3 load --state-dir "$STATE" --last-good
like "it says so" "is damaged" "$(cat "$W/start.out")"
like "loudly" "EVERYTHING BUT LOOPBACK IS BLOCKED" "$(cat "$W/start.out")"
closed "damaged"
like "status says why" "policy\.conf:3:.*error" "$("$CGWALL" status)"
# What really leaves and arrives, counted at the other end.
peer_up || { fail "no second network namespace"; finish; }
at_peer "$FLOW" serve 7200 >"$W/serve.7200" 2>&1 &
SERVERS+=($!)
flow_serve "$GUARD" "$FLOW" 7101
until_ok 20 grep -q ready "$W/serve.7200"
received() { at_peer cat /proc/net/dev | awk '$1 == "peer0:" {print $3}'; }
n=$(received)
calls <<<"TIMEOUT tcp $HOST4 7101
TIMEOUT tcp $HOST6 7101
SILENT udp $HOST4 7101
SILENT udp $HOST6 7101"
guarded_calls <<<"EPERM tcp $PEER4 7200
EPERM tcp $PEER6 7200
EPERM udp $PEER4 7200
EPERM udp $PEER6 7200"
guarded ping -c 1 -W 1 $PEER4 >/dev/null 2>&1
guarded ping -c 1 -W 1 $PEER6 >/dev/null 2>&1
is "packets that came to the peer" "$n" "$(received)"
is "loopback may reach a guarded server" OK "$(outside "$W/bin/client" tcp 127.0.0.1 7101)"
WHERE=outside calls_by outside "$FLOW" call <<<"OK tcp $PEER4 7200
OK udp $PEER6 7200"
starts "again" 3 load --state-dir "$STATE" --last-good
closed "again"
cp "$W/last" "$STATE/last"
fire_start EPERM 192.0.2.1 7001
starts "the last good one follows without a gap" 4 load --state-dir "$STATE" --last-good
is "not closed any more" False "$(field closed)"
fire_end "from closed to the last good policy"
probes <<<"EPERM $T1
OK $T2
EPERM $LO"
detach
rm -r "$STATE"
starts "nothing is kept" 3 run --state-dir "$STATE" --last-good
closed "nothing kept"
detach
is "detach ends it" "False None" "$(field closed) $(json "d.get('failure')" "$CGWALL" status --json)"
probes <<<"OK $T1
OK sendto 2001:db8::1 7001"
starts "without --last-good a broken policy changes nothing" 1 run
probe OK $T1
{ echo 'set on-failure pass'; cat "$W/policy.conf"; } >"$W/policy.new"
mv "$W/policy.new" "$W/policy.conf"
starts "set on-failure pass, in a policy that is broken elsewhere" 1 load --state-dir "$STATE" --last-good
like "it says so" "EVERYTHING PASSES" "$(cat "$W/start.out")"
is "and remembers it" pass "$(json 'd["failure"]["action"]' "$CGWALL" status --json)"
probe OK $T1
for none in 'set on-failure block' 'set on-failure pass block' '# set on-failure pass' 'set on-failure "pass"'; do
	printf '%s\npass owt\n' "$none" >"$W/policy.conf"
	starts "$none" 3 load --state-dir "$STATE" --last-good
	detach
done

# ---- the kernel refuses the programs ----

# Without CAP_PERFMON no kernel takes programs that look into it; those of the minimal program do not.
refused() { setpriv --bounding-set -perfmon,-sys_admin --inh-caps -perfmon,-sys_admin bash -c "$(declare -f start); W='$W' GUARD='$GUARD' PARENT='$PARENT' CGWALL='$CGWALL'; start \"\$@\"" bash "$@"; }
echo 'default out pass' | policy
refused run
is "run where the kernel refuses" 3 $?
like "it says why" "kernel .* does not take the programs" "$(cat "$W/start.out")"
closed "refused"
like "status says why" "does not take the programs" "$("$CGWALL" status)"
agent_start
is "an agent that may: not closed any more" "False None" "$(field closed) $(field failure)"
probe OK $T1
agent_kill
refused run
is "a policy is in force, and the next agent is refused" 1 $?
like "that goes on" "stays in force" "$(cat "$W/start.out")"
probe OK $T1
detach
printf 'default out block\nset on-failure pass\n' | policy
refused run
is "set on-failure pass" 1 $?
like "it says so" "EVERYTHING PASSES" "$(cat "$W/start.out")"
is "and remembers it" pass "$(json 'd["failure"]["action"]' "$CGWALL" status --json)"
status "status" 1 "$CGWALL" status
probe OK $T1
agent_start || finish
is "forgotten when a policy is in force" None "$(field failure)"
agent_end
finish
