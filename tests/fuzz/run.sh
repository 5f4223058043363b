#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh SECONDS [TARGET ...]: every fuzz target so long, one on each CPU. O: the build folder. What makes one fail
# is kept in $O/fuzz-found and named. Corpora are made anew from the golden policies; nothing of them is kept.
cd "$(dirname "$0")/../.." || exit 1
O=${O:-build/fuzz}
seconds=${1:-30}
shift
found=$O/fuzz-found
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$found"

tests/fuzz/corpus.sh "$work" || exit 1
if [ $# = 0 ]; then
	set -- "$O"/tests/*/fuzz_*
fi
one() { # TARGET
	local name=${1##*/fuzz_}
	mkdir -p "$work/$name"
	if "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -dict="$work/words.dict" \
		-print_final_stats=1 -artifact_prefix="$found/$name-" "$work/$name" >"$work/$name.log" 2>&1; then
		echo ok >>"$work/results"
		echo "ok    fuzz/$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log") inputs"
	else
		echo failed >>"$work/results"
		echo "FAIL  fuzz/$name"
		tail -40 "$work/$name.log" | sed 's/^/      /'
	fi
}

: >"$work/results"
for target; do
	[ -x "$target" ] && [ -f "$target" ] || continue
	while [ "$(jobs -pr | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	one "$target" &
done
wait
passed=$(grep -c ok "$work/results") failed=$(grep -c failed "$work/results")
[ $((passed + failed)) != 0 ] || { echo "no fuzz targets in $O"; failed=1; }
echo "$passed passed, $failed failed"
[ $failed = 0 ]
