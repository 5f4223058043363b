#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# demo.sh [build/cgwall]   shows the wall at work, on a scratch cgroup and in a network namespace of its own:
# nothing of this host's changes, and everything is taken away at the end. Ends with 0 if all was as promised.
set -u
cgwall=$(realpath "${1:-build/cgwall}")
[ "$(id -u)" = 0 ] || { echo "demo: needs root (sudo make demo)" >&2; exit 1; }
[ -x "$cgwall" ] || { echo "demo: there is no $cgwall: run 'make' first" >&2; exit 1; }
[ -n "${CGWALL_DEMO:-}" ] || CGWALL_DEMO=1 exec unshare -n "$0" "$cgwall"

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'; else bold='' dim='' green='' red='' plain=''; fi
root=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
[ -n "$root" ] || { echo "demo: no cgroup v2 is mounted here" >&2; exit 1; }
parent=$root/cgwall-demo-$$
guard=$parent/guarded
work=$(mktemp -d "${TMPDIR:-/tmp}/cgwall-demo.XXXXXX") || exit 1
export CGWALL_RUN_DIR=$work/run
agent='' servers=()

cleanup() {
	local rc=$?
	trap - EXIT INT TERM
	[ -z "$agent" ] || kill -9 "$agent" 2>/dev/null
	kill "${servers[@]}" 2>/dev/null
	"$cgwall" detach >/dev/null 2>&1
	wait_for 10 rmdir "$guard" # what ran there may still be ending
	rmdir "$parent" 2>/dev/null
	rm -rf "$work"
	[ ! -d "$parent" ] || { echo "demo: $parent could not be removed" >&2; rc=1; }
	exit "$rc"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
broken() {
	printf '   %snot as promised: %s%s\n' "$red" "$*" "$plain"
	[ ! -s "$work/agent.log" ] || { echo "   the agent said:"; sed 's/^/     /' "$work/agent.log"; }
	exit 1
}
wait_for() { # SECONDS COMMAND ...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
inside() { (echo "$BASHPID" >"$guard/cgroup.procs" && exec "$@"); }

# request pass|block URL: a real curl in the guarded cgroup
request() {
	local out rc
	printf '   %s$ curl %s%s\n' "$dim" "$2" "$plain"
	out=$(inside curl -sS --noproxy '*' --max-time 60 "$2" 2>&1)
	rc=$?
	if [ "$1" = pass ]; then
		[ $rc = 0 ] || broken "curl ended with $rc: $out"
		printf '   %s✔ %s%s\n' "$green" "$out" "$plain"
	else
		[ $rc = 7 ] || broken "curl ended with $rc instead of 7 (could not connect): $out"
		printf '   %s✘ %s%s\n' "$red" "${out#curl: }" "$plain"
	fi
}
start() {
	"$cgwall" run --policy "$work/policy.conf" --cgroup "$guard" --attach "$parent" >>"$work/agent.log" 2>&1 </dev/null &
	agent=$!
	# what the agent before it left enforces already: it has to be the new one that says so
	wait_for 120 sh -c "'$cgwall' status --json | grep -qE '\"pid\": *$agent\b'"
	"$cgwall" status --wait 30 >"$work/status" 2>&1 || broken "the agent does not enforce: $(cat "$work/status")"
}

say "Two web servers, in a network namespace of their own"
ip link set lo up
ip addr add 192.0.2.1/32 dev lo && ip addr add 192.0.2.2/32 dev lo || broken "no addresses"
for n in 1 2; do
	mkdir -p "$work/www$n" && echo "hello from 192.0.2.$n" >"$work/www$n/index.html"
	(cd "$work/www$n" && exec python3 -m http.server --bind "192.0.2.$n" 80 >/dev/null 2>&1) &
	servers+=($!)
	wait_for 60 curl -s --max-time 5 --noproxy '*' "http://192.0.2.$n/" || broken "server $n did not start"
	echo "   http://192.0.2.$n/"
done

say "A policy"
mkdir -p "$guard" || broken "no scratch cgroup below $root"
curl=$(realpath "$(type -P curl)")
cat >"$work/policy.conf" <<P
default out block
pass  out log exe "$curl" to 192.0.2.1 port http
block out log to 192.0.2.2
P
sed 's/^/   /' "$work/policy.conf"
"$cgwall" check "$work/policy.conf" >"$work/check" 2>&1 || broken "$(cat "$work/check")"

say "Before: curl in the cgroup reaches both"
request pass http://192.0.2.1/
request pass http://192.0.2.2/

say "An agent guards the cgroup (pid follows)"
start
sed 's/^/   /' "$work/status" | head -3
echo "   pid $agent"
request pass http://192.0.2.1/
request block http://192.0.2.2/

say "The log names the rules"
wait_for 30 sh -c "[ \$('$cgwall' log | wc -l) -ge 2 ]"
"$cgwall" log >"$work/log" 2>&1
sed 's/^/   /' "$work/log"
grep -q '^pass out rule 1 .*192\.0\.2\.1:80' "$work/log" || broken "no line for rule 1"
grep -q '^block out rule 2 .*192\.0\.2\.2:80' "$work/log" || broken "no line for rule 2"

say "kill -9 $agent: the wall stands without its agent"
{ kill -9 "$agent" && wait "$agent"; } 2>/dev/null
agent=''
request block http://192.0.2.2/
request pass http://192.0.2.1/

say "A new agent takes over"
start
echo "   pid $agent"
request block http://192.0.2.2/
request pass http://192.0.2.1/

say "Detach: all of it is gone"
kill "$agent" && wait "$agent" 2>/dev/null
agent=''
"$cgwall" detach >"$work/detach" 2>&1 || broken "$(cat "$work/detach")"
request pass http://192.0.2.2/

say "${green}All as promised.$plain"
