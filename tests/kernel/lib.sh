# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What every kernel test stands on. A test sources this first; it is then run once more in a network
# namespace of its own, and finds:
#
#   cgroup2 mount ── cgwall-test-NAME-PID   $PARENT   the programs are attached here
#                      ├── guard        $GUARD    what the agent guards
#                      └── outside      $OUTSIDE
#
#   lo: 127.0.0.0/8, ::1, 192.0.2.1, 192.0.2.2, 2001:db8::1, 2001:db8::2
#   servers on ports $PORT and $OTHER (TCP and UDP, all addresses); nothing listens on $CLOSED
#   $W      a scratch folder; $W/policy.conf is the policy, $W/bin/client a client (client.c)
#
# CGWALL_TEST_SHELL=1 opens a shell there when something fails. Everything is taken away at the end.
set -u
shopt -s inherit_errexit 2>/dev/null

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$HERE/../.." && pwd)
O=${O:-build}
case $O in /*) ;; *) O=$TOP/$O ;; esac
CGWALL=${CGWALL:-$O/cgwall}
CLIENT=$O/tests/kernel/client
TEST=$(basename "$0" _test.sh)
passed=0 failed=0 skipped=0

[ -x "$CGWALL" ] && [ -x "$CLIENT" ] || { echo "no $CGWALL or $CLIENT: 'make tests' builds them"; exit 1; }
if [ "$(id -u)" != 0 ]; then
	echo "skip: needs root"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
if [ -z "${CGWALL_TEST_NETNS:-}" ]; then
	CGWALL_TEST_NETNS=1 exec unshare -n "$0" "$@"
fi

CGROOT=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
PARENT=$CGROOT/cgwall-test-$TEST-$$ # several runs of it do not meet
GUARD=$PARENT/guard
OUTSIDE=$PARENT/outside
PORT=7001 OTHER=7002 CLOSED=7003
PATIENCE=${IN_VM:+8} PATIENCE=${PATIENCE:-4} # busy machines are slow, emulated ones are slower: a limit only ends what has failed
export FLOW_PERIOD_MS=${IN_VM:+100} # two dozen flows of 500 messages a second leave an emulated processor no time for anything else
MESSAGES=${IN_VM:+5} MESSAGES=${MESSAGES:-20} # so many more and a flow moves
AGENT='' SERVERS=()
PYTHON=$([ -x /usr/bin/python3 ] && echo /usr/bin/python3 || echo python3)

# ---- counting ----

pass() { passed=$((passed + 1)); [ -z "${VERBOSE:-}" ] || echo "  ok: $*"; }

fail() {
	failed=$((failed + 1))
	echo "  FAILED: $*"
	if [ -n "${CGWALL_TEST_SHELL:-}" ]; then
		echo "  a shell in the middle of it; W=$W GUARD=$GUARD; leave it to go on"
		W=$W GUARD=$GUARD PARENT=$PARENT CGWALL=$CGWALL bash -i </dev/tty >/dev/tty 2>&1
	fi
}

skip() { skipped=$((skipped + 1)); echo "  skip: $*"; }

# is WHAT EXPECTED ACTUAL
is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1: expected '$2', got '$3'"; fi; }

# like WHAT REGEX TEXT
like() { if grep -qE -e "$2" <<<"$3"; then pass "$1"; else fail "$1: expected something like '$2', got '$3'"; fi; }

# unlike WHAT REGEX TEXT
unlike() { if grep -qE -e "$2" <<<"$3"; then fail "$1: did not expect '$2' in '$3'"; else pass "$1"; fi; }

# status WHAT EXPECTED COMMAND ...
status() {
	local what=$1 expected=$2 out rc
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	if [ "$rc" = "$expected" ]; then pass "$what"; else fail "$what: exit code $rc instead of $expected: $out"; fi
}

# until_ok SECONDS COMMAND ...: waits for a state; what it waits for is tried every 20 ms.
until_ok() {
	local end=$((SECONDS + $1 * PATIENCE))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

kernel_at_least() { [ "$(printf '%s\n%s\n' "$1" "$(uname -r)" | sort -V | head -1)" = "$1" ]; }

# ---- cgroups and what runs in them ----

# in_cgroup DIR COMMAND ...
in_cgroup() {
	(
		echo "$BASHPID" >"$1/cgroup.procs" || exit 99
		shift
		exec "$@"
	)
}
guarded() { in_cgroup "$GUARD" "$@"; }
outside() { in_cgroup "$OUTSIDE" "$@"; }

# probe EXPECTED PROBE ...: with $W/bin/client in the guarded cgroup
probe() {
	local expected=$1
	shift
	is "$*" "$expected" "$(guarded "$W/bin/client" "$@" 2>&1)"
}

# probes [-c CGROUP] [-p PROGRAM] [-u USER COMMAND...]: one process makes them all; lines "EXPECTED PROBE ..."
probes() {
	local dir=$GUARD program=$W/bin/client line results n=0 lines=()
	while [ $# -gt 0 ]; do
		case $1 in -c) dir=$2 ;; -p) program=$2 ;; *) break ;; esac
		shift 2
	done
	mapfile -t lines < <(grep -v '^[[:space:]]*$' | sed 's/^[[:space:]]*//')
	mapfile -t results < <(printf '%s\n' "${lines[@]#* }" | in_cgroup "$dir" "$@" "$program" - 2>&1)
	for line in "${lines[@]}"; do
		is "${dir##*/} ${program##*/}: ${line#* }" "${line%% *}" "${results[n]:-nothing}"
		n=$((n + 1))
	done
}

# copy FILE: a client of its own there
copy() { mkdir -p "$(dirname "$1")" && cp "$CLIENT" "$1.new" && mv "$1.new" "$1"; }

kill_all_in() { # DIR
	local pid dir
	if [ -e "$1/cgroup.kill" ]; then
		echo 1 >"$1/cgroup.kill"
	else
		find "$1" -name cgroup.procs 2>/dev/null | while read -r dir; do
			while read -r pid; do kill -9 "$pid"; done <"$dir"
		done
	fi 2>/dev/null
}

remove_cgroup() { # DIR, with everything in it
	[ -d "$1" ] || return 0
	kill_all_in "$1"
	until_ok 5 sh -c "! grep -q . \$(find '$1' -name cgroup.procs) 2>/dev/null"
	find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
}

# ---- the agent ----

policy() { cat >"$W/policy.conf"; }

# agent_start [OPTION ...]: returns when it enforces
agent_start() {
	local end=$((SECONDS + 60 * PATIENCE))
	agent_spawn "$@"
	# what an earlier agent left may enforce already: it has to be this one that says so
	until "$CGWALL" status --json --wait 2 >"$W/status.out" 2>&1 && grep -qE "\"pid\": *$AGENT\b" "$W/status.out"; do
		kill -0 "$AGENT" 2>/dev/null && [ $SECONDS -lt $end ] && continue
		fail "the agent does not enforce: $(cat "$W/status.out" "$W/agent.log")"
		return 1
	done
}

agent_spawn() {
	"$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" --run-dir "$CGWALL_RUN_DIR" "$@" \
		>>"$W/agent.log" 2>&1 </dev/null 6>&- &
	AGENT=$!
}

# Reads $W/policy.conf again. The policy may be given on standard input.
reload() {
	"$CGWALL" reload >"$W/reload.out" 2>&1 || fail "reload: $(cat "$W/reload.out")"
}

agent_stop() {
	[ -n "$AGENT" ] || return 0
	kill "$AGENT" 2>/dev/null
	wait "$AGENT" 2>/dev/null
	AGENT_CODE=$?
	AGENT=''
}

agent_kill() {
	{ kill -9 "$AGENT" && wait "$AGENT"; } 2>/dev/null
	AGENT=''
}

# Stops it and takes everything out of the kernel.
agent_end() {
	agent_stop
	"$CGWALL" detach >"$W/detach.out" 2>&1 || fail "detach: $(cat "$W/detach.out")"
}

# ---- output that programs read ----

# json FILTER COMMAND ...: the command's output through a Python expression over `d` (one object) or over
# the list `ds` (an object a line); prints it. Says what is wrong where it is not JSON.
json() {
	local filter=$1
	shift
	"$@" 2>&1 | $PYTHON -c '
import json, sys
text = sys.stdin.read()
try:
    d = ds = None
    try:
        d = json.loads(text)
        ds = [d]
    except ValueError:
        ds = [json.loads(line) for line in text.splitlines()]
        d = ds[0] if ds else None
    print(eval(sys.argv[1]))
except Exception as e:
    print("not as expected:", repr(e), text[:500])
' "$filter"
}

# ---- servers ----

serve() { # PORT ...
	local port
	for port in "$@"; do
		"$CLIENT" serve "$port" >"$W/serve.$port" 2>&1 &
		SERVERS+=($!)
		until_ok 20 grep -q ready "$W/serve.$port" || fail "no server on port $port: $(cat "$W/serve.$port")"
	done
}

# ---- calls without pause (fire.c) ----

# fire_start ARGUMENTS ...: in the guarded cgroup, until fire_end
fire_start() {
	mkfifo "$W/fire.in" && rm -f "$W/fire.out"
	in_cgroup "$GUARD" "$O/tests/kernel/fire" "$@" <"$W/fire.in" >"$W/fire.out" 2>&1 &
	FIRE=$!
	exec 6>"$W/fire.in"
	rm "$W/fire.in"
	until_ok 20 grep -q ready "$W/fire.out" || fail "fire did not start: $(cat "$W/fire.out")"
}

# fire_end WHAT: every call ended as was allowed
fire_end() {
	exec 6>&-
	wait "$FIRE"
	is "$1: calls that ended as they must not" 0 "$(awk '/calls/ {print $3}' "$W/fire.out")"
	echo "  $1: $(grep -v ready "$W/fire.out" | paste -sd';')"
}

# ---- beginning and end ----

# Whatever still runs in the test's own network namespaces: a background function's own process is not its child's.
kill_left() {
	local p net own peer
	own=$(readlink /proc/self/ns/net) peer=$(readlink "/proc/${PEER_PID:-self}/ns/net")
	[ -n "$own" ] && [ "$own" != "$(readlink /proc/1/ns/net)" ] && [ "$peer" != "$(readlink /proc/1/ns/net)" ] || return 0
	for p in /proc/[0-9]*; do
		net=$(readlink "$p/ns/net") || continue
		[ "$net" != "$own" ] && [ "$net" != "$peer" ] && continue
		case ${p#/proc/} in "$$" | "$BASHPID" | "$PPID") ;; *) kill -9 "${p#/proc/}" ;; esac
	done 2>/dev/null
}

cleanup() {
	local rc=$?
	trap - EXIT INT TERM
	[ -z "$AGENT" ] || agent_kill
	kill_left
	kill "${SERVERS[@]}" 2>/dev/null
	"$CGWALL" detach >/dev/null 2>&1
	type -t test_cleanup >/dev/null && test_cleanup
	remove_cgroup "$PARENT"
	[ -d "$PARENT" ] && echo "  FAILED: $PARENT cannot be removed"
	rm -rf "$W"
	exit "$rc"
}

# The last line of a test.
finish() {
	[ $failed = 0 ] || [ ! -s "$W/agent.log" ] || { echo "  the agent's last words:"; tail -5 "$W/agent.log" | sed 's/^/    /'; }
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ]
	exit
}

W=$(mktemp -d "${TMPDIR:-/tmp}/cgwall-$TEST.XXXXXX") || exit 1
chmod 755 "$W"
export CGWALL_RUN_DIR=$W/run
trap cleanup EXIT
trap 'exit 130' INT TERM
for old in "$CGROOT/cgwall-test-$TEST"-*; do # of a run that was killed
	[ ! -d "$old" ] || kill -0 "${old##*-}" 2>/dev/null || remove_cgroup "$old"
done
mkdir -p "$GUARD" "$OUTSIDE" "$W/run" || exit 1
ip link set lo up
for a in 192.0.2.1/32 192.0.2.2/32; do ip addr add "$a" dev lo; done
for a in 2001:db8::1/128 2001:db8::2/128; do ip addr add "$a" dev lo nodad; done
copy "$W/bin/client"
serve $PORT $OTHER
