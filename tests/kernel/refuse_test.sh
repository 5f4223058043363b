#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where it cannot enforce it says so, with a sentence. Where it is the kernel that refuses, everything but
# loopback is closed; else nothing is changed.
. "$(dirname "$0")/lib.sh"

policy <<'P'
default out block
P
run() { timeout 60 "$@" "$CGWALL" run --policy "$W/policy.conf" --cgroup "$GUARD" --attach "$PARENT" 2>&1; }

# refused WHAT SENTENCE COMMAND ...: before `cgwall run`
refused() {
	local what=$1 sentence=$2 out
	shift 2
	out=$(run "$@")
	is "$what: exit code" 1 $?
	like "$what: says why" "$sentence" "$out"
	probes <<<'OK tcp 127.0.0.1 7001
OK sendto ::1 7001'
	status "$what: status" 1 "$CGWALL" status
}

if ! kernel_at_least 6.1; then
	out=$(run)
	is "an old kernel: exit code" 3 $?
	like "an old kernel: says why" "[Kk]ernel .*6\.1" "$out"
	like "an old kernel: says what holds" "EVERYTHING BUT LOOPBACK IS BLOCKED" "$out"
	status "an old kernel: status" 1 "$CGWALL" status
	like "an old kernel: status says why" "[Kk]ernel .*6\.1" "$("$CGWALL" status)"
	is "an old kernel: status --json" "False True block" \
		"$(json '"%s %s %s" % (d["enforcing"], d["closed"], d["failure"]["action"])' "$CGWALL" status --json)"
	probes <<<'OK tcp 127.0.0.1 7001
OK sendto ::1 7001
EPERM tcp 192.0.2.1 7001
EPERM udp 192.0.2.1 7001
EPERM sendto 192.0.2.1 7001
EPERM tcp 2001:db8::1 7001
EPERM sendto 2001:db8::1 7001'
	run >/dev/null
	is "an old kernel: again" 3 $?
	probes <<<'EPERM tcp 192.0.2.1 7001'
	probes -c "$OUTSIDE" <<<'OK tcp 192.0.2.1 7001'
	status "an old kernel: detach" 0 "$CGWALL" detach
	probes <<<'OK tcp 192.0.2.1 7001
OK sendto 2001:db8::1 7001'
	printf 'set on-failure pass\ndefault out block\n' | policy
	refused "an old kernel, on-failure pass" "EVERYTHING PASSES"
	probes <<<'OK tcp 192.0.2.1 7001'
	"$CGWALL" check "$W/policy.conf" >/dev/null || fail "check does not work on an old kernel"
	finish
fi
chmod 777 "$W/run"
refused "a run directory that others may write to" "$W/run"
chmod 755 "$W/run"
mkdir "$W/run-nobody" && chown 65534:65534 "$W/run-nobody"
refused "another user" "root|[Pp]ermission|privilege|not permitted|capabilit" env CGWALL_RUN_DIR="$W/run-nobody" setpriv --reuid 65534 --regid 65534 --clear-groups
refused "root without capabilities" "root|[Pp]ermission|privilege|not permitted|capabilit" \
	setpriv --bounding-set -all --inh-caps -all
finish
