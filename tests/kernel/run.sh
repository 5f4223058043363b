#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh [NAME ...]   the kernel tests, or those named (NAME_test.sh): a line each, what failed, the sum.
# JOBS of them side by side; SKIP="NAME ..." leaves some out. O: the build folder.
# What sets the clock runs when the others have ended, who wait by it.
cd "$(dirname "$0")/../.." || exit 1
results=$(mktemp -d) || exit 1
trap 'rm -rf "$results"' EXIT

one() { # NAME
	local start=$EPOCHREALTIME out rc took sum p f s
	out=$(timeout -k 10 "${TEST_TIMEOUT:-300}" "tests/kernel/$1_test.sh" 2>&1 </dev/null)
	rc=$?
	took=$(awk "BEGIN {printf \"%.1f\", $EPOCHREALTIME - $start}")
	sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed' <<<"$out" | tail -1)
	read -r p _ f _ s _ <<<"${sum:-0 passed, 0 failed, 0 skipped}"
	[ $rc = 0 ] || [ "$f" != 0 ] || f=1
	echo "$p $f $s" >"$results/$1.sum"
	if [ "$f" = 0 ]; then
		echo "ok    kernel/$1: $p checks, $took s"
		grep -E '^ *skip: ' <<<"$out" | sed "s|^ *|      |"
	else
		echo "FAIL  kernel/$1: $p of $((p + f)) checks, $took s (exit code $rc)"
		tail -60 <<<"$out" | sed 's/^/      /'
	fi >"$results/$1.out"
	flock "$results" cat "$results/$1.out"
}

[ $# -gt 0 ] || mapfile -t names < <(for t in tests/kernel/*_test.sh; do basename "$t" _test.sh; done)
for name in "$@" "${names[@]}"; do
	case " ${SKIP:-} " in *" $name "*) continue ;; esac
	[ "$name" != clock ] || { clock=1; continue; }
	while [ "$(jobs -pr | wc -l)" -ge "${JOBS:-1}" ]; do wait -n; done
	one "$name" &
done
wait
[ -z "${clock:-}" ] || one clock
cat "$results"/*.sum | awk '{p += $1; f += $2; s += $3} END {
	printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f != 0}'
