#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What the running agent says and does: status, reload, rules, log, explain, detach; --json for each.
. "$(dirname "$0")/lib.sh"

client=$W/bin/client
T1="tcp 192.0.2.1 7001"

# Without an agent.
for verb in reload rules log "explain out to=192.0.2.1:1"; do
	# shellcheck disable=SC2086
	if "$CGWALL" $verb >"$W/out" 2>&1; then fail "$verb without an agent succeeds"; else pass "$verb without an agent"; fi
	like "$verb says that no agent runs" "no agent|not running" "$(cat "$W/out")"
done
status "status without an agent" 1 "$CGWALL" status
status "status --json without an agent" 1 "$CGWALL" status --json
is "status --json without an agent is JSON" False "$(json 'd["enforcing"]' "$CGWALL" status --json)"
status "status --wait 1 gives up" 1 timeout 60 "$CGWALL" status --wait 1
status "detach with nothing there" 0 "$CGWALL" detach

# Policies that cannot be put in force change nothing.
policy <<'P'
default out block
pass out to domain "example.com"
block in to port 80
pass out to 192.0.2.1 if active "eth0"
P
out=$(timeout $((60 * PATIENCE)) "$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" 2>&1)
is "a policy that cannot be enforced in full" 1 $?
probe OK tcp 127.0.0.1 7001
echo "$out" >"$W/refused.out"
status "run with a missing policy" 1 timeout $((60 * PATIENCE)) "$CGWALL" run --policy "$W/none.conf" --cgroup "$GUARD" --attach "$PARENT"
status "run with a missing cgroup" 1 timeout $((60 * PATIENCE)) "$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD/none" --attach "$PARENT"
echo 'default out block' | policy
status "run with a cgroup that is none" 1 timeout $((60 * PATIENCE)) "$CGWALL" run --policy "$W/policy.conf" --cgroup "$W" --attach "$PARENT"
status "run attached beside the guarded cgroup" 1 timeout $((60 * PATIENCE)) "$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$OUTSIDE"
probe OK tcp 127.0.0.1 7001

policy <<P
default out block log
pass out exe "$client" to 192.0.2.1
reject out log to 192.0.2.2 label "not there"
pass out log to 2001:db8::1
P
agent_start || finish
status "status" 0 "$CGWALL" status
is "status --json" True "$(json 'd["enforcing"]' "$CGWALL" status --json)"
status "status --wait returns at once" 0 timeout 60 "$CGWALL" status --wait 600

# Hit counts.
is "rules, out" "[0, 1, 2, 3]" "$(json 'sorted(r["rule"] for r in d if r["dir"] == "out")' "$CGWALL" rules --json)"
probes <<<'EPERM tcp 127.0.0.1 7001
EPERM udp 127.0.0.1 7001
ECONNREFUSED tcp 192.0.2.2 7001
OK tcp 192.0.2.1 7001
OK tcp 192.0.2.1 7001
OK tcp 192.0.2.1 7001
OK tcp 2001:db8::1 7001'
hits() { json '[r["hits"] for r in sorted((r for r in d if r["dir"] == "out"), key=lambda r: r["rule"])]' "$CGWALL" rules --json; }
is "hit counts" "[2, 3, 1, 1]" "$(hits)"
like "rules in words" "192\.0\.2\.2" "$("$CGWALL" rules)"

# The log: the deciding rule's verdict, once a flow, and nothing of rules without `log`.
until_ok 10 sh -c "[ \$('$CGWALL' log | wc -l) -ge 4 ]"
is "log" "block 0, block 0, reject 2, pass 3" "$("$CGWALL" log | awk '{printf "%s%s %s", sep, $1, $4; sep = ", "}')"
"$CGWALL" log | sed -n 3p >"$W/line"
like "a line of the log" "^reject out rule 2 client pid [0-9]+ uid 0 tcp .*-> 192\.0\.2\.2:7001" "$(cat "$W/line")"
like "an IPv6 line" "^pass out rule 3 client pid [0-9]+ uid 0 tcp .*-> \[2001:db8::1\]:7001" "$("$CGWALL" log | sed -n 4p)"
is "log --json has its fields" "[]" "$(json '[k for k in "time verdict dir rule file line app exe pid uid cgroup proto local remote domain iface".split() if k not in ds[0]]' "$CGWALL" log --json)"
is "log --json" "reject out 2 $W/policy.conf 3 $client 0" "$(json '" ".join(str(ds[2][k]) for k in "verdict dir rule file line exe uid".split())' "$CGWALL" log --json)"
like "log --json cgroup" "cgwall-test-control-[0-9]+/guard" "$(json 'ds[2]["cgroup"]' "$CGWALL" log --json)"
is "log --json unknown is null" "None" "$(json 'ds[2]["domain"]' "$CGWALL" log --json)"
"$CGWALL" log --follow >"$W/follow" 2>&1 &
follow=$!
until_ok 10 sh -c "[ \$(wc -l <'$W/follow') -ge 4 ]"
probe ECONNREFUSED udp 192.0.2.2 7999
until_ok 10 grep -q 7999 "$W/follow"
like "log --follow" "^reject out rule 2 client .*udp.*192\.0\.2\.2:7999" "$(tail -1 "$W/follow")"
kill $follow && wait $follow 2>/dev/null

# explain asks the kernel's own tables.
for q in "1 127.0.0.1:80" "1 192.0.2.2:80" "0 [2001:db8::1]:443"; do
	status "explain ${q#* }" "${q%% *}" "$CGWALL" explain out proto=tcp to="${q#* }"
done
status "explain exe" 0 "$CGWALL" explain out exe="$client" proto=tcp to=192.0.2.1:1
status "explain another exe" 1 "$CGWALL" explain out exe=/usr/bin/other proto=tcp to=192.0.2.1:1
status "explain nonsense" 2 "$CGWALL" explain out colour=red
is "explain --json" "reject 2 3 [2]" "$(json '"%s %s %s %s" % (d["verdict"], d["rule"], d["line"], d["matched"])' "$CGWALL" explain --json out proto=tcp to=192.0.2.2:80)"
is "explain --json, the default" "block 0 []" "$(json '"%s %s %s" % (d["verdict"], d["rule"], d["matched"])' "$CGWALL" explain --json out proto=tcp to=192.0.2.9:80)"
queries="out proto=tcp to=192.0.2.2:80
out proto=udp to=[2001:db8::1]:80
out exe=$client to=192.0.2.1:9
in from=192.0.2.1:80"
is "explain -" "reject 2, pass 3, pass 1, pass 0" "$(json '", ".join("%s %s" % (x["verdict"], x["rule"]) for x in ds)' "$CGWALL" explain --json - <<<"$queries")"
is "explain - asks the kernel and the text the same" "$("$CGWALL" explain --json --policy "$W/policy.conf" - <<<"$queries" | $PYTHON -c 'import sys, json
for line in sys.stdin: d = json.loads(line); print(d["verdict"], d["rule"], d["matched"])')" "$("$CGWALL" explain --json - <<<"$queries" | $PYTHON -c 'import sys, json
for line in sys.stdin: d = json.loads(line); print(d["verdict"], d["rule"], d["matched"])')"
is "explain counts no hits" "[2, 3, 2, 1]" "$(hits)"

# A reload with errors keeps what is in force.
generation() { json 'd["generation"]' "$CGWALL" status --json; }
g=$(generation)
cp "$W/policy.conf" "$W/good.conf"
for bad in 'pass owt to any' 'pass out to "unclosed' 'pass out to nosuchgroup' 'include "policy.conf"' 'pass out to domain "x..example"' \
	'expect pass out to=127.0.0.1:1'; do
	{ cat "$W/good.conf"; echo "$bad"; } | policy
	if "$CGWALL" reload >"$W/out" 2>&1; then fail "reload takes '$bad'"; else pass "reload refuses '$bad'"; fi
	like "it says where: $bad" "policy\.conf:5:" "$(cat "$W/out")"
	is "the generation stays" "$g" "$(generation)"
done
probes <<<'EPERM tcp 127.0.0.1 7001
OK tcp 192.0.2.1 7001'
rm "$W/policy.conf"
status "reload without a file" 1 "$CGWALL" reload
mkdir "$W/policy.conf"
status "reload of a folder" 1 "$CGWALL" reload
rmdir "$W/policy.conf"
probe OK $T1
echo 'default out block' | policy
reload
probe EPERM $T1
cp "$W/good.conf" "$W/policy.conf"
kill -HUP "$AGENT"
until_ok 20 sh -c "[ \"\$('$CGWALL' status --json | grep -oE '\"generation\": *[0-9]+' | tr -dc 0-9)\" -ge $((g + 2)) ]"
probe OK $T1
probe EPERM tcp 127.0.0.1 7001
echo nonsense >"$W/policy.conf"
kill -HUP "$AGENT"
until_ok 20 grep -q 'policy.conf:1:' "$W/agent.log" || fail "a bad policy by SIGHUP is not told"
probe OK $T1
cp "$W/good.conf" "$W/policy.conf"

# --watch
agent_stop
is "ended by a signal" 0 "$AGENT_CODE"
mkdir -p "$W/policy.d"
printf 'default out block\ninclude "policy.d/*.conf"\n' | policy
agent_start --watch || finish
probe EPERM $T1
watched() { until_ok 20 sh -c "[ \"\$('$W/bin/enter' $T1)\" = $1 ]"; is "$2" "$1" "$(guarded "$client" $T1)"; }
printf '#!/bin/sh\necho $$ >"%s/cgroup.procs"\nexec "%s" "$@"\n' "$GUARD" "$client" >"$W/bin/enter"
chmod +x "$W/bin/enter"
echo 'pass out to 192.0.2.1' >"$W/policy.d/new.conf.tmp" && mv "$W/policy.d/new.conf.tmp" "$W/policy.d/new.conf"
watched OK "a file appeared in the watched folder"
rm "$W/policy.d/new.conf"
watched EPERM "it went"
printf 'default out block\npass out to 192.0.2.0/24\n' >"$W/policy.conf"
watched OK "written in place"
echo 'default out blck' >"$W/policy.conf.new" && mv "$W/policy.conf.new" "$W/policy.conf"
until_ok 20 grep -q 'blck' "$W/agent.log" || fail "a watched file with an error is not told"
probe OK $T1
echo 'default out block' >"$W/policy.conf.new" && mv "$W/policy.conf.new" "$W/policy.conf"
watched EPERM "replaced"

# observe: decided and logged, but let through
printf 'set mode observe\ndefault out block log\n' | policy
reload
probes <<<'OK tcp 127.0.0.1 7001
OK udp ::1 7001'
until_ok 10 sh -c "'$CGWALL' log | tail -1 | grep -q '::1'"
like "observed, and logged" "^block out rule 0" "$("$CGWALL" log | tail -1)"

# detach: the agent ends, and says by its exit code that it is not to be started again
status "detach" 0 "$CGWALL" detach
wait "$AGENT"
is "ended by detach" 5 $?
AGENT=''
probe OK tcp 127.0.0.1 7001
echo 'default out block' | policy
# where it stays it does nothing any more, and is in nobody's way
agent_start --stay || finish
probe EPERM tcp 127.0.0.1 7001
staying=$AGENT AGENT=''
status "detach of an agent that stays" 0 "$CGWALL" detach
probe OK tcp 127.0.0.1 7001
until_ok 10 grep -q "does nothing any more" "$W/agent.log" || fail "it does not say that it stays"
kill -HUP "$staying"
agent_start || finish
probe EPERM tcp 127.0.0.1 7001
kill -0 "$staying" || fail "it has not stayed"
kill "$staying" && wait "$staying"
is "an agent that stayed, ended by a signal" 5 $?
probe EPERM tcp 127.0.0.1 7001

# detach, twice
agent_stop
status "detach" 0 "$CGWALL" detach
probe OK tcp 127.0.0.1 7001
status "detach again" 0 "$CGWALL" detach
status "status after detach" 1 "$CGWALL" status

# ---- detach where an agent has the run directory and does not answer ----

echo 'default out block' | policy
agent_start || finish
pins=$(json "d['pins']" "$CGWALL" status --json)
agent_stop
# not_taken WHAT PID: nothing was taken out, and it says because of whom
not_taken() {
	"$CGWALL" detach >"$W/detach.out" 2>&1
	is "$1: exit code" 1 $?
	like "$1: it says why" "nothing was taken out: .*does not answer" "$(cat "$W/detach.out")"
	like "$1: it says what to do" "kill -9 $2\`" "$(cat "$W/detach.out")"
	is "$1: status" True "$(json "d['enforcing']" "$CGWALL" status --json)"
	probe EPERM tcp 127.0.0.1 7001
}
# one that is starting: it has the lock, and is not there yet to be asked
bash -c 'exec 9>"$0/lock"; flock 9; echo $$ >&9; exec sleep infinity' "$CGWALL_RUN_DIR" &
starting=$!
SERVERS+=("$starting")
until_ok 10 grep -qx $starting "$CGWALL_RUN_DIR/lock" || fail "nobody has the lock"
not_taken "an agent that is starting" $starting
kill $starting && wait $starting 2>/dev/null
# one that hangs
agent_start || finish
kill -STOP "$AGENT"
not_taken "an agent that hangs" "$AGENT"
# and its run directory was swept
rm "$CGWALL_RUN_DIR/lock" "$CGWALL_RUN_DIR/control"
"$CGWALL" detach >"$W/detach.out" 2>&1
is "an agent that nobody can find: exit code" 1 $?
like "an agent that nobody can find: it says what holds" "still attached and go on enforcing" "$(cat "$W/detach.out")"
probe EPERM tcp 127.0.0.1 7001
agent_kill
status "detach" 0 "$CGWALL" detach
[ ! -e "$pins" ] || fail "pins after detach: $(ls "$pins")"
open_again() { [ "$(guarded "$client" tcp 127.0.0.1 7001)" = OK ]; }
until_ok 10 open_again && pass "open" || fail "still enforced"
# A list of rules that somebody reads on in the very moment in which somebody else ends it all; so many that
# the last of them are left to be asked for.
policy <<<"$(echo 'default in block'; for ((i = 0; i < 2375; i++)); do echo "pass out to 198.51.100.$((i % 250)) port $((i + 1))"; done)"
agent_start || finish
out=$($PYTHON - "$W/run/control" "$AGENT" <<'PY'
import json, os, signal, socket, sys, time
def connected():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect(sys.argv[1])
    s.sendall(b'{"do":"status"}\n')
    f = s.makefile()
    f.readline()
    return s, f
pid = int(sys.argv[2])
lists, ends = connected(), connected()
lists[0].sendall(b'{"do":"rules"}\n')
time.sleep(.3) # more than the socket takes
os.kill(pid, signal.SIGSTOP)
while " T " not in open("/proc/%d/stat" % pid).read():
    time.sleep(.01)
lists[0].setblocking(False)
try:
    while lists[0].recv(1 << 20):
        pass
except BlockingIOError:
    pass
ends[0].sendall(b'{"do":"detach"}\n')
os.kill(pid, signal.SIGCONT)
print(json.loads(ends[1].readline() or "{}").get("ok"))
PY
)
wait "$AGENT"
is "detach while rules are listed" "True 5" "$out $?"
AGENT=''
finish
