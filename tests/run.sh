#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [SUITE ...]   all suites, or those named; a line for each, the output of those that fail, and at the
# end `N passed, N failed, N skipped`. O: the build folder (build).
#
# A suite is a function below. What it prints last, `N passed, N failed[, N skipped]`, is what it counts for;
# a suite without such a line counts as one by its exit code. Lines `skip: ...` are passed on.
cd "$(dirname "$0")/.." || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL
export O=${O:-build} CI=${CI:-}
jobs=$(nproc)
passed=0 failed=0 skipped=0
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

build() { make -s -j"$jobs" --no-print-directory "$@"; }

# Sums up the `N passed, N failed` lines of several commands.
sum() { awk '/^[0-9]+ passed, [0-9]+ failed/ {p += $1; f += $3; s += $5} {print}
	END {printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f != 0}'; }

unit_in() { # BUILD FOLDER
	local t rc found=
	for t in "$1"/tests/unit/*; do
		[ -x "$t" ] && [ -f "$t" ] || continue
		found=1
		timeout 300 "$t" >"$output.unit" 2>&1
		rc=$?
		cat "$output.unit"
		# one that died has no last line
		[ $rc = 0 ] || tail -1 "$output.unit" | grep -q '^[0-9]* passed, [1-9]' || echo "$t: exit code $rc
0 passed, 1 failed"
	done
	rm -f "$output.unit"
	[ -n "$found" ] || echo "no unit tests in $1
0 passed, 1 failed"
}

suite_build() { build tests; }
suite_clang() { build O="$O/clang" CC=clang tests; }
suite_unit() { unit_in "$O" | sum; }
suite_golden() { tests/golden/run.sh "$O/tests/golden/golden_tool"; }
suite_differential() { tests/differential/run.sh; }
suite_sanitizer() {
	build O="$O/san" SAN=1 tests || return 1
	{ unit_in "$O/san"; tests/golden/run.sh "$O/san/tests/golden/golden_tool"; O=$O/san DIFFERENTIAL=user tests/differential/run.sh; } 2>&1 | sum
}
suite_lint() { tests/lint.sh; }
suite_fuzz() { make -s -j"$jobs" --no-print-directory fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-30}"; }
# what must not change on the host is looked at when nothing else is going on there
suite_kernel() { { SKIP=clean JOBS=$jobs tests/kernel/run.sh; tests/kernel/run.sh clean; } 2>&1 | sum; }
suite_bypass() { tests/bypass/run.sh; }
suite_demo() { scripts/demo.sh "$O/cgwall"; }
suite_vm() { tests/vm/run.sh --quick; }

suites=${*:-build unit golden differential clang sanitizer lint fuzz kernel bypass demo vm}
limit() { case $1 in vm) echo 1100 ;; kernel | lint) echo 900 ;; fuzz | differential) echo 400 ;; *) echo 300 ;; esac; }

# Seconds that are left, by CGWALL_DEADLINE (since the epoch), at most $1.
left() {
	local n=$((${CGWALL_DEADLINE:-9999999999} - EPOCHSECONDS))
	echo $((n < 1 ? 1 : n < $1 ? n : $1))
}

# Waits for a suite with a time limit, and ends all of its processes when that is over.
bounded() { # SECONDS FUNCTION
	local rc watch
	set -m
	"$2" &
	set +m
	local pid=$!
	(sleep "$1" && echo "not done within $1 s" && kill -TERM -- -$pid && sleep 10 && kill -KILL -- -$pid) 2>/dev/null &
	watch=$!
	wait $pid
	rc=$?
	kill $watch 2>/dev/null
	wait $watch 2>/dev/null
	return $rc
}

for suite in $suites; do
	type -t "suite_$suite" >/dev/null || { echo "run.sh: no suite '$suite'" >&2; exit 2; }
	start=$SECONDS
	bounded "$(left "$(limit "$suite")")" "suite_$suite" >"$output" 2>&1 </dev/null
	rc=$?
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$output" | tail -1)
	read -r p _ f _ s _ <<<"$line"
	[ -n "$line" ] || { p=$((rc == 0)) f=$((rc != 0)) s=0; }
	[ $rc = 0 ] || [ "$f" != 0 ] || f=1
	if [ "$f" = 0 ]; then
		echo "ok    $suite: $p passed, $((SECONDS - start)) s"
		grep -E '^ *skip: |^ok +(kernel|vm|fuzz)/|pairs|seed' "$output" | sed 's/^ */      /'
	else
		echo "FAIL  $suite: $f failed, $p passed, exit code $rc, $((SECONDS - start)) s"
		tail -400 "$output" | sed 's/^/      /'
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
