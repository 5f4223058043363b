#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs every fuzz target SECONDS long: run.sh SECONDS [TARGET ...]. O: the build folder. What makes one fail is kept
# in $O/fuzz-found and named. Corpora are made anew from the golden policies; nothing of them is kept.
cd "$(dirname "$0")/../.." || exit 1
O=${O:-build/fuzz}
seconds=${1:-30}
shift
found=$O/fuzz-found
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir -p "$found"
passed=0 failed=0

tests/fuzz/corpus.sh "$work" || exit 1
if [ $# = 0 ]; then
	set -- "$O"/tests/*/fuzz_*
fi
for target; do
	[ -x "$target" ] && [ -f "$target" ] || continue
	name=${target##*/fuzz_}
	mkdir -p "$work/$name"
	if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 -dict="$work/words.dict" \
		-print_final_stats=1 -artifact_prefix="$found/$name-" "$work/$name" >"$work/log" 2>&1; then
		passed=$((passed + 1))
		echo "ok    fuzz/$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") inputs"
	else
		failed=$((failed + 1))
		echo "FAIL  fuzz/$name"
		tail -40 "$work/log" | sed 's/^/      /'
	fi
done
[ $((passed + failed)) != 0 ] || { echo "no fuzz targets in $O"; failed=1; }
echo "$passed passed, $failed failed"
[ $failed = 0 ]
